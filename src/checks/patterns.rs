//! Patterns of texts and of tags. Pure.

use crate::inventory::Tags;

/// Returns the tag that a pattern such as `Env=prod-*` finds, with its value; a key alone is any value.
pub fn tagged<'t>(pattern: &str, tags: &'t Tags) -> Option<(&'t str, &'t str)> {
    let (key, pattern) = pattern.split_once('=').unwrap_or((pattern, "*"));
    let (key, value) = tags.get_key_value(key)?;
    glob(pattern, value).then_some((key.as_str(), value.as_str()))
}

/// Returns whether a pattern fits the whole of a text: `*` is any number of characters, `?` is one, all
/// others are themselves.
///
/// It only ever goes back to the last `*`, so its time is bounded by the product of both lengths, whatever
/// the pattern.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The position after the last star, and the end of the text that this star has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p + 1, t));
                p += 1;
            }
            (Some(c), _) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            (_, Some((behind, taken))) => {
                star = Some((behind, taken + 1));
                (p, t) = (behind, taken + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**a*", "bba", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?", "ö", true),
            ("??", "ö", false),
            ("us-*-1", "us-east-1", true),
            ("us-*-1", "us-east-12", false),
            ("A", "a", false),
            ("[ab]", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_malicious_pattern_takes_no_more_than_its_product_of_time() {
        let began = std::time::Instant::now();
        assert!(!glob(&"*a".repeat(250), &format!("{}b", "a".repeat(2000))));
        assert!(began.elapsed().as_secs() < 5);
    }

    /// Matches a pattern in the slow and obvious way.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| slowly(rest, &text[n..])),
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(first, left)| (*c == '?' || c == first) && slowly(rest, left)),
        }
    }

    proptest! {
        #[test]
        fn patterns_mean_what_the_slow_way_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(glob(&pattern, &text), slowly(&p, &t));
        }
    }
}
