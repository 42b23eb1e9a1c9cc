//! The seal of a closed store: what its log was when it was closed.
//!
//! It is a text file, `SEAL`: what it is, the length of `engine/db`, a CRC-32 of each segment of it (512 KiB), the names and
//! CRC-32s of the engine's snapshots (one, usually), and a CRC-32 of all that. It is written when a store is closed, and removed, durably, before the engine next touches the log. So a
//! store that has one was closed, and whatever differs from it was changed by somebody else.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;

use super::directory::{self, DATABASE, ENGINE};
use crate::store::StoreError;

const SEAL: &str = "SEAL";
const FIRST_LINE: &str = "session-pool seal 1";
const SEGMENT: u64 = 512 << 10;

/// What a log is, or was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digest {
    length: u64,
    segments: Vec<u32>,
    snapshots: Snapshots,
}

/// The engine's snapshots as they were: their names and checksums.
pub(super) type Snapshots = Vec<(String, u32)>;

impl Digest {
    /// Reads the log, several threads at a time, and the snapshots.
    fn of(database: &Path, snapshots: Snapshots) -> io::Result<Self> {
        const THREADS: u64 = 4;
        let length = fs::metadata(database)?.len();
        let segments = length.div_ceil(SEGMENT);
        let share = segments.div_ceil(THREADS).max(1);
        let parts = thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|part| (part * share, segments.min((part + 1) * share)))
                .filter(|(from, to)| from < to)
                .map(|(from, to)| scope.spawn(move || digest(database, from, to)))
                .collect();
            let join = |worker: thread::ScopedJoinHandle<'_, io::Result<Vec<u32>>>| {
                worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread that reads it gave up")))
            };
            workers.into_iter().map(join).collect::<io::Result<Vec<_>>>()
        })?;
        Ok(Self { length, segments: parts.concat(), snapshots })
    }

    /// Holds a log against it, by its length and the checksums of its segments.
    pub(super) fn compare(&self, (length, segments): (u64, &[u32])) -> Sealed {
        // Snapshots are another matter: they can be made anew.
        if length == self.length && segments == self.segments {
            return Sealed::Unchanged(self.snapshots.clone());
        }
        let differs = (0_u64..).zip(self.segments.iter().zip(segments)).find(|(_, (a, b))| a != b);
        Sealed::Changed(match differs {
            Some((segment, _)) if length >= self.length => format!(
                "bytes {} to {} of engine/db are not what they were when it was closed",
                segment * SEGMENT,
                (segment + 1) * SEGMENT
            ),
            _ => format!("engine/db has {length} bytes, and had {} when it was closed", self.length),
        })
    }

    fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n{}\n", self.length);
        for segment in &self.segments {
            let _ = writeln!(text, "{segment:08x}");
        }
        for (name, checksum) in &self.snapshots {
            let _ = writeln!(text, "{name} {checksum:08x}");
        }
        let _ = writeln!(text, "{:08x}", crc32fast::hash(text.as_bytes()));
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let (before, _) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let mut lines = before.lines();
        let is_ours = lines.next()? == FIRST_LINE;
        let length = lines.next()?.parse().ok()?;
        let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
        for line in lines {
            match line.split_once(' ') {
                None => segments.push(u32::from_str_radix(line, 16).ok()?),
                Some((name, checksum)) => {
                    snapshots.push((name.to_owned(), u32::from_str_radix(checksum, 16).ok()?));
                }
            }
        }
        let digest = Self { length, segments, snapshots };
        (is_ours && digest.to_text() == text).then_some(digest)
    }
}

/// The checksums of the segments from one to before another.
fn digest(database: &Path, from: u64, to: u64) -> io::Result<Vec<u32>> {
    let mut file = File::open(database)?;
    file.seek(SeekFrom::Start(from * SEGMENT))?;
    let mut buffer = Vec::new();
    (from..to)
        .map(|_| {
            buffer.clear();
            file.by_ref().take(SEGMENT).read_to_end(&mut buffer)?;
            Ok(crc32fast::hash(&buffer))
        })
        .collect()
}

