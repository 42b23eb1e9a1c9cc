//! Days of crawling, in a few seconds.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use session_pool::{
    Cookie, Error, Lease, ManualClock, Proxies, Result, SessionId, SessionOptions, SessionPool, SessionStore,
    chrono,
};

const HOUR: Duration = Duration::from_secs(3600);
/// How much happens at once.
const TICK: Duration = Duration::from_secs(150);
/// How long ago the last use is.
const PAUSE: Duration = Duration::from_secs(400);

/// One site, how it is crawled, and how it likes that.
pub(crate) struct Site {
    /// The pool's name.
    pub(crate) name: String,
    pub(crate) sessions: usize,
    pub(crate) max_age: Duration,
    pub(crate) max_usage_count: u32,
    /// Uses in each tick, by day.
    pub(crate) uses: u32,
    /// Of each use.
    pub(crate) failures: f64,
    pub(crate) bans: f64,
    pub(crate) limits: f64,
    /// From when to when whoever comes is banned: so long before the end.
    pub(crate) outrage: Option<(Duration, Duration)>,
    /// From when to when it is crawled: so long before the end.
    pub(crate) crawled: (Duration, Duration),
    pub(crate) proxies: Vec<String>,
    pub(crate) has_accounts: bool,
}

impl Site {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sessions: 100,
            max_age: 2 * HOUR,
            max_usage_count: 50,
            uses: 10,
            failures: 0.04,
            bans: 0.001,
            limits: 0.0,
            outrage: None,
            crawled: (Duration::MAX, Duration::ZERO),
            proxies: Vec::new(),
            has_accounts: false,
        }
    }
}

/// Crawls these sites for so long, up to the time `end`.
pub(crate) fn write(
    store: &SessionStore,
    sites: &[Site],
    duration: Duration,
    end: DateTime<Utc>,
) -> Result<()> {
    let clock = ManualClock::new(end - duration);
    let mut random = fastrand::Rng::with_seed(7);
    let mut crawls: Vec<Crawl<'_>> = sites.iter().map(Crawl::new).collect();
    let mut left = duration;
    while left > PAUSE {
        for crawl in &mut crawls {
            crawl.tick(store, &clock, left, &mut random)?;
        }
        if let Some(pool) = crawls.iter().find_map(|crawl| crawl.pool.as_ref()) {
            pool.sweep()?;
        }
        let step = TICK.min(left.saturating_sub(PAUSE));
        clock.advance(step);
        left -= step;
    }
    crawls.iter().filter_map(|crawl| crawl.pool.as_ref()).try_for_each(SessionPool::close)
}

/// What a reply is.
enum Reply {
    Good,
    Failure,
    Limit,
    Ban,
}

/// A site while it is crawled.
struct Crawl<'a> {
    site: &'a Site,
    pool: Option<SessionPool>,
    /// Which sessions go out through the proxy that is worse than the others.
    is_bad: HashMap<SessionId, bool>,
}

impl<'a> Crawl<'a> {
    fn new(site: &'a Site) -> Self {
        Self { site, pool: None, is_bad: HashMap::new() }
    }

    /// Some uses, while the site is crawled: so long before the end.
    fn tick(
        &mut self,
        store: &SessionStore,
        clock: &ManualClock,
        left: Duration,
        random: &mut fastrand::Rng,
    ) -> Result<()> {
        let (from, to) = self.site.crawled;
        if left > from || left < to {
            return self.pool.take().map_or(Ok(()), |pool| pool.close());
        }
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => open(self.site, store, clock.clone())?,
        };
        // Twice as much at noon as at midnight.
        let hour = f64::from(pool.now().hour());
        let daylight = 0.75 - 0.25 * (hour * std::f64::consts::TAU / 24.0).cos();
        let uses = f64::from(self.site.uses) * daylight * (0.7 + 0.6 * random.f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small number, above 0"
        )]
        for _ in 0..uses as u32 {
            match pool.acquire() {
                Ok(lease) => self.settle(lease, left, random)?,
                // All of them rest.
                Err(Error::Refused(_)) => break,
                Err(error) => return Err(error),
            }
        }
        self.pool = Some(pool);
        Ok(())
    }

    fn settle(&mut self, lease: Lease, left: Duration, random: &mut fastrand::Rng) -> Result<()> {
        let is_bad = match self.is_bad.get(lease.id()) {
            Some(is_bad) => *is_bad,
            None => {
                let proxy = lease.proxy()?;
                let is_bad =
                    proxy.is_some_and(|proxy| proxy.url().contains("dc7.") || proxy.url().contains("us."));
                self.is_bad.insert(*lease.id(), is_bad);
                is_bad
            }
        };
        let _ = match self.reply(is_bad, left, random) {
            Reply::Good => lease.reclaim()?,
            Reply::Failure => lease.fail()?,
            Reply::Limit => lease.rest_for(Duration::from_secs(random.u64(600..3600)))?,
            Reply::Ban => lease.settle_status(403, None)?,
        };
        Ok(())
    }

    fn reply(&self, is_bad: bool, left: Duration, random: &mut fastrand::Rng) -> Reply {
        let site = self.site;
        let is_outraged = site.outrage.is_some_and(|(from, to)| left <= from && left > to);
        let worse = if is_bad { 4.0 } else { 1.0 };
        let bans = if is_outraged { 0.06 } else { site.bans * worse };
        let failures = if is_outraged { 0.4 } else { (site.failures * worse).min(0.5) };
        let mut is = |chance| random.f64() < chance;
        if is(bans) {
            Reply::Ban
        } else if is(site.limits) {
            Reply::Limit
        } else if is(failures) {
            Reply::Failure
        } else {
            Reply::Good
        }
    }
}

fn open(site: &Site, store: &SessionStore, clock: ManualClock) -> Result<SessionPool> {
    let mut builder = SessionPool::builder()
        .name(&site.name)
        .clock(clock)
        .max_pool_size(site.sessions.max(1))
        .session_options(SessionOptions {
            max_age: site.max_age,
            max_usage_count: site.max_usage_count,
            ..SessionOptions::default()
        });
    if !site.proxies.is_empty() {
        builder = builder.proxies(Proxies::round_robin(site.proxies.iter().map(String::as_str))?);
    }
    if site.has_accounts {
        let domain = site.name.clone();
        builder = builder.create_with(move |options| {
            let token = format!("{:016x}", fastrand::u64(..));
            Ok(options.cookie(Cookie::new("sid", &*token, &*domain)).user_data("token", token))
        });
    }
    builder.open_in(store)
}
