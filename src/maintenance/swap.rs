//! Two directories, each in the other's place.

use std::io;
use std::path::Path;

/// Exchanges two names in one step, so that each of them is there at any instant.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] where the system or the file system has no such step, or this build does not ask for it;
/// others where it fails. Nothing was changed.
#[cfg(all(feature = "cli", any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(|error| match error {
        Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
        error => error.into(),
    })
}

#[cfg(not(all(feature = "cli", any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
pub(super) fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
