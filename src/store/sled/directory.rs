//! The directory around the engine: what says that it is a store, and who has it open.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::encryption::{Cipher, from_hex, to_hex};
use crate::store::StoreError;

const MARKER: &str = "STORE";
const LOCK: &str = "LOCK";
pub(super) const ENGINE: &str = "engine";
pub(super) const DATABASE: &str = "db";

const FIRST_LINE: &str = "session-pool store";
const UNFINISHED: &str = "unfinished";
const ENCRYPTION: &str = "encryption ";
const CHECKSUM: &str = "checksum ";

/// Keeps the directory from being opened twice, until it is dropped.
#[derive(Debug)]
pub(super) struct StoreLock {
    _file: File,
}

/// Keeps others from opening a store that is only read, until it is dropped. Nothing is written.
#[derive(Debug)]
pub(crate) struct ReadLock {
    _file: File,
}

impl ReadLock {
    /// Takes it; `None` where nobody has ever had the store open.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::Io`].
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let lock = path.join(LOCK);
        let mut file = match File::open(&lock) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", lock)(error)),
        };
        try_several_times(path, &lock, &mut file, File::try_lock_shared)?;
        if is_at(&file, &lock) { Ok(Some(Self { _file: file })) } else { Self::take(path) }
    }
}

/// Takes a lock of the file at `lock`, of the store at `path`.
fn try_several_times(
    path: &Path,
    lock: &Path,
    file: &mut File,
    take: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<(), StoreError> {
    let mut attempts = 0;
    loop {
        match take(file) {
            Ok(()) => return Ok(()),
            // A process that this one is starting holds all its locks too, for a moment.
            Err(TryLockError::WouldBlock) if attempts < LOCK_ATTEMPTS => {
                attempts += 1;
                thread::sleep(TRY_LOCK_AGAIN_AFTER);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: path.into(), holder: read_holder(file) });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", lock)(error)),
        }
    }
}

/// Whether a file is the one of that name. Whoever compacts a store puts another directory into its place: who opened the
/// lock of the one before has locked nothing.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(this), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (this.dev(), this.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok())
}

/// What a directory is.
pub(super) enum Found {
    /// Nothing yet: it is missing or empty.
    Empty,
    /// A store of that schema version, or of one on the way to it.
    Store(Marker),
}

impl Found {
    /// Whether it is a store in which something may be kept.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self, Self::Store(Marker { is_unfinished: false, .. }))
    }
}

/// What the file STORE says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) schema: u32,
    /// What tells the key apart that its payloads are encrypted with; `None` where they are in clear.
    pub(super) key_check: Option<Vec<u8>>,
    /// Whether the store is still being made: nothing has ever been kept in it.
    pub(super) is_unfinished: bool,
}

