//! The process whose power is cut: it works on a store, and tells what was acknowledged.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde_json::json;
use session_pool::exchange::{ImportOptions, Input, import_into};
use session_pool::{
    Durability, Error, Lease, Outcome, PoolBuilder, Refusal, Retention, Session, SessionOptions, SessionPool,
    SessionStore, SledStoreOptions,
};

use super::disk::ACKS;
use super::told::{BUFFERED, IMMEDIATE, IMPORTED, Line, Told, text_of, version_of};

/// Where the store is, below the watched directory: the library makes the directories on the way.
pub(super) const STORE: &str = "above/further/sessions";

pub(super) fn builder(name: &str, durability: Durability) -> PoolBuilder {
    SessionPool::builder()
        .name(name)
        .max_pool_size(30)
        .durability(durability)
        .session_options(SessionOptions {
            max_usage_count: 12,
            max_age: Duration::from_secs(24 * 3600),
            ..SessionOptions::default()
        })
        .retired_retention(Retention::UNLIMITED)
        .log_retention(Retention::UNLIMITED)
}

/// The pool of which nothing is told, because it forgets.
pub(super) fn forgetful() -> PoolBuilder {
    builder("forgetful", Durability::Buffered { max_delay: Duration::from_millis(5) })
        .retired_retention(Retention { max_count: 8, ..Retention::UNLIMITED })
        .log_retention(Retention { max_count: 16, ..Retention::UNLIMITED })
}

pub(super) fn buffered() -> PoolBuilder {
    builder(BUFFERED, Durability::Buffered { max_delay: Duration::from_millis(10) })
}

pub(super) fn immediate() -> PoolBuilder {
    builder(IMMEDIATE, Durability::Immediate)
}

pub(super) fn imported() -> PoolBuilder {
    builder(IMPORTED, Durability::Immediate)
}

struct Teller {
    acks: Mutex<File>,
    last_number: AtomicU64,
    writes_huge: bool,
}

impl Teller {
    /// Tells in one write, so that it is told or not.
    fn tell(&self, lines: &str) {
        self.acks.lock().write_all(lines.as_bytes()).unwrap();
    }
}

/// One thread's work on one pool.
struct Worker<'a> {
    teller: &'a Teller,
    pool: &'a SessionPool,
    /// Sessions whose user data only this worker writes, so that their versions are in order.
    own: Vec<Session>,
    /// What is to be told after the next flush, where calls return before it is durable.
    untold: String,
}

impl<'a> Worker<'a> {
    fn new(teller: &'a Teller, pool: &'a SessionPool) -> Self {
        Self { teller, pool, own: Vec::new(), untold: String::new() }
    }

