//! The floors of the log's pages: how new the newest state of each must at least be.
//!
//! Where all that counts in a segment of the log is damaged, the segment looks as one that is free, and the pages whose
//! newest states were in it look as if an older state were the newest. So of each segment of the log that is full, the
//! file `FLOORS` keeps which pages it tells of, and up to where in the log: a page's newest state only ever gets newer.
//!
//! The file begins with `floors 1`. Then comes an entry a segment, all numbers little-endian: the segment's number (u64),
//! how many pages there are (u32), for each its number (u64) and where in the segment its last message begins (u32), and a
//! CRC-32 of all that. Entries of segments that the engine has used again since go when the file would be more than twice
//! as long as it need be. It is written without a sync, and behind the log's own sync: whatever a crash leaves of it was
//! true, and less of it sees less. A store that was closed has its [seal](super::seal) besides.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::directory;
use super::salvage::{self, Lsn};
use crate::store::StoreError;

const FLOORS: &str = "FLOORS";
const FIRST_BYTES: &[u8; 8] = b"floors 1";

/// How long it looks for full segments no more after it has found none.
const REST: Duration = Duration::from_millis(50);
/// How many times as long as looking took it rests at least: it takes 5 % of the time of the thread that writes.
const REST_PER_WORK: u32 = 20;
/// How long the file may be whatever is in it, in bytes.
const ROOM: u64 = 64 << 10;
/// How many segments are noted in one go.
const AT_ONCE: usize = 4;

/// The file, while the store is open.
#[derive(Debug)]
pub(super) struct Floors {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    length: u64,
    /// The segments that have an entry, and how long that is.
    noted: BTreeMap<u64, u64>,
    look_at: Instant,
}

/// What the file says of one segment.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    segment: u64,
    /// The pages, and where their last messages begin.
    pages: Vec<(u64, u32)>,
}

impl Entry {
    const HEAD: usize = 12;
    const PAGE: usize = 12;
    const CHECKSUM: usize = 4;

