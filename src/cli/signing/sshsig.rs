//! Signatures in the format of `ssh-keygen -Y sign`
//! (<https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>), made and checked. `ssh-key`
//! reads and writes the format, and `aws-lc-rs`, on which TLS is built as well, does the cryptography. Pure
//! over bytes.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, EcdsaVerificationAlgorithm, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ssh_key::{
    Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey, Signature, SshSig,
    private::KeypairData,
    public::{EcdsaPublicKey, KeyData, RsaPublicKey},
};

/// The namespace of every signature: one that was made for something else, such as a commit, does not sign a
/// plan.
pub const NAMESPACE: &str = "redress";

/// The longest signature that is read, in bytes: that of an RSA key of 16,384 bits has some 6,000.
pub const LONGEST: usize = 16 << 10;

/// The shortest RSA key that is accepted, in bits.
const SHORTEST_RSA: usize = 2048;

/// A key that signs.
pub struct Key {
    pair: Ed25519KeyPair,
    public: KeyData,
}

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
        let key = PrivateKey::from_openssh(text).map_err(|error| format!("this is no OpenSSH private key ({error})"))?;
        if key.is_encrypted() {
            return Err("the key has a passphrase".to_owned());
        }
        let KeypairData::Ed25519(pair) = key.key_data() else { return Err(format!("the key is of the kind {}, not ssh-ed25519", key.algorithm())) };
        let public = KeyData::Ed25519(pair.public);
        let pair = Ed25519KeyPair::from_seed_and_public_key(&pair.private.to_bytes(), pair.public.as_ref())
            .map_err(|_| "its private and its public half do not belong together".to_owned())?;
        Ok(Self { pair, public })
    }

    /// Returns the fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public)
    }

    /// Returns whether this is the key of a signature.
    pub fn is(&self, other: &KeyData) -> bool {
        self.public == *other
    }

    /// Signs exactly these bytes, and returns the armoured signature.
    ///
    /// # Errors
    /// When it cannot be written; with a key that was parsed it always can.
    pub fn sign(&self, message: &[u8]) -> Result<String, String> {
        let words = |error: ssh_key::Error| error.to_string();
        let signed = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, message).map_err(words)?;
        let signature = Signature::new(Algorithm::Ed25519, self.pair.sign(&signed).as_ref()).map_err(words)?;
        SshSig::new(self.public.clone(), NAMESPACE, HashAlg::Sha512, signature).and_then(|sig| sig.to_pem(LineEnding::LF)).map_err(words)
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
        return Err(format!("it has the version {}, and redress reads version {}", sig.version(), SshSig::VERSION));
    }
    if sig.namespace() != NAMESPACE {
        return Err(format!("it was made for {:?}, not for {NAMESPACE:?} (`ssh-keygen -Y sign -n {NAMESPACE}`)", sig.namespace()));
    }
    if !sig.reserved().is_empty() {
        return Err("it holds something that this redress does not know".to_owned());
    }
    let signed = SshSig::signed_data(NAMESPACE, sig.hash_alg(), message).map_err(|error| error.to_string())?;
    let holds = holds(sig.public_key(), sig.signature(), &signed)?;
    if holds { Ok(sig.public_key().clone()) } else { Err("it is not a signature of this: the file was changed after it was signed".to_owned()) }
}

fn parsed(armoured: &[u8]) -> Result<SshSig, String> {
    if armoured.len() > LONGEST {
        return Err(format!("{} bytes are too many for a signature", armoured.len()));
    }
    let text = std::str::from_utf8(armoured).map_err(|_| "it is not text".to_owned())?;
    // No text may come before or after the signature: a reader who looks at the file sees exactly the text
    // that was read.
    if !text.starts_with("-----BEGIN SSH SIGNATURE-----") || !text.trim_end_matches(['\n', '\r']).ends_with("-----END SSH SIGNATURE-----") {
        return Err("it is no signature of `redress sign` or `ssh-keygen -Y sign`, or it has text before or after it".to_owned());
    }
    let text = text.trim_end_matches(['\n', '\r']);
    let sig = SshSig::from_pem(text).map_err(|error| format!("it cannot be read as an SSH signature ({error})"))?;
    // The parser accepts wrong lengths: there is one way to write a signature, and no other is accepted.
    let written = sig.to_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    if written.trim_end() == text.replace("\r\n", "\n") { Ok(sig) } else { Err("it cannot be read as an SSH signature (it is not written as one)".to_owned()) }
}