    fn done(&mut self, session: &Session, line: Line) {
        line.append(&mut self.untold, self.pool.name().as_str(), session.id());
        if self.pool.name().as_str() == IMMEDIATE {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.teller.tell(&self.untold);
        self.untold.clear();
    }

    fn flush(&mut self) {
        self.pool.flush().unwrap();
        self.tell();
    }

    fn step(&mut self) {
        if fastrand::u8(..10) < 3 { self.write() } else { self.use_one() }
    }

    fn write(&mut self) {
        let number = self.teller.last_number.fetch_add(1, Ordering::SeqCst) + 1;
        if self.own.len() < 6 {
            let id = format!("own.{number}").parse().unwrap();
            match self.pool.add(SessionOptions { id: Some(id), ..self.pool.session_options() }) {
                Ok(session) => {
                    self.done(&session, Line::Created);
                    self.own.push(session);
                }
                // There is no place for it, or an earlier process named one so and did not get to tell.
                Err(Error::Refused(Refusal::PoolFull { .. } | Refusal::DuplicateId { .. })) => self.use_one(),
                Err(error) => panic!("{error:?}"),
            }
            return;
        }
        let index = fastrand::usize(..self.own.len());
        let session = self.own[index].clone();
        let version = version_of(number, self.teller.writes_huge && fastrand::u8(..3) == 0);
        let mut tries = String::new();
        Line::Tries(version).append(&mut tries, self.pool.name().as_str(), session.id());
        self.teller.tell(&tries);
        match session.set_user_data("k", (version, text_of(session.id(), version))) {
            Ok(()) => self.done(&session, Line::Wrote(version)),
            Err(Error::Refused(Refusal::Retired { .. })) => drop(self.own.swap_remove(index)),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn use_one(&mut self) {
        let lease: Lease = match self.pool.acquire() {
            Ok(lease) => lease,
            Err(Error::Refused(_)) => return,
            Err(error) => panic!("{error:?}"),
        };
        let session = lease.session().clone();
        let mut rest = None;
        let outcome = match fastrand::u8(..20) {
            0 => lease.retire(),
            1..5 => lease.fail(),
            5..7 => {
                let until =
                    DateTime::<Utc>::from(SystemTime::now()) + Duration::from_millis(fastrand::u64(1..20));
                rest = Some(Line::Rests(until.timestamp_millis()));
                lease.rest_until(until)
            }
            _ => lease.reclaim(),
        };
        let outcome = outcome.unwrap();
        if !matches!(outcome, Outcome::AlreadyRetired(_)) {
            self.done(&session, Line::Used);
        }
        if outcome == Outcome::Live {
            if let Some(rest) = rest {
                self.done(&session, rest);
            }
        } else {
            self.done(&session, Line::Retired);
        }
    }
}

/// How much is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// How often the store is opened and closed.
    pub(super) rounds: u32,
    /// What each thread does in between.
    pub(super) steps: u32,
    /// Whether some of the user data is several hundred kilobytes long.
    pub(super) writes_huge: bool,
    /// How many sessions are imported each time that it is closed.
    pub(super) imports: u64,
}

/// Works below `directory` until all is done.
pub(super) fn work(directory: &Path, amount: Amount) {
    let acks: PathBuf = directory.join(ACKS);
    let told = Told::read(&std::fs::read(&acks).unwrap());
    let teller = Teller {
        acks: Mutex::new(OpenOptions::new().append(true).open(&acks).unwrap()),
        last_number: AtomicU64::new(told.highest_number()),
        writes_huge: amount.writes_huge,
    };
    for _ in 0..amount.rounds {
        let store = SessionStore::open(directory.join(STORE)).unwrap();
        teller.tell("opened\n");
        let [immediate, buffered, forgetful] =
            [immediate(), buffered(), forgetful()].map(|builder| builder.open_in(&store).unwrap());
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut worker = Worker::new(&teller, &immediate);
                    (0..amount.steps).for_each(|_| worker.step());
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut worker = Worker::new(&teller, &buffered);
                    for step in 1..=amount.steps {
                        if fastrand::u8(..25) == 0 {
                            // Much at once.
                            (0..10).for_each(|_| worker.write());
                        }
                        worker.step();
                        thread::sleep(Duration::from_micros(500));
                        if step % 12 == 0 {
                            worker.flush();
                        }
                    }
                    worker.flush();
                });
            }
            scope.spawn(|| {
                for step in 1..=amount.steps {
                    let lease = forgetful.acquire().unwrap();
                    let _ = if step % 2 == 0 { lease.retire() } else { lease.reclaim() }.unwrap();
                    thread::sleep(Duration::from_millis(1));
                    if step % 10 == 0 {
                        forgetful.forget().unwrap();
                    }
                }
            });
        });
        drop((immediate, buffered, forgetful, store));
        if amount.imports > 0 {
            import(&teller, &directory.join(STORE), amount.imports);
        }
    }
}

/// Imports so many sessions, every fourth of them retired.
fn import(teller: &Teller, path: &Path, count: u64) {
    let first = teller.last_number.fetch_add(count, Ordering::SeqCst) + 1;
    let (mut sessions, mut tries, mut done) = (Vec::new(), String::new(), String::new());
    for number in first..first + count {
        let (id, version) = (format!("imported.{number}").parse().unwrap(), version_of(number, false));
        let is_retired = number % 4 == 0;
        Line::Tries(version).append(&mut tries, IMPORTED, &id);
        Line::Wrote(version).append(&mut done, IMPORTED, &id);
        if is_retired {
            Line::Retired.append(&mut done, IMPORTED, &id);
        }
        sessions.push(json!({
            "id": id,
            "createdAt": "2026-03-01T00:00:00.000Z",
            "expiresAt": "2096-03-01T00:00:00.000Z",
            "userData": { "k": [version, text_of(&id, version)] },
            "errorScore": if is_retired { 3 } else { 0 },
        }));
    }
    let state = json!({ "usableSessionsCount": count, "sessions": sessions }).to_string();
    let (store, pool) =
        (SledStoreOptions::new().create(false).open(path).unwrap(), IMPORTED.parse().unwrap());
    teller.tell(&tries);
    let input = Input::from_bytes(state.into_bytes());
    import_into(&store, &pool, input, &ImportOptions::new(), &mut |_| {}).unwrap();
    drop(store);
    teller.tell(&done);
}