    fn encode(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.pages.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (page, at) in &self.pages {
            bytes.extend_from_slice(&page.to_le_bytes());
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Cuts an entry off the front; `None` where there is none that is whole.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (segment, rest) = bytes.split_first_chunk::<8>()?;
        let (count, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(Self::PAGE)?;
        let (body, rest) = bytes.split_at_checked(length.checked_add(Self::HEAD)?)?;
        let (checksum, rest) = rest.split_first_chunk::<{ Self::CHECKSUM }>()?;
        if u32::from_le_bytes(*checksum) != crc32fast::hash(body) {
            return None;
        }
        let page = |bytes: &[u8; Self::PAGE]| {
            let [page @ .., a, b, c, d] = *bytes;
            (u64::from_le_bytes(page), u32::from_le_bytes([a, b, c, d]))
        };
        let (pages, _) = body[Self::HEAD..].as_chunks();
        Some((Self { segment: u64::from_le_bytes(*segment), pages: pages.iter().map(page).collect() }, rest))
    }

    fn length(&self) -> u64 {
        (Self::HEAD + self.pages.len() * Self::PAGE + Self::CHECKSUM) as u64
    }
}

/// Hands over what each entry says, as far as they are whole, and answers how long they are.
fn visit(path: &Path, mut visit: impl FnMut(Entry)) -> io::Result<u64> {
    let bytes = match fs::read(path.join(FLOORS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        bytes => bytes?,
    };
    let Some(mut rest) = bytes.strip_prefix(FIRST_BYTES) else { return Ok(0) };
    while let Some((entry, behind)) = Entry::decode(rest) {
        visit(entry);
        rest = behind;
    }
    Ok((bytes.len() - rest.len()) as u64)
}

/// The pages that something is known of, and the place in the log that the newest state of each begins at, or behind.
pub(super) fn read(path: &Path) -> Result<BTreeMap<u64, Lsn>, StoreError> {
    let mut floors = BTreeMap::new();
    let add = |entry: Entry| {
        for (page, at) in entry.pages {
            if let Some(lsn) = salvage::place(entry.segment, at) {
                let floor = floors.entry(page).or_insert(lsn);
                *floor = lsn.max(*floor);
            }
        }
    };
    visit(path, add).map_err(StoreError::io("read", path.join(FLOORS)))?;
    Ok(floors)
}

/// Removes them, durably: the log begins anew.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    directory::remove_durably(&path.join(FLOORS))
}

impl Floors {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut noted = BTreeMap::new();
        let found = visit(path, |entry| _ = noted.insert(entry.segment, entry.length()));
        let mut length = found.map_err(StoreError::io("read", path.join(FLOORS)))?;
        let file = path.join(FLOORS);
        let opened = open_file(&file).and_then(|mut opened| {
            if length == 0 {
                opened.set_len(0)?;
                opened.write_all(FIRST_BYTES)?;
                length = FIRST_BYTES.len() as u64;
            }
            opened.set_len(length)?;
            Ok(opened)
        });
        let opened = opened.map_err(StoreError::io("write", file))?;
        let state = State { file: opened, length, noted, look_at: Instant::now() };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// Notes what the full segments of `database` hold of which that is not known yet, if it is time to look. All that
    /// is written is durable. What cannot be noted is not: nothing depends on it.
    pub(super) fn note(&self, database: &File) {
        let Some(mut state) = self.state.try_lock() else { return };
        let start = Instant::now();
        if start < state.look_at {
            return;
        }
        let is_done = state.note(database, &self.path).unwrap_or(true);
        let rest = REST_PER_WORK * start.elapsed();
        state.look_at = Instant::now() + if is_done { rest.max(REST) } else { rest };
    }
}

impl State {
    /// Whether nothing is left to do.
    fn note(&mut self, database: &File, path: &Path) -> io::Result<bool> {
        let segments = salvage::numbers(database)?;
        let newest = segments.keys().next_back().copied().unwrap_or_default();
        let new = segments.iter().filter(|(number, _)| **number < newest && !self.noted.contains_key(number));
        let new: Vec<(u64, u64)> = new.take(AT_ONCE).map(|(number, offset)| (*number, *offset)).collect();
        for (segment, offset) in &new {
            let pages = salvage::last_of_pages(database, *offset, *segment)?;
            self.add(&Entry { segment: *segment, pages })?;
        }
        self.shorten(&segments, path)?;
        Ok(new.len() < AT_ONCE)
    }

    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        if let Err(error) = self.file.write_all(&bytes) {
            // Behind half an entry none would be found.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.noted.insert(entry.segment, entry.length());
        Ok(())
    }

    /// Writes the file anew if half of it is about segments that are none any more.
    fn shorten(&mut self, segments: &BTreeMap<u64, u64>, path: &Path) -> io::Result<()> {
        let is_needed = |segment: &u64| segments.contains_key(segment);
        let needed = self.noted.iter().filter(|(segment, _)| is_needed(segment)).map(|(_, length)| length);
        if self.length <= 2 * needed.sum::<u64>() + ROOM {
            return Ok(());
        }
        let mut bytes = FIRST_BYTES.to_vec();
        let mut noted = BTreeMap::new();
        visit(path, |entry| {
            if is_needed(&entry.segment) {
                entry.encode(&mut bytes);
                noted.insert(entry.segment, entry.length());
            }
        })?;
        let (file, new) = (path.join(FLOORS), path.join(directory::new_name(FLOORS)));
        let _ = fs::remove_file(&new);
        let mut opened = open_file(&new)?;
        opened.write_all(&bytes)?;
        fs::rename(&new, &file)?;
        *self = Self { file: opened, length: bytes.len() as u64, noted, ..*self };
        Ok(())
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(segment: u64) -> Entry {
        let pages = (0..segment).map(|page| (page * page, u32::try_from(page).unwrap() + 20)).collect();
        Entry { segment, pages }
    }

    fn entries(path: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        visit(path, |entry| entries.push(entry)).unwrap();
        entries
    }

    /// A log of segments that hold nothing, with those numbers.
    fn log(path: &Path, numbers: &[u64]) -> File {
        let mut bytes = Vec::new();
        for number in numbers {
            let mut segment = salvage::header_of(*number).to_vec();
            segment.resize(512 << 10, 0);
            bytes.extend(segment);
        }
        fs::write(path.join("db"), bytes).unwrap();
        File::open(path.join("db")).unwrap()
    }

    #[test]
    fn of_a_file_that_is_cut_short_or_damaged_the_entries_before_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let file = path.join(FLOORS);
        let floors = Floors::open(path).unwrap();
        for segment in 0..4 {
            floors.state.lock().add(&entry(segment)).unwrap();
        }
        let whole = fs::read(&file).unwrap();
        let all: Vec<Entry> = (0..4).map(entry).collect();
        assert_eq!(entries(path), all);
        for at in 0..whole.len() {
            fs::write(&file, &whole[..at]).unwrap();
            let found = entries(path);
            assert_eq!(found, all[..found.len()]);
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&file, &damaged).unwrap();
            let found = entries(path);
            assert!(found.len() < 4);
            assert_eq!(found, all[..found.len()]);
            // And new ones come behind those that are whole.
            Floors::open(path).unwrap().state.lock().add(&entry(9)).unwrap();
            assert_eq!(entries(path).last(), Some(&entry(9)));
        }
    }

    #[test]
    fn a_floor_is_the_newest_place_that_is_known_of_a_page() {
        let directory = tempfile::tempdir().unwrap();
        let floors = Floors::open(directory.path()).unwrap();
        let mut state = floors.state.lock();
        state.add(&Entry { segment: 7, pages: vec![(1, 30), (2, 40)] }).unwrap();
        state.add(&Entry { segment: 3, pages: vec![(1, 50), (3, 60)] }).unwrap();
        state.add(&Entry { segment: u64::MAX, pages: vec![(1, 70)] }).unwrap();
        let at = |segment, at| salvage::place(segment, at).unwrap();
        let expected = [(1, at(7, 30)), (2, at(7, 40)), (3, at(3, 60))];
        assert_eq!(read(directory.path()).unwrap(), expected.into());
    }

    #[test]
    fn full_segments_are_noted_and_forgotten_once_they_are_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let floors = Floors::open(path).unwrap();
        let mut state = floors.state.lock();
        let noted = |path: &Path| -> Vec<u64> { entries(path).iter().map(|entry| entry.segment).collect() };
        assert!(!state.note(&log(path, &[0, 1, 2, 3, 4, 5]), path).unwrap(), "there are more");
        assert!(state.note(&log(path, &[0, 1, 2, 3, 4, 5]), path).unwrap());
        assert_eq!(noted(path), [0, 1, 2, 3, 4], "the newest may not be full");
        // A long entry of one that is used again.
        let long = Entry { segment: 6, pages: (0..10_000).map(|page| (page, 20)).collect() };
        state.add(&long).unwrap();
        assert!(state.note(&log(path, &[7, 1, 8, 3, 4, 5]), path).unwrap());
        assert_eq!(noted(path), [1, 3, 4, 5, 7]);
        assert_eq!(state.length, fs::metadata(path.join(FLOORS)).unwrap().len());
        state.add(&entry(9)).unwrap();
        assert_eq!(noted(path), [1, 3, 4, 5, 7, 9]);
    }
}
