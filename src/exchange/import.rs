//! Importing: a whole store, or sessions into a pool.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use serde::Serialize;

use super::consistency::Consistency;
use super::crawlee::{self, Reading};
use super::note::{Note, Notes};
use super::{ExchangeError, ImportFormat, Input, JsonlReader, Place};
use crate::archive::{ArchiveItem, ArchivedSession};
use crate::session::{Payload, Retired, SessionId, SessionRecord, Timestamp};
use crate::store::{Change, Filling, PoolEntry, PoolName, PoolNumber, SledStoreOptions, Store, StoreError};

/// A session that is brought in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Brought {
    pub(super) id: SessionId,
    pub(super) record: SessionRecord,
    pub(super) payload: Payload,
}

/// How sessions are imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    format: Option<ImportFormat>,
    from_pool: Option<PoolName>,
    rename_ids: bool,
    skip_existing: bool,
    is_edited: bool,
    dry_run: bool,
    now: Timestamp,
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
            dry_run: false,
            now: now.into(),
        }
    }
}

impl ImportOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it is. Default: told by what is in it.
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

    /// Whether everything is checked and nothing is written. Default: no.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
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
    /// Retired sessions.
    pub retired: u64,
    /// Entries of the retirement log.
    pub log_entries: u64,
    /// Sessions that were passed over, since they were there already.
    pub skipped: u64,
}

impl Imported {
    fn count(&mut self, record: &SessionRecord) {
        if record.retired.is_some() { self.retired += 1 } else { self.live += 1 }
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
    if reader.is_masked() {
        return Err(ExchangeError::Masked);
    }
    let mut imported = Imported::default();
    if options.dry_run {
        for_each_consistent(&mut reader, &mut imported, &mut |_| Ok(()))?;
        return Ok(imported);
    }
    write.create_filled(path.as_ref(), |store| {
        let mut filling = Filling::of(store);
        for_each_consistent(&mut reader, &mut imported, &mut |item| match item {
            ArchiveItem::Pool(entry) => filling.change(Change::Pool(entry)),
            ArchiveItem::LogEntry { pool, sequence, entry } => {
                filling.change(Change::LogEntry { pool, sequence, entry })
            }
            ArchiveItem::Session(ArchivedSession { pool, id, record, payload }) => {
                filling.session((pool, id), record, payload.unwrap_or_default(), None)
            }
        })?;
        Ok::<_, ExchangeError>(filling.flush()?)
    })?;
    Ok(imported)
}

fn for_each_consistent<R: BufRead>(
    reader: &mut JsonlReader<R>,
    imported: &mut Imported,
    take: &mut dyn FnMut(ArchiveItem) -> Result<(), StoreError>,
) -> Result<(), ExchangeError> {
    let mut consistency = Consistency::default();
    while let Some(item) = reader.next() {
        let item = item?;
        consistency.see(reader.line(), &item)?;
        match &item {
            ArchiveItem::Pool(_) => imported.pools += 1,
            ArchiveItem::LogEntry { .. } => imported.log_entries += 1,
            ArchiveItem::Session(session) => imported.count(&session.record),
        }
        take(item)?;
    }
    consistency.finish()
}

/// Brings sessions into a pool of a store that no pool has open; the pool comes into being where there is none of that name.
/// Retired ones come with new entries in its log, in the order in which they come. `note` is handed what could not be
/// carried over. It takes memory for the ids.
///
/// Everything is checked before anything is written. What is written then goes in batches: where it is stopped between two
/// of them, the first are there, and the others can be imported with [`ImportOptions::skip_existing`].
///
/// # Errors
///
/// Those of [`CheckedImport::check`] and of [`CheckedImport::into_pool`].
pub fn import_into(
    store: &dyn Store,
    pool: &PoolName,
    input: Input,
    options: &ImportOptions,
    note: &mut dyn FnMut(&Note),
) -> Result<Imported, ExchangeError> {
    CheckedImport::check(input, options, note)?.into_pool(store, pool)
}

/// Sessions that are known to be whole, and can be brought into a pool.
///
/// ```
/// # let store = session_pool::MemoryStore::new();
/// use session_pool::exchange::{CheckedImport, ImportOptions, Input};
///
/// let state = r#"{ "usableSessionsCount": 1, "sessions": [{ "id": "session_1", "createdAt": "2026-03-01T12:00:00.000Z" }] }"#;
/// let input = Input::from_bytes(state.as_bytes().to_vec());
/// let checked = CheckedImport::check(input, &ImportOptions::new(), &mut |note| println!("{note}"))?;
/// let imported = checked.into_pool(&store, &"shop.example".parse()?)?;
/// assert_eq!(imported.live, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CheckedImport {
    input: Input,
    options: ImportOptions,
    format: ImportFormat,
    /// Each id, and the line or the place in the list that it is in.
    ids: HashMap<SessionId, u64>,
}

