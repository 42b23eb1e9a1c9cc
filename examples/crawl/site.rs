//! A site on loopback, hostile unless it is told otherwise.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Requests a visitor may make within one second before it is told to wait.
const REQUESTS_A_SECOND: u32 = 12;
/// One in so many requests hangs for longer than the client waits.
const HANGS_ONE_IN: u64 = 97;
/// One in so many requests fails at the server.
const FAILS_ONE_IN: u64 = 71;

/// The page that a crawl starts with.
pub(crate) const START: &str = "/";

/// How a site treats its visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// It bans them, slows them down, hangs and fails.
    Hostile,
    /// It wants their cookie, and no more.
    #[allow(dead_code, reason = "for measuring")]
    Friendly,
}

struct Site {
    pages: BTreeMap<String, String>,
    temper: Temper,
    visitors: Mutex<HashMap<String, Visitor>>,
    logins: AtomicU64,
    requests: AtomicU64,
}

struct Visitor {
    requests: u32,
    banned_after: u32,
    second: Instant,
    in_second: u32,
}

/// Serves a directory of HTML, or pages made up, and answers the address.
pub(crate) async fn start(
    directory: Option<&Path>,
    made_up: usize,
    temper: Temper,
) -> io::Result<SocketAddr> {
    let pages = match directory {
        Some(directory) => read_pages(directory)?,
        None => make_up(made_up),
    };
    let site = Arc::new(Site {
        pages,
        temper,
        visitors: Mutex::default(),
        // Cookies of an earlier run are honoured, so new ones must differ.
        logins: AtomicU64::new(u64::from(std::process::id()) << 32),
        requests: AtomicU64::new(0),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let site = Arc::clone(&site);
            let service = service_fn(move |request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.serve(&request).await) }
            });
            // A client that goes away in the middle is none of the site's concern.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    Ok(address)
}

fn make_up(count: usize) -> BTreeMap<String, String> {
    let name = |n: usize| if n == 0 { START.to_owned() } else { format!("/page/{n}.html") };
    let page = |n: usize| {
        let links = [2 * n + 1, 2 * n + 2, n * 7919 % count, n / 2].into_iter().filter(|to| *to < count);
        let links: Vec<String> =
            links.map(|to| format!("<li><a href=\"{}\">Page {to}</a>\n", name(to))).collect();
        format!("<!doctype html><title>Page {n}</title><h1>Page {n}</h1><ul>\n{}</ul>\n", links.concat())
    };
    (0..count).map(|n| (name(n), page(n))).collect()
}

/// Every HTML file below a directory, and a start page that leads to those at its top, or one level below.
fn read_pages(directory: &Path) -> io::Result<BTreeMap<String, String>> {
    fn walk(directory: &Path, prefix: &str, pages: &mut BTreeMap<String, String>) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            if path.is_dir() {
                walk(&path, &format!("{prefix}{name}/"), pages)?;
            } else if path.extension().is_some_and(|extension| extension == "html") {
                pages.insert(
                    format!("{prefix}{name}"),
                    String::from_utf8_lossy(&fs::read(path)?).into_owned(),
                );
            }
        }
        Ok(())
    }
    let mut pages = BTreeMap::new();
    walk(directory, "/", &mut pages)?;
    if pages.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("no HTML files below {}", directory.display()),
        ));
    }
    let tops = pages.keys().filter(|page| page.matches('/').count() <= 2);
    let start: Vec<String> = tops.map(|page| format!("<a href=\"{page}\">{page}</a>\n")).collect();
    pages.insert(START.to_owned(), start.concat());
    Ok(pages)
}

impl Site {
    async fn serve(&self, request: &Request<Incoming>) -> Response<String> {
        let (path, cookie) = (request.uri().path(), request.headers().get(COOKIE));
        if path == "/login" {
            let number = self.logins.fetch_add(1, Ordering::Relaxed);
            return answer(
                StatusCode::OK,
                Some((SET_COOKIE, format!("visitor={number:x}; Path=/; HttpOnly"))),
                "Welcome",
            );
        }
        let visitor = cookie.and_then(|cookie| cookie.to_str().ok()?.strip_prefix("visitor="));
        match visitor.map_or(Verdict::Banned, |visitor| self.judge(visitor)) {
            Verdict::Banned => return answer(StatusCode::FORBIDDEN, None, "Who are you?"),
            Verdict::TooFast => {
                return answer(StatusCode::TOO_MANY_REQUESTS, Some((RETRY_AFTER, "1".to_owned())), "Slowly");
            }
            Verdict::Welcome => {}
        }
        if self.temper == Temper::Hostile {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            if number % HANGS_ONE_IN == HANGS_ONE_IN - 1 {
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            if number % FAILS_ONE_IN == FAILS_ONE_IN - 1 {
                return answer(StatusCode::INTERNAL_SERVER_ERROR, None, "Oops");
            }
        }
        match self.pages.get(path) {
            Some(body) => answer(StatusCode::OK, None, body),
            None => answer(StatusCode::NOT_FOUND, None, "Nothing here"),
        }
    }

    fn judge(&self, name: &str) -> Verdict {
        if self.temper == Temper::Friendly {
            return Verdict::Welcome;
        }
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let number: u64 = name.bytes().map(u64::from).sum();
        let visitor = visitors.entry(name.to_owned()).or_insert_with(|| Visitor {
            requests: 0,
            banned_after: u32::try_from(20 + number % 30).unwrap_or(20),
            second: Instant::now(),
            in_second: 0,
        });
        if visitor.second.elapsed() >= Duration::from_secs(1) {
            (visitor.second, visitor.in_second) = (Instant::now(), 0);
        }
        visitor.requests += 1;
        visitor.in_second += 1;
        if visitor.requests > visitor.banned_after {
            Verdict::Banned
        } else if visitor.in_second > REQUESTS_A_SECOND {
            Verdict::TooFast
        } else {
            Verdict::Welcome
        }
    }
}

fn answer(status: StatusCode, header: Option<(HeaderName, String)>, body: &str) -> Response<String> {
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::try_from(value)
    {
        response.headers_mut().insert(name, value);
    }
    response
}

enum Verdict {
    Welcome,
    TooFast,
    Banned,
}
