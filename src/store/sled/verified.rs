//! The log of a store as its engine will find it, and whether everything is in it that had been durable.
//!
//! Whoever opens a store for writing and whoever only reads it ask here, so that they find the same.

use std::path::Path;

use super::directory::{DATABASE, ENGINE};
use super::salvage::{Ended, Fault, LogImage, LogTrees, MARK, Tail};
use super::{Tree, floors, health, keys};
use crate::store::StoreError;

/// Reads the log of the store in the directory `path` up to where it ends, and tells how many bytes of how many were read.
pub(super) fn read(path: &Path, how: Ended, progress: &dyn Fn(u64, u64)) -> Result<LogImage, StoreError> {
    let engine = path.join(ENGINE);
    let database = engine.join(DATABASE);
    let snapshot = health::newest_snapshot(&engine)?.unwrap_or_default();
    LogImage::read_with(&database, how, Tail::Cut { snapshot }, progress)
        .map_err(StoreError::io("read", &database))
}

/// Judges the log of a store that was not closed, and of which the sync of that number had been durable.
pub(super) fn judge(path: &Path, image: LogImage, witnessed: u64) -> Result<LogTrees, StoreError> {
    let damaged = |detail| Err(StoreError::Damaged { path: path.into(), detail });
    if let Some(verdict) = image.verdict().or(image.below(&floors::read(path)?)) {
        return damaged(format!("engine/db lacks {verdict}, which had been durable"));
    }
    let trees = trees(path, image)?;
    let marked = marked(&trees).map_err(|fault| fault_in(path, "read", fault))?;
    if marked < witnessed {
        return damaged(format!(
            "engine/db ends behind its mark {marked}, and mark {witnessed} had been durable"
        ));
    }
    Ok(trees)
}

/// The trees in a log.
pub(super) fn trees(path: &Path, image: LogImage) -> Result<LogTrees, StoreError> {
    LogTrees::of(image).map_err(|fault| fault_in(path, "read", fault))
}

/// The number of the last sync that is marked; 0 where none is.
pub(super) fn marked(trees: &LogTrees) -> Result<u64, Fault> {
    let Some(meta) = trees.root(Tree::Meta.name()) else { return Ok(0) };
    let mut marked = 0;
    for key in keys::MARKS {
        let value = trees.get(meta, key)?;
        let number = value.as_ref().and_then(|value| value.as_ref().strip_prefix(MARK));
        let number = number.and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
        marked = marked.max(number.unwrap_or_default());
    }
    Ok(marked)
}

/// What it means that a log cannot be read.
pub(super) fn fault_in(path: &Path, operation: &'static str, fault: Fault) -> StoreError {
    match fault {
        Fault::Disk(error) => StoreError::io(operation, path)(error),
        fault @ Fault::Page(_) => StoreError::Damaged { path: path.into(), detail: fault.to_string() },
    }
}