impl CheckedImport {
    /// Goes through an input: whether everything in it can be imported. `note` is handed what cannot be carried over.
    ///
    /// # Errors
    ///
    /// - Those of [`JsonlReader`] and [`ExchangeError::UnknownDialect`]; [`ExchangeError::Masked`].
    /// - [`ExchangeError::Field`]: an id that does not fit ([`ImportOptions::rename_ids`]), for instance.
    /// - [`ExchangeError::Duplicate`]: a session is there twice.
    pub fn check(
        mut input: Input,
        options: &ImportOptions,
        note: &mut dyn FnMut(&Note),
    ) -> Result<Self, ExchangeError> {
        let format = match options.format {
            Some(format) => format,
            None => input.format()?,
        };
        let mut ids: HashMap<SessionId, u64> = HashMap::new();
        let told = for_each(&mut input, format, options, &mut |place, brought, notes| {
            notes.iter().for_each(&mut *note);
            match ids.insert(brought.id, number_of(&place)) {
                None => Ok(()),
                Some(first) => {
                    let first = place_of(&place, first);
                    Err(ExchangeError::Duplicate { at: place, first, id: brought.id.to_string() })
                }
            }
        })?;
        told.iter().for_each(&mut *note);
        Ok(Self { input, options: options.clone(), format, ids })
    }

    /// What it is.
    pub fn format(&self) -> ImportFormat {
        self.format
    }

    /// Makes a new store of the sessions, in the directory `path`, which must be empty or missing.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Store`]: [`StoreError::AlreadyExists`], or it cannot be written. Then nothing is left of it.
    pub fn into_new_store(
        self,
        path: impl AsRef<Path>,
        pool: &PoolName,
        write: SledStoreOptions,
    ) -> Result<Imported, ExchangeError> {
        if self.options.dry_run {
            return self.into_pool(&crate::store::MemoryStore::new(), pool);
        }
        let mut imported = Imported::default();
        write.create_filled(path.as_ref(), |store| {
            imported = self.into_pool(store, pool)?;
            Ok::<_, ExchangeError>(())
        })?;
        Ok(imported)
    }

    /// Writes the sessions into a pool.
    ///
    /// # Errors
    ///
    /// - [`ExchangeError::AlreadyThere`]: sessions are in the pool already ([`ImportOptions::skip_existing`]). Nothing was
    ///   written.
    /// - [`ExchangeError::Store`]: the store cannot be read or written.
    /// - What [`CheckedImport::check`] answers, where the input is another one meanwhile.
    pub fn into_pool(mut self, store: &dyn Store, pool: &PoolName) -> Result<Imported, ExchangeError> {
        let mut imported = Imported::default();
        let (entry, is_new) = pool_entry(store, pool)?;
        imported.pools = u64::from(is_new);
        imported.skipped = self.pass_over_existing(store, &entry)?;
        let Self { mut input, options, format, mut ids } = self;
        let (number, mut last_sequence) = (entry.number, entry.last_sequence);
        let mut filling = Filling::of_pool(store, entry);
        for_each(&mut input, format, &options, &mut |_, brought, _| {
            let Brought { id, record, payload } = brought;
            // Each once, whatever the input has become meanwhile.
            if ids.remove(&id).is_none() {
                return Ok(());
            }
            imported.count(&record);
            // In the order in which they are written, so that the log has no gap wherever it is stopped.
            let retirement = record.retired.map(|_| last_sequence.next());
            if let Some(sequence) = retirement {
                last_sequence = sequence;
                imported.log_entries += 1;
            }
            if options.dry_run {
                return Ok(());
            }
            Ok(filling.session((number, id), record, payload, retirement)?)
        })?;
        if !options.dry_run {
            filling.flush()?;
        }
        Ok(imported)
    }

    /// Takes out the ids that the pool has already, or refuses them.
    fn pass_over_existing(&mut self, store: &dyn Store, entry: &PoolEntry) -> Result<u64, ExchangeError> {
        const NAMED: usize = 10;
        let mut existing = Vec::new();
        for id in self.ids.keys() {
            if store.contains(entry.number, id)? {
                existing.push(*id);
            }
        }
        existing.sort_unstable();
        if !self.options.skip_existing && !existing.is_empty() {
            let more = existing.len().saturating_sub(NAMED) as u64;
            existing.truncate(NAMED);
            return Err(ExchangeError::AlreadyThere { pool: entry.name.clone(), ids: existing, more });
        }
        for id in &existing {
            self.ids.remove(id);
        }
        Ok(existing.len() as u64)
    }
}