/// Returns whether a signature by this key is valid for the signed bytes.
///
/// # Errors
/// When the key or algorithm is not accepted.
fn holds(key: &KeyData, signature: &Signature, signed: &[u8]) -> Result<bool, String> {
    match (key, signature.algorithm()) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => Ok(UnparsedPublicKey::new(&ED25519, key.as_ref()).verify(signed, signature.as_bytes()).is_ok()),
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve }) if key.curve() == curve => Ok(ecdsa(key, signature.as_bytes(), signed)),
        (KeyData::Rsa(key), Algorithm::Rsa { .. }) if bits(key) < SHORTEST_RSA => Err(format!(
            "it was made with an RSA key of {} bits, which is too short to prove anything: redress takes RSA from {SHORTEST_RSA} bits on",
            bits(key)
        )),
        (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(hash) }) => Ok(rsa(key, hash, signature.as_bytes(), signed)),
        (key, _) => Err(format!("it was made with {}: redress takes ssh-ed25519, ecdsa-sha2-nistp256 to nistp521, and RSA from 2048 bits on", key.algorithm())),
    }
}

/// Verifies an ECDSA signature. Its two numbers follow each other, each with its length (RFC 5656, 3.1.2).
fn ecdsa(key: &EcdsaPublicKey, signature: &[u8], signed: &[u8]) -> bool {
    let (algorithm, size): (&EcdsaVerificationAlgorithm, usize) = match key.curve() {
        EcdsaCurve::NistP256 => (&ECDSA_P256_SHA256_FIXED, 32),
        EcdsaCurve::NistP384 => (&ECDSA_P384_SHA384_FIXED, 48),
        EcdsaCurve::NistP521 => (&ECDSA_P521_SHA512_FIXED, 66),
    };
    let numbers = number(signature).and_then(|(r, rest)| Some((r, number(rest)?)));
    let Some((r, (s, []))) = numbers else { return false };
    let mut fixed = vec![0; 2 * size];
    for (number, half) in [r, s].into_iter().zip(fixed.chunks_mut(size)) {
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let Some(begin) = half.len().checked_sub(number.len()) else { return false };
        half[begin..].copy_from_slice(number);
    }
    UnparsedPublicKey::new(algorithm, key.as_sec1_bytes()).verify(signed, &fixed).is_ok()
}

/// Splits off a number that is preceded by its length, and returns it with the rest.
fn number(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Returns the length of an RSA key, in bits.
fn bits(key: &RsaPublicKey) -> usize {
    let Some([first, rest @ ..]) = key.n.as_positive_bytes() else { return 0 };
    (8 * (rest.len() + 1)) - first.leading_zeros() as usize
}

fn rsa(key: &RsaPublicKey, hash: HashAlg, signature: &[u8], signed: &[u8]) -> bool {
    let (Some(n), Some(e)) = (key.n.as_positive_bytes(), key.e.as_positive_bytes()) else { return false };
    let key = RsaPublicKeyComponents { n, e };
    match hash {
        HashAlg::Sha256 => key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
        HashAlg::Sha512 => key.verify(&RSA_PKCS1_2048_8192_SHA512, signed, signature).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use aws_lc_rs::signature::KeyPair;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_rsa_key_that_is_too_short_is_named_as_such() {
        let of = |bytes: usize| RsaPublicKey {
            e: ssh_key::Mpint::from_positive_bytes(&[1, 0, 1]).unwrap(),
            n: ssh_key::Mpint::from_positive_bytes(&vec![0xc1; bytes]).unwrap(),
        };
        assert_eq!((bits(&of(128)), bits(&of(256))), (1024, 2048));
        let signature = Signature::new(Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, vec![1; 128]).unwrap();
        let why = holds(&KeyData::Rsa(of(128)), &signature, b"x").unwrap_err();
        assert!(why.contains("an RSA key of 1024 bits, which is too short"), "{why}");
    }

    fn key(seed: u8) -> Key {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(pair.public_key().as_ref().try_into().unwrap()));
        Key { pair, public }
    }

    #[test]
    fn a_signature_is_of_its_key_and_its_bytes_alone() {
        let (one, other) = (key(1), key(2));
        let signature = one.sign(b"plan").unwrap();
        let by = signer(signature.as_bytes(), b"plan").unwrap();
        assert!(one.is(&by) && !other.is(&by) && fingerprint(&by) == one.fingerprint());
        assert!(signer(signature.as_bytes(), b"plan ").is_err() && signer(signature.as_bytes(), b"").is_err());
        for at in 0..signature.len() {
            for bit in [1, 4, 32] {
                let mut changed = signature.clone().into_bytes();
                changed[at] ^= bit;
                assert!(signer(&changed, b"plan").is_err(), "byte {at}");
            }
            assert!(at + 1 == signature.len() || signer(&signature.as_bytes()[..at], b"plan").is_err(), "cut off at {at}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_an_armour_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400), text in "[A-Za-z0-9+/=\\-\n ]{0,300}") {
            let armour = |text: &str| format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n");
            prop_assert!(signer(armour(&text).as_bytes(), b"plan").is_err());
            prop_assert!(signer(&body, b"plan").is_err());
            prop_assert!(Key::parse(&body).is_err());
            let _ = (number(&body), holds(&key(1).public, &Signature::new(Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, body.clone()).unwrap(), b"plan"));
        }
    }
}
