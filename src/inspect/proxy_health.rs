//! How the proxies do.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use super::query::pools;
use crate::session::{Reason, SessionId, SessionRecord};
use crate::store::{PoolName, PoolNumber, ReadStore, StoreError};

/// How sessions have fared that went out the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fate {
    /// Live sessions.
    pub live: u64,
    /// Retired sessions that are still kept, by reason.
    pub retired: BTreeMap<Reason, u64>,
    /// Uses of the sessions above.
    pub uses: u64,
    /// Those of them that were bad.
    pub errors: u64,
}

impl Default for Fate {
    fn default() -> Self {
        let retired = Reason::ALL.into_iter().map(|reason| (reason, 0)).collect();
        Self { live: 0, retired, uses: 0, errors: 0 }
    }
}

impl Fate {
    /// All of them, live and retired.
    pub fn sessions(&self) -> u64 {
        self.live + self.retired.values().sum::<u64>()
    }

    /// Those that were retired by a ban: blocked by their errors, or because the caller said so, for instance by
    /// [`Lease::settle_status`](crate::Lease::settle_status) after a 403.
    pub fn banned(&self) -> u64 {
        self.retired_by(Reason::Blocked) + self.retired_by(Reason::Retired)
    }

    /// Bad uses, of each use. 0 where there was none.
    pub fn error_rate(&self) -> f64 {
        rate(self.errors, self.uses)
    }

    /// Bans, of each session. 0 where there is none.
    pub fn ban_rate(&self) -> f64 {
        rate(self.banned(), self.sessions())
    }

    fn retired_by(&self, reason: Reason) -> u64 {
        self.retired.get(&reason).copied().unwrap_or_default()
    }

    fn note(&mut self, record: &SessionRecord) {
        match record.retired {
            Some(retired) => *self.retired.entry(retired.reason).or_default() += 1,
            None => self.live += 1,
        }
        self.uses += u64::from(record.usage_count);
        self.errors += u64::from(record.error_count);
    }
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 it is a rate all the same")]
fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How one proxy does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProxyHealth {
    /// Where it is: `scheme://host[:port]`, as [`Proxy::endpoint`](crate::Proxy::endpoint) has it. Its credentials may
    /// differ by session.
    pub endpoint: String,
    /// How the sessions behind it have fared.
    pub fate: Fate,
}

/// How the proxies do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ProxyReport {
    /// Each of them, the worst first: by its bans a session, then by its errors a use.
    pub proxies: Vec<ProxyHealth>,
    /// How the sessions have fared that have no proxy.
    pub without_proxy: Fate,
    /// Sessions that cannot be read, or whose payload cannot. They are nowhere among the others.
    pub unreadable: u64,
}

/// How the proxies do, by what is stored of their sessions: in one pool, or in all together. A pool that is not there has
/// none.
///
/// Sessions count as long as they are kept, live or retired. Since it reads the payload of each of them, it takes its time:
/// about as long as an archive of the store. It takes memory for each proxy, and for a few hundred sessions at a time.
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn proxy_health(store: &dyn ReadStore, pool: Option<&PoolName>) -> Result<ProxyReport, StoreError> {
    proxy_health_with(store, pool, &mut |_| {})
}

/// The same; `progress` hears how many sessions have been read.
///
/// # Errors
///
/// As [`proxy_health`].
pub fn proxy_health_with(
    store: &dyn ReadStore,
    pool: Option<&PoolName>,
    progress: &mut dyn FnMut(u64),
) -> Result<ProxyReport, StoreError> {
    let all = pools(store)?;
    let numbers = all.iter().filter(|entry| pool.is_none_or(|name| *name == entry.name));
    read(store, numbers.map(|entry| entry.number), progress)
}

/// The same for pools by their numbers.
pub(crate) fn proxy_health_in(
    store: &dyn ReadStore,
    pools: impl IntoIterator<Item = PoolNumber>,
) -> Result<ProxyReport, StoreError> {
    read(store, pools, &mut |_| {})
}

fn read(
    store: &dyn ReadStore,
    pools: impl IntoIterator<Item = PoolNumber>,
    progress: &mut dyn FnMut(u64),
) -> Result<ProxyReport, StoreError> {
    let mut tally = Tally::default();
    for pool in pools {
        tally.pool(store, pool, progress)?;
    }
    Ok(tally.report())
}

