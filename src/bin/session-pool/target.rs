//! Where a command writes what it made.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that is there as a whole or not at all, readable for its owner only; or stdout.
pub(crate) enum Target {
    File { path: PathBuf, replaces: bool },
    Stdout,
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("there is something at {} already: --force replaces it", .0.display())]
    IsThere(PathBuf),
    #[error("{} is {what}, and only a file is replaced", path.display())]
    NoFile { path: PathBuf, what: &'static str },
    #[error("{} is in what is looked into, and nothing of that is changed", .0.display())]
    InSource(PathBuf),
    #[error("cannot {operation} {}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
}

impl TargetError {
    /// Whether it is what was asked for that is wrong, rather than what became of it.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::IsThere(_) | Self::NoFile { .. } | Self::InSource(_) => true,
            Self::Io { .. } => false,
        }
    }

    fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}

/// Refuses what is no file, of itself: what a link leads to may be anywhere, a device has no content to be replaced, and whoever
/// reads from a pipe would be left without it.
///
/// # Errors
///
/// [`TargetError::NoFile`].
pub(crate) fn is_file_or_nothing(path: &Path) -> Result<(), TargetError> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    let found = found.file_type();
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_symlink() {
        "a link"
    } else if found.is_dir() {
        "a directory"
    } else {
        "no file"
    };
    Err(TargetError::NoFile { path: path.to_owned(), what })
}

/// Whether a file at `path` would be the source, or in its directory, however they are spelt.
fn is_in(path: &Path, source: &Path) -> bool {
    let Ok(source) = source.canonicalize() else { return false };
    // The file itself may not be there yet.
    let place = match (directory(path).canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => return false,
    };
    place.starts_with(&source) || path.canonicalize().is_ok_and(|place| place.starts_with(&source))
}

/// The directory of a file: a name alone is in the current one.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Target {
    /// The file at `path`, or stdout where that is `-`. A file that is there is refused, unless it is to be replaced; what is no
    /// file, and what belongs to `source`, always.
    pub(crate) fn new(path: PathBuf, replaces: bool, source: &Path) -> Result<Self, TargetError> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        is_file_or_nothing(&path)?;
        if is_in(&path, source) {
            return Err(TargetError::InSource(path));
        }
        if !replaces && path.symlink_metadata().is_ok() {
            return Err(TargetError::IsThere(path));
        }
        Ok(Self::File { path, replaces })
    }

    /// Writes it, durably, and answers where, unless that is stdout.
    pub(crate) fn write(
        self,
        bytes: &[u8],
        stdout: &mut dyn Write,
    ) -> super::commands::Result<Option<PathBuf>> {
        match self {
            Self::Stdout => {
                stdout.write_all(bytes)?;
                Ok(None)
            }
            Self::File { path, replaces } => {
                write(&path, replaces, bytes)?;
                Ok(Some(path))
            }
        }
    }
}

fn write(path: &Path, replaces: bool, bytes: &[u8]) -> Result<(), TargetError> {
    let directory = directory(path);
    if !directory.is_dir() {
        let why = format!("there is no directory {}", directory.display());
        return Err(TargetError::io("create", path)(io::Error::new(io::ErrorKind::NotFound, why)));
    }
    // It goes by itself where anything fails.
    let mut file: NamedTempFile = Builder::new()
        .prefix(".session-pool-")
        .suffix(".unfinished")
        .tempfile_in(directory)
        .map_err(|error| TargetError::io("create a file for", path)(error.kind().into()))?;
    file.write_all(bytes).map_err(TargetError::io("write", path))?;
    file.as_file().sync_all().map_err(TargetError::io("sync", path))?;
    if replaces {
        // It may have come meanwhile.
        is_file_or_nothing(path)?;
        file.persist(path).map_err(|error| TargetError::io("replace", path)(error.error))?;
    } else {
        file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => TargetError::IsThere(path.to_owned()),
            _ => TargetError::io("create", path)(error.error),
        })?;
    }
    if cfg!(unix) {
        let sync = File::open(directory).and_then(|directory| directory.sync_all());
        sync.map_err(TargetError::io("sync the directory of", path))?;
    }
    Ok(())
}
