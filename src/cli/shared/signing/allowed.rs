//! The file of trusted signers: ALLOWED SIGNERS of ssh-keygen(1)
//! (<https://man.openbsd.org/ssh-keygen.1#ALLOWED_SIGNERS>). Each option is honoured or the file is refused;
//! none is ignored. Pure over the text and the time.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use ssh_key::{PublicKey, public::KeyData};

use super::sshsig::NAMESPACE;

/// The signers whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed(Vec<Entry>);

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    principals: String,
    key: KeyData,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Allowed {
    /// Reads the text of the file; `zone` is that of times without one.
    ///
    /// # Errors
    /// When a line is wrong, with the line.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut entries = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            entries.push(entry(line, zone).map_err(|why| format!("line {}: {why}", n + 1))?);
        }
        if entries.is_empty() { Err("it names nobody".to_owned()) } else { Ok(Self(entries)) }
    }

    /// Returns the principals of the line that has this key and may sign for redress now.
    ///
    /// # Errors
    /// When there is none, with the reason.
    pub fn who(&self, key: &KeyData, now: Timestamp) -> Result<&str, String> {
        let mut why = "no line of it has that key".to_owned();
        for entry in self.0.iter().filter(|entry| entry.key == *key) {
            match entry.may_sign(now) {
                Ok(()) => return Ok(&entry.principals),
                Err(reason) => why = format!("{} {reason}", entry.principals),
            }
        }
        Err(why)
    }
}

impl Entry {
    fn may_sign(&self, now: Timestamp) -> Result<(), String> {
        if self.namespaces.as_ref().is_some_and(|list| !in_list(NAMESPACE, list)) {
            return Err(format!("may not sign for {NAMESPACE:?} (namespaces)"));
        }
        if let Some(after) = self.after.filter(|after| now < *after) {
            return Err(format!("may sign from {after} on (valid-after)"));
        }
        if let Some(before) = self.before.filter(|before| now > *before) {
            return Err(format!("could sign until {before} (valid-before)"));
        }
        Ok(())
    }
}

fn entry(line: &str, zone: &TimeZone) -> Result<Entry, String> {
    let (principals, rest) = word(line)?;
    let (first, behind) = word(rest)?;
    let principals = principals.replace('"', "");
    let mut entry = Entry {
        principals,
        key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
        namespaces: None,
        after: None,
        before: None,
    };
    // A line may have no options; a key begins with its kind.
    let key = if is_kind(first) {
        rest
    } else {
        options(&mut entry, first, zone)?;
        behind
    };
    entry.key = PublicKey::from_openssh(key.trim())
        .map_err(|error| format!("its key cannot be read ({error})"))?
        .key_data()
        .clone();
    Ok(entry)
}

/// Returns whether a word is the kind of a key, such as `ssh-ed25519`.
fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-", "rsa-"].iter().any(|begins| word.starts_with(begins))
}

/// Splits off the first word, in which blanks may appear between quotes, and returns it with the rest.
fn word(text: &str) -> Result<(&str, &str), String> {
    let (text, mut quoted) = (text.trim_start(), false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return Ok((&text[..at], text[at..].trim_start())),
            _ => {}
        }
    }
    Err(if quoted { "a quote does not end" } else { "it is not: PRINCIPALS [OPTIONS] KEY" }.to_owned())
}

