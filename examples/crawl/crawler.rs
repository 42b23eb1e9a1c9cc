//! The crawler: tasks that fetch pages as sessions of the pool.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use session_pool::client::{ClientError, SessionClient, Transport};
use session_pool::{
    BoxError, Error as PoolError, Fingerprints, Refusal, SessionId, SessionOptions, SessionPool,
};
use tokio::task::JoinSet;

use crate::links::links;
use crate::options::Options;
use crate::pages::Pages;
use crate::site::START;

struct Crawler {
    client: SessionClient,
    pages: Pages,
    site: SocketAddr,
    requests: AtomicU32,
    trace: Option<Mutex<File>>,
    bar: ProgressBar,
}

/// Crawls until every page is fetched.
pub(crate) async fn crawl(options: &Options, site: SocketAddr) -> Result<(), BoxError> {
    let transport = Transport::builder().timeout(Duration::from_millis(400)).build()?;
    fs::create_dir_all(&options.state)?;
    let pool = SessionPool::builder()
        .max_pool_size(options.sessions)
        .session_options(SessionOptions {
            max_usage_count: 60,
            max_concurrent_uses: Some(1),
            ..SessionOptions::default()
        })
        .fingerprints(Fingerprints::built_in())
        .create_with_async({
            let transport = transport.clone();
            move |options| log_in(transport.clone(), site, options)
        })
        .open(options.state.join("sessions"))?;
    let resumed = pool.open_report().restored;
    let client = SessionClient::builder(pool).transport(transport).build()?;
    let list = options.state.join("pages");
    let pages = Pages::open(&list, START)?;
    println!("{resumed} sessions came back, {} pages are done already", pages.progress().0);

    let trace = options.trace.as_ref().map(|path| OpenOptions::new().create(true).append(true).open(path));
    let trace = trace.transpose()?.map(Mutex::new);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} pages  {msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let crawler = Arc::new(Crawler { client, pages, site, requests: AtomicU32::new(0), trace, bar });
    let mut workers = JoinSet::new();
    for _ in 0..options.workers {
        let crawler = Arc::clone(&crawler);
        workers.spawn(async move { crawler.work().await });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    crawler.bar.finish_and_clear();
    crawler.client.pool().close()?;
    crawler.summarize(resumed);
    // The next run crawls the site anew, with the sessions that are left.
    fs::remove_file(list)?;
    Ok(())
}

/// Creates a session: whoever logs in gets a cookie.
async fn log_in(
    transport: Transport,
    site: SocketAddr,
    options: SessionOptions,
) -> Result<SessionOptions, BoxError> {
    let newcomer = transport.newcomer(options)?;
    newcomer.get(format!("http://{site}/login")).send().await?.error_for_status()?;
    Ok(newcomer.into_options())
}

impl Crawler {
    async fn work(&self) -> Result<(), BoxError> {
        while let Some(page) = self.pages.next().await {
            match self.fetch(&page).await {
                Ok(Some(links)) => self.pages.done(page, links)?,
                Ok(None) => self.pages.again(page),
                Err(error) => {
                    // The others must not wait for this page.
                    self.pages.again(page);
                    return Err(error);
                }
            }
            let (done, found) = self.pages.progress();
            self.bar.set_length(found as u64);
            self.bar.set_position(done as u64);
            let stats = self.client.pool().stats();
            self.bar.set_message(format!("{} sessions, {} resting", stats.live, stats.resting));
        }
        Ok(())
    }

    /// Fetches a page, with as many sessions as it takes, and answers where it leads; `None` where it has to be tried
    /// again later.
    async fn fetch(&self, page: &str) -> Result<Option<Vec<String>>, BoxError> {
        let url = format!("http://{}{page}", self.site);
        match self.client.get(url).send().await {
            Ok(response) => {
                self.note(response.session(), response.visit().attempts)?;
                Ok(match response.status().as_u16() {
                    200 => Some(links(page, &response.text())),
                    // A dead link is done with.
                    404 => Some(Vec::new()),
                    _ => None,
                })
            }
            // A time-out, a reset: the client has tried again by itself.
            Err(ClientError::Failed(failed)) => {
                if let Some(visit) = failed.visit() {
                    self.note(&visit.session, visit.attempts)?;
                }
                Ok(None)
            }
            // All of them are resting, or the log-in failed: later.
            Err(ClientError::Pool(
                PoolError::Refused(Refusal::NoneAvailable { .. }) | PoolError::CreateFailed { .. },
            )) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn note(&self, session: &SessionId, attempts: u32) -> std::io::Result<()> {
        self.requests.fetch_add(attempts, Ordering::Relaxed);
        match &self.trace {
            Some(trace) => {
                let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
                trace.write_all(format!("{session}\n").as_bytes())
            }
            None => Ok(()),
        }
    }

    fn summarize(&self, resumed: usize) {
        let (stats, (done, _)) = (self.client.pool().stats(), self.pages.progress());
        let retired = stats.retired;
        println!("pages     {done}");
        println!("requests  {}", self.requests.load(Ordering::Relaxed));
        println!("sessions  {} created, {resumed} resumed, {} left", stats.created, stats.live);
        println!(
            "retired   {} by a ban, {} blocked, {} exhausted, {} expired",
            retired.retired, retired.blocked, retired.exhausted, retired.expired
        );
    }
}
