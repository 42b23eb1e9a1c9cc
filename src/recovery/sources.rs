//! Where a store can be brought back from.

use std::path::{Path, PathBuf};

use super::merge::{Found, Knows, Missing};
use super::report::{FromSource, Lost};
use crate::archive::{ArchiveError, ArchiveItem, ArchiveOptions, ArchiveReader, checkpoints};
use crate::error::Result;
use crate::store::{ReadLock, SalvagedStore, StoreError, TakePayload};

/// Something that knows sessions. It is gone through twice, so that no more than one payload is in memory.
pub(super) trait Source {
    /// Tells everything but payloads, once.
    fn gather(&mut self, take: &mut dyn FnMut(Found)) -> Result<()>;

    /// Goes through the sessions, and hands out the payloads that are asked for.
    fn payloads(&mut self, take: &mut TakePayload<'_>) -> Result<()>;

    fn report(&self) -> FromSource;

    /// How much it is certain of.
    fn knows(&self) -> Knows {
        Knows::default()
    }

    /// That something of it could not be read, whatever that was.
    fn unread(&self) -> Option<Lost> {
        None
    }
}

/// An archive.
pub(super) struct ArchiveSource {
    options: ArchiveOptions,
    allow_damaged: bool,
    report: FromSource,
    damaged_places: u64,
}

impl ArchiveSource {
    pub(super) fn new(path: PathBuf, options: ArchiveOptions, allow_damaged: bool) -> Self {
        let report = FromSource { path, ..FromSource::default() };
        Self { options, allow_damaged, report, damaged_places: 0 }
    }

    /// Goes through it, and answers the damage that was passed over.
    fn read(&self, take: &mut dyn FnMut(ArchiveItem)) -> Result<Vec<String>, ArchiveError> {
        let mut damage = Vec::new();
        for item in ArchiveReader::open(&self.report.path, &self.options)? {
            match item {
                Ok(item) => take(item),
                Err(error @ (ArchiveError::Damaged { .. } | ArchiveError::CutShort { .. }))
                    if self.allow_damaged =>
                {
                    damage.push(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(damage)
    }
}

impl Source for ArchiveSource {
    fn gather(&mut self, take: &mut dyn FnMut(Found)) -> Result<()> {
        let header = ArchiveReader::open(&self.report.path, &self.options)?.header().clone();
        self.report.created_at = Some(header.created_at);
        let (mut sessions, mut log_entries) = (0, 0);
        let damage = self.read(&mut |item| {
            take(match item {
                ArchiveItem::Pool(entry) => Found::Pool(entry),
                ArchiveItem::Session(session) => {
                    sessions += 1;
                    Found::Session { pool: session.pool, id: session.id, record: session.record }
                }
                ArchiveItem::LogEntry { pool, sequence, entry } => {
                    log_entries += 1;
                    Found::LogEntry { pool, sequence, entry }
                }
            });
        })?;
        (self.report.sessions, self.report.log_entries) = (sessions, log_entries);
        self.damaged_places = damage.len().try_into().unwrap_or(u64::MAX);
        for damage in damage {
            self.report.note_damage(damage);
        }
        Ok(())
    }

    fn payloads(&mut self, take: &mut TakePayload<'_>) -> Result<()> {
        self.read(&mut |item| {
            if let ArchiveItem::Session(session) = item {
                let mut payload = session.payload;
                take(session.pool, session.id, &mut || payload.take());
            }
        })?;
        Ok(())
    }

    fn report(&self) -> FromSource {
        self.report.clone()
    }

    fn unread(&self) -> Option<Lost> {
        let (path, places) = (self.report.path.clone(), self.damaged_places);
        (places > 0).then_some(Lost::Unread { path, places })
    }
}

/// The directory of a damaged store. It is not written to.
pub(super) struct DamagedStore {
    path: PathBuf,
    _lock: Option<ReadLock>,
}

impl DamagedStore {
    /// Finds out what is there, and that nobody has it open.
    pub(super) fn look(path: &Path) -> Result<Self, StoreError> {
        if !path.is_dir() {
            let path = path.to_owned();
            return Err(if path.exists() {
                StoreError::NotADirectory { path }
            } else {
                StoreError::NotFound { path }
            });
        }
        let lock = ReadLock::take(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Its log, as far as it can be read; `None` where it is missing.
    pub(super) fn log(&self, options: &ArchiveOptions) -> Result<Option<StoreSource>> {
        let Some(store) = SalvagedStore::read(&self.path, options.cipher())? else { return Ok(None) };
        let report = FromSource { path: store.path().to_owned(), ..FromSource::default() };
        Ok(Some(StoreSource { store, report }))
    }

    /// Its checkpoints, newest first.
    pub(super) fn checkpoints(&self) -> Vec<PathBuf> {
        let files = checkpoints::list(&self.path.join(checkpoints::DIRECTORY)).unwrap_or_default();
        files.into_iter().rev().map(|file| file.path).collect()
    }
}

/// What can be read in a damaged store's log.
pub(super) struct StoreSource {
    store: SalvagedStore,
    report: FromSource,
}

impl Source for StoreSource {
    fn gather(&mut self, take: &mut dyn FnMut(Found)) -> Result<()> {
        for entry in self.store.pools() {
            take(Found::Pool(entry.clone()));
        }
        for (pool, id, record) in self.store.take_records() {
            self.report.sessions += 1;
            take(Found::Session { pool, id, record });
        }
        for (pool, sequence, entry) in self.store.take_log() {
            self.report.log_entries += 1;
            take(Found::LogEntry { pool, sequence, entry });
        }
        for (pool, id, was_live) in self.store.unreadable().iter().copied() {
            take(Found::Unreadable(Missing { pool, id, was_live }));
        }
        for damage in self.store.damage() {
            self.report.note_damage(damage.clone());
        }
        Ok(())
    }

    fn payloads(&mut self, take: &mut TakePayload<'_>) -> Result<()> {
        Ok(self.store.visit_payloads(take)?)
    }

    fn knows(&self) -> Knows {
        Knows { newest: self.store.is_newest(), all: self.store.is_whole() }
    }

    fn report(&self) -> FromSource {
        self.report.clone()
    }

    fn unread(&self) -> Option<Lost> {
        let (path, places) = (self.report.path.clone(), self.store.damaged_places());
        (places > 0).then_some(Lost::Newest { path, places })
    }
}
