//! Secret access keys between the call that makes them and the one that delivers them. AWS shows such a
//! secret once; it is held here in memory, by the account alone, and nothing prints, saves or returns it. A
//! process that ends loses it, and the key is then of no use to anybody.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use zeroize::Zeroizing;

/// The secrets of the access keys that this process has made, by the ids of the keys.
#[derive(Default)]
pub struct Vault(Mutex<HashMap<String, Held>>);

/// A secret with the name of its user.
struct Held {
    user: String,
    secret: Zeroizing<String>,
}

impl Vault {
    /// Holds the secret of an access key. It is overwritten in memory when it is given up; copies that the
    /// SDK has made of it are not.
    pub fn hold(&self, user: &str, key: &str, secret: String) {
        let held = Held { user: user.to_owned(), secret: Zeroizing::new(secret) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), held);
    }

    /// Returns the document that delivers a key: its user, id and secret under the names of
    /// `iam:CreateAccessKey`, as JSON. `None` if this process did not make the key.
    pub fn document(&self, key: &str) -> Option<Zeroizing<String>> {
        let vault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { user, secret } = vault.get(key)?;
        // Names of users, ids and secrets of keys hold no character that JSON escapes.
        let plain = |text: &str| !text.contains(['"', '\\']) && !text.chars().any(char::is_control);
        (plain(user) && plain(key) && plain(secret)).then(|| {
            Zeroizing::new(format!(
                "{{\"UserName\":\"{user}\",\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"{}\"}}",
                secret.as_str()
            ))
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_the_document_and_in_no_description() {
        let vault = Vault::default();
        vault.hold("ci", "AKIA1", "s3cr/et+".to_owned());
        let document = vault.document("AKIA1").expect("it is held");
        assert_eq!(
            document.as_str(),
            r#"{"UserName":"ci","AccessKeyId":"AKIA1","SecretAccessKey":"s3cr/et+"}"#
        );
        assert!(!format!("{vault:?}").contains("s3cr"));
        assert!(vault.document("AKIA2").is_none());
    }
}
