//! What crawlers do with sessions, without the sites.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use session_pool::{BoxError, Cookie, Error, Lease, SessionPool};

use crate::options::Options;
use crate::pools::Pools;

/// How often a thread does its share.
const TICK: Duration = Duration::from_millis(10);
/// How long one waits for a session.
const PATIENCE: Duration = Duration::from_secs(5);
/// The sites fail for a while, again and again.
const SPELL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Uses sessions of two pools in turn, so many a second, until it is over; and looks that what is over is forgotten.
pub(crate) fn crawl(pools: &Pools, options: &Options, is_over: &AtomicBool) -> Result<(), BoxError> {
    let (began, share) = (Instant::now(), (options.rate / options.threads / 100).max(1));
    let mut next_forget = began + options.share(24);
    while !is_over.load(Ordering::Relaxed) {
        let tick = Instant::now();
        let is_bad = began.elapsed().as_millis() % SPELL.1.as_millis() < SPELL.0.as_millis();
        for turn in 0..share {
            use_once(if turn % 2 == 0 { &pools.news } else { &pools.shop }, is_bad)?;
        }
        if tick >= next_forget {
            // It happens by itself once a minute, which a short run does not last.
            pools.all().into_iter().try_for_each(|pool| pool.forget().map(drop))?;
            next_forget = tick + options.share(24);
        }
        thread::sleep(TICK.saturating_sub(tick.elapsed()));
    }
    Ok(())
}

/// Uses sessions whose every outcome waits for the disk.
pub(crate) fn order(pool: &SessionPool, is_over: &AtomicBool) -> Result<(), BoxError> {
    while !is_over.load(Ordering::Relaxed) {
        use_once(pool, false)?;
        thread::sleep(TICK);
    }
    Ok(())
}

fn use_once(pool: &SessionPool, is_bad: bool) -> Result<(), Error> {
    let lease = match pool.acquire_timeout(PATIENCE) {
        Ok(lease) => lease,
        // All of them rest, or are in use: a crawler does something else meanwhile.
        Err(Error::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if fastrand::u32(..50) == 0 {
        change(&lease)?;
    }
    let chance = fastrand::u32(..1000);
    let status = match chance {
        0 => 403,
        1..=5 => 429,
        6..=30 => 500,
        // Whoever used it has given up: its use has failed.
        31 => return Ok(()),
        32..600 if is_bad => 503,
        _ => 200,
    };
    lease.settle_status(status, Some(Duration::from_millis(500)).filter(|_| status == 429)).map(drop)
}

/// What a site's answers change: a cookie of a few, and what the crawler keeps.
fn change(lease: &Lease) -> Result<(), Error> {
    let name = format!("c{}", fastrand::u32(..6));
    let value: String = std::iter::repeat_with(fastrand::alphanumeric).take(40).collect();
    lease.set_cookies([Cookie::new(name, value, lease.pool_name().as_str())])?;
    let pages: u32 = lease.user_data("pages")?.unwrap_or_default();
    lease.set_user_data("pages", pages + 1)
}
