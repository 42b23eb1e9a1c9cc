//! What opening a store found.

use std::path::PathBuf;

/// What opening a store found, and did about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreReport {
    /// Whether it was made just now.
    pub is_new: bool,
    /// Whether whoever had it open before closed it, rather than being killed. Its files were then compared with what
    /// they were when it was closed.
    pub was_closed: bool,
    /// The schema version that it was migrated from; `None` where it had the newest.
    pub migrated_from: Option<u32>,
    /// Files that were damaged or left over, and that it does without.
    pub healed: Vec<Healed>,
    /// Files and directories that others than their owner could read, and no longer can.
    pub made_private: Vec<PathBuf>,
    /// Files and directories that others can read, and whose mode could not be changed.
    pub not_private: Vec<PathBuf>,
}

/// A file that was damaged or left over, and that a store does without.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Healed {
    /// Which file.
    pub file: PathBuf,
    /// What was wrong with it.
    pub why: String,
    /// Where it is kept now; `None` where it was missing.
    pub set_aside: Option<PathBuf>,
}
