//! What a migration would do.

use serde::Serialize;

use super::SledReader;
use super::migrate::Step;
use super::migrations::STEPS;
use super::read::ReadTrees;
use crate::store::{ReadOptions, StoreError};

/// A step of a migration: from the schema version before it to its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationStep {
    /// The schema version that it leads to.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
    /// How many records it rewrites, or may.
    pub records: u64,
}

/// The schema version of the store in the directory `path`, and the steps that opening it for writing would take. Nothing is
/// written.
pub(crate) fn outlook(
    path: &std::path::Path,
    options: &ReadOptions,
) -> Result<(u32, Vec<MigrationStep>), StoreError> {
    let store = SledReader::open_any(path, options)?;
    let found = store.schema()?;
    let newest = super::schema_version();
    if found > newest {
        return Err(StoreError::NewerSchema { path: path.into(), found, supported: newest });
    }
    let steps = STEPS.iter().filter(|step| step.version > found);
    Ok((found, steps.map(|step| ahead(&store, step)).collect::<Result<_, _>>()?))
}

fn ahead(store: &SledReader, step: &Step) -> Result<MigrationStep, StoreError> {
    let Step { version, name, rewrites, run: _ } = *step;
    let mut records = 0;
    for tree in rewrites {
        for entry in store.walk(*tree, &[]) {
            entry.map_err(|fault| store.fault("count what is to be migrated in", fault))?;
            records += 1;
        }
    }
    Ok(MigrationStep { version, name, records })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sled::Tree;
    use crate::store::sled::migrate::Chunk;
    use crate::{SessionPool, SledStoreOptions};

    #[test]
    fn a_step_tells_how_many_records_it_rewrites() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sessions");
        let pool = SessionPool::open(&path).unwrap();
        for _ in 0..50 {
            pool.add(crate::SessionOptions::default()).unwrap();
        }
        let _ = pool.acquire().unwrap().retire().unwrap();
        drop(pool);
        drop(SledStoreOptions::new().open(&path).unwrap());
        let store = SledReader::open_any(&path, &ReadOptions::new()).unwrap();
        let records = |rewrites: &'static [Tree]| {
            let step = Step { version: 2, name: "next", rewrites, run: |_, _| Ok(Chunk::default()) };
            ahead(&store, &step).unwrap().records
        };
        let live = store.schema().unwrap();
        assert_eq!(live, crate::schema_version());
        assert_eq!((records(&[]), records(&[Tree::Retirements])), (0, 1));
        let sessions = records(&[Tree::Sessions]);
        assert_eq!(records(&[Tree::Sessions, Tree::Payloads]), 2 * sessions);
        assert!(sessions >= 50, "{sessions}");
    }
}
