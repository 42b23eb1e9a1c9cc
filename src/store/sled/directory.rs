//! The directory around the engine: what says that it is a store, and who has it open.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

const MARKER: &str = "STORE";
const MARKER_NEW: &str = "STORE.new";
const LOCK: &str = "LOCK";
pub(super) const ENGINE: &str = "engine";

const FIRST_LINE: &str = "session-pool store";
const UNFINISHED: &str = "unfinished";

/// Keeps the directory from being opened twice, until it is dropped.
#[derive(Debug)]
pub(super) struct StoreLock {
    _file: File,
}

/// What a directory is.
pub(super) enum Found {
    /// Nothing yet: it is missing or empty.
    Empty,
    /// A store of that schema version, or of one on the way to it.
    Store(Marker),
}

/// What the file STORE says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) schema: u32,
    /// Whether the store is still being made: nothing has ever been kept in it.
    pub(super) is_unfinished: bool,
}

/// Tells what is at `path`, and changes nothing.
pub(super) fn inspect(path: &Path) -> Result<Found, StoreError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Empty),
        Err(error) => return Err(StoreError::io("look at", path)(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(StoreError::NotADirectory { path: path.into() }),
        Ok(_) => {}
    }
    let marker = path.join(MARKER);
    match fs::read(&marker) {
        Ok(text) => return read_marker(path, &text).map(Found::Store),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("read", marker)(error)),
    }
    for entry in fs::read_dir(path).map_err(StoreError::io("list", path))? {
        let name = entry.map_err(StoreError::io("list", path))?.file_name();
        // What a process leaves that was killed while it made a store.
        if name != LOCK && name != MARKER_NEW {
            return Err(StoreError::NotAStore {
                path: path.into(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(Found::Empty)
}

fn read_marker(path: &Path, text: &[u8]) -> Result<Marker, StoreError> {
    let read = |text: &str| {
        let mut lines = text.lines();
        let is_ours = lines.next()? == FIRST_LINE;
        let schema = lines.next()?.strip_prefix("schema ")?.parse().ok()?;
        is_ours.then_some(Marker { schema, is_unfinished: lines.next() == Some(UNFINISHED) })
    };
    std::str::from_utf8(text).ok().and_then(read).ok_or_else(|| StoreError::Damaged {
        path: path.into(),
        detail: format!("its file {MARKER} does not say \"{FIRST_LINE}\" and \"schema N\""),
    })
}

/// Says durably what the directory is.
pub(super) fn mark(path: &Path, marker: Marker) -> Result<(), StoreError> {
    let mut text = format!("{FIRST_LINE}\nschema {}\n", marker.schema);
    if marker.is_unfinished {
        text.extend([UNFINISHED, "\n"]);
    }
    let new = path.join(MARKER_NEW);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path.join(MARKER))
    };
    write().map_err(StoreError::io("write", &new))?;
    sync_directory(path)
}

/// Makes the directory, readable for its owner only, and those above it as usual. One that is there is left as it is.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(StoreError::io("create the directory", above))?;
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(StoreError::io("create the directory", path))
}

/// Takes the lock of a directory.
pub(super) fn lock(path: &Path) -> Result<StoreLock, StoreError> {
    let lock = path.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&lock).map_err(StoreError::io("open", &lock))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(StoreError::InUse { path: path.into(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &lock)(error)),
    }
    let mut write = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write().map_err(StoreError::io("write", &lock))?;
    Ok(StoreLock { _file: file })
}

/// Removes what is left of an engine in a store that was never finished.
pub(super) fn clear_engine(path: &Path) -> Result<(), StoreError> {
    let engine = path.join(ENGINE);
    match fs::remove_dir_all(&engine) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", engine)(error)),
        _ => Ok(()),
    }
}

/// Removes snapshots that the engine had begun to write when it was stopped. It means to pass over them when it starts, but
/// looks for another name, and would take one for its newest snapshot, and itself for damaged. Each is of no use: what it
/// was made from is there until it is renamed.
pub(super) fn clear_unfinished_snapshots(engine: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(engine) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(StoreError::io("list", engine))?,
    };
    for entry in entries {
        let path = entry.map_err(StoreError::io("list", engine))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Makes the way to a directory durable: its name in its parent, and the names of those above, which may be new too.
pub(super) fn sync_way_to(path: &Path) -> Result<(), StoreError> {
    let path = path.canonicalize().map_err(StoreError::io("resolve", path))?;
    for (above, directory) in path.ancestors().skip(1).enumerate() {
        match sync_directory(directory) {
            // Those further up may not be ours to open; then they are not ours to have made either.
            Err(_) if above > 0 => break,
            synced => synced?,
        }
    }
    Ok(())
}

/// Makes every file in a directory, and the directory itself, durable.
pub(super) fn sync_files(path: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(path).map_err(StoreError::io("list", path))? {
        let path: PathBuf = entry.map_err(StoreError::io("list", path))?.path();
        if path.is_dir() {
            sync_directory(&path)?;
        } else {
            // Some systems sync only what may be written.
            OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|file| file.sync_all())
                .map_err(StoreError::io("sync", &path))?;
        }
    }
    sync_directory(path)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // Elsewhere a directory cannot be opened as a file, nor need it be synced.
    if cfg!(unix) {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(StoreError::io("sync the directory", path))?;
    }
    Ok(())
}
