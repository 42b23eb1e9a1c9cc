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
    const SUFFIX: &str = ".unfinished";

    /// Begins a file that is readable for its owner only. One of that name that is there already is refused.
    pub(crate) fn create(path: &Path) -> Result<Self, ArchiveError> {
        // Also a link that leads nowhere is something.
        if path.symlink_metadata().is_ok() {
            return Err(cannot_create(path, io::ErrorKind::AlreadyExists.into()));
        }
        loop {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{:08x}{}", fastrand::u32(..), Self::SUFFIX));
            let temporary = path.with_file_name(name);
            // What others have put there, a link or a file that everybody may read, is not written to.
            match create_private(&temporary) {
                Ok(file) => return Ok(Self { file, temporary, path: path.to_owned(), is_done: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_create(path, error)),
            }
        }
    }

    /// What a file is called once it is whole, of the name that it has until then.
    pub(crate) fn whole_name(unfinished: &str) -> Option<&str> {
        let name = unfinished.strip_suffix(Self::SUFFIX)?;
        let (whole, random) = name.rsplit_once('.')?;
        let is_random = random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(if is_random { whole } else { name })
    }

    /// Has it named otherwise when it is done.
    pub(crate) fn rename(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Makes the file durable, and gives it its name, durably too.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        self.file.sync_all().map_err(ArchiveError::file("sync", &self.temporary))?;
        self.give_name()?;
        if cfg!(unix) {
            File::open(above(&self.path))
                .and_then(|directory| directory.sync_all())
                .map_err(ArchiveError::file("sync the directory of", &self.path))?;
        }
        Ok(())
    }

    /// Gives it its name, unless there is something of that name meanwhile.
    fn give_name(&mut self) -> Result<(), ArchiveError> {
        match fs::hard_link(&self.temporary, &self.path) {
            // Where this fails it has two names, and is whole under both.
            Ok(()) => drop(fs::remove_file(&self.temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(cannot_create(&self.path, error));
            }
            // Not every file system has links: an empty file keeps the name.
            Err(_) => {
                create_private(&self.path).map_err(|error| cannot_create(&self.path, error))?;
                fs::rename(&self.temporary, &self.path).map_err(|error| {
                    let _ = fs::remove_file(&self.path);
                    ArchiveError::file("rename", &self.temporary)(error)
                })?;
            }
        }
        self.is_done = true;
        Ok(())
    }
}

/// The directory that a file is in.
fn above(path: &Path) -> &Path {
    // A name alone is in the current one.
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The error of a file that is to be there under that name, whichever it has meanwhile.
fn cannot_create(path: &Path, error: io::Error) -> ArchiveError {
    let why = match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Some("there is something already, and it is left as it is".to_owned())
        }
        io::ErrorKind::NotFound if !above(path).is_dir() => {
            Some(format!("there is no directory {}", above(path).display()))
        }
        _ => None,
    };
    let kind = error.kind();
    let error = why.map_or(error, |why| io::Error::new(kind, why));
    ArchiveError::file("create", path)(error)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_that_lies_there_under_its_temporary_name_makes_it_readable_for_others() {
        let directory = tempfile::tempdir().unwrap();
        let [path, left, others] = ["a", "a.unfinished", "b"].map(|name| directory.path().join(name));
        fs::write(&left, "left").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o666)).unwrap();
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"secret").unwrap();
        file.finish().unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap().as_slice()), (0o600, b"secret".as_slice()));
        assert_eq!(fs::read(&left).unwrap(), b"left");

        fs::remove_file(&path).unwrap();
        fs::remove_file(&left).unwrap();
        fs::write(&others, "not mine").unwrap();
        symlink(&others, &left).unwrap();
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"secret").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&others).unwrap(), b"not mine", "a link is not followed");
    }

    #[test]
    fn two_who_write_one_file_keep_apart_and_the_second_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let [mut first, mut second] = [(); 2].map(|()| NewFile::create(&path).unwrap());
        first.write_all(b"first").unwrap();
        second.write_all(b"second").unwrap();
        first.finish().unwrap();
        let error = second.finish().unwrap_err();
        assert!(
            matches!(&error, ArchiveError::Io { operation: "create", source, .. }
            if source.kind() == io::ErrorKind::AlreadyExists),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(directory.path()), ["a"], "nothing is left of the other one");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_something_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        symlink(directory.path().join("nowhere"), &path).unwrap();
        assert!(NewFile::create(&path).is_err());
        assert_eq!(names(directory.path()), ["a"]);
    }

    #[test]
    fn the_name_that_it_will_have_is_told_of_the_one_that_it_has() {
        for (unfinished, whole) in [
            ("a.archive.0123abcd.unfinished", Some("a.archive")),
            ("a.archive.unfinished", Some("a.archive")),
            ("a.archive", None),
        ] {
            assert_eq!(NewFile::whole_name(unfinished), whole);
        }
    }
}
