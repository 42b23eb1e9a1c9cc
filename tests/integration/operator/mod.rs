//! The commands that change a store, as real processes.

mod adding;
#[cfg(unix)]
pub(crate) mod asking;
mod compacting;
mod killed;
mod manual;
#[cfg(unix)]
mod messages;
mod migrating;
mod purging;
mod retiring;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use session_pool::{Growth, ManualClock, Retention, SessionOptions, SessionPool};

use crate::support::{Place, named};

const TOOL: &str = env!("CARGO_BIN_EXE_session-pool");
const HOUR: Duration = Duration::from_secs(3600);

fn tool(arguments: &[&str]) -> Output {
    Command::new(TOOL).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The same with something to read on stdin.
fn tool_with(input: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(TOOL);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it did, row by row.
fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = tool(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text(&output)).unwrap()
}

/// What it says where it fails: one line.
fn mistake(output: &Output, expected_code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((code(output), error.lines().count()), (expected_code, 1), "{error}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error
}

/// A store of two days ago with the pools `shop` and `blog`: in each, every hour a session was retired, `s1` to `s6`, the third
/// and the sixth blocked; `both` lives in both of them, and another one in each.
fn a_store() -> (Place, String) {
    let place = Place::disk();
    let store = place.open_store();
    for name in ["shop", "blog"] {
        let clock = ManualClock::new((SystemTime::now() - 48 * HOUR).into());
        let builder = SessionPool::builder().name(name).clock(clock.clone()).growth(Growth::Manual);
        let builder = builder.retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED);
        let pool = builder.open_in(&store).unwrap();
        let long = |id: &str| SessionOptions { max_age: 1000 * HOUR, max_error_score: 1.0, ..named(id) };
        pool.add(long("both")).unwrap();
        pool.add(long(&format!("{name}_1"))).unwrap();
        for n in 1..=6 {
            let session = pool.add(long(&format!("s{n}")).user_data("k", "x".repeat(5000))).unwrap();
            let _ = if n % 3 == 0 { session.fail() } else { session.retire() }.unwrap();
            pool.flush().unwrap();
            clock.advance(HOUR);
        }
    }
    drop(store);
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

/// Everything of a directory: each file's content, and when it was written to.
fn everything_in(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                left.push(entry.clone());
            } else {
                let written = fs::metadata(&entry).unwrap().modified().unwrap();
                files.insert(entry.clone(), (fs::read(&entry).unwrap(), written));
            }
        }
    }
    files
}

/// Runs something that must not change the store, nor anything beside it.
fn leaves_all_as_it_is<T>(place: &Place, run: impl FnOnce() -> T) -> T {
    let around = place.path().parent().unwrap().to_owned();
    let before = everything_in(&around);
    let answer = run();
    let after = everything_in(&around);
    for (file, content) in &before {
        assert!(after.get(file) == Some(content), "{} was changed", file.display());
    }
    assert_eq!(after.len(), before.len(), "{:?}", after.keys());
    answer
}

/// A crawler opens each pool of the store, and goes on with it.
fn a_crawler_goes_on(place: &Place) {
    let store = place.open_store();
    for name in store.pool_names() {
        let builder = SessionPool::builder().name(name.as_str()).growth(Growth::Manual).max_pool_size(9999);
        let builder = builder.retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED);
        let pool = builder.open_in(&store).unwrap();
        assert_eq!(pool.open_report().unreadable, 0);
        let _ = pool.add(session_pool::SessionOptions::default()).unwrap().retire().unwrap();
        pool.flush().unwrap();
    }
    drop(store);
    place.assert_sound();
}
