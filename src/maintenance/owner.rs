//! Whom the files of a store belong to.

use std::fs;
use std::io;
use std::path::Path;

use super::MaintenanceError;

/// Whom a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    #[cfg(unix)]
    user: u32,
    #[cfg(unix)]
    group: u32,
}

impl Owner {
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Result<Self, MaintenanceError> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::symlink_metadata(path).map_err(MaintenanceError::io("look at", path))?;
        Ok(Self { user: metadata.uid(), group: metadata.gid() })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_path: &Path) -> Result<Self, MaintenanceError> {
        Ok(Self {})
    }

    /// Gives it a directory with all that is in it: whoever has opened the old store is to be able to open the new one.
    pub(super) fn give(self, path: &Path) -> Result<(), MaintenanceError> {
        self.give_one(path).map_err(MaintenanceError::io("give to the owner of the old store", path))?;
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            for entry in fs::read_dir(path).map_err(MaintenanceError::io("list", path))? {
                self.give(&entry.map_err(MaintenanceError::io("list", path))?.path())?;
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn give_one(self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, lchown};
        let Self { user, group } = self;
        let metadata = fs::symlink_metadata(path)?;
        if metadata.uid() != user {
            lchown(path, Some(user), Some(group))?;
        } else if metadata.gid() != group {
            // Files are for their owner alone: that of another group is no harm where it may not be given.
            let _ = lchown(path, None, Some(group));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as it is where files have owners")]
    fn give_one(self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}
