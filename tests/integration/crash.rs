//! A process that is killed in the middle of its work: everything it was told is durable is there, and all of it agrees.
//!
//! The process is this test program itself, started with a variable that makes it run [`work`].

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use session_pool::{
    Durability, Outcome, Retention, Sequence, SessionId, SessionOptions, SessionPool, SessionStore,
    SledStoreOptions,
};

use crate::support::assert_sound;

const VARIABLE: &str = "SESSION_POOL_TEST_CRASH_IN";

/// What the process told of a session before it was killed.
#[derive(Default)]
struct Told {
    usage: u32,
    retired: bool,
    user_data: Option<u32>,
}

fn builder(name: &str, durability: Durability) -> session_pool::PoolBuilder {
    SessionPool::builder()
        .name(name)
        .max_pool_size(40)
        .durability(durability)
        .session_options(SessionOptions { max_usage_count: 12, ..SessionOptions::default() })
        .retired_retention(Retention::UNLIMITED)
        .log_retention(Retention::UNLIMITED)
}

/// Works until it is killed, and tells of everything that was acknowledged as durable.
fn work(path: &Path) {
    let store = SessionStore::open(path).unwrap();
    let immediate = builder("immediate", Durability::Immediate).open_in(&store).unwrap();
    let delay = Duration::from_millis(2);
    let buffered = builder("buffered", Durability::Buffered { max_delay: delay }).open_in(&store).unwrap();
    let tell = |line: String| {
        // One write, so that a line is there or not.
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line.as_bytes());
        let _ = out.flush();
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let lease = immediate.acquire().unwrap();
                    let (id, session) = (*lease.id(), lease.session().clone());
                    let value = fastrand::u32(..);
                    let told = match fastrand::u8(..10) {
                        0 => match session.set_user_data("k", value) {
                            Ok(()) => format!("data {id} {value}\n"),
                            Err(_) => String::new(),
                        },
                        _ => String::new(),
                    };
                    let outcome = match fastrand::u8(..10) {
                        0 => lease.retire(),
                        1..4 => lease.fail(),
                        _ => lease.reclaim(),
                    };
                    let retired = !matches!(outcome.unwrap(), Outcome::Live);
                    tell(format!("{told}used {id} {} {retired}\n", u32::from(!retired)));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 1.. {
                    let _ = buffered.acquire().unwrap().fail().unwrap();
                    // Leaves the committer some time for the others, who wait for it.
                    thread::sleep(Duration::from_micros(500));
                    if n % 20 == 0 {
                        let retired = buffered.stats().retired.total();
                        buffered.flush().unwrap();
                        tell(format!("flushed {retired}\n"));
                    }
                }
            });
        }
    });
}

#[test]
fn child() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        work(Path::new(&path));
    }
}

/// Lets a process work for a while, kills it, and answers what it had told.
fn crash(path: &Path, after: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (works, at_work) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let lines = out.lines().map_while(Result::ok);
        let tell = |line: &String| {
            if line.starts_with("used") {
                // Nobody may listen any more.
                let _ = works.send(());
            }
        };
        lines.inspect(tell).collect::<Vec<String>>()
    });
    // Now and then it is killed at any moment, opening the store perhaps; else once it is at work, however long a busy
    // machine took to let it.
    if !fastrand::u8(..5).is_multiple_of(5) {
        let _ = at_work.recv_timeout(Duration::from_secs(20));
    }
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Kills a process so many times, and verifies the store after each.
fn crash_often(times: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sessions");
    let mut told: HashMap<SessionId, Told> = HashMap::new();
    let (mut acknowledged, mut retired_buffered) = (0, 0);
    for round in 0..times {
        let after = Duration::from_millis(30 + u64::from(fastrand::u8(..200)));
        let (mut flushed, mut recent) = (0, HashSet::new());
        for line in crash(&path, after) {
            if let Some(retired) = line.strip_prefix("flushed ") {
                flushed = flushed.max(retired.parse::<usize>().unwrap());
                continue;
            }
            let mut words = line.split(' ');
            match (words.next(), words.next().and_then(|id| id.parse().ok())) {
                (Some("used"), Some(id)) => {
                    recent.insert(id);
                    let told = told.entry(id).or_default();
                    told.usage += words.next().unwrap().parse::<u32>().unwrap();
                    told.retired |= words.next() == Some("true");
                    acknowledged += 1;
                }
                (Some("data"), Some(id)) => {
                    told.entry(id).or_default().user_data = Some(words.next().unwrap().parse().unwrap());
                }
                _ => {}
            }
        }
        if !path.join("STORE").exists() {
            continue;
        }
        // Once as it is, without a pool that would write to it, and once as a crawler would go on.
        let store = SledStoreOptions::new().open(&path).unwrap();
        assert_sound(&store);
        drop(store);
        let store = SessionStore::open(&path).unwrap();
        let pool = builder("immediate", Durability::Immediate).open_in(&store).unwrap();
        assert_eq!(pool.open_report().unreadable, 0);
        // What was told last each time, and in the end all that was ever told.
        let is_thorough = round + 1 == times;
        for (id, told) in told.iter().filter(|(id, _)| is_thorough || recent.contains(*id)) {
            let state =
                pool.get(id).unwrap_or_else(|error| panic!("I-4, round {round}: {error}")).state().unwrap();
            assert!(
                state.usage_count >= told.usage,
                "I-4, round {round}: {id} {} {}",
                state.usage_count,
                told.usage
            );
            assert!(state.retired.is_some() || !told.retired, "I-4, round {round}: {id} was retired");
            if told.user_data.is_some() {
                assert!(
                    state.user_data.get::<u32>("k").unwrap().is_some(),
                    "I-4, round {round}: {id}'s user data"
                );
            }
        }
        let log: Vec<_> = pool.retirement_log(Sequence::START).map(|entry| entry.unwrap().id).collect();
        let mut once = log.clone();
        once.sort();
        once.dedup();
        assert_eq!(log.len(), once.len(), "R-4: told twice across a crash");
        let pool = builder("buffered", Durability::default()).open_in(&store).unwrap();
        let logged = pool.retirement_log(Sequence::START).count();
        assert!(
            logged >= retired_buffered + flushed,
            "I-4, round {round}: {logged} {retired_buffered} {flushed}"
        );
        retired_buffered = logged;
    }
    assert!(acknowledged > u64::from(times) / 5, "the process hardly got to work: {acknowledged}");
    println!("{times} kills, {acknowledged} outcomes acknowledged as durable, {} sessions", told.len());
}

#[test]
fn i1_i2_i3_i4_hold_after_50_kills() {
    crash_often(50);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test integration -- --ignored --nocapture after_1000_kills"]
fn i1_i2_i3_i4_hold_after_1000_kills() {
    // Twenty stores: verifying all of one that grew for a thousand would take longer than everything else.
    for _ in 0..20 {
        crash_often(50);
    }
}
