//! Signatures in the format of `ssh-keygen -Y sign`
//! (<https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>), made and checked. `ssh-key`
//! reads and writes the format and does the cryptography. Pure over bytes.

use std::ops::RangeInclusive;

use ssh_key::{
    Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig,
    public::{KeyData, RsaPublicKey},
};

/// The namespace of every signature: one that was made for something else, such as a commit, does not sign a
/// plan.
pub const NAMESPACE: &str = "redress";

/// The longest signature that is read, in bytes: that of an RSA key of 16,384 bits has some 6,000.
pub const LONGEST: usize = 16 << 10;

/// The lengths of RSA keys that are accepted, in bits: shorter ones prove nothing, and `rsa` checks no longer
/// ones.
const RSA: RangeInclusive<usize> = 2048..=4096;

/// A key that signs.
pub struct Key(PrivateKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.fingerprint())
    }
}

impl Key {
    /// Parses the text of an OpenSSH private key file.
    ///
    /// # Errors
    /// When the text is not a private key, or only OpenSSH itself can use the key.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let key = PrivateKey::from_openssh(text)
            .map_err(|error| format!("this is no OpenSSH private key ({error})"))?;
        if key.is_encrypted() {
            return Err("the key has a passphrase".to_owned());
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(format!("the key is of the kind {}, not ssh-ed25519", key.algorithm()));
        }
        Ok(Self(key))
    }

    /// Returns the fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.0.public_key().key_data())
    }

    /// Returns whether this is the key of a signature.
    pub fn is(&self, other: &KeyData) -> bool {
        self.0.public_key().key_data() == other
    }

    /// Signs exactly these bytes, and returns the armoured signature.
    ///
    /// # Errors
    /// When it cannot be written; with a key that was parsed it always can.
    pub fn sign(&self, message: &[u8]) -> Result<String, String> {
        self.0
            .sign(NAMESPACE, HashAlg::Sha512, message)
            .and_then(|sig| sig.to_pem(LineEnding::LF))
            .map_err(|error| error.to_string())
    }
}

/// Returns the fingerprint of a key, as `ssh-keygen -l` shows it.
pub fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Returns the key that signed exactly these bytes.
///
/// # Errors
/// When the signature is malformed, was made for something else, or is of other bytes.
pub fn signer(armoured: &[u8], message: &[u8]) -> Result<KeyData, String> {
    let sig = parsed(armoured)?;
    if sig.version() != SshSig::VERSION {
        return Err(format!(
            "it has the version {}, and redress reads version {}",
            sig.version(),
            SshSig::VERSION
        ));
    }
    if sig.namespace() != NAMESPACE {
        return Err(format!(
            "it was made for {:?}, not for {NAMESPACE:?} (`ssh-keygen -Y sign -n {NAMESPACE}`)",
            sig.namespace()
        ));
    }
    if !sig.reserved().is_empty() {
        return Err("it holds something that this redress does not know".to_owned());
    }
    accepted(&sig)?;
    match PublicKey::from(sig.public_key().clone()).verify(NAMESPACE, message, &sig) {
        Ok(()) => Ok(sig.public_key().clone()),
        Err(_) => Err("it is not a signature of this: the file was changed after it was signed".to_owned()),
    }
}

fn parsed(armoured: &[u8]) -> Result<SshSig, String> {
    if armoured.len() > LONGEST {
        return Err(format!("{} bytes are too many for a signature", armoured.len()));
    }
    let text = std::str::from_utf8(armoured).map_err(|_| "it is not text".to_owned())?;
    // No text may come before or after the signature: a reader who looks at the file sees exactly the text
    // that was read.
    if !text.starts_with("-----BEGIN SSH SIGNATURE-----")
        || !text.trim_end_matches(['\n', '\r']).ends_with("-----END SSH SIGNATURE-----")
    {
        return Err(
            "it is no signature of `redress sign` or `ssh-keygen -Y sign`, or it has text before or after it"
                .to_owned(),
        );
    }
    let text = text.trim_end_matches(['\n', '\r']);
    let sig =
        SshSig::from_pem(text).map_err(|error| format!("it cannot be read as an SSH signature ({error})"))?;
    // The parser accepts wrong lengths: there is one way to write a signature, and no other is accepted.
    let written = sig.to_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    if written.trim_end() == text.replace("\r\n", "\n") {
        Ok(sig)
    } else {
        Err("it cannot be read as an SSH signature (it is not written as one)".to_owned())
    }
}

