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
    #[error("cannot {operation} {}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
}

impl TargetError {
    fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}

impl Target {
    /// The file at `path`, or stdout where that is `-`. A file that is there is refused, unless it is to be replaced.
    pub(crate) fn new(path: PathBuf, replaces: bool) -> Result<Self, TargetError> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        // Also a link that leads nowhere is something.
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
    // A name alone is in the current directory.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
