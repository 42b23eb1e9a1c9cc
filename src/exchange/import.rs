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
use crate::store::{
    Change, Filling, PoolEntry, PoolName, PoolNumber, Sequence, SledStoreOptions, Store, StoreError,
};

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
/// Retired ones come with new entries in its log, in the order of their retirements. `note` is handed what could not be
/// carried over. It takes memory for the ids.
///
/// Everything is checked before anything is written. What is written then goes in batches: where it is stopped between two
/// of them, the first are there, and the others can be imported with [`ImportOptions::skip_existing`].
///
/// # Errors
///
/// - Those of [`JsonlReader`] and [`ExchangeError::UnknownDialect`]; [`ExchangeError::Masked`].
/// - [`ExchangeError::Field`]: an id that does not fit ([`ImportOptions::rename_ids`]), for instance.
/// - [`ExchangeError::Duplicate`]: a session is there twice.
/// - [`ExchangeError::AlreadyThere`]: sessions are in the pool already ([`ImportOptions::skip_existing`]).
/// - [`ExchangeError::Store`]: the store cannot be read or written.
pub fn import_into(
    store: &dyn Store,
    pool: &PoolName,
    input: &mut Input,
    options: &ImportOptions,
    note: &mut dyn FnMut(&Note),
) -> Result<Imported, ExchangeError> {
    let plan = Plan::make(input, options, note)?;
    plan.carry_out(store, pool, input, options)
}

/// The same into a store in the directory `path`, which is opened once the input is known to be whole. Where there is no
/// store, a new one is made, and nothing is left of it where that fails.
///
/// # Errors
///
/// Those of [`import_into`]; those of [`SledStoreOptions::open`] as [`ExchangeError::Store`].
pub fn import_into_path(
    path: impl AsRef<Path>,
    pool: &PoolName,
    input: &mut Input,
    options: &ImportOptions,
    write: SledStoreOptions,
    note: &mut dyn FnMut(&Note),
) -> Result<Imported, ExchangeError> {
    let path = path.as_ref();
    let plan = Plan::make(input, options, note)?;
    let is_new = SledStoreOptions::is_nothing_at(path)?;
    if options.dry_run && is_new {
        return plan.carry_out(&crate::store::MemoryStore::new(), pool, input, options);
    }
    if !is_new {
        let store = write.create(false).open(path)?;
        return plan.carry_out(&store, pool, input, options);
    }
    let mut imported = Imported::default();
    write.create_filled(path, |store| {
        imported = plan.carry_out(store, pool, input, options)?;
        Ok::<_, ExchangeError>(())
    })?;
    Ok(imported)
}

/// What is known of what is imported before anything is written: its ids, and in which order its retired ones were
/// retired.
struct Plan {
    format: ImportFormat,
    /// Each id, with its place in the order of retirements, from 1; 0 for a live one.
    ids: HashMap<SessionId, u64>,
}

impl Plan {
    /// Goes through the input.
    fn make(
        input: &mut Input,
        options: &ImportOptions,
        note: &mut dyn FnMut(&Note),
    ) -> Result<Self, ExchangeError> {
        let format = match options.format {
            Some(format) => format,
            None => input.format()?,
        };
        let mut ids: HashMap<SessionId, u64> = HashMap::new();
        let mut retired: Vec<(Timestamp, SessionId)> = Vec::new();
        let mut note = |notes: Vec<Note>| notes.iter().for_each(&mut *note);
        let told = for_each(input, format, options, &mut |place, brought, notes| {
            note(notes);
            if let Some(Retired { at, .. }) = brought.record.retired {
                retired.push((at, brought.id));
            }
            // Until it is known that there is no other one, the place is kept where the order will be.
            match ids.insert(brought.id, number_of(&place)) {
                None => Ok(()),
                Some(first) => {
                    let first = place_of(&place, first);
                    Err(ExchangeError::Duplicate { at: place, first, id: brought.id.to_string() })
                }
            }
        })?;
        note(told);
        ids.values_mut().for_each(|place| *place = 0);
        retired.sort_unstable();
        for (order, (_, id)) in (1..).zip(retired) {
            ids.insert(id, order);
        }
        Ok(Self { format, ids })
    }

    /// Writes the sessions.
    fn carry_out(
        mut self,
        store: &dyn Store,
        pool: &PoolName,
        input: &mut Input,
        options: &ImportOptions,
    ) -> Result<Imported, ExchangeError> {
        let mut imported = Imported::default();
        let (entry, is_new) = pool_entry(store, pool)?;
        imported.pools = u64::from(is_new);
        imported.skipped = self.pass_over_existing(store, &entry, options.skip_existing)?;
        self.close_ranks();
        let (number, before) = (entry.number, entry.last_sequence);
        let mut filling = Filling::of_pool(store, entry);
        for_each(input, self.format, options, &mut |_, brought, _| {
            let Brought { id, record, payload } = brought;
            let Some(order) = self.ids.get(&id) else { return Ok(()) };
            imported.count(&record);
            let retirement = (*order > 0).then(|| Sequence(before.0.saturating_add(*order)));
            imported.log_entries += u64::from(retirement.is_some());
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
    fn pass_over_existing(
        &mut self,
        store: &dyn Store,
        entry: &PoolEntry,
        skip: bool,
    ) -> Result<u64, ExchangeError> {
        const NAMED: usize = 10;
        let mut existing = Vec::new();
        for id in self.ids.keys() {
            if store.contains(entry.number, id)? {
                existing.push(*id);
            }
        }
        existing.sort_unstable();
        if !skip && !existing.is_empty() {
            let more = existing.len().saturating_sub(NAMED) as u64;
            existing.truncate(NAMED);
            return Err(ExchangeError::AlreadyThere { pool: entry.name.clone(), ids: existing, more });
        }
        for id in &existing {
            self.ids.remove(id);
        }
        Ok(existing.len() as u64)
    }

    /// Numbers the retired ones anew, so that there is no gap.
    fn close_ranks(&mut self) {
        let mut orders: Vec<&mut u64> = self.ids.values_mut().filter(|order| **order > 0).collect();
        orders.sort_unstable();
        for (order, place) in (1..).zip(orders) {
            *place = order;
        }
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
