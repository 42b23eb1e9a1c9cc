//! Copying all that is in a store, and comparing two by what they hold.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use super::{MaintenanceError, Progress};
use crate::archive::{ArchiveItem, ArchivedSession, Cut};
use crate::store::{Change, ReadStore, SessionChange, Store, StoreError, Writer, format};

/// What a store holds: how much, and a digest of all of it, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Content {
    pub(super) pools: u64,
    pub(super) live: u64,
    pub(super) retired: u64,
    pub(super) log_entries: u64,
    digest: u64,
}

impl Content {
    /// In what it differs from that of another store; `None` where it does not.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let Self { pools, live, retired, log_entries, digest } = self;
        let counts = [
            ("pools", pools, &other.pools),
            ("live sessions", live, &other.live),
            ("retired sessions", retired, &other.retired),
            ("log entries", log_entries, &other.log_entries),
        ];
        match counts.into_iter().find(|(_, here, there)| here != there) {
            Some((what, here, there)) => Some(format!("{here} {what}, and not {there}")),
            None => {
                (*digest != other.digest).then(|| "the same numbers of all, with other content".to_owned())
            }
        }
    }
}

/// Copies everything to a new store, as it is, and answers what that was.
pub(super) fn copy(
    source: &dyn ReadStore,
    target: &dyn Store,
    progress: &mut Progress<'_>,
) -> Result<Content, MaintenanceError> {
    let mut writer = Writer::new(target);
    let mut reading = Reading::default();
    reading.each(source, progress, &mut |item| {
        match item {
            ArchiveItem::Pool(entry) => writer.pool(&entry),
            ArchiveItem::LogEntry { pool, sequence, entry } => {
                writer.push(Change::LogEntry { pool, sequence, entry });
            }
            ArchiveItem::Session(ArchivedSession { pool, id, record, payload }) => {
                let payload = payload.map(Arc::new);
                let change = SessionChange { pool, id, record, is_new: true, payload, retirement: None };
                writer.push(Change::Session(change));
            }
        }
        writer.write_if_full().map(drop)
    })?;
    writer.write()?;
    Ok(reading.content())
}

/// Reads everything in a store, and answers what that is.
pub(super) fn content(
    store: &dyn ReadStore,
    progress: &mut Progress<'_>,
) -> Result<Content, MaintenanceError> {
    let mut reading = Reading::default();
    reading.each(store, progress, &mut |_| Ok(()))?;
    Ok(reading.content())
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    content: Content,
    hasher: DefaultHasher,
    bytes: Vec<u8>,
}

impl Reading {
    fn each(
        &mut self,
        store: &dyn ReadStore,
        progress: &mut Progress<'_>,
        take: &mut dyn FnMut(ArchiveItem) -> Result<(), StoreError>,
    ) -> Result<(), MaintenanceError> {
        let mut cut = Cut::begin(store)?;
        while let Some(page) = cut.next_page(store)? {
            for item in page {
                self.note(&item)?;
                take(item)?;
            }
            progress(self.content.live + self.content.retired);
        }
        if cut.unreadable() > 0 {
            let first = "something cannot be read".to_owned();
            let findings = usize::try_from(cut.unreadable()).unwrap_or(usize::MAX);
            return Err(MaintenanceError::Unsound { findings, first });
        }
        Ok(())
    }

    fn note(&mut self, item: &ArchiveItem) -> Result<(), StoreError> {
        let Self { content, hasher, bytes } = self;
        bytes.clear();
        let encoded = match item {
            ArchiveItem::Pool(entry) => {
                content.pools += 1;
                hasher.write_u32(entry.number.0);
                format::encode_pool(entry, bytes)
            }
            ArchiveItem::LogEntry { pool, sequence, entry } => {
                content.log_entries += 1;
                hasher.write_u32(pool.0);
                hasher.write_u64(sequence.0);
                format::encode_log_entry(entry, bytes)
            }
            ArchiveItem::Session(ArchivedSession { pool, id, record, payload }) => {
                let count = if record.retired.is_some() { &mut content.retired } else { &mut content.live };
                *count += 1;
                hasher.write_u32(pool.0);
                hasher.write(id.as_str().as_bytes());
                let record = format::encode_record(record, bytes);
                record.and_then(|()| {
                    payload.as_ref().map_or(Ok(()), |payload| format::encode_payload(payload, bytes))
                })
            }
        };
        encoded.map_err(|rule| StoreError::Engine { operation: "encode a value", source: rule.into() })?;
        hasher.write_usize(bytes.len());
        hasher.write(bytes);
        Ok(())
    }

    fn content(&self) -> Content {
        Content { digest: self.hasher.finish(), ..self.content }
    }
}