fn options(entry: &mut Entry, text: &str, zone: &TimeZone) -> Result<(), String> {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([',', '=']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        let value = rest[end..].strip_prefix("=\"").and_then(|value| value.split_once('"'));
        let Some((value, behind)) = value.filter(|(_, behind)| behind.is_empty() || behind.starts_with(','))
        else {
            return Err(match name.as_str() {
                "cert-authority" => {
                    "redress reads no certificates (cert-authority): name the keys themselves".to_owned()
                }
                _ => format!("{:?} is no option with a value in quotes", &rest[..end]),
            });
        };
        let twice = match name.as_str() {
            "namespaces" => entry.namespaces.replace(value.to_owned()).is_some(),
            "valid-after" => entry.after.replace(time(value, zone)?).is_some(),
            "valid-before" => entry.before.replace(time(value, zone)?).is_some(),
            _ => {
                return Err(format!(
                    "redress does not know the option {name:?}, and leaves none out of account"
                ));
            }
        };
        if twice {
            return Err(format!("{name} is given twice"));
        }
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    Ok(())
}

/// Parses a time in the form YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a Z for UTC behind it.
fn time(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let bad = || format!("{text:?} is no time: write YYYYMMDD[HHMM[SS]][Z]");
    let (digits, zone) = match text.strip_suffix('Z') {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let number = |from: usize, to: usize| {
        digits.get(from..to).map_or(Ok(0), |part| part.parse::<i8>()).map_err(|_| bad())
    };
    let year: i16 = digits[..4].parse().map_err(|_| bad())?;
    let civil = DateTime::new(
        year,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
        0,
    )
    .map_err(|_| bad())?;
    civil.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|_| bad())
}

/// Returns whether a word is in a list of patterns with `*` and `?`; a pattern that begins with `!` excludes
/// the word, wherever it stands.
fn in_list(word: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(not) if like(word.as_bytes(), not.as_bytes()) => return false,
            Some(_) => {}
            None => found |= like(word.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

fn like(word: &[u8], pattern: &[u8]) -> bool {
    match (pattern, word) {
        ([], word) => word.is_empty(),
        ([b'*', rest @ ..], _) => (0..=word.len()).any(|n| like(&word[n..], rest)),
        ([b'?', rest @ ..], [_, word @ ..]) => like(word, rest),
        ([c, rest @ ..], [w, word @ ..]) => c == w && like(word, rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKzTwGx6OM1YQqJSlTzKPNQHTdBSNbvbRZ8kJ5mXQ0e";

    fn who(line: &str) -> Result<String, String> {
        let allowed = Allowed::parse(line, &TimeZone::fixed(jiff::tz::offset(2)))?;
        let key = PublicKey::from_openssh(KEY).unwrap().key_data().clone();
        allowed.who(&key, "2026-11-28T12:00:00Z".parse().unwrap()).map(str::to_owned)
    }

    #[test]
    fn each_option_is_honoured() {
        for (options, may) in [
            ("", true),
            ("namespaces=\"git,redress\" ", true),
            ("namespaces=\"redr*\" ", true),
            ("namespaces=\"git\" ", false),
            ("namespaces=\"*,!redress\" ", false),
            ("NAMESPACES=\"redress\",valid-after=\"20261128\" ", true),
            ("valid-after=\"20261129\" ", false),
            ("valid-before=\"20261128115959Z\" ", false),
            ("valid-before=\"20261128120001Z\",namespaces=\"file,redress\" ", true),
            // Two hours east of Greenwich noon is at ten.
            ("valid-before=\"202611281300\" ", false),
            ("valid-before=\"202611281401\" ", true),
        ] {
            let found = who(&format!("# a comment\n\nsam@example.com,ops {options}{KEY} sam"));
            assert_eq!(found.is_ok(), may, "{options}: {found:?}");
            assert!(!may || found == Ok("sam@example.com,ops".to_owned()), "{found:?}");
        }
        assert_eq!(who(&format!("\"sam of ops\" {KEY}")), Ok("sam of ops".to_owned()));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_left_out() {
        for line in [
            "",
            "# nobody",
            "sam",
            "sam ssh-ed25519",
            "sam ssh-ed25519 AAAA",
            &format!("sam cert-authority {KEY}"),
            &format!("sam verify-required {KEY}"),
            &format!("sam namespaces=redress {KEY}"),
            &format!("sam namespaces=\"redress\",no-touch-required {KEY}"),
            &format!("sam namespaces=\"redress\",touch=\"no\" {KEY}"),
            &format!("sam valid-before=\"tomorrow\" {KEY}"),
            &format!("sam valid-before=\"20261340\" {KEY}"),
            &format!("sam valid-before=\"20261201\",valid-before=\"20991201\" {KEY}"),
            &format!("sam namespaces=\"redress {KEY}"),
            &format!("good {KEY}\nbad cert-authority {KEY}"),
        ] {
            assert!(Allowed::parse(line, &TimeZone::UTC).is_err(), "{line}");
        }
        assert!(
            who(&KEY.replace("ssh-ed25519 ", "sam ssh-ed25519 ").replace("XQ0e", "XQ0f"))
                .unwrap_err()
                .contains("no line")
        );
    }
}