#[derive(Default)]
struct Tally {
    by_endpoint: BTreeMap<String, Fate>,
    without_proxy: Fate,
    unreadable: u64,
    read: u64,
}

impl Tally {
    /// How many sessions are read before their payloads are: a visit holds up others.
    const PAGE: usize = 256;

    fn pool(
        &mut self,
        store: &dyn ReadStore,
        pool: PoolNumber,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let mut page: Vec<(SessionId, SessionRecord)> = Vec::with_capacity(Self::PAGE);
        let mut last = None;
        loop {
            // Those that cannot be read are counted on the way to the one that ends the page, and so once.
            store.visit_sessions(pool, last.as_ref(), &mut |item| {
                match item {
                    Ok(session) => page.push(session),
                    Err(_) => self.unreadable += 1,
                }
                if page.len() < Self::PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            let is_last = page.len() < Self::PAGE;
            last = page.last().map(|(id, _)| *id);
            for (id, record) in page.drain(..) {
                self.session(store, pool, &id, &record)?;
                self.read += 1;
                progress(self.read);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn session(
        &mut self,
        store: &dyn ReadStore,
        pool: PoolNumber,
        id: &SessionId,
        record: &SessionRecord,
    ) -> Result<(), StoreError> {
        match store.payload(pool, id) {
            Ok(Some(payload)) => {
                let fate = match payload.proxy {
                    Some(proxy) => self.by_endpoint.entry(proxy.endpoint()).or_default(),
                    None => &mut self.without_proxy,
                };
                fate.note(record);
            }
            // Forgotten meanwhile, or else its payload is gone.
            Ok(None) => self.unreadable += u64::from(store.contains(pool, id)?),
            Err(StoreError::Unreadable(_)) => self.unreadable += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn report(self) -> ProxyReport {
        let Self { by_endpoint, without_proxy, unreadable, read: _ } = self;
        let mut proxies: Vec<ProxyHealth> =
            by_endpoint.into_iter().map(|(endpoint, fate)| ProxyHealth { endpoint, fate }).collect();
        let badness = |proxy: &ProxyHealth| (proxy.fate.ban_rate(), proxy.fate.error_rate());
        // Those that are equally bad stay in the order of their names.
        proxies.sort_by(|a, b| {
            let ((a_bans, a_errors), (b_bans, b_errors)) = (badness(a), badness(b));
            b_bans.total_cmp(&a_bans).then(b_errors.total_cmp(&a_errors))
        });
        ProxyReport { proxies, without_proxy, unreadable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(live: u64, banned: u64, exhausted: u64, uses: u64, errors: u64) -> Fate {
        let mut fate = Fate { live, uses, errors, ..Fate::default() };
        fate.retired.insert(Reason::Retired, banned);
        fate.retired.insert(Reason::Exhausted, exhausted);
        fate
    }

    #[test]
    fn rates_are_of_each_use_and_of_each_session() {
        assert_eq!((Fate::default().error_rate(), Fate::default().ban_rate()), (0.0, 0.0));
        let fate = fate(1, 2, 5, 10, 4);
        assert_eq!((fate.sessions(), fate.banned()), (8, 2));
        assert!((fate.error_rate() - 0.4).abs() < 1e-9 && (fate.ban_rate() - 0.25).abs() < 1e-9);
    }

    #[test]
    fn the_worst_comes_first() {
        let by_endpoint = [
            ("good", fate(10, 0, 0, 100, 0)),
            ("banned", fate(5, 5, 0, 100, 1)),
            ("failing", fate(10, 0, 0, 100, 30)),
            ("banned and failing", fate(1, 1, 0, 100, 30)),
            ("unused", Fate::default()),
        ];
        let by_endpoint = by_endpoint.map(|(name, fate)| (name.to_owned(), fate)).into();
        let report = Tally { by_endpoint, ..Tally::default() }.report();
        let order: Vec<&str> = report.proxies.iter().map(|proxy| proxy.endpoint.as_str()).collect();
        assert_eq!(order, ["banned and failing", "banned", "failing", "good", "unused"]);
    }
}
