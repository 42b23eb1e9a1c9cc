//! `SQLite` with a write-ahead log.
//!
//! With `synchronous=NORMAL` the log is synced when it is checkpointed, at every 1000 pages; with `FULL` by each commit.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::kept::Store;
use crate::session::Session;

pub(crate) struct Sqlite(Connection);

impl Sqlite {
    pub(crate) fn open(path: &Path, synchronous: &str) -> Self {
        let database = Connection::open(path.join("sessions.sqlite")).expect("it can be opened");
        database
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = {synchronous};
                 CREATE TABLE IF NOT EXISTS sessions (
                     id BLOB PRIMARY KEY, usage_count INTEGER, error_count INTEGER, error_score REAL,
                     created_at INTEGER, expires_at INTEGER, last_used_at INTEGER
                 ) WITHOUT ROWID;"
            ))
            .expect("it can be written");
        Self(database)
    }
}

impl Store for Sqlite {
    fn load(&mut self) -> Vec<Session> {
        let mut all = self
            .0
            .prepare(
                "SELECT id, usage_count, error_count, error_score, created_at, expires_at, last_used_at FROM sessions",
            )
            .expect("it is a statement");
        let sessions = all.query_map([], |row| {
            Ok(Session {
                id: u128::from_be_bytes(row.get(0)?),
                usage_count: row.get(1)?,
                error_count: row.get(2)?,
                error_score: row.get(3)?,
                created_at: row.get(4)?,
                expires_at: row.get(5)?,
                last_used_at: row.get(6)?,
            })
        });
        sessions.expect("it can be read").map(|session| session.expect("it is as it was written")).collect()
    }

    fn insert(&mut self, sessions: &[Session]) {
        let transaction = self.0.transaction().expect("it can be written");
        let mut insert = transaction
            .prepare("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)")
            .expect("it is a statement");
        for session in sessions {
            let Session { id, usage_count, error_count, error_score, created_at, expires_at, last_used_at } =
                session;
            let id = id.to_be_bytes();
            insert
                .execute(params![
                    id,
                    usage_count,
                    error_count,
                    error_score,
                    created_at,
                    expires_at,
                    last_used_at
                ])
                .expect("it can be written");
        }
        drop(insert);
        transaction.commit().expect("it can be written");
    }

    fn update(&mut self, sessions: &[Session]) {
        let transaction = self.0.transaction().expect("it can be written");
        let mut update = transaction
            .prepare_cached(
                "UPDATE sessions SET usage_count = ?, error_count = ?, error_score = ?, last_used_at = ? WHERE id = ?",
            )
            .expect("it is a statement");
        for Session { id, usage_count, error_count, error_score, last_used_at, .. } in sessions {
            update
                .execute(params![usage_count, error_count, error_score, last_used_at, id.to_be_bytes()])
                .expect("it can be written");
        }
        drop(update);
        transaction.commit().expect("it can be written");
    }

    fn settle(&mut self) {
        // Syncs the log, writes the pages to where they belong, and syncs these.
        self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("it can be written");
    }
}
