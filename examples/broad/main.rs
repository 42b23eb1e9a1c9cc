//! A broad crawl: many sites at once, a pool for each, all in one store.
//!
//! ```text
//! cargo run --release --features reqwest --example broad
//! ```
//!
//! The sites are served by this program itself, on loopback. Some are friendly; the others ban, limit, hang and fail. A
//! session is who somebody is to one site, so each site has sessions of its own, and what is wise differs from site to site:
//! a hostile one gets sessions that are used by one request at a time and rest often, a friendly one few that are used by all.
//! The store is one directory, one lock and one log for all of them.

#[path = "../crawl/links.rs"]
mod links;
#[path = "../crawl/site.rs"]
mod site;

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use links::links;
use session_pool::client::{ClientError, SessionClient, Transport};
use session_pool::{
    BoxError, Error, Fingerprints, PoolStats, Refusal, SessionOptions, SessionPool, SessionStore, Strategy,
};
use site::Temper;
use tokio::task::JoinSet;

const SITES: usize = 6;
const PAGES: usize = 300;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let directory = std::env::temp_dir().join(format!("broad-{}", std::process::id()));
    let transport = Transport::builder().timeout(Duration::from_millis(400)).build()?;
    let store = SessionStore::open(&directory)?;
    let mut crawls = JoinSet::new();
    for number in 0..SITES {
        let temper = if number % 2 == 0 { Temper::Hostile } else { Temper::Friendly };
        let base = format!("http://{}", site::start(None, PAGES, temper).await?);
        let pool = pool(&store, &format!("site-{number}"), temper, &transport, &base)?;
        let client = SessionClient::builder(pool).transport(transport.clone()).build()?;
        crawls.spawn(async move { crawl(&client, &base).await.map(|read| (number, temper, read, client)) });
    }
    println!("site    temper    pages  sessions made  retired  uses");
    let mut live = 0;
    for crawl in crawls.join_all().await {
        let (number, temper, read, client) = crawl?;
        let PoolStats { created, retired, reclaimed, failed, rested, .. } = client.pool().stats();
        let all = retired.blocked + retired.exhausted + retired.expired + retired.retired;
        let uses = reclaimed + failed + rested + retired.retired;
        println!("site-{number}  {:8}  {read:5}  {created:13}  {all:7}  {uses:4}", format!("{temper:?}"));
        if read != PAGES {
            return Err(format!("site-{number} has {PAGES} pages, and {read} were read").into());
        }
        live += client.pool().stats().live;
        client.pool().close()?;
    }
    drop(store);
    let restored = restored(&directory)?;
    println!("opened again: {restored} sessions of {SITES} sites came back");
    std::fs::remove_dir_all(directory)?;
    if restored == live { Ok(()) } else { Err(format!("{live} sessions were left").into()) }
}

/// The pool of a site, in the store that all share.
fn pool(
    store: &SessionStore,
    name: &str,
    temper: Temper,
    transport: &Transport,
    base: &str,
) -> Result<SessionPool, BoxError> {
    let (sessions, uses_at_once, strategy) = match temper {
        Temper::Hostile => (6, Some(1), Strategy::LeastRecentlyUsed),
        Temper::Friendly => (2, None, Strategy::Random),
    };
    let (transport, login) = (transport.clone(), format!("{base}/login"));
    let pool = SessionPool::builder()
        .name(name)
        .max_pool_size(sessions)
        .session_options(SessionOptions { max_concurrent_uses: uses_at_once, ..SessionOptions::default() })
        .strategy(strategy)
        .fingerprints(Fingerprints::built_in())
        .create_with_async(move |options| {
            let (transport, login) = (transport.clone(), login.clone());
            async move {
                let newcomer = transport.newcomer(options)?;
                newcomer.get(login).send().await?.error_for_status()?;
                Ok(newcomer.into_options())
            }
        });
    Ok(pool.open_in(store)?)
}

/// Reads all pages of a site, and answers how many those are.
async fn crawl(client: &SessionClient, base: &str) -> Result<usize, BoxError> {
    let mut found = BTreeSet::from([site::START.to_owned()]);
    let mut waiting: VecDeque<String> = found.iter().cloned().collect();
    let mut under_way = JoinSet::new();
    let mut read = 0;
    loop {
        while under_way.len() < 4
            && let Some(page) = waiting.pop_front()
        {
            let (client, url) = (client.clone(), format!("{base}{page}"));
            under_way.spawn(async move { (page, client.get(url).send().await) });
        }
        let Some(fetched) = under_way.join_next().await else { return Ok(read) };
        match fetched? {
            (page, Ok(response)) if response.status() == 200 => {
                read += 1;
                let new =
                    links(&page, &response.text()).into_iter().filter(|link| found.insert(link.clone()));
                waiting.extend(new);
            }
            // The site or the session had enough: later. The client has tried others by itself.
            (page, Ok(_) | Err(ClientError::Failed(_))) => waiting.push_back(page),
            (
                page,
                Err(ClientError::Pool(
                    Error::Refused(Refusal::NoneAvailable { .. }) | Error::CreateFailed { .. },
                )),
            ) => {
                waiting.push_back(page);
            }
            (_, Err(error)) => return Err(error.into()),
        }
    }
}

/// How many sessions a store has for whoever opens it next.
fn restored(directory: &Path) -> Result<usize, BoxError> {
    let store = SessionStore::open(directory)?;
    let mut restored = 0;
    for number in 0..SITES {
        restored +=
            SessionPool::builder().name(format!("site-{number}")).open_in(&store)?.open_report().restored;
    }
    Ok(restored)
}
