//! The files of checkpoints: their names, and which of them go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ArchiveError, NewFile};
use crate::session::Timestamp;

/// The directory in a store's directory that they are in, unless they are told another.
pub(crate) const DIRECTORY: &str = "checkpoints";

/// What a checkpoint's name ends with. Before it stand a number that counts up, and the time.
const SUFFIX: &str = ".archive";

/// A checkpoint that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CheckpointFile {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
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
        if let Some(number) = number_of(&path) {
            files.push(CheckpointFile { number, path });
        }
    }
    files.sort();
    Ok(files)
}

fn number_of(path: &Path) -> Option<u64> {
    let (number, _) = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.split_once('-')?;
    number.parse().ok()
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
        if let Some(name) = name.and_then(|name| name.strip_suffix(NewFile::SUFFIX))
            && number_of(Path::new(name)).is_some()
        {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Deletes the oldest, up to so many that are kept.
pub(crate) fn delete_oldest(directory: &Path, keep: usize) -> io::Result<()> {
    let files = list(directory)?;
    let surplus = files.len().saturating_sub(keep);
    for file in files.into_iter().take(surplus) {
        fs::remove_file(file.path)?;
    }
    Ok(())
}
