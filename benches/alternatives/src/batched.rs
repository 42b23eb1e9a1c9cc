//! Outcomes of 50 ms in one transaction, each session once, written by a thread of its own.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::kept::Store;
use crate::session::Session;

const EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Batched<S> {
    shared: Arc<Shared<S>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared<S> {
    changed: Mutex<Changed>,
    hurry: Condvar,
    /// Locked before `changed` where both are.
    store: Mutex<S>,
}

#[derive(Default)]
struct Changed {
    sessions: HashMap<u128, Session>,
    is_over: bool,
}

impl<S: Store + Send + 'static> Batched<S> {
    pub(crate) fn new(store: S) -> Self {
        let shared =
            Arc::new(Shared { changed: Mutex::default(), hurry: Condvar::new(), store: Mutex::new(store) });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !shared.wait() {
                    shared.write();
                }
            }
        });
        Self { shared, thread: Some(thread) }
    }
}

impl<S: Store> Shared<S> {
    /// Waits for the next turn, and answers whether it is over.
    fn wait(&self) -> bool {
        let waited = self.hurry.wait_timeout_while(lock(&self.changed), EVERY, |changed| !changed.is_over);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }

    fn write(&self) {
        let mut store = lock(&self.store);
        let sessions = std::mem::take(&mut lock(&self.changed).sessions);
        if !sessions.is_empty() {
            store.update(&sessions.into_values().collect::<Vec<_>>());
        }
    }
}

impl<S: Store> Store for Batched<S> {
    fn load(&mut self) -> Vec<Session> {
        lock(&self.shared.store).load()
    }

    fn insert(&mut self, sessions: &[Session]) {
        lock(&self.shared.store).insert(sessions);
    }

    fn update(&mut self, sessions: &[Session]) {
        lock(&self.shared.changed).sessions.extend(sessions.iter().map(|session| (session.id, *session)));
    }

    fn settle(&mut self) {
        self.shared.write();
        lock(&self.shared.store).settle();
    }
}

impl<S> Drop for Batched<S> {
    fn drop(&mut self) {
        lock(&self.shared.changed).is_over = true;
        self.shared.hurry.notify_all();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "the writer could write");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
