//! Opening whatever is at a path.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::archive::{ArchiveView, checkpoints as files};
use crate::error::Result;
use crate::store::{ReadOptions, ReadStore, SledReader, StoreError};

/// What was opened for reading; it is the [`ReadStore`] in it.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Opened {
    /// A store's directory.
    Store(SledReader),
    /// An archive.
    Archive(ArchiveView),
}

impl Deref for Opened {
    type Target = dyn ReadStore;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Store(store) => store,
            Self::Archive(archive) => archive,
        }
    }
}

/// Opens what is at `path` for reading: a store's directory ([`SledReader`]), or an archive ([`ArchiveView`]), which every file
/// is taken for. Nothing of it is changed.
///
/// A store that a crawler has open cannot be read meanwhile ([`StoreError::InUse`]); its [checkpoints] can.
///
/// # Errors
///
/// [`Error::Store`](crate::Error::Store) as [`SledReader::open`], [`Error::Archive`](crate::Error::Archive) as
/// [`ArchiveView::open`].
pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Opened> {
    let path = path.as_ref();
    Ok(if path.is_file() {
        Opened::Archive(ArchiveView::open(path, options)?)
    } else {
        Opened::Store(SledReader::open(path, options)?)
    })
}

/// The checkpoints in the store's directory `path`, the best first: those in which nothing is missing before those in which
/// something is that could not be read, the newest first. They are archives; those that a pool keeps
/// [elsewhere](crate::Checkpoints::directory) are not found.
///
/// # Errors
///
/// [`StoreError::Io`] where the directory cannot be listed. One that is missing has none.
pub fn checkpoints(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, StoreError> {
    let directory = path.as_ref().join(files::DIRECTORY);
    files::list_by_worth(&directory).map_err(StoreError::io("list", &directory))
}
