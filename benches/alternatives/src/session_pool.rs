//! This crate.

use std::path::Path;
use std::time::Duration;

use session_pool::{SessionOptions, SessionPool};

use crate::measure::Pool;

/// What is there; so many new ones where there is nothing.
pub(crate) fn open(path: &Path, sessions: usize) -> SessionPool {
    let pool = SessionPool::builder()
        .max_pool_size(sessions)
        .session_options(SessionOptions {
            max_usage_count: u32::MAX,
            max_age: Duration::from_secs(1_000_000),
            ..SessionOptions::default()
        })
        .open(path.join("sessions"))
        .expect("it can be opened");
    while pool.stats().live < sessions {
        // It creates sessions while there is room.
        let _ = pool.acquire().expect("there is room").reclaim().expect("it is open");
    }
    pool
}

impl Pool for SessionPool {
    fn use_once(&mut self) {
        let _ = self.acquire().expect("one is available").reclaim().expect("it is open");
    }

    fn settle(&mut self) {
        self.flush().expect("it can be written");
    }

    fn totals(&self) -> (usize, u64) {
        (self.stats().live, self.iter().map(|session| u64::from(session.record().usage_count)).sum())
    }
}
