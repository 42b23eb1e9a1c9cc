//! Sessions in memory, each outcome written to wherever they are kept.

use crate::measure::Pool;
use crate::session::{Session, now};

/// Where sessions are kept.
pub(crate) trait Store {
    /// All that are there.
    fn load(&mut self) -> Vec<Session>;
    /// Adds new ones.
    fn insert(&mut self, sessions: &[Session]);
    /// Writes those that have changed.
    fn update(&mut self, sessions: &[Session]);
    /// Waits until everything would survive a power cut.
    fn settle(&mut self);
    /// The memory of a server, in bytes.
    fn server_memory(&mut self) -> u64 {
        0
    }
}

pub(crate) struct Kept<S> {
    sessions: Vec<Session>,
    store: S,
}

impl<S: Store> Kept<S> {
    /// What is there; so many new ones where there is nothing.
    pub(crate) fn open(new: usize, mut store: S) -> Self {
        let mut sessions = store.load();
        if sessions.is_empty() {
            let now = now();
            sessions = (0..new).map(|_| Session::new(now)).collect();
            store.insert(&sessions);
        }
        Self { sessions, store }
    }
}

impl<S: Store> Pool for Kept<S> {
    fn use_once(&mut self) {
        let now = now();
        let session = loop {
            let at = fastrand::usize(..self.sessions.len());
            if self.sessions[at].is_usable(now) {
                break &mut self.sessions[at];
            }
        };
        session.mark_good(now);
        self.store.update(std::slice::from_ref(session));
    }

    fn settle(&mut self) {
        self.store.settle();
    }

    fn totals(&self) -> (usize, u64) {
        (self.sessions.len(), self.sessions.iter().map(|session| u64::from(session.usage_count)).sum())
    }

    fn server_memory(&mut self) -> u64 {
        self.store.server_memory()
    }
}
