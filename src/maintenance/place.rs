//! Where a compacted store is made, and how it comes into the place of the old one.
//!
//! Beside a store `NAME` there can be, one after the other:
//!
//! - `NAME.compacting`: the new store while it is made;
//! - `NAME.before-compact`: the new store for an instant, then the old one, when the two have been exchanged.
//!
//! A directory that nobody needs any more, the new store until it is in its place, or an old one that is being deleted, has a
//! file `COMPACTED` in it. Only such a directory is ever deleted.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::MaintenanceError;
use super::swap::exchange;
use crate::store::{StoreError, is_store};

/// The file in a directory that may be deleted.
const MARK: &str = "COMPACTED";
const MARK_TEXT: &str = "A compaction of the store beside this directory has left it: it may be deleted.\n";

/// The places of a store, its successor and its predecessor.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) store: PathBuf,
    pub(super) new: PathBuf,
    pub(super) old: PathBuf,
}

/// How a directory is exchanged with another: a way that can be told to fail.
type Exchange<'a> = dyn Fn(&Path, &Path) -> io::Result<()> + 'a;

impl Places {
    /// Those of the store at `path`, by its real name: it may be a link.
    pub(super) fn of(path: &Path) -> Result<Self, MaintenanceError> {
        // In the middle of two renames it is missing for an instant.
        let real = path.canonicalize().or_else(|error| {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().filter(|_| error.kind() == ErrorKind::NotFound).ok_or(error)?;
            Ok(above.canonicalize()?.join(name))
        });
        let store = real.map_err(MaintenanceError::io("resolve", path))?;
        let Some(name) = store.file_name() else {
            return Err(MaintenanceError::Place { path: store, rule: "must be a directory with a name" });
        };
        let beside = |suffix: &str| {
            let mut name = name.to_owned();
            name.push(suffix);
            store.with_file_name(name)
        };
        Ok(Self { new: beside(".compacting"), old: beside(".before-compact"), store })
    }

    /// Keeps other compactions of the store out, until the file is dropped. It is the directory itself that is locked:
    /// the store's own lock is for those who read and write it.
    pub(super) fn claim(&self) -> Result<Option<File>, MaintenanceError> {
        if cfg!(not(unix)) {
            return Ok(None);
        }
        let directory = File::open(&self.store).map_err(MaintenanceError::io("open", &self.store))?;
        match directory.try_lock() {
            Ok(()) => Ok(Some(directory)),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::InUse { path: self.store.clone(), holder: None }.into())
            }
            // Some file systems lock no directories.
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    /// Whether a compaction was ended between two renames: the store is missing, and both the old and the new one are whole.
    pub(super) fn is_between(&self) -> Result<bool, MaintenanceError> {
        Ok(!self.store.exists() && is_marked(&self.new) && is_store(&self.new)? && is_store(&self.old)?)
    }

    /// Ends what was ended between two renames.
    pub(super) fn finish(&self) -> Result<(), MaintenanceError> {
        rename(&self.new, &self.store)?;
        unmark(&self.store)
    }

    /// Removes what a compaction that was killed has left.
    ///
    /// # Errors
    ///
    /// [`MaintenanceError::Place`] where there is something else.
    pub(super) fn tidy(&self) -> Result<(), MaintenanceError> {
        unmark(&self.store)?;
        for path in [&self.new, &self.old] {
            // One that was killed before it could say so has left an empty directory, or an unfinished store: it is made anew.
            let is_hardly_begun = || path == &self.new && matches!(is_store(path), Ok(false));
            if is_marked(path) {
                remove(path)?;
            } else if path.exists() && !is_hardly_begun() {
                let rule = "is in the way: an earlier compaction kept the old store there, or it is something else. \
                            Delete it or move it elsewhere";
                return Err(MaintenanceError::Place { path: path.clone(), rule });
            }
        }
        Ok(())
    }

    /// Puts the new store into the place of the old one, which is kept beside it.
    pub(super) fn swap(&self) -> Result<(), MaintenanceError> {
        self.swap_by(&exchange)
    }

    fn swap_by(&self, exchange: &Exchange<'_>) -> Result<(), MaintenanceError> {
        let Self { store, new, old } = self;
        rename(new, old)?;
        match exchange(old, store) {
            Ok(()) => sync_above(store)?,
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                rename(old, new)?;
                rename(store, old)?;
                if let Err(error) = rename(new, store) {
                    // Nobody is to find nothing where the store was.
                    rename(old, store)?;
                    return Err(error);
                }
            }
            Err(error) => {
                rename(old, new)?;
                return Err(MaintenanceError::io("exchange with the new store", store)(error));
            }
        }
        unmark(store)
    }

    /// Deletes the old store.
    pub(super) fn delete_old(&self) -> Result<(), MaintenanceError> {
        mark(&self.old)?;
        remove(&self.old)
    }
}

