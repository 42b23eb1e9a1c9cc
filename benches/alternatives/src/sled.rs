//! sled: a transaction an outcome, flushed by its own thread twice a second.
//!
//! What it calls a flush writes pages out, and is no `fsync`: after a power cut there may be nothing that can be opened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sled::transaction::TransactionError;

use crate::kept::Store;
use crate::session::Session;

pub(crate) struct Sled {
    database: sled::Db,
    path: PathBuf,
}

impl Sled {
    pub(crate) fn open(path: &Path) -> Self {
        loop {
            match sled::open(path) {
                Ok(database) => return Self { database, path: path.to_owned() },
                // One that was just dropped lets go of its files a little later.
                Err(sled::Error::Io(_)) => thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Store for Sled {
    fn load(&mut self) -> Vec<Session> {
        let sessions = self.database.iter().map(|session| {
            let (id, bytes) = session.expect("it can be read");
            let id = u128::from_be_bytes(id.as_ref().try_into().expect("it is as it was written"));
            Session::from_bytes(id, &bytes)
        });
        sessions.collect()
    }

    fn insert(&mut self, sessions: &[Session]) {
        let mut batch = sled::Batch::default();
        for session in sessions {
            batch.insert(&session.id.to_be_bytes(), session.to_bytes().as_slice());
        }
        self.database.apply_batch(batch).expect("it can be written");
    }

    fn update(&mut self, sessions: &[Session]) {
        let written = self.database.transaction(|tree| {
            for session in sessions {
                tree.insert(&session.id.to_be_bytes(), session.to_bytes().as_slice())?;
            }
            Ok::<_, sled::transaction::ConflictableTransactionError<()>>(())
        });
        written.map_err(|error: TransactionError<()>| error).expect("it can be written");
    }

    fn settle(&mut self) {
        self.database.flush().expect("it can be written");
        File::open(self.path.join("db")).and_then(|file| file.sync_all()).expect("it can be synced");
    }
}
