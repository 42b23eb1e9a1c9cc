//! One of each, for every reason of retirement.

use std::ops::{Index, IndexMut};

use serde::Serialize;

use crate::session::Reason;

/// One of each, for every reason of retirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ByReason<T> {
    /// Of those whose error score reached the maximum.
    pub blocked: T,
    /// Of those that were used as often as they may be.
    pub exhausted: T,
    /// Of those that were too old.
    pub expired: T,
    /// Of those that the caller retired.
    pub retired: T,
}

impl<T> ByReason<T> {
    /// Makes one of each.
    pub fn from_fn(mut make: impl FnMut(Reason) -> T) -> Self {
        Self {
            blocked: make(Reason::Blocked),
            exhausted: make(Reason::Exhausted),
            expired: make(Reason::Expired),
            retired: make(Reason::Retired),
        }
    }

    /// Each of them with its reason, in the order of [`Reason::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Reason, &T)> {
        Reason::ALL.into_iter().map(|reason| (reason, &self[reason]))
    }
}

impl ByReason<u64> {
    /// All of them together.
    pub fn sum(&self) -> u64 {
        let Self { blocked, exhausted, expired, retired } = self;
        blocked + exhausted + expired + retired
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self[reason] += count;
        }
    }
}

impl<T> Index<Reason> for ByReason<T> {
    type Output = T;

    fn index(&self, reason: Reason) -> &T {
        match reason {
            Reason::Blocked => &self.blocked,
            Reason::Exhausted => &self.exhausted,
            Reason::Expired => &self.expired,
            Reason::Retired => &self.retired,
        }
    }
}

impl<T> IndexMut<Reason> for ByReason<T> {
    fn index_mut(&mut self, reason: Reason) -> &mut T {
        match reason {
            Reason::Blocked => &mut self.blocked,
            Reason::Exhausted => &mut self.exhausted,
            Reason::Expired => &mut self.expired,
            Reason::Retired => &mut self.retired,
        }
    }
}