/// What a seal says of a store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// There is none: the store was not closed.
    No,
    /// There is one, and it cannot be read.
    Unreadable,
    /// The log is as it was when the store was closed; so were these snapshots.
    Unchanged(Snapshots),
    /// It is not; how it differs.
    Changed(String),
}

/// Seals a store whose engine writes no more.
pub(super) fn seal(path: &Path) -> Result<(), StoreError> {
    let database = path.join(ENGINE).join(DATABASE);
    let digest = snapshots(&path.join(ENGINE)).and_then(|snapshots| Digest::of(&database, snapshots));
    let digest = digest.map_err(StoreError::io("read", &database))?;
    directory::write_durably(&path.join(SEAL), digest.to_text().as_bytes())
}

/// The engine's snapshots.
fn snapshots(engine: &Path) -> io::Result<Snapshots> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(engine)? {
        let file = entry?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(super::health::SNAPSHOT) && !name.contains(char::is_whitespace) {
            snapshots.push((name.to_owned(), crc32fast::hash(&fs::read(&file)?)));
        }
    }
    snapshots.sort();
    Ok(snapshots)
}

/// Whether a store was closed, whatever became of it since.
pub(super) fn is_there(path: &Path) -> bool {
    path.join(SEAL).exists()
}

/// The seal of a store that was closed; `None` where there is none that can be read.
pub(super) fn read(path: &Path) -> Result<Option<Digest>, StoreError> {
    let file = path.join(SEAL);
    match fs::read(&file) {
        Ok(text) => Ok(std::str::from_utf8(&text).ok().and_then(Digest::from_text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", file)(error)),
    }
}

/// Compares a store's log with its seal.
pub(super) fn verify(path: &Path) -> Result<Sealed, StoreError> {
    if !is_there(path) {
        return Ok(Sealed::No);
    }
    let Some(sealed) = read(path)? else { return Ok(Sealed::Unreadable) };
    let database = path.join(ENGINE).join(DATABASE);
    let found = Digest::of(&database, Snapshots::new()).map_err(StoreError::io("read", &database))?;
    Ok(sealed.compare((found.length, &found.segments)))
}

/// Removes the seal, durably: the engine is about to write.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    directory::remove_durably(&path.join(SEAL))
}

/// Keeps a seal that cannot be read, and answers where.
pub(super) fn set_aside(path: &Path) -> Result<(std::path::PathBuf, std::path::PathBuf), StoreError> {
    let file = path.join(SEAL);
    let place = super::health::set_aside(path, &file)?;
    Ok((file, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_the_log_shows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::create_dir(path.join(ENGINE)).unwrap();
        fs::write(path.join(ENGINE).join("snap.1"), b"").unwrap();
        let database = path.join(ENGINE).join(DATABASE);
        for length in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 9 * SEGMENT + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            fs::write(&database, &bytes).unwrap();
            assert_eq!(verify(path).unwrap(), Sealed::No);
            seal(path).unwrap();
            assert_eq!(verify(path).unwrap(), Sealed::Unchanged(vec![("snap.1".to_owned(), 0)]));
            for at in [0, length / 2, length.saturating_sub(1)] {
                if let Some(byte) = bytes.get(usize::try_from(at).unwrap()) {
                    let mut damaged = bytes.clone();
                    damaged[usize::try_from(at).unwrap()] = byte ^ 16;
                    fs::write(&database, &damaged).unwrap();
                    let Sealed::Changed(how) = verify(path).unwrap() else { panic!("{at} of {length}") };
                    assert!(how.contains(&(at / SEGMENT * SEGMENT).to_string()), "{how}");
                    fs::write(&database, &bytes[..usize::try_from(at).unwrap()]).unwrap();
                    assert!(matches!(verify(path).unwrap(), Sealed::Changed(_)));
                }
            }
            fs::write(&database, [&bytes[..], b"more"].concat()).unwrap();
            assert!(matches!(verify(path).unwrap(), Sealed::Changed(_)));
            let text = fs::read(path.join(SEAL)).unwrap();
            fs::write(path.join(SEAL), &text[..text.len() - 1]).unwrap();
            assert_eq!(verify(path).unwrap(), Sealed::Unreadable);
            remove(path).unwrap();
            remove(path).unwrap();
        }
    }
}