impl Marker {
    /// Whether the key given is the one that the store is encrypted with.
    pub(super) fn check_key(&self, path: &Path, cipher: Option<&Cipher>) -> Result<(), StoreError> {
        match (&self.key_check, cipher) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(StoreError::NotEncrypted { path: path.into() }),
            (Some(_), None) => Err(StoreError::KeyNeeded { path: path.into() }),
            (Some(check), Some(cipher)) if cipher.is_key_of(check) => Ok(()),
            (Some(_), Some(_)) => Err(StoreError::WrongKey { path: path.into() }),
        }
    }
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
    // Only a store has it there, and the file that says so is written before it.
    if path.join(ENGINE).join(DATABASE).is_file() {
        return Err(StoreError::Damaged {
            path: path.into(),
            detail: format!("its file {MARKER} is missing"),
        });
    }
    for entry in fs::read_dir(path).map_err(StoreError::io("list", path))? {
        let name = entry.map_err(StoreError::io("list", path))?.file_name();
        // What a process leaves that was killed while it made a store.
        if name != LOCK && *name != *new_name(MARKER) {
            return Err(StoreError::NotAStore {
                path: path.into(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(Found::Empty)
}

/// Whether there is a store at `path`, a finished one.
///
/// # Errors
///
/// [`StoreError::NotADirectory`], [`StoreError::NotAStore`], [`StoreError::Damaged`], [`StoreError::Io`].
pub(crate) fn is_store(path: &Path) -> Result<bool, StoreError> {
    Ok(matches!(inspect(path)?, Found::Store(Marker { is_unfinished: false, .. })))
}

fn read_marker(path: &Path, text: &[u8]) -> Result<Marker, StoreError> {
    let read = |text: &str| {
        // A flipped bit must not make it a store of another version.
        let (text, checksum) = text.strip_suffix('\n')?.rsplit_once(CHECKSUM)?;
        let is_whole = u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(text.as_bytes()));
        let mut lines = text.lines();
        let is_ours = lines.next()? == FIRST_LINE;
        let schema = lines.next()?.strip_prefix("schema ")?.parse().ok()?;
        let mut marker = Marker { schema, key_check: None, is_unfinished: false };
        for line in lines {
            match line.strip_prefix(ENCRYPTION) {
                Some(digits) => marker.key_check = Some(from_hex(digits)?),
                None if line == UNFINISHED => marker.is_unfinished = true,
                // What a newer version says beyond that is none of this one's business.
                None => {}
            }
        }
        (is_ours && is_whole).then_some(marker)
    };
    std::str::from_utf8(text).ok().and_then(read).ok_or_else(|| StoreError::Damaged {
        path: path.into(),
        detail: format!("its file {MARKER} does not say what it must"),
    })
}

/// Says durably what the directory is.
pub(super) fn mark(path: &Path, marker: &Marker) -> Result<(), StoreError> {
    let mut text = format!("{FIRST_LINE}\nschema {}\n", marker.schema);
    if let Some(key_check) = &marker.key_check {
        text.extend([ENCRYPTION, &to_hex(key_check), "\n"]);
    }
    if marker.is_unfinished {
        text.extend([UNFINISHED, "\n"]);
    }
    let checksum = format!("{CHECKSUM}{:08x}\n", crc32fast::hash(text.as_bytes()));
    text.push_str(&checksum);
    write_durably(&path.join(MARKER), text.as_bytes())
}

/// What a file is called until it is whole.
pub(super) fn new_name(name: &str) -> String {
    format!("{name}.new")
}

/// Puts a small file in place, durably, with that content or as it was before.
pub(super) fn write_durably(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let new = path.with_file_name(new_name(&path.file_name().unwrap_or_default().to_string_lossy()));
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    if let Err(error) = write() {
        // Half of it is of no use to anybody, and may be what fills the disk.
        let _ = fs::remove_file(&new);
        return Err(StoreError::io("write", &new)(error));
    }
    path.parent().map_or(Ok(()), sync_directory)
}

/// Sees to it that only their owner can read a directory and everything in it. Answers whether others could read the
/// directory before, and what it could not change.
#[cfg(unix)]
pub(super) fn make_private(path: &Path) -> Result<(bool, Vec<PathBuf>), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let was_open =
        fs::metadata(path).map_err(StoreError::io("look at", path))?.permissions().mode() & 0o077 != 0;
    let mut unchanged = Vec::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        // A link may lead anywhere, and a file may be gone meanwhile.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let mode = match metadata.file_type() {
            kind if kind.is_dir() => 0o700,
            kind if kind.is_file() => 0o600,
            _ => continue,
        };
        let is_open = metadata.permissions().mode() & 0o077 != 0;
        if is_open && fs::set_permissions(&path, fs::Permissions::from_mode(mode)).is_err() {
            unchanged.push(path.clone());
        }
        if metadata.is_dir() {
            // One that cannot be listed, somebody else's perhaps, is left as it is.
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    // What is in a directory that nobody else can enter is private whatever its own mode.
    let is_private = !unchanged.iter().any(|unchanged| unchanged == path);
    Ok((was_open && is_private, if is_private { Vec::new() } else { unchanged }))
}

#[cfg(not(unix))]
pub(super) fn make_private(_path: &Path) -> Result<(bool, Vec<PathBuf>), StoreError> {
    Ok((false, Vec::new()))
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

/// How often, and how long apart, a lock is tried again that somebody holds.
const LOCK_ATTEMPTS: u32 = 10;
const TRY_LOCK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Takes the lock of a directory.
pub(super) fn lock(path: &Path) -> Result<StoreLock, StoreError> {
    let lock = path.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = loop {
        let mut file = options.open(&lock).map_err(StoreError::io("open", &lock))?;
        try_several_times(path, &lock, &mut file, File::try_lock)?;
        if is_at(&file, &lock) {
            break file;
        }
    };
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

/// Removes a store that could not be made; the directory too, unless it was there before, empty. What cannot be removed is
/// marked as unfinished, so that nobody takes it for a store.
pub(super) fn remove(path: &Path, keep_directory: bool) {
    if !keep_directory {
        let _ = fs::remove_dir_all(path);
        return;
    }
    if clear_engine(path).is_ok() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes a file, if it is there, durably.
pub(super) fn remove_durably(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Ok(()) => file.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("remove", file)(error)),
    }
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