/// Checks that key and algorithm are of a kind that proves something.
///
/// # Errors
/// When they are not.
fn accepted(sig: &SshSig) -> Result<(), String> {
    match (sig.public_key(), sig.signature().algorithm()) {
        (KeyData::Ed25519(_), Algorithm::Ed25519) => Ok(()),
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve }) if key.curve() == curve => Ok(()),
        (KeyData::Rsa(key), Algorithm::Rsa { .. }) if !RSA.contains(&bits(key)) => Err(format!(
            "it was made with an RSA key of {} bits: redress accepts RSA keys of {} to {} bits",
            bits(key),
            RSA.start(),
            RSA.end()
        )),
        // RSA with SHA-1 is the algorithm without a hash.
        (KeyData::Rsa(_), Algorithm::Rsa { hash: Some(_) }) => Ok(()),
        (key, _) => Err(format!(
            "it was made with {}: redress accepts ssh-ed25519, ecdsa-sha2-nistp256 to nistp521, and RSA of \
             {} to {} bits",
            key.algorithm(),
            RSA.start(),
            RSA.end()
        )),
    }
}

/// Returns the length of an RSA key, in bits.
fn bits(key: &RsaPublicKey) -> usize {
    let Some([first, rest @ ..]) = key.n.as_positive_bytes() else { return 0 };
    (8 * (rest.len() + 1)) - first.leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ssh_key::{Mpint, Signature, private::Ed25519Keypair};

    use super::*;

    fn by(key: impl Into<KeyData>, algorithm: Algorithm, signature: Vec<u8>) -> SshSig {
        SshSig::new(key.into(), NAMESPACE, HashAlg::Sha512, Signature::new(algorithm, signature).unwrap())
            .unwrap()
    }

    #[test]
    fn an_rsa_key_that_is_too_short_or_too_long_is_named_as_such() {
        let sha2 = Algorithm::Rsa { hash: Some(HashAlg::Sha512) };
        let of = |bytes: usize| RsaPublicKey {
            e: Mpint::from_positive_bytes(&[1, 0, 1]).unwrap(),
            n: Mpint::from_positive_bytes(&vec![0xc1; bytes]).unwrap(),
        };
        assert_eq!((bits(&of(128)), bits(&of(256))), (1024, 2048));
        for bytes in [128, 255, 513] {
            let why = accepted(&by(of(bytes), sha2.clone(), vec![1; 128])).unwrap_err();
            assert!(why.contains(&format!("an RSA key of {} bits", 8 * bytes)), "{why}");
        }
        assert!(accepted(&by(of(256), sha2, vec![1; 256])).is_ok());
    }

    fn key(seed: u8) -> Key {
        Key(PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32])))
    }

    #[test]
    fn a_signature_is_of_its_key_and_its_bytes_alone() {
        let (one, other) = (key(1), key(2));
        let signature = one.sign(b"plan").unwrap();
        let by = signer(signature.as_bytes(), b"plan").unwrap();
        assert!(one.is(&by) && !other.is(&by) && fingerprint(&by) == one.fingerprint());
        assert!(
            signer(signature.as_bytes(), b"plan ").is_err() && signer(signature.as_bytes(), b"").is_err()
        );
        for at in 0..signature.len() {
            for bit in [1, 4, 32] {
                let mut changed = signature.clone().into_bytes();
                changed[at] ^= bit;
                assert!(signer(&changed, b"plan").is_err(), "byte {at}");
            }
            assert!(
                at + 1 == signature.len() || signer(&signature.as_bytes()[..at], b"plan").is_err(),
                "cut off at {at}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_an_armour_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400),
            text in "[A-Za-z0-9+/=\\-\n ]{0,300}") {
            let armour = |text: &str| format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH \
                SIGNATURE-----\n");
            prop_assert!(signer(armour(&text).as_bytes(), b"plan").is_err());
            prop_assert!(signer(&body, b"plan").is_err());
            prop_assert!(Key::parse(&body).is_err());
            let rsa = RsaPublicKey { e: Mpint::from_positive_bytes(&[1, 0, 1]).unwrap(),
                n: Mpint::from_positive_bytes(&[0xc1; 256]).unwrap() };
            let forged = by(rsa, Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
                body).to_pem(LineEnding::LF).unwrap();
            prop_assert!(signer(forged.as_bytes(), b"plan").is_err());
        }
    }
}
