//! What is in the page, for its script.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde::Serialize;
use session_pool::inspect::{ByReason, Fate, Figures, Overview, PoolFigures, ProxyReport};
use session_pool::{PoolName, Retirement, Timestamp};

/// How many pools have charts of their own, and a row where no script runs: those with the most sessions.
const LARGEST: usize = 300;
/// How many proxies are in a page: the worst.
const PROXIES: usize = 200;

/// What is in the page. Times are RFC 3339, rates from 0 to 1.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    at: Timestamp,
    total: &'a Figures,
    /// By name.
    pools: Vec<Pool<'a>>,
    /// The worst first.
    proxies: Vec<Proxy<'a>>,
    proxies_left_out: usize,
    without_proxy: Option<Proxy<'a>>,
    /// The last one first.
    recent: Vec<Recent<'a>>,
}

#[derive(Serialize)]
struct Pool<'a> {
    #[serde(rename = "pool")]
    name: &'a PoolName,
    live: u64,
    ready: u64,
    resting: u64,
    unusable: u64,
    retired: ByReason<u64>,
    uses: u64,
    error_rate: f64,
    last_used_at: Option<Timestamp>,
    /// In the steps of the timeline, whatever the reason.
    retirements: Vec<u64>,
    /// For its charts, where it has some.
    figures: Option<&'a Figures>,
}

#[derive(Serialize)]
struct Proxy<'a> {
    endpoint: &'a str,
    sessions: u64,
    live: u64,
    banned: u64,
    ban_rate: f64,
    uses: u64,
    error_rate: f64,
}

#[derive(Serialize)]
struct Recent<'a> {
    #[serde(flatten)]
    retirement: &'a Retirement,
    life_seconds: u64,
}

impl<'a> Data<'a> {
    /// With charts of the largest pools.
    pub(super) fn new(
        overview: &'a Overview,
        largest: &HashSet<&PoolName>,
        proxies: &'a ProxyReport,
        recent: &'a [Retirement],
    ) -> Self {
        let pool = |pool: &'a PoolFigures| Pool::new(pool, largest.contains(&pool.pool));
        let recent = recent.iter().map(|retirement| Recent {
            retirement,
            life_seconds: retirement.retired_at.since(retirement.created_at).as_secs(),
        });
        let ProxyReport { proxies, without_proxy, .. } = proxies;
        Self {
            at: overview.at,
            total: &overview.total,
            pools: overview.pools.iter().map(pool).collect(),
            proxies: proxies
                .iter()
                .take(PROXIES)
                .map(|proxy| Proxy::new(&proxy.endpoint, &proxy.fate))
                .collect(),
            proxies_left_out: proxies.len().saturating_sub(PROXIES),
            without_proxy: (without_proxy.sessions() > 0).then(|| Proxy::new("", without_proxy)),
            recent: recent.collect(),
        }
    }
}

/// The pools that there is the most to tell of.
pub(super) fn largest(overview: &Overview) -> HashSet<&PoolName> {
    let mut pools: Vec<&PoolFigures> = overview.pools.iter().collect();
    pools.sort_by_key(|pool| Reverse(size(pool)));
    pools.into_iter().take(LARGEST).map(|pool| &pool.pool).collect()
}

/// How much there is to tell of a pool.
fn size(pool: &PoolFigures) -> u64 {
    let figures = &pool.figures;
    figures.live + figures.retired.sum() + figures.retirements.count()
}

impl<'a> Pool<'a> {
    fn new(pool: &'a PoolFigures, has_charts: bool) -> Self {
        let figures = &pool.figures;
        Self {
            name: &pool.pool,
            live: figures.live,
            ready: figures.ready,
            resting: figures.resting,
            unusable: figures.unusable.sum(),
            retired: figures.retired,
            uses: figures.uses,
            error_rate: figures.error_rate,
            last_used_at: figures.last_used_at,
            retirements: figures.retirements.over_time.sums(),
            figures: has_charts.then_some(figures),
        }
    }
}

impl<'a> Proxy<'a> {
    fn new(endpoint: &'a str, fate: &Fate) -> Self {
        Self {
            endpoint,
            sessions: fate.sessions(),
            live: fate.live,
            banned: fate.banned(),
            ban_rate: fate.ban_rate(),
            uses: fate.uses,
            error_rate: fate.error_rate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use session_pool::inspect::{self, Scope};
    use session_pool::{
        Batch, Change, ErrorScore, Limits, MemoryStore, PoolEntry, PoolNumber, SessionChange, SessionRecord,
        Store,
    };

    use super::*;

    /// Pools with so many sessions each.
    fn overview(pools: &[(String, u32)]) -> Overview {
        let store = MemoryStore::new();
        let mut changes = Vec::new();
        for (number, (name, sessions)) in (0..).zip(pools) {
            let pool = PoolNumber(number);
            changes.push(Change::Pool(PoolEntry::new(pool, name.parse().unwrap())));
            for session in 0..*sessions {
                let record = SessionRecord {
                    created_at: Timestamp::MIN,
                    expires_at: Timestamp::MAX,
                    last_used_at: None,
                    resting_until: None,
                    usage_count: 0,
                    error_count: 0,
                    error_score: ErrorScore::default(),
                    limits: Limits {
                        max_usage_count: 1,
                        max_concurrent_uses: 1,
                        max_error_score: ErrorScore::ONE,
                        error_score_decrement: ErrorScore::ONE,
                    },
                    retired: None,
                };
                let id = format!("s{session}").parse().unwrap();
                let change =
                    SessionChange { pool, id, record, is_new: true, payload: None, retirement: None };
                changes.push(Change::Session(change));
            }
        }
        store.commit(&Batch { changes }).unwrap();
        inspect::overview(&store, &Scope::default(), chrono::DateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn the_largest_pools_have_charts_wherever_their_names_stand() {
        let small = (0..2 * LARGEST).map(|n| (format!("a{n:04}"), 1));
        let pools: Vec<_> = small.chain([("z".to_owned(), 2)]).collect();
        let (overview, proxies) = (overview(&pools), ProxyReport::default());
        let largest = largest(&overview);
        let data = Data::new(&overview, &largest, &proxies, &[]);
        let with_charts = || data.pools.iter().filter(|pool| pool.figures.is_some());
        assert_eq!(with_charts().count(), LARGEST);
        assert_eq!(with_charts().next_back().unwrap().name.as_str(), "z");
        let rows = crate::report::table::pools(&overview, &largest);
        assert_eq!(rows.matches("<bdi>").count(), LARGEST);
        assert!(rows.contains("<bdi>z</bdi>") && rows.contains("301 more pools with fewer sessions"));
    }
}
