//! The files of checkpoints: their names, and which of them go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ArchiveError, NewFile};
use crate::session::Timestamp;

/// The directory in a store's directory that they are in, unless they are told another.
pub(crate) const DIRECTORY: &str = "checkpoints";

/// What a checkpoint's name ends with. Before it stand a number that counts up, of six digits or more, and the time.
const SUFFIX: &str = ".archive";
/// What that of one ends with in which something is missing because it could not be read.
const PARTIAL: &str = ".partial.archive";
/// Held by the store whose checkpoints they are.
const LOCK: &str = "LOCK";

/// A checkpoint that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CheckpointFile {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// Whether nothing is missing in it.
    is_complete: bool,
}

/// The checkpoints in a directory, oldest first. Other files are none of ours. A directory that is missing has none.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<CheckpointFile>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some((number, is_complete)) = tell(&path) {
            files.push(CheckpointFile { number, path, is_complete });
        }
    }
    files.sort();
    Ok(files)
}

/// The same, those first that are to be asked first: the newest in which nothing is missing.
pub(crate) fn list_by_worth(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = list(directory)?;
    files.sort_by_key(|file| std::cmp::Reverse((file.is_complete, file.number)));
    Ok(files.into_iter().map(|file| file.path).collect())
}

/// The number of a checkpoint, and whether it is complete; `None` for a file that is none of ours.
fn tell(path: &Path) -> Option<(u64, bool)> {
    let name = path.file_name()?.to_str()?;
    let (stem, is_complete) = match name.strip_suffix(PARTIAL) {
        Some(stem) => (stem, false),
        None => (name.strip_suffix(SUFFIX)?, true),
    };
    let (number, time) = stem.split_once('-')?;
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // As `20261123T002602Z`.
    let (date, rest) = time.split_once('T')?;
    let clock = rest.strip_suffix('Z')?;
    let is_ours = number.len() >= 6 && date.len() >= 8 && clock.len() == 6;
    (is_ours && [number, date, clock].into_iter().all(are_digits)).then_some(())?;
    Some((number.parse().ok()?, is_complete))
}

/// Takes a directory for one store, as long as that is open.
pub(crate) fn claim(directory: &Path) -> Result<fs::File, ArchiveError> {
    let io = |operation: &'static str| {
        move |source| ArchiveError::Io { operation, path: Some(directory.to_owned()), source }
    };
    make_directory(directory).map_err(io("create the directory of"))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(directory.join(LOCK)).map_err(io("lock the directory of"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(io("lock the directory of")(io::Error::other(
            "another store keeps its checkpoints there: each needs a directory of its own",
        ))),
        Err(fs::TryLockError::Error(error)) => Err(io("lock the directory of")(error)),
    }
}

/// Begins the next checkpoint.
pub(crate) fn create_next(directory: &Path, now: Timestamp) -> Result<(PathBuf, NewFile), ArchiveError> {
    let io = |operation: &'static str| {
        move |source| ArchiveError::Io { operation, path: Some(directory.to_owned()), source }
    };
    make_directory(directory).map_err(io("create the directory of"))?;
    remove_unfinished(directory).map_err(io("tidy the directory of"))?;
    let last = list(directory).map_err(io("list the directory of"))?.last().map_or(0, |file| file.number);
    let time = now.to_datetime().format("%Y%m%dT%H%M%SZ");
    let path = directory.join(format!("{:06}-{time}{SUFFIX}", last.saturating_add(1)));
    let file = NewFile::create(&path)?;
    Ok((path, file))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Removes what a process left that was killed while it wrote one.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.and_then(NewFile::whole_name)
            && tell(Path::new(name)).is_some()
        {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The name of a checkpoint in which something is missing.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
    name.map_or_else(|| path.to_owned(), |stem| path.with_file_name(format!("{stem}{PARTIAL}")))
}

/// Deletes the oldest, up to so many that are kept; never the newest in which nothing is missing.
pub(crate) fn delete_oldest(directory: &Path, keep: usize) -> io::Result<()> {
    let files = list(directory)?;
    let surplus = files.len().saturating_sub(keep);
    let newest = files.iter().rev().find(|file| file.is_complete).map(|file| file.number);
    for file in files.into_iter().take(surplus).filter(|file| Some(file.number) != newest) {
        fs::remove_file(file.path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_none_of_ours() {
        let tell = |name: &str| tell(Path::new(name));
        assert_eq!(tell("000042-20261123T002602Z.archive"), Some((42, true)));
        assert_eq!(tell("1000042-20261123T002602Z.partial.archive"), Some((1_000_042, false)));
        for name in [
            "2026-01-01.archive",
            "0-before-upgrade.archive",
            "1-notes.archive",
            "000001-.archive",
            "000001-20261123T002602Z",
            "000001-x0261123T002602Z.archive",
            "LOCK",
        ] {
            assert_eq!(tell(name), None, "{name}");
        }
        let path = Path::new("a/000042-20261123T002602Z.archive");
        assert_eq!(super::tell(&partial(path)), Some((42, false)));
    }
}
