//! The page that `report` writes: as a file, and in a browser.

mod browser;
mod in_a_browser;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use session_pool::inspect::{self, Scope};
use session_pool::{SledStoreOptions, Timestamp};

use crate::history::{self, Site};
use crate::support::Place;
use crate::tool::{code, text, tool};

const HOUR: Duration = Duration::from_secs(3600);

/// Names that do harm wherever they are taken for markup, script or layout.
const HOSTILE: [&str; 6] = [
    "</script><script>window.harmed = 1</script>",
    "<img src=x onerror=\"window.harmed = 2\">",
    "'\"><svg onload=window.harmed=3>",
    "<!--<script>",
    "\u{202e}elpmaxe.pohs\u{2028}\u{200b}{{data}}",
    "${window.harmed = 4}\\u003cb\\u003e&lt;",
];

/// A proxy whose host does, too.
const HOSTILE_PROXY: &str = "http://user:topsecret@\"><script>window.harmed=8<\u{202e}moc:8000";

/// Sites with all that can be: proxies, rests, bans, a crawl that ended, and names that do harm.
fn sites() -> Vec<Site> {
    let proxies = vec!["http://user:topsecret@one.proxy.example:8000".into(), HOSTILE_PROXY.into()];
    let mut sites = vec![
        Site { sessions: 30, bans: 0.05, failures: 0.3, proxies, ..Site::new("shop.example") },
        Site {
            sessions: 20,
            max_usage_count: 8,
            limits: 0.2,
            has_accounts: true,
            ..Site::new("accounts.example")
        },
        Site { crawled: (Duration::MAX, 3 * HOUR), max_age: HOUR, ..Site::new("ended.example") },
        Site { uses: 0, ..Site::new("idle.example") },
    ];
    sites.extend(HOSTILE.map(|name| Site { sessions: 3, uses: 2, ..Site::new(name) }));
    sites
}

/// A store with a history of some hours, whose path does harm too, and the report on it.
struct Written {
    _place: tempfile::TempDir,
    store: PathBuf,
    page: PathBuf,
}

impl Written {
    fn of(sites: &[Site]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("<b onclick='x'>&amp;\"sessions\u{202e}{{nonce}}");
        let page = place.path().join("page.html");
        let sessions = session_pool::SessionStore::builder().checkpoints(None).open(&store).unwrap();
        history::write(&sessions, sites, 6 * HOUR, std::time::SystemTime::now().into()).unwrap();
        drop(sessions);
        let written = Self { _place: place, store, page };
        let output = written.report(&["--html", written.page.to_str().unwrap()]);
        assert!(text(&output).contains("10 pools") || sites.len() != 10);
        written
    }

    fn report(&self, arguments: &[&str]) -> Output {
        tool(&[&["report", self.store.to_str().unwrap()], arguments].concat())
    }

    fn html(&self) -> String {
        std::fs::read_to_string(&self.page).unwrap()
    }

    /// What is in the page for its script.
    fn data(&self) -> Value {
        data(&self.html())
    }
}

