//! Takes a store from its schema version to the newest, step by step.
//!
//! A step works in chunks. Each chunk's writes, and where the next one begins, are committed in one transaction, so a
//! migration that is killed goes on where it was.

use sled::Transactional;
use sled::transaction::{ConflictableTransactionError, TransactionError};

use super::{Tree, Trees, keys};
use crate::store::StoreError;

/// How many bytes are written at most before they are made durable, and a chunk more: where the engine writes more than a
/// segment (512 KiB) between two syncs, it may use again a segment whose values it has only just written elsewhere.
const UNSYNCED: usize = 256 << 10;

/// How far a migration has come. Handed to the callback given to [`SledStoreOptions::on_migration`].
///
/// [`SledStoreOptions::on_migration`]: super::SledStoreOptions::on_migration
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationProgress {
    /// The schema version that is being made.
    pub version: u32,
    /// The newest schema version, which it ends with.
    pub target: u32,
    /// The name of the step.
    pub name: &'static str,
    /// Records rewritten in this step since it began or was resumed.
    pub records: u64,
    /// Whether the step is done.
    pub done: bool,
}

/// One step: from the version before `version` to it.
pub(super) struct Step {
    pub(super) version: u32,
    pub(super) name: &'static str,
    /// The trees whose entries it rewrites, for whoever wants to know what it would do.
    pub(super) rewrites: &'static [Tree],
    /// Answers the next chunk, from the start (`None`) or from a cursor that it gave itself. It only reads.
    pub(super) run: fn(&Trees, Option<&[u8]>) -> Result<Chunk, StoreError>,
}

/// A part of a step.
#[derive(Default)]
pub(super) struct Chunk {
    /// What to write: a value to put, or `None` to remove the key.
    pub(super) writes: Vec<(Tree, Vec<u8>, Option<Vec<u8>>)>,
    /// Where the next chunk begins; `None` where this was the last.
    pub(super) next: Option<Vec<u8>>,
    /// How many records it rewrites.
    pub(super) records: u64,
}

