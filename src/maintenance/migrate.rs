//! Bringing a store to the newest schema version.

use std::path::Path;

use serde::Serialize;

use super::MaintenanceError;
use crate::store::{MigrationStep, ReadOptions, SledStoreOptions, outlook, schema_version};

/// What it takes to bring a store to the newest schema version. Opening it for writing does that by itself; this is for
/// whoever wants to know before, or to have it done at a time of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// The schema version that the store has; 0 for one that was killed when it was hardly made.
    pub from: u32,
    /// The newest one, which it gets.
    pub to: u32,
    /// The steps in between. Where a migration was ended in the middle, the first of them is the one that goes on.
    pub steps: Vec<MigrationStep>,
}

impl MigrationPlan {
    /// Finds what there is to do for the store in the directory `path`, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`MaintenanceError::Store`], as [`SledReader::open`](crate::SledReader::open) but for an older schema version.
    pub fn new(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, MaintenanceError> {
        let (from, steps) = outlook(path.as_ref(), options)?;
        Ok(Self { from, to: schema_version(), steps })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many records are rewritten, or may be; one that two steps rewrite counts twice.
    pub fn records(&self) -> u64 {
        self.steps.iter().map(|step| step.records).sum()
    }
}

/// Brings the store in the directory `path` to the newest schema version, and answers what that took. Where it has that already,
/// it is not touched. [`SledStoreOptions::on_migration`] hears how it goes on.
///
/// A migration that is ended in the middle, by a failure or a kill, goes on where it was when it is begun again, or when
/// the store is opened. An older version of this crate refuses the store from its beginning on.
///
/// # Errors
///
/// [`MaintenanceError::Store`], as [`SledStoreOptions::open`].
pub fn migrate(path: impl AsRef<Path>, options: SledStoreOptions) -> Result<MigrationPlan, MaintenanceError> {
    let path = path.as_ref();
    let plan = MigrationPlan::new(path, &ReadOptions::new().with_cipher(options.cipher()))?;
    if !plan.is_empty() {
        drop(options.create(false).open(path)?);
    }
    Ok(plan)
}