fn number_of(place: &Place) -> u64 {
    match place {
        Place::Line(number) | Place::Session(number, _) => *number,
        Place::File => 0,
    }
}

/// The place of that number, of the same kind.
fn place_of(place: &Place, number: u64) -> Place {
    match place {
        Place::Line(_) => Place::Line(number),
        Place::Session(..) => Place::Session(number, None),
        Place::File => Place::File,
    }
}

/// The pool of that name, or what it will be.
fn pool_entry(store: &dyn Store, name: &PoolName) -> Result<(PoolEntry, bool), StoreError> {
    let (mut found, mut next) = (None, 0_u32);
    let mut unreadable = None;
    store.visit_pools(&mut |item| {
        match item {
            Ok(entry) => {
                next = next.max(entry.number.0.saturating_add(1));
                if entry.name == *name {
                    found = Some(entry);
                }
            }
            Err(item) => unreadable = Some(item),
        }
        std::ops::ControlFlow::Continue(())
    })?;
    match (found, unreadable) {
        (Some(entry), _) => Ok((entry, false)),
        // It may be the one that is asked for, or have the number that a new one would get.
        (None, Some(item)) => Err(item.into()),
        (None, None) => Ok((PoolEntry::new(PoolNumber(next), name.clone()), true)),
    }
}

/// Who is handed each session with its place and what could not be carried over.
type Take<'a> = dyn FnMut(Place, Brought, Vec<Note>) -> Result<(), ExchangeError> + 'a;

/// Goes through the sessions of an input, and answers what of the rest is not carried over.
fn for_each(
    input: &mut Input,
    format: ImportFormat,
    options: &ImportOptions,
    take: &mut Take<'_>,
) -> Result<Vec<Note>, ExchangeError> {
    let now = options.now;
    match format {
        ImportFormat::Jsonl => for_each_line(input.rewound()?, options, take),
        ImportFormat::Crawlee(dialect) => {
            let reading = Reading { dialect, now, rename_ids: options.rename_ids };
            let rest = crawlee::visit(input.rewound()?, &mut |index, value| {
                let (brought, mut notes) = crawlee::read_session(&reading, index, value)?;
                let (brought, more) = not_ahead(brought, now);
                notes.extend(more);
                take(Place::Session(index, Some(brought.id.to_string())), brought, notes)
            })?;
            Ok(crawlee::read_file_fields(dialect, rest))
        }
    }
}

fn for_each_line(
    input: &mut dyn BufRead,
    options: &ImportOptions,
    take: &mut Take<'_>,
) -> Result<Vec<Note>, ExchangeError> {
    let mut reader = JsonlReader::new(input)?.edited(options.is_edited);
    if reader.is_masked() {
        return Err(ExchangeError::Masked);
    }
    let mut wanted: Option<PoolNumber> = None;
    while let Some(item) = reader.next() {
        match item? {
            ArchiveItem::Pool(entry) if options.from_pool.as_ref() == Some(&entry.name) => {
                wanted = Some(entry.number);
            }
            ArchiveItem::Session(session) if options.from_pool.is_none() || wanted == Some(session.pool) => {
                let at = Place::Line(reader.line());
                let ArchivedSession { pool: _, id, record, payload } = session;
                let Some(payload) = payload else {
                    let rule = format!(
                        "the cookies, user data, proxy and fingerprint of session {id} are missing: they could not be \
                         read when it was exported"
                    );
                    return Err(ExchangeError::Disagrees { at, rule });
                };
                let (brought, notes) = not_ahead(Brought { id, record, payload }, options.now);
                take(at, brought, notes)?;
            }
            ArchiveItem::Pool(_) | ArchiveItem::Session(_) | ArchiveItem::LogEntry { .. } => {}
        }
    }
    match &options.from_pool {
        Some(name) if wanted.is_none() => {
            let rule = format!("it has no pool {name}");
            Err(ExchangeError::Unknown { rule })
        }
        _ => Ok(Vec::new()),
    }
}

/// A pool goes by the newest time that it finds in its store (T-3): what comes from a clock that is ahead counts as now.
fn not_ahead(mut brought: Brought, now: Timestamp) -> (Brought, Vec<Note>) {
    let mut notes = Notes::of(brought.id.as_str());
    let SessionRecord { created_at, last_used_at, retired, .. } = &mut brought.record;
    let mut back = |field: &str, time: &mut Timestamp| {
        if *time > now {
            notes.changed(field, &*time, format_args!("{now}, since it lies ahead of the clock"));
            *time = now;
        }
    };
    back("created_at", created_at);
    if let Some(time) = last_used_at {
        back("last_used_at", time);
    }
    if let Some(Retired { at, .. }) = retired {
        back("retired.at", at);
    }
    (brought, notes.into_notes())
}