impl Chunk {
    /// How many bytes it writes.
    fn bytes(&self) -> usize {
        self.writes.iter().map(|(_, key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }
}

/// The schema version of a store; 0 for one that is empty.
pub(super) fn version(trees: &Trees) -> Result<u32, StoreError> {
    Ok(number(&read(trees, keys::SCHEMA)?.unwrap_or_default()))
}

/// Runs the steps that a store lacks, and answers the version that it had. `sync` makes durable what was written; the last of
/// it is left to the caller.
pub(super) fn migrate(
    trees: &Trees,
    steps: &[Step],
    sync: &dyn Fn() -> Result<(), StoreError>,
    progress: &mut dyn FnMut(MigrationProgress),
) -> Result<u32, StoreError> {
    let mut unsynced = 0;
    let from = version(trees)?;
    let target = steps.last().map_or(0, |step| step.version);
    for step in steps.iter().filter(|step| step.version > from) {
        let mut records = 0;
        let mut cursor = resume_at(trees, step.version)?;
        loop {
            let chunk = (step.run)(trees, cursor.as_deref())?;
            write(trees, step.version, &chunk)?;
            unsynced += chunk.bytes();
            if unsynced >= UNSYNCED {
                sync()?;
                unsynced = 0;
            }
            records += chunk.records;
            let done = chunk.next.is_none();
            progress(MigrationProgress { version: step.version, target, name: step.name, records, done });
            cursor = chunk.next;
            if done {
                break;
            }
        }
    }
    Ok(from)
}

fn resume_at(trees: &Trees, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(read(trees, keys::MIGRATION)?
        .filter(|stored| number(stored) == version)
        .map(|stored| stored[4..].to_vec()))
}

fn read(trees: &Trees, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let value = trees.meta.get(key).map_err(engine_error)?;
    Ok(value.map(|value| value.to_vec()))
}

/// The big-endian number that a value begins with; 0 where it is too short.
fn number(value: &[u8]) -> u32 {
    value.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn engine_error(source: sled::Error) -> StoreError {
    StoreError::Engine { operation: "migrate the store in", source: Box::new(source) }
}

fn write(trees: &Trees, version: u32, chunk: &Chunk) -> Result<(), StoreError> {
    let Trees { sessions, payloads, by_state, by_expiry, retirements, meta } = trees;
    let all = (sessions, payloads, by_state, by_expiry, retirements, meta);
    all.transaction(|(sessions, payloads, by_state, by_expiry, retirements, meta)| {
        for (place, key, value) in &chunk.writes {
            let tree = match place {
                Tree::Sessions => sessions,
                Tree::Payloads => payloads,
                Tree::ByState => by_state,
                Tree::ByExpiry => by_expiry,
                Tree::Retirements => retirements,
                Tree::Meta => meta,
            };
            match value {
                Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                None => tree.remove(key.as_slice())?,
            };
        }
        let version = version.to_be_bytes();
        if let Some(next) = &chunk.next {
            meta.insert(keys::MIGRATION, [&version, next.as_slice()].concat())?;
        } else {
            meta.remove(keys::MIGRATION)?;
            meta.insert(keys::SCHEMA, &version)?;
        }
        Ok::<(), ConflictableTransactionError<()>>(())
    })
    .map_err(|error| match error {
        TransactionError::Storage(error) => engine_error(error),
        TransactionError::Abort(()) => engine_error(sled::Error::ReportableBug("an abort".to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn trees() -> Trees {
        Trees::open(&sled::Config::new().temporary(true).open().unwrap()).unwrap()
    }

    /// Doubles each value of `sessions`, one a chunk: run twice on one record, it would show.
    #[expect(clippy::unnecessary_wraps, reason = "it is what a step looks like")]
    fn double(trees: &Trees, cursor: Option<&[u8]>) -> Result<Chunk, StoreError> {
        let next = match cursor {
            None => trees.sessions.first().unwrap(),
            Some(cursor) => trees.sessions.get_gt(cursor).unwrap(),
        };
        Ok(next.map_or_else(Chunk::default, |(key, value)| Chunk {
            writes: vec![(Tree::Sessions, key.to_vec(), Some(vec![value[0] * 2]))],
            next: Some(key.to_vec()),
            records: 1,
        }))
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a step looks like")]
    fn mark(trees: &Trees, _: Option<&[u8]>) -> Result<Chunk, StoreError> {
        let seen: Vec<u8> = trees.sessions.iter().values().map(|value| value.unwrap()[0]).collect();
        let places = [Tree::Payloads, Tree::ByState, Tree::ByExpiry, Tree::Retirements, Tree::Meta];
        let writes = places.map(|place| (place, b"seen".to_vec(), Some(seen.clone())));
        Ok(Chunk { writes: writes.to_vec(), ..Chunk::default() })
    }

    const STEPS: &[Step] = &[
        Step { version: 1, name: "double", rewrites: &[Tree::Sessions], run: double },
        Step { version: 2, name: "mark", rewrites: &[], run: mark },
    ];

    /// Where nothing need survive.
    const NO_SYNC: &dyn Fn() -> Result<(), StoreError> = &|| Ok(());

    fn values(trees: &Trees) -> Vec<u8> {
        trees.sessions.iter().values().map(|value| value.unwrap()[0]).collect()
    }

    #[test]
    fn steps_run_in_order_once_and_report_their_progress() {
        let trees = trees();
        for n in 1..=5_u8 {
            trees.sessions.insert([n], &[n]).unwrap();
        }
        let mut seen = Vec::new();
        assert_eq!(
            migrate(&trees, STEPS, NO_SYNC, &mut |p| seen.push((p.version, p.records, p.done))).unwrap(),
            0
        );
        assert_eq!(version(&trees).unwrap(), 2);
        assert_eq!(values(&trees), [2, 4, 6, 8, 10]);
        for tree in [&trees.payloads, &trees.by_state, &trees.by_expiry, &trees.retirements, &trees.meta] {
            assert_eq!(&tree.get("seen").unwrap().unwrap()[..], [2, 4, 6, 8, 10]);
        }
        assert_eq!(seen.first(), Some(&(1, 1, false)));
        assert_eq!(seen.last(), Some(&(2, 0, true)));
        assert_eq!(migrate(&trees, STEPS, NO_SYNC, &mut |_| panic!("there is nothing to do")).unwrap(), 2);
        assert_eq!(values(&trees), [2, 4, 6, 8, 10]);
    }

    #[test]
    fn a_migration_that_is_interrupted_goes_on_where_it_was() {
        for stop_after in 0..8 {
            let trees = trees();
            for n in 1..=5_u8 {
                trees.sessions.insert([n], &[n]).unwrap();
            }
            let chunks = Cell::new(0);
            let stopped = catch_unwind(AssertUnwindSafe(|| {
                migrate(&trees, STEPS, NO_SYNC, &mut |_| {
                    assert!(chunks.get() < stop_after, "interrupted");
                    chunks.set(chunks.get() + 1);
                })
            }));
            assert_eq!(stopped.is_err(), stop_after < 7);
            migrate(&trees, STEPS, NO_SYNC, &mut |_| {}).unwrap();
            assert_eq!(values(&trees), [2, 4, 6, 8, 10], "stopped after {stop_after} chunks");
            assert_eq!(&trees.payloads.get("seen").unwrap().unwrap()[..], [2, 4, 6, 8, 10]);
        }
    }

    /// Writes 100 KiB under each key of `sessions`, one a chunk.
    #[expect(clippy::unnecessary_wraps, reason = "it is what a step looks like")]
    fn grow(trees: &Trees, cursor: Option<&[u8]>) -> Result<Chunk, StoreError> {
        let mut chunk = double(trees, cursor).unwrap();
        for (_, _, value) in &mut chunk.writes {
            *value = Some(vec![0; 100 << 10]);
        }
        Ok(chunk)
    }

    #[test]
    fn i3_little_is_written_between_two_syncs() {
        let trees = trees();
        for n in 1..=10_u8 {
            trees.sessions.insert([n], &[n]).unwrap();
        }
        let steps = [Step { version: 1, name: "grow", rewrites: &[Tree::Sessions], run: grow }];
        let (syncs, mut chunks) = (Cell::new(0), Vec::new());
        let sync = || {
            syncs.set(syncs.get() + 1);
            Ok(())
        };
        migrate(&trees, &steps, &sync, &mut |_| chunks.push(syncs.get())).unwrap();
        assert_eq!(chunks, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], "after each third of them");
    }
}
