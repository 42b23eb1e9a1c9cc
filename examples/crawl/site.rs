//! A hostile site on loopback: HTTP/1.1, one request a connection.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Requests a visitor may make within one second before it is told to wait.
const REQUESTS_A_SECOND: u32 = 12;
/// One in so many requests hangs for longer than the client waits.
const HANGS_ONE_IN: u64 = 97;
/// One in so many requests fails at the server.
const FAILS_ONE_IN: u64 = 71;

/// The page that a crawl starts with.
pub(crate) const START: &str = "/";

struct Site {
    pages: BTreeMap<String, String>,
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
pub(crate) fn start(directory: Option<&Path>, made_up: usize) -> io::Result<SocketAddr> {
    let pages = match directory {
        Some(directory) => read_pages(directory)?,
        None => make_up(made_up),
    };
    let site = Arc::new(Site {
        pages,
        visitors: Mutex::default(),
        // Cookies of an earlier run are honoured, so new ones must differ.
        logins: AtomicU64::new(u64::from(std::process::id()) << 32),
        requests: AtomicU64::new(0),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let site = Arc::clone(&site);
            // A client that goes away in the middle is none of the site's concern.
            thread::spawn(move || drop(site.serve(&connection)));
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
    fn serve(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut lines = BufReader::new(connection).lines();
        let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut cookie = None;
        for line in lines {
            let line = line?;
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("cookie") => {
                    cookie = Some(value.trim().to_owned());
                }
                Some(_) => {}
                None => break,
            }
        }
        let path = request.split(' ').nth(1).unwrap_or("/");
        let (status, header, body) = self.answer(path, cookie.as_deref());
        let mut connection = connection;
        write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n{header}connection: close\r\n\r\n{body}",
            body.len()
        )?;
        connection.flush()
    }

    fn answer(&self, path: &str, cookie: Option<&str>) -> (&'static str, String, &str) {
        const FORBIDDEN: (&str, &str) = ("403 Forbidden", "<h1>Who are you?</h1>");
        if path == "/login" {
            let number = self.logins.fetch_add(1, Ordering::Relaxed);
            return (
                "200 OK",
                format!("set-cookie: visitor={number:x}; Path=/; HttpOnly\r\n"),
                "<h1>Welcome</h1>",
            );
        }
        let Some(visitor) = cookie.and_then(|cookie| cookie.strip_prefix("visitor=")) else {
            return (FORBIDDEN.0, String::new(), FORBIDDEN.1);
        };
        match self.judge(visitor) {
            Verdict::Banned => return (FORBIDDEN.0, String::new(), FORBIDDEN.1),
            Verdict::TooFast => {
                return ("429 Too Many Requests", "retry-after: 1\r\n".to_owned(), "<h1>Slowly</h1>");
            }
            Verdict::Welcome => {}
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number % HANGS_ONE_IN == HANGS_ONE_IN - 1 {
            thread::sleep(Duration::from_millis(700));
        }
        if number % FAILS_ONE_IN == FAILS_ONE_IN - 1 {
            return ("500 Internal Server Error", String::new(), "<h1>Oops</h1>");
        }
        match self.pages.get(path) {
            Some(body) => ("200 OK", String::new(), body),
            None => ("404 Not Found", String::new(), "<h1>Nothing here</h1>"),
        }
    }

    fn judge(&self, name: &str) -> Verdict {
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

enum Verdict {
    Welcome,
    TooFast,
    Banned,
}
