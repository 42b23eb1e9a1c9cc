//! Bytes of values: a version, then bincode, read within bounds and to the last byte.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::migrations::current::VERSION;
use crate::session::MAX_PAYLOAD_LENGTH;

/// More than any value may have, so that a damaged length cannot make reading take memory without end. A payload's
/// limit counts its texts; their lengths, the other fields and the JSON around user data come on top.
pub(super) const MAX_VALUE_LENGTH: usize = 2 * MAX_PAYLOAD_LENGTH;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_VALUE_LENGTH>,
> = bincode::config::standard().with_limit::<MAX_VALUE_LENGTH>();

/// Appends a value's bytes to `out`.
///
/// # Errors
///
/// What bincode says, which for the structs of `migrations/` is nothing but that the value is too long.
pub(super) fn encode_into<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(VERSION);
    bincode::serde::encode_into_std_write(value, out, CONFIG).map(drop).map_err(|error| error.to_string())
}

/// Reads a value from its bytes.
///
/// # Errors
///
/// The rule that the bytes break.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (version, bytes) = bytes.split_first().ok_or("the value is empty")?;
    if *version != VERSION {
        return Err(format!("the value has version {version}, not {VERSION}"));
    }
    let (value, read) =
        bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    if read == bytes.len() {
        Ok(value)
    } else {
        Err(format!("the value has {} bytes too many", bytes.len() - read))
    }
}
