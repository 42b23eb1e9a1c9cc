//! Importing sessions into a pool, also of a store that is there already.

use std::path::Path;
use std::sync::Arc;

#[cfg(doc)]
use super::JsonlReader;
use super::incoming::{Brought, for_each};
use super::note::Note;
use super::{ExchangeError, ImportFormat, ImportOptions, Imported, Input, Place};
use crate::session::SessionId;
use crate::store::{
    Change, PoolEntry, PoolName, PoolNumber, ReadStore, SessionChange, SledStoreOptions, Store, StoreError,
    Writer,
};

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
    /// The sessions, by id.
    planned: Vec<Planned>,
}

/// A session that was seen in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    id: SessionId,
    /// The line, or the place in the list, that it is in.
    number: u64,
    is_retired: bool,
    /// Whether it is passed over, or written already.
    is_done: bool,
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
        let mut planned = Vec::new();
        let mut last = Place::File;
        let told = for_each(&mut input, format, options, &mut |place, brought, notes| {
            notes.iter().for_each(&mut *note);
            let Brought { id, record, payload: _ } = brought;
            let (number, is_retired) = (number_of(&place), record.retired.is_some());
            planned.push(Planned { id, number, is_retired, is_done: false });
            last = place;
            Ok(())
        })?;
        told.iter().for_each(&mut *note);
        planned.sort_unstable();
        let twice = planned.windows(2).filter(|pair| pair[0].id == pair[1].id);
        if let Some([first, second]) = twice.min_by_key(|pair| pair[1].number) {
            let (at, first) = (place_of(&last, second.number), place_of(&last, first.number));
            return Err(ExchangeError::Duplicate { at, first, id: second.id.to_string() });
        }
        Ok(Self { input, options: options.clone(), format, planned })
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
        let mut imported = Imported::default();
        write.create_filled(path.as_ref(), |store| {
            imported = self.into_pool(store, pool)?;
            Ok::<_, ExchangeError>(())
        })?;
        Ok(imported)
    }

    /// What [`CheckedImport::into_pool`] would do. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::AlreadyThere`], and [`ExchangeError::Store`] where the store cannot be read.
    pub fn would_import(&self, store: &dyn ReadStore, pool: &PoolName) -> Result<Imported, ExchangeError> {
        let (entry, is_new) = pool_entry(store, pool)?;
        let existing = self.existing(store, &entry)?;
        let mut imported =
            Imported { pools: u64::from(is_new), skipped: existing.len() as u64, ..Imported::default() };
        for planned in &self.planned {
            if existing.binary_search(&planned.id).is_ok() {
                continue;
            }
            let counted = if planned.is_retired { &mut imported.retired } else { &mut imported.live };
            *counted += 1;
        }
        imported.log_entries = imported.retired;
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
        let (mut entry, is_new) = pool_entry(store, pool)?;
        imported.pools = u64::from(is_new);
        let existing = self.existing(store, &entry)?;
        imported.skipped = existing.len() as u64;
        for planned in &mut self.planned {
            planned.is_done = existing.binary_search(&planned.id).is_ok();
        }
        let Self { mut input, options, format, mut planned } = self;
        let mut writer = Writer::new(store);
        for_each(&mut input, format, &options, &mut |_, brought, _| {
            let Brought { id, record, payload } = brought;
            // Each once, whatever the input has become meanwhile.
            let at = planned.binary_search_by_key(&id, |planned| planned.id);
            match at.ok().and_then(|at| planned.get_mut(at)) {
                Some(planned) if !planned.is_done => planned.is_done = true,
                _ => return Ok(()),
            }
            imported.count(&record);
            // In the order in which they are written, so that the log has no gap wherever it is stopped.
            let retirement = record.retired.map(|_| entry.last_sequence.next());
            let payload = Some(Arc::new(payload));
            let change = SessionChange { pool: entry.number, id, record, is_new: true, payload, retirement };
            writer.push(Change::Session(change));
            if let Some(sequence) = retirement {
                entry.last_sequence = sequence;
                imported.log_entries += 1;
            }
            if writer.is_full() {
                writer.pool(&entry);
                writer.write()?;
            }
            Ok(())
        })?;
        writer.pool(&entry);
        writer.write()?;
        Ok(imported)
    }

    /// The ids that the pool has already, in order, where they may be passed over; otherwise they are an error.
    fn existing(&self, store: &dyn ReadStore, entry: &PoolEntry) -> Result<Vec<SessionId>, ExchangeError> {
        const NAMED: usize = 10;
        let mut existing = Vec::new();
        for Planned { id, .. } in &self.planned {
            if store.contains(entry.number, id)? {
                existing.push(*id);
            }
        }
        if !self.options.skip_existing && !existing.is_empty() {
            let more = existing.len().saturating_sub(NAMED) as u64;
            existing.truncate(NAMED);
            return Err(ExchangeError::AlreadyThere { pool: entry.name.clone(), ids: existing, more });
        }
        Ok(existing)
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
fn pool_entry(store: &dyn ReadStore, name: &PoolName) -> Result<(PoolEntry, bool), StoreError> {
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