fn data(html: &str) -> Value {
    let (_, from) = html.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_has_the_numbers_of_the_overview() {
    let written = Written::of(&sites());
    let data = written.data();
    let store = SledStoreOptions::new().create(false).open(&written.store).unwrap();
    let at: Timestamp = serde_json::from_value(data["at"].clone()).unwrap();
    let overview = inspect::overview(&store, &Scope::default(), at.to_datetime()).unwrap();
    let overview = serde_json::to_value(overview).unwrap();
    assert_eq!(data["total"], overview["total"]);
    let pools = data["pools"].as_array().unwrap();
    assert_eq!(pools.len(), 10);
    for (pool, counted) in pools.iter().zip(overview["pools"].as_array().unwrap()) {
        assert_eq!(pool["pool"], counted["pool"]);
        for field in ["live", "ready", "resting", "retired", "uses", "error_rate", "last_used_at"] {
            assert_eq!(pool[field], counted[field], "{field}");
        }
        let over_time = pool["retirements"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap());
        assert_eq!(over_time.sum::<u64>(), counted["retirements"]["ever"]);
    }
    let health = inspect::proxy_health(&store, None).unwrap();
    let endpoints = |proxies: &Value| -> Vec<String> {
        let proxies = proxies.as_array().unwrap();
        proxies.iter().map(|proxy| proxy["endpoint"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(endpoints(&data["proxies"]), endpoints(&serde_json::to_value(&health.proxies).unwrap()));
    assert_eq!(data["without_proxy"]["sessions"], health.without_proxy.sessions());
    let recent = data["recent"].as_array().unwrap();
    assert!(recent.is_sorted_by_key(|entry| std::cmp::Reverse(entry["retired_at"].as_str().unwrap())));
    assert_eq!(recent[0]["retired_at"], data["total"]["retirements"]["last_at"]);
}

#[test]
fn what_the_store_has_is_in_the_page_as_text_alone_and_without_secrets() {
    let written = Written::of(&sites());
    let html = written.html();
    for name in HOSTILE.iter().chain(&["<b onclick", "topsecret", "\u{202e}"]) {
        assert!(!html.contains(name), "{name}");
    }
    assert_eq!(html.matches("</script>").count(), 2, "its own two ends");
    assert!(written.data()["pools"].as_array().unwrap().iter().any(|pool| pool["pool"] == HOSTILE[0]));
    // What looks like a place to be filled in is a name: in the title, the head and the data.
    assert_eq!(html.matches("{{nonce}}").count(), 2);
    assert_eq!(html.matches("{{").count(), 2 + html.matches("{{data}}").count());
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let written = Written::of(&[]);
    let page = written.page.to_str().unwrap();
    let before = written.html();
    let refused = written.report(&["--html", page]);
    assert_eq!(code(&refused), 2);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("is something at") && message.contains("--force") && message.lines().count() == 1
    );
    assert_eq!(written.html(), before);
    let _ = text(&written.report(&["--html", page, "--force"]));
    assert_ne!(written.html(), before, "it has a number of its own");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(page).unwrap().permissions().mode() & 0o777, 0o600);
        let dangling = written.page.with_extension("link");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert_eq!(code(&written.report(&["--html", dangling.to_str().unwrap()])), 2);
    }
    let left = std::fs::read_dir(Path::new(page).parent().unwrap()).unwrap();
    assert!(left.flatten().all(|entry| !entry.file_name().to_string_lossy().contains("unfinished")));
}

/// What a path leads to, told apart from anything that stands in its place.
#[cfg(unix)]
fn what_is_at(path: &Path) -> (u64, u32, Option<Vec<u8>>) {
    use std::os::unix::fs::MetadataExt;
    let found = path.symlink_metadata().unwrap();
    (found.ino(), found.mode(), found.is_file().then(|| std::fs::read(path).unwrap()))
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_even_when_asked() {
    let written = Written::of(&[]);
    let beside = |name: &str| written.page.with_file_name(name);
    let (fifo, link, dangling, directory) =
        (beside("fifo"), beside("link"), beside("dangling"), beside("directory"));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::os::unix::fs::symlink(&written.page, &link).unwrap();
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    std::fs::create_dir(&directory).unwrap();
    let page = what_is_at(&written.page);
    for (place, what) in
        [(&fifo, "no file"), (&link, "a link"), (&dangling, "a link"), (&directory, "a directory")]
    {
        let before = what_is_at(place);
        for force in [&["--force"][..], &[]] {
            let output = written.report(&[&["--html", place.to_str().unwrap()], force].concat());
            let message = String::from_utf8(output.stderr.clone()).unwrap();
            assert_eq!((code(&output), message.lines().count()), (2, 1), "{message}");
            assert!(message.contains(&format!("is {what}")) && !message.contains("--force"), "{message}");
        }
        assert_eq!(what_is_at(place), before, "{}", place.display());
    }
    assert_eq!(what_is_at(&written.page), page);
}

#[test]
fn a_report_never_takes_the_place_of_what_it_tells_of() {
    let written = Written::of(&sites()[..1]);
    let archive = written.page.with_extension("archive");
    let _ = text(&tool(&["backup", written.store.to_str().unwrap(), archive.to_str().unwrap()]));
    let before = std::fs::read(&archive).unwrap();
    let marker = written.store.join("STORE");
    assert!(marker.is_file(), "a store has that file");
    let marked = std::fs::read(&marker).unwrap();
    // However it is spelt.
    let around = written.store.join("..").join(written.store.file_name().unwrap());
    for (source, page) in [
        (&written.store, &marker),
        (&written.store, &around.join("STORE")),
        (&around, &marker),
        (&written.store, &written.store.join("new.html")),
        (&written.store, &written.store.join("checkpoints").join("new.html")),
        (&archive, &archive),
    ] {
        if let Some(directory) = page.parent().filter(|_| page.ends_with("checkpoints/new.html")) {
            std::fs::create_dir_all(directory).unwrap();
        }
        let (source, page) = (source.to_str().unwrap(), page.to_str().unwrap());
        let output = tool(&["report", source, "--html", page, "--force"]);
        let message = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!((code(&output), message.lines().count()), (2, 1), "{message}");
        assert!(message.contains("what is looked into"), "{message}");
    }
    assert!(!written.store.join("new.html").exists());
    assert_eq!((std::fs::read(&archive).unwrap(), std::fs::read(&marker).unwrap()), (before, marked));
    let _ = text(&written.report(&["--html", "-"]));
}

#[test]
fn an_archive_is_told_of_as_the_store_is() {
    let written = Written::of(&sites()[..1]);
    let store = written.store.to_str().unwrap();
    let of_store = text(&written.report(&["--html", "-"]));
    let archive = written.page.with_extension("archive");
    let archive = archive.to_str().unwrap();
    let _ = text(&tool(&["backup", store, archive]));
    let of_archive = text(&tool(&["report", archive, "--html", "-"]));
    assert!(of_archive.contains(" · archived 20") && !of_store.contains(" · archived 20"));
    for field in ["proxies", "recent"] {
        assert_eq!(data(&of_archive)[field], data(&of_store)[field], "{field}");
    }
    assert_eq!(
        data(&of_archive)["total"]["retirements"]["by_reason"],
        data(&of_store)["total"]["retirements"]["by_reason"]
    );
    assert!(text(&tool(&["stats", archive])).contains("as archived"));
}

#[test]
fn a_page_goes_to_stdout_too_and_where_it_cannot_go_nothing_is_left() {
    let written = Written::of(&[]);
    let html = text(&written.report(&["--html", "-"]));
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
    assert_eq!(data(&html)["pools"], Value::Array(Vec::new()));
    let nowhere = written.page.with_file_name("nowhere").join("page.html");
    let output = written.report(&["--html", nowhere.to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere"));
    assert!(!nowhere.parent().unwrap().exists());
    let missing = Place::disk().path();
    let page = written.page.with_extension("other");
    let output = tool(&["report", missing.to_str().unwrap(), "--html", page.to_str().unwrap()]);
    assert_eq!((code(&output), page.exists()), (3, false));
}
