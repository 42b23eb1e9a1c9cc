//! redb: commits in memory, and a durable one now and then.

use std::path::Path;
use std::time::{Duration, Instant};

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::kept::Store;
use crate::session::Session;

const SESSIONS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("sessions");
/// How often a commit is durable, where each outcome is one.
pub(crate) const EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Redb {
    database: Database,
    every: Duration,
    last_durable: Instant,
}

impl Redb {
    /// Commits are durable when `every` is over since the last durable one.
    pub(crate) fn open(path: &Path, every: Duration) -> Self {
        let database = Database::create(path.join("sessions.redb")).expect("it can be opened");
        Self { database, every, last_durable: Instant::now() }
    }

    fn write(&mut self, sessions: &[Session], durability: Durability) {
        let mut transaction = self.database.begin_write().expect("it can be written");
        transaction.set_durability(durability).expect("there is no savepoint");
        {
            let mut table = transaction.open_table(SESSIONS).expect("it can be opened");
            for session in sessions {
                table.insert(session.id, session.to_bytes().as_slice()).expect("it can be written");
            }
        }
        transaction.commit().expect("it can be written");
    }
}

impl Store for Redb {
    fn load(&mut self) -> Vec<Session> {
        // It is created where it is not there.
        self.write(&[], Durability::None);
        let transaction = self.database.begin_read().expect("it can be read");
        let table = transaction.open_table(SESSIONS).expect("it is there");
        let sessions = table.iter().expect("it can be read").map(|session| {
            let (id, bytes) = session.expect("it can be read");
            Session::from_bytes(id.value(), bytes.value())
        });
        sessions.collect()
    }

    fn insert(&mut self, sessions: &[Session]) {
        self.write(sessions, Durability::Immediate);
    }

    fn update(&mut self, sessions: &[Session]) {
        let is_durable = self.last_durable.elapsed() >= self.every;
        self.write(sessions, if is_durable { Durability::Immediate } else { Durability::None });
        if is_durable {
            self.last_durable = Instant::now();
        }
    }

    fn settle(&mut self) {
        self.write(&[], Durability::Immediate);
    }
}
