//! What of a payload goes into the values of the tree `payloads`: in clear or sealed, and cut into parts.
//!
//! A payload's content is what [`values::encode_payload`] makes of it, or, in an encrypted store, the byte `FF` and that
//! sealed for its pool and id. Before it, in the first part, stand its length, its CRC-32 and the generation of its other
//! parts: these are written under keys of their own, ahead of the first part, which makes them count.

use super::values;
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId};
use crate::store::PoolNumber;

/// What the content of a sealed payload begins with. In clear it begins with a schema version.
const SEALED: u8 = 0xFF;

/// Length, checksum and generation.
pub(super) const HEAD: usize = 9;

/// The head and the content of a payload, to be cut into parts.
pub(super) fn encode(
    payload: &Payload,
    pool: PoolNumber,
    id: &SessionId,
    generation: u8,
    cipher: Option<&Cipher>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    out.clear();
    out.extend_from_slice(&[0; HEAD]);
    match cipher {
        None => values::encode_payload(payload, out)?,
        Some(cipher) => {
            let mut text = Vec::new();
            values::encode_payload(payload, &mut text)?;
            out.push(SEALED);
            out.extend_from_slice(&cipher.seal(&place(pool, id), &text));
        }
    }
    let length = u32::try_from(out.len() - HEAD).map_err(|error| error.to_string())?;
    let checksum = crc32fast::hash(&out[HEAD..]);
    out[..4].copy_from_slice(&length.to_be_bytes());
    out[4..8].copy_from_slice(&checksum.to_be_bytes());
    out[8] = generation;
    Ok(())
}

/// What stands before a payload's content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) length: usize,
    checksum: u32,
    pub(super) generation: u8,
}

impl Head {
    /// Reads it from a payload's first part, and answers what of the content is in that part.
    pub(super) fn read(first: &[u8]) -> Result<(Self, &[u8]), String> {
        let (head, content) = first.split_first_chunk::<HEAD>().ok_or("its first part is too short")?;
        let [l0, l1, l2, l3, c0, c1, c2, c3, generation] = *head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let checksum = u32::from_be_bytes([c0, c1, c2, c3]);
        Ok((Self { length, checksum, generation }, content))
    }

    /// Puts a payload's whole content together from its parts: `rest` answers the others by their numbers.
    pub(super) fn gather<E: From<String>>(
        &self,
        first: &[u8],
        mut rest: impl FnMut(u16) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Vec<u8>, E> {
        let mut content = first.to_vec();
        for part in 1..=u16::MAX {
            if content.len() >= self.length {
                break;
            }
            let bytes = rest(part)?.ok_or_else(|| E::from(format!("its part {part} is missing")))?;
            content.extend_from_slice(&bytes);
        }
        if content.len() == self.length {
            Ok(content)
        } else {
            Err(E::from(format!("it has {} bytes and should have {}", content.len(), self.length)))
        }
    }

    /// Reads a payload from its whole content.
    pub(super) fn decode(
        &self,
        content: &[u8],
        pool: PoolNumber,
        id: &SessionId,
        cipher: Option<&Cipher>,
    ) -> Result<Payload, String> {
        let is_whole = cfg!(fuzzing) || crc32fast::hash(content) == self.checksum;
        if content.len() != self.length || !is_whole {
            return Err("its checksum is wrong".to_owned());
        }
        match (content.split_first(), cipher) {
            (Some((&SEALED, sealed)), Some(cipher)) => {
                let text = cipher.open(&place(pool, id), sealed);
                values::decode_payload(&text.map_err(|_| "it is encrypted under another key, or damaged")?)
            }
            (Some((&SEALED, _)), None) => Err("it is encrypted, and no key was given".to_owned()),
            (_, None) => values::decode_payload(content),
            (_, Some(_)) => Err("it is not encrypted, and its store is".to_owned()),
        }
    }
}

/// Whether a content is sealed.
pub(super) fn is_sealed(content: &[u8]) -> bool {
    content.first() == Some(&SEALED)
}

fn place(pool: PoolNumber, id: &SessionId) -> Vec<u8> {
    [&pool.0.to_be_bytes(), id.as_bytes()].concat()
}
