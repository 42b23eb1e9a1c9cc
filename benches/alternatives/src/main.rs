//! What somebody would write who has not got this crate, measured: sessions in memory, and what becomes of them in a
//! database. Each way does the same and says what it promises, since figures compare only between equal promises.
//!
//! ```text
//! benches/alternatives/run                     all of them, and a table
//! alternatives                                 the names of the ways
//! alternatives sqlite-batched 1000             one of them with so many sessions: a line of JSON
//! ```

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::missing_panics_doc,
    reason = "a benchmark ends where something is wrong"
)]

mod batched;
mod kept;
mod measure;
mod redb;
mod redis;
mod session;
mod session_pool;
mod sled;
mod sqlite;

use std::process::ExitCode;

use batched::Batched;
use kept::Kept;
use measure::{Way, measure};

/// The first is what the others are compared with.
const WAYS: &[Way] = &[
    Way {
        name: "session-pool",
        open: |path, new| Box::new(session_pool::open(path, new)),
        kill: "50 ms",
        power_cut: "50 ms",
    },
    Way {
        name: "sqlite",
        open: |path, new| Box::new(Kept::open(new, sqlite::Sqlite::open(path, "NORMAL"))),
        kill: "nothing",
        power_cut: "since checkpoint",
    },
    Way {
        name: "sqlite-batched",
        open: |path, new| Box::new(Kept::open(new, Batched::new(sqlite::Sqlite::open(path, "NORMAL")))),
        kill: "50 ms",
        power_cut: "since checkpoint",
    },
    Way {
        name: "sqlite-batched-full",
        open: |path, new| Box::new(Kept::open(new, Batched::new(sqlite::Sqlite::open(path, "FULL")))),
        kill: "50 ms",
        power_cut: "50 ms",
    },
    Way {
        name: "redb",
        open: |path, new| Box::new(Kept::open(new, redb::Redb::open(path, redb::EVERY))),
        kill: "50 ms",
        power_cut: "50 ms",
    },
    Way {
        name: "redb-batched",
        open: |path, new| {
            Box::new(Kept::open(new, Batched::new(redb::Redb::open(path, std::time::Duration::ZERO))))
        },
        kill: "50 ms",
        power_cut: "50 ms",
    },
    Way {
        name: "sled",
        open: |path, new| Box::new(Kept::open(new, sled::Sled::open(path))),
        kill: "500 ms",
        power_cut: "perhaps all",
    },
    Way {
        name: "redis",
        open: |path, new| Box::new(Kept::open(new, redis::Redis::open(path))),
        kill: "100 outcomes",
        power_cut: "1 to 2 s",
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, sessions] = arguments.as_slice() else {
        for way in WAYS {
            println!("{}", way.name);
        }
        return ExitCode::SUCCESS;
    };
    let way = WAYS.iter().find(|way| way.name == name);
    match (way, sessions.parse()) {
        (Some(way), Ok(sessions @ 1..=10_000_000)) => {
            println!("{}", measure(way, sessions));
            ExitCode::SUCCESS
        }
        (None, _) => {
            eprintln!("there is no way {name}; without arguments the names are printed");
            ExitCode::FAILURE
        }
        (_, _) => {
            eprintln!("sessions is {sessions}: must be a number from 1 to 10000000");
            ExitCode::FAILURE
        }
    }
}
