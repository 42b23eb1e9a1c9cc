//! The workload: create, use, reopen.

use std::path::Path;
use std::time::{Duration, Instant};

/// A pool of sessions, however it is kept.
pub(crate) trait Pool {
    /// Takes one at random, and marks it good.
    fn use_once(&mut self);
    /// Waits until everything would survive a power cut.
    fn settle(&mut self);
    /// How many sessions there are, and how often they were used, all together.
    fn totals(&self) -> (usize, u64);
    /// The memory of a server that it needs, in bytes.
    fn server_memory(&mut self) -> u64 {
        0
    }
}

/// One of those that are compared.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Opens it in a directory that is there, with so many new sessions if it is empty.
    pub(crate) open: fn(&Path, usize) -> Box<dyn Pool>,
    /// What is lost when the process is killed.
    pub(crate) kill: &'static str,
    /// What is lost when the power is cut.
    pub(crate) power_cut: &'static str,
}

/// How long sessions are used: slow ways do less meanwhile.
const USE_FOR: Duration = Duration::from_secs(4);
/// How many uses there are between two looks at the clock.
const AT_ONCE: u32 = 1000;

/// Measures one, and answers a line of JSON.
pub(crate) fn measure(way: &Way, sessions: usize) -> String {
    let directory = std::env::temp_dir().join(format!("alternative-{}-{}", way.name, std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory can be written");
    let before = resident();

    let began = Instant::now();
    let mut pool = (way.open)(&directory, sessions);
    pool.settle();
    let create = began.elapsed().as_secs_f64() / sessions as f64;

    let (_, already) = pool.totals();
    let (began, mut uses) = (Instant::now(), 0_u32);
    while began.elapsed() < USE_FOR {
        (0..AT_ONCE).for_each(|_| pool.use_once());
        uses += AT_ONCE;
    }
    pool.settle();
    let each = began.elapsed().as_secs_f64() / f64::from(uses);
    let memory = (resident().saturating_sub(before) + pool.server_memory()) as f64 / sessions as f64;
    drop(pool);
    let disk = size(&directory) as f64 / sessions as f64;

    let began = Instant::now();
    let pool = (way.open)(&directory, sessions);
    let reopen = began.elapsed().as_secs_f64();
    assert_eq!(pool.totals(), (sessions, already + u64::from(uses)), "{} lost something", way.name);
    drop(pool);
    std::fs::remove_dir_all(&directory).expect("it can be removed");
    let (kill, power_cut) = (way.kill, way.power_cut);
    format!(
        r#"{{"create": {create:e}, "use": {each:e}, "reopen": {reopen:e}, "resident": {memory}, "disk": {disk}, "kill": "{kill}", "power_cut": "{power_cut}"}}"#
    )
}

/// How many bytes of this process are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse::<u64>().expect("a number") * 1024
}

/// How many bytes are in the files below a directory.
fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("it can be read");
    let sizes = entries.map(|entry| {
        let entry = entry.expect("it can be read");
        let metadata = entry.metadata().expect("it is there");
        if metadata.is_dir() { size(&entry.path()) } else { metadata.len() }
    });
    sizes.sum()
}
