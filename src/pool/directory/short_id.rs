//! Ids as the directory keeps them.

use uuid::Uuid;

use crate::session::SessionId;

/// An id in half the memory: nearly all are generated ones.
#[derive(Debug)]
pub(super) enum ShortId {
    Generated(Uuid),
    Chosen(Box<SessionId>),
}

impl ShortId {
    pub(super) fn get(&self) -> SessionId {
        match self {
            Self::Generated(uuid) => SessionId::of_uuid(*uuid),
            Self::Chosen(id) => **id,
        }
    }
}

impl From<SessionId> for ShortId {
    fn from(id: SessionId) -> Self {
        id.to_uuid().map_or_else(|| Self::Chosen(Box::new(id)), Self::Generated)
    }
}
