//! How long those wait who wait: for the disk, and for an event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use session_pool::{BoxError, Error, SessionPool, Subscription};

/// How often it is measured.
const EVERY: Duration = Duration::from_millis(100);

/// What was measured since it was last taken.
#[derive(Default)]
pub(crate) struct Waits {
    /// `flush`: until everything is durable.
    pub(crate) commits: Mutex<Vec<Duration>>,
    /// From `retire` to its event, which is durable by then.
    pub(crate) events: Mutex<Vec<Duration>>,
}

/// Waits for the disk and for the events of its own retirements, again and again, until it is over.
pub(crate) fn measure(
    pool: &SessionPool,
    events: &Subscription,
    waits: &Waits,
    is_over: &AtomicBool,
) -> Result<(), BoxError> {
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let began = Instant::now();
        pool.flush()?;
        push(&waits.commits, began.elapsed());

        let lease = match pool.acquire() {
            Ok(lease) => lease,
            Err(Error::Refused(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let id = *lease.id();
        // What others have retired is not waited for.
        events.try_iter().for_each(drop);
        let began = Instant::now();
        let _ = lease.retire()?;
        // Where there were so many others that it was missed, there is nothing to measure.
        while let Ok(event) = events.recv_timeout(Duration::from_secs(1)) {
            if event.id == id {
                push(&waits.events, began.elapsed());
                break;
            }
        }
    }
    Ok(())
}

fn push(waits: &Mutex<Vec<Duration>>, wait: Duration) {
    waits.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
}

/// The median, what 99 % stay within, and the longest, in milliseconds; and begins anew.
pub(crate) fn take(waits: &Mutex<Vec<Duration>>) -> String {
    let mut waits = std::mem::take(&mut *waits.lock().unwrap_or_else(PoisonError::into_inner));
    waits.sort_unstable();
    let Some(longest) = waits.last() else { return "-".to_owned() };
    let at = |hundredths: usize| waits[waits.len() * hundredths / 100].as_secs_f64() * 1e3;
    format!("{:.1} / {:.1} / {:.1}", at(50), at(99), longest.as_secs_f64() * 1e3)
}
