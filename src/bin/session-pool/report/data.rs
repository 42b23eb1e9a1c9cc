//! What is in the page, for its script.

use serde::Serialize;
use session_pool::inspect::{ByReason, Fate, Figures, Overview, PoolFigures, ProxyReport};
use session_pool::{PoolName, Retirement, Timestamp};

/// How many pools have charts of their own: those with the most sessions.
const POOLS_WITH_CHARTS: usize = 300;
/// How many proxies are in a page: the worst.
const PROXIES: usize = 200;

/// What is in the page. Times are RFC 3339, rates from 0 to 1.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    at: Timestamp,
    total: &'a Figures,
    unreadable_pools: u64,
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
    pub(super) fn new(overview: &'a Overview, proxies: &'a ProxyReport, recent: &'a [Retirement]) -> Self {
        let mut sizes: Vec<u64> = overview.pools.iter().map(size).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        // As large as the last of those that have charts; a few more where several are as large.
        let least = sizes.get(POOLS_WITH_CHARTS - 1).copied().unwrap_or(0);
        let mut charts = 0;
        let pool = |pool: &'a PoolFigures| {
            let has_charts = size(pool) >= least && charts < POOLS_WITH_CHARTS;
            charts += usize::from(has_charts);
            Pool::new(pool, has_charts)
        };
        let recent = recent.iter().map(|retirement| Recent {
            retirement,
            life_seconds: retirement.retired_at.since(retirement.created_at).as_secs(),
        });
        let ProxyReport { proxies, without_proxy, .. } = proxies;
        Self {
            at: overview.at,
            total: &overview.total,
            unreadable_pools: overview.unreadable_pools,
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

/// How much there is to tell of a pool.
fn size(pool: &PoolFigures) -> u64 {
    let figures = &pool.figures;
    figures.live + figures.retired.sum() + figures.retirements.count()
}

impl<'a> Pool<'a> {
    fn new(pool: &'a PoolFigures, has_charts: bool) -> Self {
        let figures = &pool.figures;
        let over_time = &figures.retirements.over_time.counts;
        let mut retirements = vec![0; over_time.blocked.len()];
        for (_, counts) in over_time.iter() {
            for (sum, count) in retirements.iter_mut().zip(counts) {
                *sum += count;
            }
        }
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
            retirements,
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
