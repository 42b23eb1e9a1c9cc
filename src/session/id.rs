//! The name of a session.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Invalid;

/// The id of a session, unique in its pool: 1 to 50 characters of `A-Z a-z 0-9 . _ ~`.
///
/// The rule is the strictest common one of proxy vendors that take a session name, so that an id can be used as
/// one. The default is a version 7 UUID without hyphens, so ids sort by the time of their creation.
///
/// ```
/// use session_pool::SessionId;
///
/// let id: SessionId = "user_42".parse()?;
/// assert_eq!(id.as_str(), "user_42");
/// assert!("user 42".parse::<SessionId>().is_err());
/// # Ok::<(), session_pool::Invalid>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId {
    // Behind `length` all zero, so that the derived order and equality are those of the text.
    bytes: [u8; SessionId::MAX_LENGTH],
    length: u8,
}

impl SessionId {
    /// The most characters an id may have.
    pub const MAX_LENGTH: usize = 50;

    /// Sorts before every id, and is none.
    pub(crate) const BEFORE_ALL: Self = Self { bytes: [0; Self::MAX_LENGTH], length: 0 };

    const RULE: &'static str = "must be 1 to 50 characters of A-Z a-z 0-9 . _ ~";

    /// A new id that no other session has: a version 7 UUID, 32 lower-case hexadecimal digits.
    pub fn generate() -> Self {
        Self::of_uuid(Uuid::now_v7())
    }

    /// The id that is 32 lower-case hexadecimal digits.
    #[inline]
    pub(crate) fn of_uuid(uuid: Uuid) -> Self {
        let mut bytes = [0; Self::MAX_LENGTH];
        let length = uuid.simple().encode_lower(&mut bytes).len();
        #[expect(clippy::cast_possible_truncation, reason = "a simple UUID has 32 characters")]
        Self { bytes, length: length as u8 }
    }

    /// What the id is as a number, where it is 32 lower-case hexadecimal digits, as generated ones are.
    pub(crate) fn to_uuid(self) -> Option<Uuid> {
        let uuid = Uuid::try_parse_ascii(self.as_bytes()).ok()?;
        (Self::of_uuid(uuid) == self).then_some(uuid)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in: see `from_bytes` and `generate`.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Reads an id from its bytes.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the bytes break the rule for ids.
    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, Invalid> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~'));
        if !fits {
            return Err(Invalid::new("id", format_args!("{:?}", String::from_utf8_lossy(text)), Self::RULE));
        }
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes[..text.len()].copy_from_slice(text);
        #[expect(clippy::cast_possible_truncation, reason = "at most 50")]
        Ok(Self { bytes, length: text.len() as u8 })
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As a text, without what is behind it.
        self.as_bytes().hash(state);
    }
}

impl FromStr for SessionId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.as_str())
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_50_characters_of_the_vendors_common_alphabet() {
        for good in ["a", "Z9._~", &"x".repeat(50)] {
            assert_eq!(good.parse::<SessionId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a-b", "ä", "a\0", "a/b", &"x".repeat(51)] {
            let error = bad.parse::<SessionId>().unwrap_err();
            assert_eq!(error.field, "id");
            assert!(error.to_string().contains("1 to 50 characters"), "{error}");
        }
    }

    #[test]
    fn only_what_reads_back_the_same_is_taken_for_a_number() {
        let id = SessionId::generate();
        assert_eq!(id.to_uuid().map(SessionId::of_uuid), Some(id));
        let text = id.as_str();
        for other in [&text.to_uppercase(), &text[1..], "user_42", &"z".repeat(32), &format!("{text}0")] {
            assert_eq!(other.parse::<SessionId>().unwrap().to_uuid(), None, "{other}");
        }
    }

    #[test]
    fn a_generated_id_follows_the_rule_and_sorts_by_time() {
        let ids: Vec<SessionId> = (0..1000).map(|_| SessionId::generate()).collect();
        assert!(ids.iter().all(|id| id.as_str().parse::<SessionId>() == Ok(*id)));
        assert!(ids.is_sorted_by(|a, b| a < b), "each later id is greater");
    }
}
