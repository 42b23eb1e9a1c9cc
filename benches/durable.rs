//! Acquire and reclaim in immediate mode, each durable before it returns; and the engine alone for the same.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use session_pool::{Durability, SessionPool};

use crate::support::{Goal, full_pool, in_turn, middle, print_ratio, print_time, temporary, use_once};

const ROUNDS: usize = 15;
const USES: u32 = 300;
const CALLERS: u32 = 64;

pub(crate) fn benchmark() {
    let directories = [temporary(), temporary()];
    let pool = full_pool(directories[0].path(), 1_000, |b| b.durability(Durability::Immediate));
    let mut engine = Engine::open(directories[1].path());
    let [raw, one, many] = in_turn(
        ROUNDS,
        [
            Box::new(|| engine.writes()),
            Box::new(|| by_callers(&pool, 1)),
            Box::new(|| by_callers(&pool, CALLERS)),
        ],
    );
    print_time("durable: sled's insert + flush + fdatasync", middle(&raw));
    print_time("durable: acquire + reclaim, 1 caller", middle(&one));
    print_time("durable: acquire + reclaim, each of 64 callers'", middle(&many));
    print_ratio("durable: 1 caller : sled's insert + flush + fdatasync", &one, &raw, Goal::AtMost(1.3));
    print_ratio("durable: uses a second, 64 callers : 1", &one, &many, Goal::AtLeast(25.0));
}

/// How long a use takes, of all those of some callers.
fn by_callers(pool: &SessionPool, callers: u32) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| (0..USES).for_each(|_| use_once(pool)));
        }
    });
    began.elapsed() / (callers * USES)
}

/// The engine alone, with as much in a value as a session has.
struct Engine {
    database: sled::Db,
    file: File,
    number: u64,
}

impl Engine {
    fn open(path: &Path) -> Self {
        let database = sled::Config::new().path(path).flush_every_ms(None).open().expect("a new database");
        let file = OpenOptions::new().write(true).open(path.join("db")).expect("its file");
        Self { database, file, number: 0 }
    }

    fn writes(&mut self) -> Duration {
        let began = Instant::now();
        for _ in 0..USES {
            self.number += 1;
            // What is there already is not written again: no two values are the same.
            let value = [self.number; 8].map(u64::to_be_bytes).concat();
            self.database.insert((self.number % 1_000).to_be_bytes(), value).expect("it can be written");
            self.database.flush().expect("it can be flushed");
            self.file.sync_data().expect("it can be synced");
        }
        began.elapsed() / USES
    }
}
