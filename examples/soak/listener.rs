//! A listener that is slow at times, and keeps account of what it heard and what it missed.

use std::thread;
use std::time::{Duration, Instant};

use session_pool::{BoxError, Sequence, SessionPool, Subscription};

use crate::options::Options;

/// What a listener knows of its pool's retirements.
#[derive(Default)]
pub(crate) struct Account {
    /// Those it was told.
    pub(crate) heard: u64,
    /// Those it was not told, by the gaps in their numbers.
    pub(crate) gaps: u64,
    /// Those it was not told, by the subscription.
    pub(crate) missed: u64,
    /// Those it was not told and found in the log.
    pub(crate) read: u64,
    /// Those that came out of turn.
    pub(crate) out_of_turn: u64,
}

/// Listens until the pool is closed.
pub(crate) fn listen(
    pool: &SessionPool,
    events: &Subscription,
    options: &Options,
) -> Result<Account, BoxError> {
    let (awake, asleep) = (options.share(10), options.share(30));
    let (mut account, mut last) = (Account::default(), Sequence::START);
    let mut next_nap = Instant::now() + awake;
    while let Ok(event) = events.recv() {
        account.heard += 1;
        if event.sequence <= last {
            account.out_of_turn += 1;
        }
        let first_missed = last.next();
        if event.sequence > first_missed {
            account.gaps += event.sequence.0 - first_missed.0;
            account.read += read_log(pool, last, event.sequence)?;
        }
        last = event.sequence;
        if Instant::now() >= next_nap {
            nap(pool, asleep);
            next_nap = Instant::now() + awake;
        }
    }
    // It may have been full at the end.
    account.missed = events.missed();
    account.gaps += pool.stats().retired.total().saturating_sub(last.0);
    Ok(account)
}

/// Hears nothing for a while.
fn nap(pool: &SessionPool, duration: Duration) {
    let until = Instant::now() + duration;
    // A pool that is closed has no subscribers: then there is nothing more to miss.
    while Instant::now() < until && pool.stats().subscribers > 0 {
        thread::sleep(Duration::from_millis(50));
    }
}

/// How many there are in the log between two numbers. The oldest may have been forgotten.
fn read_log(pool: &SessionPool, after: Sequence, before: Sequence) -> Result<u64, BoxError> {
    let mut read = 0;
    for retirement in pool.retirement_log(after) {
        if retirement?.sequence >= before {
            break;
        }
        read += 1;
    }
    Ok(read)
}
