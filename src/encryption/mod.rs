//! Secrets at rest: what is written under a key that the caller gives and that is never stored.
//!
//! The cipher is XChaCha20-Poly1305 (RFC 8439 with the 192-bit nonce of draft-irtf-cfrg-xchacha), whose random nonces
//! need no counting. Sealed bytes are the nonce (24 bytes), the text, the tag (16 bytes). What stands around them, a
//! session's id for instance, is authenticated with them, so that nothing sealed can be put in the place of another.

#[cfg(not(feature = "encryption"))]
mod disabled;
#[cfg(feature = "encryption")]
mod enabled;

#[cfg(not(feature = "encryption"))]
pub(crate) use disabled::Cipher;
#[cfg(feature = "encryption")]
pub(crate) use enabled::Cipher;
#[cfg(feature = "encryption")]
pub use enabled::EncryptionKey;

/// Sealed bytes cannot be opened: they were sealed under another key or in another place, or are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CannotOpen;

/// What is sealed to tell later whether a key is the same.
const KEY_CHECK: &[u8] = b"session-pool key check";

impl Cipher {
    /// What tells, without giving it away, which key something was sealed under.
    pub(crate) fn key_check(&self) -> Vec<u8> {
        self.seal(KEY_CHECK, KEY_CHECK)
    }

    /// Whether it has the key that `key_check` came from.
    pub(crate) fn is_key_of(&self, key_check: &[u8]) -> bool {
        self.open(KEY_CHECK, key_check).is_ok_and(|text| text == KEY_CHECK)
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal digits; `None` where they are none.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    if pairs.remainder().is_empty() { pairs.map(byte).collect() } else { None }
}
