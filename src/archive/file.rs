//! A file that is there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ArchiveError;

/// A file being written under another name, which it gets rid of if it is dropped before it is done.
pub(crate) struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    is_done: bool,
}

impl NewFile {
    /// What the name ends with until the file is whole.
    pub(crate) const SUFFIX: &str = ".unfinished";

    /// Begins a file that is readable for its owner only. One of that name that is there already is refused.
    pub(crate) fn create(path: &Path) -> Result<Self, ArchiveError> {
        if path.exists() {
            let error = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(ArchiveError::file("create", path)(error));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(Self::SUFFIX);
        let temporary = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&temporary).map_err(ArchiveError::file("create", &temporary))?;
        Ok(Self { file, temporary, path: path.to_owned(), is_done: false })
    }

    /// Has it named otherwise when it is done.
    pub(crate) fn rename(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Makes the file durable, and gives it its name, durably too.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        self.file.sync_all().map_err(ArchiveError::file("sync", &self.temporary))?;
        fs::rename(&self.temporary, &self.path).map_err(ArchiveError::file("rename", &self.temporary))?;
        self.is_done = true;
        if cfg!(unix) {
            // A file name alone is in the current directory.
            let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            File::open(parent)
                .and_then(|directory| directory.sync_all())
                .map_err(ArchiveError::file("sync the directory of", &self.path))?;
        }
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_done {
            // Nobody is left to hear of an error, and what stays is known by its name.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
