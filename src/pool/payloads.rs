//! The payloads in memory: those that await a commit, and some of the others, which were asked for last.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::session::{Payload, SessionId};
use crate::store::PoolNumber;

/// The payloads in memory, by session.
///
/// Its lock is taken before the directory's, never after it.
#[derive(Debug)]
pub(crate) struct Payloads {
    number: PoolNumber,
    pending: Mutex<Pending>,
    recent: Arc<RecentPayloads>,
}

/// The payloads that await a commit.
#[derive(Debug, Default)]
struct Pending {
    payloads: HashMap<SessionId, PendingPayload, RandomState>,
    /// How often any of them was put there.
    changes: u64,
}

/// A payload that awaits a commit.
#[derive(Debug, Clone)]
pub(crate) struct PendingPayload {
    pub(crate) payload: Arc<Payload>,
    /// How many bytes it takes, roughly.
    pub(crate) length: usize,
}

impl Payloads {
    pub(crate) fn new(number: PoolNumber, recent: Arc<RecentPayloads>) -> Self {
        Self { number, pending: Mutex::default(), recent }
    }

    pub(crate) fn lock(&self) -> LockedPayloads<'_> {
        LockedPayloads { number: self.number, pending: self.pending.lock(), recent: &self.recent }
    }

    /// The payload of a session that awaits a commit.
    pub(crate) fn pending(&self, id: &SessionId) -> Option<PendingPayload> {
        self.pending.lock().payloads.get(id).cloned()
    }

    /// The payload of a session, read from the store where it is not in memory.
    pub(crate) fn get_or_read<E>(
        &self,
        id: &SessionId,
        read: impl FnOnce() -> Result<Payload, E>,
    ) -> Result<Arc<Payload>, E> {
        // None is there that awaits a commit.
        if let Some(recent) = self.recent.get(self.number, id) {
            return Ok(recent);
        }
        let pending = self.pending.lock();
        if let Some(pending) = pending.payloads.get(id) {
            return Ok(Arc::clone(&pending.payload));
        }
        let changes = pending.changes;
        drop(pending);
        let payload = Arc::new(read()?);
        let pending = self.pending.lock();
        if pending.changes == changes {
            self.recent.insert(self.number, *id, &payload);
        }
        Ok(payload)
    }

    /// The payload has been committed: it need not be kept, unless it has changed since.
    pub(crate) fn committed(&self, id: &SessionId, payload: &Arc<Payload>) {
        let mut pending = self.pending.lock();
        if pending.payloads.get(id).is_some_and(|latest| Arc::ptr_eq(&latest.payload, payload)) {
            pending.payloads.remove(id);
            self.recent.insert(self.number, *id, payload);
        }
        pending.shrink();
    }

    /// The retirement of some sessions has been committed, with all that is ever written of their payloads: what still awaits
    /// the outcome of a use will have none that counts.
    pub(crate) fn retired<'a>(&self, ids: impl Iterator<Item = &'a SessionId>) {
        let mut pending = self.pending.lock();
        for id in ids {
            pending.payloads.remove(id);
        }
        pending.shrink();
    }
}

impl Pending {
    /// A burst of new sessions leaves no memory behind.
    fn shrink(&mut self) {
        if self.payloads.is_empty() && self.payloads.capacity() > 1024 {
            self.payloads.shrink_to_fit();
        }
    }
}

/// The payloads while nobody else can change any.
pub(crate) struct LockedPayloads<'a> {
    number: PoolNumber,
    pending: MutexGuard<'a, Pending>,
    recent: &'a RecentPayloads,
}

impl LockedPayloads<'_> {
    /// The payload of a session, where it is in memory.
    pub(crate) fn get(&self, id: &SessionId) -> Option<Arc<Payload>> {
        match self.pending.payloads.get(id) {
            Some(pending) => Some(Arc::clone(&pending.payload)),
            None => self.recent.get(self.number, id),
        }
    }

    /// Puts one there that awaits a commit.
    pub(crate) fn insert(&mut self, id: SessionId, payload: PendingPayload) {
        self.pending.changes += 1;
        self.recent.remove(self.number, &id);
        self.pending.payloads.insert(id, payload);
    }

    pub(crate) fn remove(&mut self, id: &SessionId) {
        self.pending.payloads.remove(id);
    }
}

