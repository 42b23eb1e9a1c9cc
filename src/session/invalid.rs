//! The one error of this room: a value that breaks a rule.

use std::fmt::Display;

/// A value was given that breaks a rule. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}: {rule}")]
#[non_exhaustive]
pub struct Invalid {
    /// Which option or argument.
    pub field: &'static str,
    /// The value as given, shortened; masked where it may hold a secret.
    pub value: String,
    /// What the value would have to be.
    pub rule: &'static str,
}

impl Invalid {
    /// The longest part of a value that an error repeats, in characters.
    const SHOWN: usize = 80;

    pub(crate) fn new(field: &'static str, value: impl Display, rule: &'static str) -> Self {
        let mut value = value.to_string();
        if let Some((end, _)) = value.char_indices().nth(Self::SHOWN) {
            value.truncate(end);
            value.push('…');
        }
        Self { field, value, rule }
    }
}

/// What cannot fail, where either is asked for.
impl From<std::convert::Infallible> for Invalid {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