/// Says of a directory that it may be deleted.
pub(super) fn mark(path: &Path) -> Result<(), MaintenanceError> {
    let mark = path.join(MARK);
    let write = || {
        fs::write(&mark, MARK_TEXT)?;
        File::open(&mark)?.sync_all()
    };
    write().map_err(MaintenanceError::io("write", &mark))?;
    sync(path)
}

fn is_marked(path: &Path) -> bool {
    path.join(MARK).is_file()
}

fn unmark(path: &Path) -> Result<(), MaintenanceError> {
    let mark = path.join(MARK);
    match fs::remove_file(&mark) {
        Ok(()) => sync(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(MaintenanceError::io("remove", &mark)(error)),
    }
}

/// Removes a directory that says that it may be removed, and that last.
pub(super) fn remove(path: &Path) -> Result<(), MaintenanceError> {
    let entries = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    for entry in entries().map_err(MaintenanceError::io("list", path))? {
        let removed = match fs::symlink_metadata(&entry) {
            _ if entry.file_name().is_some_and(|name| name == MARK) => continue,
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&entry),
            Ok(_) => fs::remove_file(&entry),
            Err(error) => Err(error),
        };
        removed.map_err(MaintenanceError::io("remove", &entry))?;
    }
    sync(path)?;
    fs::remove_dir_all(path).map_err(MaintenanceError::io("remove", path))?;
    sync_above(path)
}

fn rename(from: &Path, to: &Path) -> Result<(), MaintenanceError> {
    fs::rename(from, to).map_err(MaintenanceError::io("rename", from))?;
    sync_above(to)
}

fn sync_above(path: &Path) -> Result<(), MaintenanceError> {
    path.parent().map_or(Ok(()), sync)
}

/// Makes the names in a directory durable.
pub(super) fn sync(path: &Path) -> Result<(), MaintenanceError> {
    if cfg!(unix) {
        let synced = File::open(path).and_then(|directory| directory.sync_all());
        synced.map_err(MaintenanceError::io("sync the directory", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a store, called `a` in its file `name`, and a new one `b` beside it that is ready to take its place.
    fn places() -> (tempfile::TempDir, Places) {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::of(&directory.path().join("sessions")).unwrap();
        for (path, name) in [(&places.store, "a"), (&places.new, "b")] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("name"), name).unwrap();
        }
        mark(&places.new).unwrap();
        (directory, places)
    }

    fn name(path: &Path) -> Option<String> {
        fs::read_to_string(path.join("name")).ok()
    }

    fn names(places: &Places) -> [Option<String>; 3] {
        [&places.store, &places.new, &places.old].map(|path| name(path))
    }

    fn owned(names: [Option<&str>; 3]) -> [Option<String>; 3] {
        names.map(|name| name.map(str::to_owned))
    }

    #[test]
    fn the_old_store_stays_in_its_place_until_the_new_one_is_there() {
        let (_directory, places) = places();
        let watched = |one: &Path, other: &Path| {
            assert_eq!(names(&places), owned([Some("a"), None, Some("b")]));
            assert!(is_marked(&places.old) && !is_marked(&places.store));
            let exchanged = exchange(one, other);
            if exchanged.is_ok() {
                assert_eq!(names(&places), owned([Some("b"), None, Some("a")]));
                assert!(!is_marked(&places.old), "nobody may delete it");
            }
            exchanged
        };
        places.swap_by(&watched).unwrap();
        assert_eq!(names(&places), owned([Some("b"), None, Some("a")]));
        assert!(!is_marked(&places.store) && !is_marked(&places.old));
        places.delete_old().unwrap();
        assert_eq!(names(&places), owned([Some("b"), None, None]));
    }

    #[test]
    fn where_two_names_cannot_be_exchanged_one_is_renamed_after_the_other() {
        let (_directory, places) = places();
        places.swap_by(&|_, _| Err(ErrorKind::Unsupported.into())).unwrap();
        assert_eq!(names(&places), owned([Some("b"), None, Some("a")]));
        assert!(!is_marked(&places.store) && !is_marked(&places.old));
    }

    #[test]
    fn where_they_cannot_be_exchanged_for_another_reason_nothing_has_changed() {
        let (_directory, places) = places();
        let error = places.swap_by(&|_, _| Err(ErrorKind::ResourceBusy.into())).unwrap_err();
        assert!(matches!(error, MaintenanceError::Io { .. }), "{error}");
        assert_eq!(names(&places), owned([Some("a"), Some("b"), None]));
        places.tidy().unwrap();
        assert_eq!(names(&places), owned([Some("a"), None, None]));
    }

    #[test]
    fn two_compactions_of_one_store_keep_out_of_each_others_way() {
        let (_directory, places) = places();
        let claim = places.claim().unwrap();
        if cfg!(unix) {
            assert!(matches!(places.claim(), Err(MaintenanceError::Store(StoreError::InUse { .. }))));
        }
        drop(claim);
        places.claim().unwrap();
    }
}
