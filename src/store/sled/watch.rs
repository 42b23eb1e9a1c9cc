//! Sees to it that a flush ends where a write has failed.
//!
//! The engine (sled 0.34.7) writes its buffers in threads of its own, and a flush waits until they are written. A write
//! that fails is noted, but those who wait are told only by one of the two places that write: where a buffer of a
//! transaction fails after the last of its other buffers was written, as it may on a disk that takes its time to say that
//! it fails, nobody wakes the flush, which then waits for ever (`exit_reservation` in `pagecache/logger.rs`). Whoever
//! flushes after the failure was noted wakes all who wait. So one thread of the process looks, while anything is being
//! flushed, whether that has failed, and if so flushes too.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long a failure that the engine told nobody of can stay unheard.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often it finds nothing being flushed before it sleeps until something is: waking it each time would cost more.
const LOOKS_AT_NOTHING: u32 = 20;

static WATCH: LazyLock<Watch> = LazyLock::new(Watch::default);

#[derive(Default)]
struct Watch {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    flushes: Vec<(u64, sled::Db)>,
    last_number: u64,
    is_running: bool,
    is_asleep: bool,
}

/// A flush that is under way.
struct Flush(u64);

/// Makes everything that was written before durable, as far as the engine does that.
pub(super) fn flush(db: &sled::Db) -> sled::Result<()> {
    let _flush = Flush::begin(db);
    db.flush().map(drop)
}

impl Flush {
    fn begin(db: &sled::Db) -> Self {
        let mut state = WATCH.state.lock();
        state.last_number += 1;
        let number = state.last_number;
        state.flushes.push((number, db.clone()));
        if !state.is_running {
            // Without the thread a flush only ends by itself, as it nearly always does.
            let builder = thread::Builder::new().name("session-pool-watch".to_owned());
            state.is_running = builder.spawn(|| WATCH.run()).is_ok();
        } else if state.is_asleep {
            WATCH.wake.notify_one();
        }
        Self(number)
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut state = WATCH.state.lock();
        let at = state.flushes.iter().position(|(number, _)| *number == self.0);
        let ended = at.map(|at| state.flushes.swap_remove(at));
        drop(state);
        drop(ended);
    }
}

impl Watch {
    fn run(&self) {
        let mut state = self.state.lock();
        let mut looks = 0;
        loop {
            if state.flushes.is_empty() && looks >= LOOKS_AT_NOTHING {
                state.is_asleep = true;
                self.wake.wait(&mut state);
                state.is_asleep = false;
                looks = 0;
            }
            self.wake.wait_for(&mut state, LOOK_EVERY);
            looks = if state.flushes.is_empty() { looks.saturating_add(1) } else { 0 };
            for (_, db) in &state.flushes {
                if db.context.global_error().is_err() {
                    // It answers the error at once.
                    let _ = db.flush();
                }
            }
        }
    }
}
