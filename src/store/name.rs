//! The names and numbers that a store tells things apart by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::session::Invalid;

/// The name of a pool, unique in its store: 1 to 200 bytes of text without control characters, a host for instance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolName(Arc<str>);

impl PoolName {
    /// The most bytes a name may have.
    pub const MAX_LENGTH: usize = 200;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `default`: the name of a pool that is given none.
impl Default for PoolName {
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

impl FromStr for PoolName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && !text.contains(char::is_control) {
            Ok(Self(Arc::from(text)))
        } else {
            let rule = "must be 1 to 200 bytes of text without control characters";
            Err(Invalid::new("name", format_args!("{text:?}"), rule))
        }
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for PoolName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PoolName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What stands for a pool's name in the keys of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolNumber(pub u32);

impl PoolNumber {
    /// The number of a new pool in a store whose last one has this number. It is that of no pool there is.
    pub(crate) fn next(self) -> Result<Self, StoreError> {
        self.0.checked_add(1).map(Self).ok_or(StoreError::NoPoolNumber)
    }
}

impl fmt::Display for PoolNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The place of a retirement in its pool's log: 1, 2, 3, … without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before the first retirement: "from the beginning".
    pub const START: Self = Self(0);

    /// The highest that is taken from elsewhere: as many again are left for what happens later, for ever.
    pub(crate) const MAX_BROUGHT: Self = Self(u64::MAX / 2);

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_name_is_1_to_200_bytes_without_control_characters() {
        for good in ["a", "shop.example", "Größe 1", &"x".repeat(200)] {
            assert_eq!(good.parse::<PoolName>().unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\0", &"x".repeat(201)] {
            assert_eq!(bad.parse::<PoolName>().unwrap_err().field, "name");
        }
    }
}
