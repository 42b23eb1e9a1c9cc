//! Importing sessions into a pool, also of a store that is there already.

use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

#[cfg(doc)]
use super::JsonlReader;
use super::import::Standing;
use super::incoming::{Brought, for_each};
use super::note::Note;
use super::{ExchangeError, ImportFormat, ImportOptions, Imported, Input, Place};
use crate::session::{SessionId, Timestamp};
use crate::store::{
    Change, PoolEntry, PoolName, ReadStore, SessionChange, SledStoreOptions, Store, StoreError, Writer,
    next_pool_number,
};

/// Brings sessions into a pool of a store that no pool has open; the pool comes into being where there is none of that name.
/// Retired ones come with new entries in its log, in the order of their times. `note` is handed what could not be
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
    retired_at: Option<Timestamp>,
    standing: Standing,
    /// How many bytes its payload takes, roughly.
    length: usize,
    /// Whether it is passed over, or written already.
    is_done: bool,
}

/// How much may be held in memory of the sessions that come in retired.
const HELD: usize = 64 << 20;
/// What one takes beside its payload.
const EACH: usize = 1 << 10;

impl CheckedImport {
    /// Goes through an input: whether everything in it can be imported. `note` is handed what cannot be carried over.
    ///
    /// # Errors
    ///
    /// - Those of [`JsonlReader`] and [`ExchangeError::UnknownDialect`]; [`ExchangeError::Masked`].
    /// - [`ExchangeError::OtherFormat`]: it is not what [`ImportOptions::format`] says.
    /// - [`ExchangeError::Field`]: an id that does not fit ([`ImportOptions::rename_ids`]), for instance.
    /// - [`ExchangeError::Duplicate`]: a session is there twice.
    pub fn check(
        mut input: Input,
        options: &ImportOptions,
        note: &mut dyn FnMut(&Note),
    ) -> Result<Self, ExchangeError> {
        let format = match options.format {
            Some(format) => input.check_format(format).map(|()| format)?,
            None => input.format()?,
        };
        let mut planned = Vec::new();
        let mut last = Place::File;
        let told = for_each(&mut input, format, options, &mut |place, brought, notes| {
            notes.iter().for_each(&mut *note);
            let Brought { id, record, payload } = brought;
            let length = payload.check().unwrap_or(HELD);
            let (number, retired_at) = (number_of(&place), record.retired.map(|retired| retired.at));
            let standing = Standing::of(&record, options.now);
            planned.push(Planned { id, number, retired_at, standing, length, is_done: false });
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
            imported.count(planned.standing);
        }
        imported.log_entries = imported.retired;
        Ok(imported)
    }

    /// Writes the sessions into a pool. Retired ones come with new entries in its log, in the order of their times.
    ///
    /// Where that fails in the middle, a part of the sessions is there, each of them whole and durable; the others can be
    /// imported with [`ImportOptions::skip_existing`].
    ///
    /// # Errors
    ///
    /// - [`ExchangeError::AlreadyThere`]: sessions are in the pool already ([`ImportOptions::skip_existing`]). Nothing was
    ///   written.
    /// - [`ExchangeError::Store`]: the store cannot be read or written.
    /// - What [`CheckedImport::check`] answers, where the input is another one meanwhile.
    pub fn into_pool(self, store: &dyn Store, pool: &PoolName) -> Result<Imported, ExchangeError> {
        self.pour(store, pool, HELD)
    }

    /// `may_hold`: how much may be held in memory of the sessions that come in retired.
    fn pour(
        mut self,
        store: &dyn Store,
        pool: &PoolName,
        may_hold: usize,
    ) -> Result<Imported, ExchangeError> {
        let mut imported = Imported::default();
        let (entry, is_new) = pool_entry(store, pool)?;
        imported.pools = u64::from(is_new);
        let existing = self.existing(store, &entry)?;
        imported.skipped = existing.len() as u64;
        for planned in &mut self.planned {
            planned.is_done = existing.binary_search(&planned.id).is_ok();
        }
        let Self { mut input, options, format, mut planned } = self;
        let mut writer = Pouring { writer: Writer::new(store), entry, imported, now: options.now };
        let mut shares = shares(&planned, may_hold).into_iter();
        let (mut share, mut is_first) = (shares.next(), true);
        while is_first || share.is_some() {
            // Those of this share wait for each other: their entries of the log are to be in the order of their times.
            let mut held = Vec::new();
            for_each(&mut input, format, &options, &mut |_, brought, _| {
                // Each once, whatever the input has become meanwhile.
                let at = planned.binary_search_by_key(&brought.id, |planned| planned.id);
                let Some(planned) = at.ok().and_then(|at| planned.get_mut(at)) else { return Ok(()) };
                if planned.is_done || planned.retired_at != brought.record.retired.map(|retired| retired.at) {
                    return Ok(());
                }
                match (planned.retired_at, &share) {
                    (None, _) => writer.pour(brought)?,
                    (Some(at), Some(share)) if share.contains(&(at, planned.id)) => held.push(brought),
                    (Some(_), _) => return Ok(()),
                }
                planned.is_done = true;
                Ok(())
            })?;
            held.sort_unstable_by_key(|brought| {
                (brought.record.retired.map(|retired| retired.at), brought.id)
            });
            for brought in held {
                writer.pour(brought)?;
            }
            (share, is_first) = (shares.next(), false);
        }
        Ok(writer.finish()?)
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

/// Sessions that came in retired, by when that was.
type Share = RangeInclusive<(Timestamp, SessionId)>;

/// The retired ones in the order of their times, in shares that may be held in memory: for each of them the input is read
/// once, since they stand in it in another order.
fn shares(planned: &[Planned], may_hold: usize) -> Vec<Share> {
    let mut retired: Vec<(Timestamp, SessionId, usize)> = planned
        .iter()
        .filter(|planned| !planned.is_done)
        .filter_map(|planned| Some((planned.retired_at?, planned.id, planned.length + EACH)))
        .collect();
    retired.sort_unstable();
    let mut shares: Vec<Share> = Vec::new();
    let mut held = 0;
    for (at, id, length) in retired {
        match shares.last_mut() {
            Some(share) if held + length <= may_hold => {
                *share = *share.start()..=(at, id);
                held += length;
            }
            _ => {
                shares.push((at, id)..=(at, id));
                held = length;
            }
        }
    }
    shares
}

/// Writes what comes into a pool.
struct Pouring<'a> {
    writer: Writer<'a>,
    entry: PoolEntry,
    imported: Imported,
    now: Timestamp,
}

impl Pouring<'_> {
    fn pour(&mut self, brought: Brought) -> Result<(), StoreError> {
        let Brought { id, record, payload } = brought;
        self.imported.count(Standing::of(&record, self.now));
        // In the order in which they are written, so that the log has no gap wherever it is stopped.
        let retirement = record.retired.map(|_| self.entry.last_sequence.next());
        if let Some(sequence) = retirement {
            self.entry.last_sequence = sequence;
            self.imported.log_entries += 1;
        }
        let (pool, payload) = (self.entry.number, Some(Arc::new(payload)));
        let change = SessionChange { pool, id, record, is_new: true, payload, retirement };
        self.writer.push(Change::Session(change));
        if self.writer.is_full() {
            self.writer.pool(&self.entry);
            self.writer.write()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Imported, StoreError> {
        self.writer.pool(&self.entry);
        self.writer.write()?;
        Ok(self.imported)
    }
}

/// The pool of that name, or what it will be.
fn pool_entry(store: &dyn ReadStore, name: &PoolName) -> Result<(PoolEntry, bool), StoreError> {
    let mut found = None;
    store.visit_pools(&mut |item| {
        found = item.ok().filter(|entry| entry.name == *name);
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(entry) = found {
        return Ok((entry, false));
    }
    let next = next_pool_number(store)?;
    match next.unreadable {
        // It may be the one that is asked for.
        Some(item) => Err(item.into()),
        None => Ok((PoolEntry::new(next.number, name.clone()), true)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::exchange::{ExportOptions, write_jsonl};
    use crate::pool::{SessionPool, SessionStore};
    use crate::session::SessionOptions;
    use crate::store::{MemoryStore, PoolNumber, Sequence};

    #[test]
    fn retired_ones_come_in_the_order_of_their_times_also_where_few_are_held_at_a_time() {
        let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let from = Arc::new(MemoryStore::new());
        let store: Arc<MemoryStore> = Arc::clone(&from);
        let store = SessionStore::with_store(store).unwrap();
        let pool = SessionPool::builder().clock(clock.clone()).open_in(&store).unwrap();
        for id in ["d", "live", "b", "e", "a", "c"] {
            let options = SessionOptions { id: Some(id.parse().unwrap()), ..SessionOptions::default() };
            let session = pool.add(options).unwrap();
            clock.advance(Duration::from_secs(1));
            if id != "live" {
                let _ = session.retire().unwrap();
            }
        }
        pool.close().unwrap();
        let mut text = Vec::new();
        write_jsonl(&*from, &mut text, &ExportOptions::new()).unwrap();
        for may_hold in [0, 2 * EACH + 100, HELD] {
            let input = Input::from_bytes(text.clone());
            let options = ImportOptions::new();
            let checked = CheckedImport::check(input, &options, &mut |_| {}).unwrap();
            let to = MemoryStore::new();
            let imported = checked.pour(&to, &PoolName::default(), may_hold).unwrap();
            assert_eq!((imported.live, imported.retired, imported.log_entries), (1, 5, 5));
            let mut log = Vec::new();
            to.visit_log(PoolNumber(0), Sequence::START, &mut |item| {
                log.push(item.unwrap().1.id.to_string());
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!(log, ["d", "b", "e", "a", "c"]);
        }
    }
}
