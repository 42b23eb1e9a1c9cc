//! The example's crawl, of a friendly site of 20,000 pages on loopback: with a pool of 200 sessions, and the same without a
//! pool, 200 clients of reqwest, each with reqwest's own cookies, of which one is picked at random as the pool does.
//!
//! Both take turns in one run, and each round's ratio counts. The site is in the same process, on the same processors.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_pool::client::{SessionClient, Transport, TransportBuilder};
use session_pool::{SessionOptions, SessionPool};
use tokio::task::JoinSet;

use links::links;
use pages::Pages;
use site::Temper;

use crate::support::{Goal, middle, print_ratio, print_time};

#[path = "../examples/crawl/links.rs"]
mod links;
#[path = "../examples/crawl/pages.rs"]
#[allow(dead_code, reason = "nothing fails here")]
mod pages;
#[path = "../examples/crawl/site.rs"]
mod site;

const PAGES: usize = 20_000;
const SESSIONS: usize = 200;
const WORKERS: usize = 64;
const ROUNDS: usize = 41;

pub(crate) fn benchmark() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads can be started").block_on(compare());
}

async fn compare() {
    let site = site::start(None, PAGES, Temper::Friendly).await.expect("there is a port");
    let base = format!("http://{site}");
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let pool = pool(&base, &directory.path().join("sessions"));
    let client = SessionClient::builder(pool).build().expect("the options are right");
    let by_hand = Arc::new(ByHand::log_in(&base).await);
    let with = || {
        let client = client.clone();
        crawl(directory.path(), &base, move |url| {
            let client = client.clone();
            async move { client.get(url).send().await.expect("the site is friendly").text() }
        })
    };
    let without = || {
        let by_hand = Arc::clone(&by_hand);
        crawl(directory.path(), &base, move |url| {
            let by_hand = Arc::clone(&by_hand);
            async move { by_hand.fetch(url).await }
        })
    };
    let (mut times_with, mut times_without) = (Vec::new(), Vec::new());
    // As `in_turn` does, which cannot wait.
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            times_without.push(without().await.as_secs_f64());
        }
        times_with.push(with().await.as_secs_f64());
        if round % 2 == 1 {
            times_without.push(without().await.as_secs_f64());
        }
    }
    let stats = client.pool().stats();
    assert!(stats.live == SESSIONS && stats.reclaimed == (ROUNDS * PAGES) as u64, "{stats:?}");
    print_time("crawl: a page, with a pool", middle(&times_with) / PAGES as f64);
    print_time("crawl: a page, without", middle(&times_without) / PAGES as f64);
    print_ratio("crawl: pages a second, with : without", &times_without, &times_with, Goal::AtLeast(0.95));
}

fn pool(base: &str, path: &Path) -> SessionPool {
    let (transport, login) = (Transport::new().expect("there are certificates"), format!("{base}/login"));
    SessionPool::builder()
        .max_pool_size(SESSIONS)
        .session_options(SessionOptions { max_usage_count: u32::MAX, ..SessionOptions::default() })
        .create_with_async(move |options| {
            let (transport, login) = (transport.clone(), login.clone());
            async move {
                let newcomer = transport.newcomer(options)?;
                newcomer.get(login).send().await?.error_for_status()?;
                Ok(newcomer.into_options())
            }
        })
        .open(path)
        .expect("the temporary directory can be written")
}

/// What a crawler has that has no pool.
struct ByHand {
    clients: Vec<reqwest::Client>,
}

impl ByHand {
    async fn log_in(base: &str) -> Self {
        let mut clients = Vec::new();
        for _ in 0..SESSIONS {
            let client =
                reqwest::Client::builder().cookie_store(true).timeout(TransportBuilder::DEFAULT_TIMEOUT);
            let client = client.build().expect("the options are right");
            client.get(format!("{base}/login")).send().await.expect("the site is friendly");
            clients.push(client);
        }
        Self { clients }
    }

    async fn fetch(&self, url: String) -> String {
        // As the pool does.
        let client = &self.clients[fastrand::usize(..SESSIONS)];
        let response = client.get(url).send().await.expect("the site is friendly");
        response.text().await.expect("the site is friendly")
    }
}

/// How long it takes to fetch all pages.
async fn crawl<F, T>(directory: &Path, base: &str, fetch: F) -> Duration
where
    F: Fn(String) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = String> + Send,
{
    let list = directory.join("pages");
    let pages = Arc::new(Pages::open(&list, site::START).expect("the temporary directory can be written"));
    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (pages, fetch, base) = (Arc::clone(&pages), fetch.clone(), base.to_owned());
        workers.spawn(async move {
            while let Some(page) = pages.next().await {
                let body = fetch(format!("{base}{page}")).await;
                pages.done(page.clone(), links(&page, &body)).expect("the list can be written");
            }
        });
    }
    workers.join_all().await;
    let elapsed = begin.elapsed();
    assert_eq!(pages.progress(), (PAGES, PAGES));
    std::fs::remove_file(list).expect("it is there");
    elapsed
}
