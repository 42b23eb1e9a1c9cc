//! The cipher.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};

use super::{CannotOpen, from_hex};
use crate::session::Invalid;

const NONCE_LENGTH: usize = 24;

/// A key of 256 bits that payloads and archives are encrypted with. It is never stored: who loses it loses them.
///
/// It must be random, not a word that somebody chose: make one with [`EncryptionKey::generate`], and keep it where
/// secrets are kept. As text it is 64 hexadecimal digits.
#[derive(Clone)]
pub struct EncryptionKey {
    // Behind a pointer, so that no copies of it are left where it was moved from. The cipher wipes its own at the end.
    cipher: Arc<XChaCha20Poly1305>,
}

impl EncryptionKey {
    /// How many bytes it has: 32.
    pub const LENGTH: usize = 32;

    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self { cipher: Arc::new(XChaCha20Poly1305::new(&Key::from(*bytes))) }
    }

    /// A new key, from the system's source of randomness: the bytes to keep, for [`EncryptionKey::from_bytes`].
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] where the system has no randomness to give.
    pub fn generate() -> std::io::Result<[u8; Self::LENGTH]> {
        let mut bytes = [0; Self::LENGTH];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(bytes)
    }
}

impl FromStr for EncryptionKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // The value is a secret, and so stands in no message.
        let invalid = || Invalid::new("encryption_key", "the text given", "must be 64 hexadecimal digits");
        let bytes = from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)?;
        Ok(Self::from_bytes(&bytes))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(***)")
    }
}

/// Seals and opens.
#[derive(Clone)]
pub(crate) struct Cipher {
    cipher: Arc<XChaCha20Poly1305>,
}

impl Cipher {
    pub(crate) fn new(key: &EncryptionKey) -> Self {
        Self { cipher: Arc::clone(&key.cipher) }
    }

    /// Seals `text` for that place only.
    #[expect(clippy::expect_used, reason = "a system without randomness, or a text of 256 GiB, cannot go on")]
    pub(crate) fn seal(&self, place: &[u8], text: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).expect("the system gives random numbers");
        let payload = Payload { msg: text, aad: place };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("the text is short");
        let mut out = Vec::with_capacity(NONCE_LENGTH + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens what was sealed for that place.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(CannotOpen)?;
        let payload = Payload { msg: sealed, aad: place };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CannotOpen)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_in_its_place_only() {
        let key = EncryptionKey::from_bytes(&[7; 32]);
        let same: EncryptionKey = "07".repeat(32).parse().unwrap();
        let other = Cipher::new(&EncryptionKey::from_bytes(&EncryptionKey::generate().unwrap()));
        let sealed = Cipher::new(&key).seal(b"here", b"secret");
        assert_eq!(Cipher::new(&same).open(b"here", &sealed).unwrap(), b"secret");
        assert_eq!(other.open(b"here", &sealed), Err(CannotOpen));
        assert_eq!(Cipher::new(&key).open(b"there", &sealed), Err(CannotOpen));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(Cipher::new(&key).open(b"here", &damaged), Err(CannotOpen));
            assert_eq!(Cipher::new(&key).open(b"here", &sealed[..at]), Err(CannotOpen));
        }
        assert!(Cipher::new(&same).is_key_of(&Cipher::new(&key).key_check()));
        assert!(!other.is_key_of(&Cipher::new(&key).key_check()));
    }

    #[test]
    fn a_key_in_text_is_64_hexadecimal_digits_and_shows_in_no_message() {
        for bad in ["", "07", &"0g".repeat(32), &"ü".repeat(32), &"07".repeat(33)] {
            let error = bad.parse::<EncryptionKey>().unwrap_err();
            assert_eq!(error.field, "encryption_key");
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
        assert_eq!(format!("{:?}", EncryptionKey::from_bytes(&[7; 32])), "EncryptionKey(***)");
    }
}
