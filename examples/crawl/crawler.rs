//! The crawler: workers that lease a session for each request, and settle it by what came of it.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use session_pool::{BoxError, Cookie, Error as PoolError, Lease, Refusal, SessionOptions, SessionPool};
use ureq::Agent;

use crate::options::Options;
use crate::pages::Pages;
use crate::site::START;

struct Crawler<'a> {
    pool: SessionPool,
    pages: Pages,
    agent: Agent,
    site: &'a SocketAddr,
    requests: AtomicU64,
    trace: Option<Mutex<File>>,
    bar: ProgressBar,
}

/// Crawls until every page is fetched.
pub(crate) fn crawl(options: &Options, site: &SocketAddr) -> Result<(), Box<dyn Error>> {
    let agent = Agent::new_with_config(
        Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(400)))
            .http_status_as_error(false)
            .max_redirects(0)
            .build(),
    );
    fs::create_dir_all(&options.state)?;
    let login = {
        let (agent, site) = (agent.clone(), *site);
        move |options: SessionOptions| log_in(&agent, &site, options)
    };
    let pool = SessionPool::builder()
        .max_pool_size(12)
        .session_options(SessionOptions {
            max_usage_count: 60,
            max_concurrent_uses: Some(1),
            ..SessionOptions::default()
        })
        .create_with(login)
        .open(options.state.join("sessions"))?;
    let list = options.state.join("pages");
    let pages = Pages::open(&list, START)?;
    let (done, _) = pages.progress();
    let resumed = pool.open_report().restored;
    println!("{resumed} sessions came back, {done} pages are done already");

    let trace = options.trace.as_ref().map(|path| OpenOptions::new().create(true).append(true).open(path));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} pages  {msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let trace = trace.transpose()?.map(Mutex::new);
    let crawler = Crawler { pool, pages, agent, site, requests: AtomicU64::new(0), trace, bar };
    let results: Vec<Result<(), BoxError>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..options.workers).map(|_| scope.spawn(|| crawler.work())).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker gave up".into())))
            .collect()
    });
    crawler.bar.finish_and_clear();
    results.into_iter().collect::<Result<(), _>>().map_err(|error| error as Box<dyn Error>)?;
    crawler.pool.close()?;
    crawler.summarize(resumed);
    // The next run crawls the site anew, with the sessions that are left.
    fs::remove_file(list)?;
    Ok(())
}

/// Creates a session: whoever logs in gets a cookie.
fn log_in(agent: &Agent, site: &SocketAddr, options: SessionOptions) -> Result<SessionOptions, BoxError> {
    let response = agent.get(format!("http://{site}/login")).call()?;
    let cookie = response.headers().get("set-cookie").ok_or("the log-in gave no cookie")?.to_str()?;
    let (name, value) =
        cookie.split(';').next().and_then(|pair| pair.split_once('=')).ok_or("an odd cookie")?;
    Ok(options.cookie(Cookie::new(name, value, site.ip().to_string())))
}

impl Crawler<'_> {
    fn work(&self) -> Result<(), BoxError> {
        while let Some(page) = self.pages.next() {
            match self.fetch(&page) {
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
            let stats = self.pool.stats();
            self.bar.set_message(format!("{} sessions, {} resting", stats.live, stats.resting));
        }
        Ok(())
    }

    /// Fetches a page once, and answers where it leads; `None` where it has to be tried again.
    fn fetch(&self, page: &str) -> Result<Option<Vec<String>>, BoxError> {
        let lease = match self.pool.acquire_timeout(Duration::from_secs(5)) {
            Ok(lease) => lease,
            // All of them are resting, or the log-in timed out: later.
            Err(PoolError::Refused(Refusal::NoneAvailable { .. }) | PoolError::CreateFailed { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(trace) = &self.trace {
            let line = format!("{}\n", lease.id());
            trace.lock().map_err(|_| "a worker gave up")?.write_all(line.as_bytes())?;
        }
        let request =
            self.agent.get(format!("http://{}{page}", self.site)).header("cookie", cookies(&lease)?);
        let (status, retry_after, body) = match request.call() {
            Ok(mut response) => {
                let retry_after =
                    response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let Ok(body) = response.body_mut().read_to_string() else {
                    let _ = lease.fail()?;
                    return Ok(None);
                };
                (response.status().as_u16(), retry_after.map(Duration::from_secs), body)
            }
            // A time-out, a reset: the session may have to do with it.
            Err(_) => {
                let _ = lease.fail()?;
                return Ok(None);
            }
        };
        let _ = lease.settle_status(status, retry_after)?;
        Ok(match status {
            200 => Some(links(page, &body)),
            // A dead link is done with.
            404 => Some(Vec::new()),
            _ => None,
        })
    }

    fn summarize(&self, resumed: usize) {
        let (stats, (done, _)) = (self.pool.stats(), self.pages.progress());
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

/// The value of the Cookie header.
fn cookies(lease: &Lease) -> Result<String, PoolError> {
    let pairs: Vec<String> =
        lease.cookies()?.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    Ok(pairs.join("; "))
}

/// The pages of this site that a page leads to.
fn links(page: &str, html: &str) -> Vec<String> {
    let mut links = Vec::new();
    for token in html5gum::Tokenizer::new(html) {
        let Ok(html5gum::Token::StartTag(tag)) = token else { continue };
        if tag.name.as_slice() == b"a"
            && let Some(href) = tag.attributes.get(b"href".as_slice())
            && let Some(link) = resolve(page, &String::from_utf8_lossy(href))
        {
            links.push(link);
        }
    }
    links
}

/// Where a link on a page leads to, without its fragment; `None` for other sites and for what is no HTML.
fn resolve(page: &str, href: &str) -> Option<String> {
    let href = href.split(['#', '?']).next()?;
    if href.is_empty() || href.contains(':') || href.starts_with("//") {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    if !href.starts_with('/') {
        let (directory, _) = page.rsplit_once('/')?;
        parts.extend(directory.split('/').filter(|part| !part.is_empty()));
    }
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    let is_page =
        Path::new(&path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"));
    (path == START || is_page).then_some(path)
}
