//! The store and the pools in it.

use std::time::Duration;

use session_pool::{
    BoxError, Checkpoints, Durability, Error, PoolBuilder, Retention, SessionOptions, SessionPool,
    SessionStore, Strategy,
};

use crate::options::Options;

pub(crate) struct Pools {
    pub(crate) store: SessionStore,
    /// Many sessions, picked at random, which are used up.
    pub(crate) news: SessionPool,
    /// One use at a time, and whoever has been idle longest; they grow old.
    pub(crate) shop: SessionPool,
    /// Few, in turn, each outcome durable when it is acknowledged.
    pub(crate) accounts: SessionPool,
}

/// How far behind a listener of the news can be: it is slow at times, and is to miss some.
const NEWS_CAPACITY: usize = 256;
/// The same where all sessions may grow too old at once.
const SHOP_CAPACITY: usize = 1 << 14;

impl Pools {
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let checkpoints = Checkpoints { every: options.share(12), keep: 2, ..Checkpoints::default() };
        let store =
            SessionStore::builder().checkpoints(Some(checkpoints)).open(options.state.join("store"))?;
        let (life, for_ever) = (options.share(8), Duration::from_secs(1_000_000));
        let news = pool("news.example", options, 20, for_ever)
            .max_pool_size(3000)
            .channel_capacity(NEWS_CAPACITY)
            .open_in(&store)?;
        let shop = pool("shop.example", options, u32::MAX, life)
            .max_pool_size(1500)
            .channel_capacity(SHOP_CAPACITY)
            .strategy(Strategy::LeastRecentlyUsed)
            .open_in(&store)?;
        let accounts = pool("accounts.example", options, 100, life)
            .max_pool_size(100)
            .strategy(Strategy::RoundRobin)
            .durability(Durability::Immediate)
            .open_in(&store)?;
        Ok(Self { store, news, shop, accounts })
    }

    pub(crate) fn all(&self) -> [&SessionPool; 3] {
        let Self { store: _, news, shop, accounts } = self;
        [news, shop, accounts]
    }

    pub(crate) fn close(&self) -> Result<(), BoxError> {
        for pool in self.all() {
            pool.close()?;
        }
        Ok(())
    }
}

fn pool(name: &str, options: &Options, max_usage_count: u32, max_age: Duration) -> PoolBuilder {
    // The log goes by its own retention, which lasts a little longer.
    let kept = |parts, max_count| Retention { max_age: options.share(parts), max_count };
    SessionPool::builder()
        .name(name)
        .session_options(SessionOptions {
            max_usage_count,
            max_age,
            max_concurrent_uses: (name == "shop.example").then_some(1),
            ..SessionOptions::default()
        })
        .create_with(|options| Ok(options.user_data("plan", "trial").user_data("pages", 0)))
        .retired_retention(kept(12, 20_000))
        .log_retention(kept(10, 50_000))
}
