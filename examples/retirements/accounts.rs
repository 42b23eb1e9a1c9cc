//! The accounts that sessions log in with, one session each at a time.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Those that no session has.
#[derive(Default)]
pub(crate) struct Accounts {
    free: Mutex<BTreeSet<String>>,
    changed: Condvar,
}

impl Accounts {
    /// All of them.
    pub(crate) const ALL: [&'static str; 4] = ["ada", "blaise", "carl", "dorothea"];
    /// How long a new session waits for one. A retired session's place is free at once, its account when that is durable.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// All but those that are in use are free.
    pub(crate) fn begin(&self, in_use: &[Option<String>]) {
        let is_free = |account: &&str| !in_use.iter().flatten().any(|used| used == account);
        *self.lock() = Self::ALL.iter().copied().filter(is_free).map(str::to_owned).collect();
    }

    /// One for a new session.
    pub(crate) fn take(&self) -> Result<String, &'static str> {
        let free = self.lock();
        let waited = self.changed.wait_timeout_while(free, Self::PATIENCE, |free| free.is_empty());
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        free.pop_first().ok_or("no account is free")
    }

    /// That of a session that is no more.
    pub(crate) fn give_back(&self, account: String) {
        self.lock().insert(account);
        self.changed.notify_one();
    }

    /// How many are free.
    pub(crate) fn free(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
