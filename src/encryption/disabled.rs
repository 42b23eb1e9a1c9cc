//! Without the feature `encryption` there is no cipher, and nobody can make one.

use std::convert::Infallible;

use super::CannotOpen;

/// Nothing: it cannot be made.
#[derive(Debug, Clone)]
pub(crate) struct Cipher {
    never: Infallible,
}

impl Cipher {
    pub(crate) fn seal(&self, _place: &[u8], _text: &[u8]) -> Vec<u8> {
        match self.never {}
    }

    pub(crate) fn open(&self, _place: &[u8], _sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        match self.never {}
    }
}
