//! Every format that a store ever had, one file a schema version.
//!
//! A file here is frozen once it was released: it holds the records as that version stored them, and the step up from
//! the version before it. A change of the stored format is a new file, a new last entry of [`STEPS`], and a fixture
//! store of the version before it in `tests/fixtures`.

pub(super) mod v0001_initial;

use super::migrate::Step;

/// The records that this version of the crate writes.
pub(super) use v0001_initial as current;

/// The steps from an empty store to the newest schema version, in order; the n-th leads to version n.
pub(super) const STEPS: &[Step] = &[v0001_initial::STEP];
