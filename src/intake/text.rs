//! Foreign text, shortened and made harmless before it is kept. It never becomes a parameter of a call.

/// The longest name or id that is kept, in characters.
pub const SHORT: usize = 256;
/// The longest sentence that is kept, in characters.
pub const LONG: usize = 512;

/// Returns the text without control characters, on one line, and cut to `most` characters.
pub fn clean(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// Cleans a text and cuts it to [`SHORT`] characters.
pub fn short(text: &str) -> String {
    clean(text, SHORT)
}

/// Returns whether a text is an account id: twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether a text is the id of a long-term access key, which IAM users and the root user have.
pub fn is_access_key_id(text: &str) -> bool {
    unique_id(text, "AKIA")
}

/// Returns whether a text is the unique id of an IAM user, which no other user ever has
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
pub fn is_user_id(text: &str) -> bool {
    unique_id(text, "AIDA")
}

fn unique_id(text: &str, prefix: &str) -> bool {
    (16..=32).contains(&text.len())
        && text.starts_with(prefix)
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Returns whether a text is a name that IAM takes for a user.
pub fn is_user_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

/// Returns whether a text has the form of a region's name: `us-east-1`, `us-gov-west-1`.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let words = parts.len() >= 3 && parts.len() <= 5 && parts[0].len() == 2;
    words
        && text.len() <= 24
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && parts.last().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns the partition of a region.
pub fn partition_of(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Returns whether a text is an EC2 id: the prefix, a hyphen, and 8 to 17 hexadecimal digits.
pub fn is_ec2_id(text: &str, prefix: &str) -> bool {
    let hex = |h: &str| {
        (8..=17).contains(&h.len()) && h.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(hex)
}

/// Returns whether a text may follow `listener/` or `loadbalancer/` in the ARN of an application, network or
/// gateway load balancer
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_elasticloadbalancingv2.html>).
pub fn is_balancing_id(kind: &str, id: &str) -> bool {
    let parts: Vec<&str> = id.split('/').collect();
    let is_word = |part: &&str| {
        (1..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let many = match kind {
        "loadbalancer" => 3,
        "listener" => 4,
        _ => return false,
    };
    parts.len() == many && ["app", "net", "gwy"].contains(&parts[0]) && parts.iter().all(is_word)
}

/// Returns whether a text is the id of a KMS key: a UUID, or `mrk-` and its 32 digits for a multi-Region key
/// (<https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id>).
pub fn is_key_id(text: &str) -> bool {
    let digits = |d: &str| d.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        ["mrk", all] => all.len() == 32 && digits(all),
        [a, b, c, d, e] => [(a, 8), (b, 4), (c, 4), (d, 4), (e, 12)]
            .iter()
            .all(|(part, len)| part.len() == *len && digits(part)),
        _ => false,
    }
}

/// Returns whether a text is the name of a trail: 3 to 128 letters, digits, dots, underscores and hyphens,
/// with a letter or digit at both ends
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html>).
pub fn is_trail_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (3..=128).contains(&text.len())
        && ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_only_in_their_own_alphabet_and_length() {
        assert!(is_ec2_id("sg-0123456789abcdef0", "sg") && is_ec2_id("vpc-12345678", "vpc"));
        for bad in [
            "sg-",
            "sg-1",
            "sg-0123456789abcdef01",
            "sg-0123456G",
            "sgx-12345678",
            "vpc-12345678",
            "sg-1234 5678",
            "sg-12345678\n",
        ] {
            assert!(!is_ec2_id(bad, "sg"), "{bad:?}");
        }
        assert!(is_trail_name("audit") && is_trail_name("a.b-c_1"));
        for bad in ["", "ab", "a/b", "-abc", "abc-", "a b c", "näme"] {
            assert!(!is_trail_name(bad), "{bad:?}");
        }
        assert!(is_account("123456789012") && !is_account("1234567890123") && !is_account("12345678901a"));
    }

    #[test]
    fn regions_are_told_from_what_is_none() {
        for good in ["us-east-1", "us-gov-west-1", "ap-southeast-10", "cn-north-1", "eu-isoe-west-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "global", "us-east", "us-east-1a", "US-EAST-1", "us--1", "us-east-1/x"] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn long_and_wild_text_is_cut_and_tamed() {
        assert_eq!(clean("a\u{1b}[2J\nb", 10), "a [2J b");
        assert_eq!(clean("abcd", 3), "abc…");
    }
}
