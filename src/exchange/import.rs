//! Importing a whole store; and what is said of every import.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::consistency::Consistency;
use super::{ExchangeError, ImportFormat, JsonlReader};
#[cfg(doc)]
use super::{Note, crawlee, import_into};
use crate::archive::{ArchiveItem, ArchivedSession};
use crate::session::{SessionRecord, Timestamp};
use crate::store::{Change, PoolName, SessionChange, SledStoreOptions, StoreError, Writer};

/// How sessions are imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    pub(super) format: Option<ImportFormat>,
    pub(super) from_pool: Option<PoolName>,
    pub(super) rename_ids: bool,
    pub(super) skip_existing: bool,
    pub(super) is_edited: bool,
    pub(super) now: Timestamp,
}

impl Default for ImportOptions {
    fn default() -> Self {
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        Self {
            format: None,
            from_pool: None,
            rename_ids: false,
            skip_existing: false,
            is_edited: false,
            now: now.into(),
        }
    }
}

impl ImportOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it is; where it certainly is something else, it is an error. Default: told by what is in it.
    #[must_use]
    pub fn format(mut self, format: ImportFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// The sessions of this pool of an export only. Default: of all of its pools. A state of Crawlee has one.
    #[must_use]
    pub fn from_pool(mut self, name: PoolName) -> Self {
        self.from_pool = Some(name);
        self
    }

    /// Whether a session of Crawlee whose id breaks the rule for ids gets another one; the old one is kept in its user data
    /// ([`RENAMED_FROM`](crawlee::RENAMED_FROM)). Default: no, it is an error.
    #[must_use]
    pub fn rename_ids(mut self, rename: bool) -> Self {
        self.rename_ids = rename;
        self
    }

    /// Whether sessions whose ids are in the pool already are passed over. Default: no, they are an error.
    #[must_use]
    pub fn skip_existing(mut self, skip: bool) -> Self {
        self.skip_existing = skip;
        self
    }

    /// Whether an export may have been edited: its last line need not be there nor agree with what there is. Default: no.
    #[must_use]
    pub fn edited(mut self, edited: bool) -> Self {
        self.is_edited = edited;
        self
    }

    /// The time of the import. Default: now.
    #[must_use]
    pub fn now(mut self, now: impl Into<Timestamp>) -> Self {
        self.now = now.into();
        self
    }
}

/// What was imported, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Imported {
    /// Pools that are new.
    pub pools: u64,
    /// Live sessions.
    pub live: u64,
    /// Those of the live ones that have expired: they are retired when their pool is opened.
    pub expired: u64,
    /// Retired sessions.
    pub retired: u64,
    /// Entries of the retirement log.
    pub log_entries: u64,
    /// Sessions that were passed over, since they were there already.
    pub skipped: u64,
    /// Items that could not be read when it was exported, and so are missing. Of what comes into a pool a [`Note`] tells.
    pub unreadable: u64,
}

impl Imported {
    pub(super) fn count(&mut self, standing: Standing) {
        match standing {
            Standing::Live => self.live += 1,
            Standing::Expired => (self.live, self.expired) = (self.live + 1, self.expired + 1),
            Standing::Retired => self.retired += 1,
        }
    }
}

/// How a session is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It is live.
    Live,
    /// It is live, and has expired.
    Expired,
    /// It is retired.
    Retired,
}

impl Standing {
    pub(super) fn of(record: &SessionRecord, now: Timestamp) -> Self {
        match record.retired {
            Some(_) => Self::Retired,
            None if record.is_expired(now) => Self::Expired,
            None => Self::Live,
        }
    }
}

/// Makes a new store in the directory `path` of an export: its pools, logs and sessions as they were, sequence numbers
/// included. It takes memory for the ids.
///
/// # Errors
///
/// - Those of [`JsonlReader`]; [`ExchangeError::Masked`].
/// - [`ExchangeError::Duplicate`], [`ExchangeError::Disagrees`]: a session is there twice, or sessions and log do not agree.
///   Sessions that were picked out of an export can be brought into a pool: [`import_into`].
/// - [`ExchangeError::Store`]: [`StoreError::AlreadyExists`], or the new store cannot be written.
///
/// In every case nothing is left of the new store.
pub fn import_store(
    input: impl BufRead,
    path: impl AsRef<Path>,
    options: &ImportOptions,
    write: SledStoreOptions,
) -> Result<Imported, ExchangeError> {
    let mut reader = JsonlReader::new(input)?.edited(options.is_edited);
    let mut imported = Imported::default();
    write.create_filled(path.as_ref(), |store| {
        let mut writer = Writer::new(store);
        for_each_consistent(&mut reader, options.now, &mut imported, &mut |item| {
            writer.push(match item {
                ArchiveItem::Pool(entry) => Change::Pool(entry),
                ArchiveItem::LogEntry { pool, sequence, entry } => Change::LogEntry { pool, sequence, entry },
                ArchiveItem::Session(ArchivedSession { pool, id, record, payload }) => {
                    let payload = Some(Arc::new(payload.unwrap_or_default()));
                    Change::Session(SessionChange {
                        pool,
                        id,
                        record,
                        is_new: true,
                        payload,
                        retirement: None,
                    })
                }
            });
            writer.write_if_full().map(drop)
        })?;
        Ok::<_, ExchangeError>(writer.write()?)
    })?;
    Ok(imported)
}

/// Whether [`import_store`] could make a store of an export, and how much would be in it. Nothing is written.
///
/// # Errors
///
/// Those of [`import_store`], but for [`ExchangeError::Store`].
pub fn check_export(input: impl BufRead, options: &ImportOptions) -> Result<Imported, ExchangeError> {
    let mut imported = Imported::default();
    let mut reader = JsonlReader::new(input)?.edited(options.is_edited);
    for_each_consistent(&mut reader, options.now, &mut imported, &mut |_| Ok(()))?;
    Ok(imported)
}

fn for_each_consistent<R: BufRead>(
    reader: &mut JsonlReader<R>,
    now: Timestamp,
    imported: &mut Imported,
    take: &mut dyn FnMut(ArchiveItem) -> Result<(), StoreError>,
) -> Result<(), ExchangeError> {
    if reader.is_masked() {
        return Err(ExchangeError::Masked);
    }
    let mut consistency = Consistency::default();
    while let Some(item) = reader.next() {
        let item = item?;
        consistency.see(reader.line(), &item)?;
        match &item {
            ArchiveItem::Pool(_) => imported.pools += 1,
            ArchiveItem::LogEntry { .. } => imported.log_entries += 1,
            ArchiveItem::Session(session) => imported.count(Standing::of(&session.record, now)),
        }
        take(item)?;
    }
    imported.unreadable = reader.unreadable().unwrap_or_default();
    consistency.finish()
}