/// Payloads that the pools of a store have committed, of the sessions that were asked for theirs last. None of them awaits a
/// commit.
pub(crate) struct RecentPayloads(Cache<(PoolNumber, SessionId), Arc<Payload>, ByLength, RandomState>);

impl RecentPayloads {
    /// How many bytes they may take, roughly.
    const CAPACITY: u64 = 16 << 20;
    /// How many there are to begin with; there may be more.
    const EXPECTED: usize = 64;

    fn get(&self, pool: PoolNumber, id: &SessionId) -> Option<Arc<Payload>> {
        self.0.get(&(pool, *id))
    }

    fn insert(&self, pool: PoolNumber, id: SessionId, payload: &Arc<Payload>) {
        self.0.insert((pool, id), Arc::clone(payload));
    }

    /// The session has changed its payload, or is forgotten.
    pub(crate) fn remove(&self, pool: PoolNumber, id: &SessionId) {
        self.0.remove(&(pool, *id));
    }
}

impl Default for RecentPayloads {
    fn default() -> Self {
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self(Cache::with(Self::EXPECTED, Self::CAPACITY, ByLength, hasher, lifecycle))
    }
}

impl std::fmt::Debug for RecentPayloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecentPayloads").field("length", &self.0.len()).finish_non_exhaustive()
    }
}

/// A payload weighs what it takes in memory, roughly.
#[derive(Clone)]
struct ByLength;

impl<K> Weighter<K, Arc<Payload>> for ByLength {
    fn weight(&self, _: &K, payload: &Arc<Payload>) -> u64 {
        payload.length_in_memory() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Cookie;

    fn payload(name: &str) -> Arc<Payload> {
        let cookies = vec![Cookie::new(name, "x", "shop.test")];
        Arc::new(Payload { cookies, ..Payload::default() })
    }

    fn name(payload: &Payload) -> &str {
        &payload.cookies[0].name
    }

    fn read(payloads: &Payloads, id: &SessionId, stored: &str) -> String {
        let read = payloads.get_or_read(id, || Ok::<_, ()>(Payload::clone(&payload(stored))));
        name(&read.unwrap()).to_owned()
    }

    #[test]
    fn what_awaits_a_commit_is_the_newest_and_what_was_read_before_is_not_kept() {
        let payloads = Payloads::new(PoolNumber(1), Arc::default());
        let id = SessionId::generate();
        assert_eq!(read(&payloads, &id, "a"), "a");
        assert_eq!(read(&payloads, &id, "never asked"), "a");
        let changed = payload("b");
        let insert = |payload: &Arc<Payload>| {
            payloads.lock().insert(id, PendingPayload { payload: Arc::clone(payload), length: 1 });
        };
        insert(&changed);
        assert_eq!(read(&payloads, &id, "a"), "b");
        assert_eq!(name(&payloads.lock().get(&id).unwrap()), "b");
        payloads.committed(&id, &payload("b"));
        assert!(payloads.pending(&id).is_some(), "another one was committed");
        payloads.committed(&id, &changed);
        assert!(payloads.pending(&id).is_none());
        assert_eq!(read(&payloads, &id, "never asked"), "b");
        // It changes while somebody reads, and is committed.
        payloads.recent.remove(PoolNumber(1), &id);
        let old = payloads.get_or_read(&id, || {
            insert(&changed);
            payloads.committed(&id, &changed);
            payloads.recent.remove(PoolNumber(1), &id);
            Ok::<_, ()>(Payload::clone(&payload("old")))
        });
        assert_eq!(name(&old.unwrap()), "old");
        assert_eq!(read(&payloads, &id, "new"), "new", "what was read before the change is not kept");
    }

    #[test]
    fn pools_do_not_share_and_memory_is_bounded() {
        let recent = Arc::new(RecentPayloads::default());
        let [one, two] = [1, 2].map(|number| Payloads::new(PoolNumber(number), Arc::clone(&recent)));
        let id = SessionId::generate();
        assert_eq!((read(&one, &id, "one"), read(&two, &id, "two")), ("one".to_owned(), "two".to_owned()));
        assert_eq!((read(&one, &id, "x"), read(&two, &id, "x")), ("one".to_owned(), "two".to_owned()));
        let large = "x".repeat(1 << 20);
        for _ in 0..100 {
            read(&one, &SessionId::generate(), &large);
        }
        assert!(recent.0.weight() <= RecentPayloads::CAPACITY, "{}", recent.0.weight());
        assert!(recent.0.len() > 4);
    }
}
