//! The sessions that the sources know, payloads aside.

use std::cmp::Reverse;

use crate::session::{SessionId, SessionRecord};
use crate::store::PoolNumber;

/// A session as one source knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) pool: PoolNumber,
    pub(super) id: SessionId,
    pub(super) record: SessionRecord,
    /// The source that it is from; `None` where it is made from a log entry.
    pub(super) source: Option<usize>,
    pub(super) mark: Mark,
}

/// What was found out about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// The retirement log tells of it.
    Logged,
    /// It is not to be written: it was forgotten, or is written already.
    Done,
}

impl Known {
    /// What tells which of two versions of a session is the newer one.
    fn version(&self) -> impl Ord + use<> {
        // Two sessions of one id: the later one, which was added after the other was forgotten.
        let SessionRecord { created_at, retired, usage_count, last_used_at, .. } = self.record;
        (created_at, retired.is_some(), usage_count, last_used_at, Reverse(retired.map(|retired| retired.at)))
    }
}

/// Sessions by pool and id: a list, which takes less than half of what a map would, and grows without a copy.
#[derive(Default)]
pub(super) struct Sessions {
    list: Vec<Known>,
}

impl Sessions {
    /// Adds one. It is found once they are [sorted](Sessions::sort).
    pub(super) fn push(&mut self, known: Known) {
        self.list.push(known);
    }

    pub(super) fn append(&mut self, mut others: Self) {
        if self.list.is_empty() {
            *self = others;
        } else {
            self.list.append(&mut others.list);
        }
    }

    /// Brings them into their order. Of several versions the newest is kept; of equal ones, that of the source named first.
    pub(super) fn sort(&mut self) {
        let from = |known: &Known| known.source.unwrap_or(usize::MAX);
        self.list.sort_unstable_by(|a, b| {
            a.pool.cmp(&b.pool).then_with(|| a.id.cmp(&b.id)).then_with(|| from(a).cmp(&from(b)))
        });
        self.list.dedup_by(|next, kept| {
            let is_the_same = (next.pool, &next.id) == (kept.pool, &kept.id);
            if is_the_same && next.version() > kept.version() {
                *kept = *next;
            }
            is_the_same
        });
    }

    /// Changes each as `keep` does; whom it refuses is no more.
    pub(super) fn retain(&mut self, keep: impl FnMut(&mut Known) -> bool) {
        self.list.retain_mut(keep);
    }

    pub(super) fn get(&self, pool: PoolNumber, id: &SessionId) -> Option<&Known> {
        self.place(pool, id).and_then(|at| self.list.get(at))
    }

    pub(super) fn get_mut(&mut self, pool: PoolNumber, id: &SessionId) -> Option<&mut Known> {
        self.place(pool, id).and_then(|at| self.list.get_mut(at))
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Known> {
        self.list.iter()
    }

    fn place(&self, pool: PoolNumber, id: &SessionId) -> Option<usize> {
        self.list.binary_search_by(|known| known.pool.cmp(&pool).then_with(|| known.id.cmp(id))).ok()
    }
}
