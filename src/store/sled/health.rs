//! Before the engine starts: are its files what it can be trusted with?
//!
//! The engine (sled 0.34) keeps everything in its log, `db`. Beside it lie `conf`, whose content is always the same, and
//! a snapshot of where in the log each page is. Any damage of these two keeps it from ever starting again, so both are
//! made anew where they are not as they must be: `conf` from what is known of it, the snapshot from the log. A damaged log,
//! in contrast, it starts with as if what lies behind the damage had never been written, and then wipes that. So the log is
//! verified before the engine sees it: by its [seal](super::seal) where the store was closed, by what can be told from
//! itself where it was not ([`verified`](super::verified)). Where the damage is in a part that nothing needs any more, the
//! engine gets a snapshot that keeps it from reading that part.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::directory::{self, DATABASE};
use super::salvage::{Ended, LogTrees, Lsn};
use super::seal::Snapshots;
use super::verified;
use crate::store::{Healed, StoreError, StoreReport};

const CONF: &str = "conf";
pub(super) const SNAPSHOT: &str = "snap.";
/// What the engine's half-written snapshots end with. It would take one for a snapshot.
const HALF_WRITTEN: &str = ".generating";

/// The length of a segment of the log.
const SEGMENT: u64 = 512 << 10;

/// Where damaged files go.
pub(super) const SET_ASIDE: &str = "set-aside";

/// What the engine writes into `conf` (sled 0.34.7, `config.rs`), with its CRC-32 behind it: the settings with which
/// [`Engine::start`](super::engine::Engine::start) runs it.
const SETTINGS: &[u8] = b"segment_size: 524288\nuse_compression: false\nversion: 0.34\n";

fn conf() -> Vec<u8> {
    [SETTINGS, &crc32fast::hash(SETTINGS).to_le_bytes()].concat()
}

/// Sees to `conf` and to the snapshot. Of the log nothing is touched but what is behind its end.
pub(super) fn heal(
    path: &Path,
    engine: &Path,
    log: &Log,
    report: &mut StoreReport,
) -> Result<(), StoreError> {
    heal_conf(path, engine, report)?;
    // With the snapshot that it has, the engine would not get to the end of the log.
    let needs_another = matches!(log, Log::Verified(trees) if !trees.image().is_as_the_engine());
    let (mut has_snapshot, mut is_flawed) = (false, needs_another);
    for (file, name) in snapshots(engine)? {
        let flaw = if name.ends_with(HALF_WRITTEN) {
            Some("it is only half written".to_owned())
        } else {
            let flaw = snapshot_flaw(&file, &name, log).map_err(StoreError::io("read", &file))?;
            is_flawed |= flaw.is_some();
            let too_old = || "the log is damaged where the engine would read it again from there".to_owned();
            flaw.or_else(|| needs_another.then(too_old))
        };
        match flaw {
            Some(why) => {
                let set_aside = Some(set_aside(path, &file)?);
                report.healed.push(Healed { file, why, set_aside });
            }
            None => has_snapshot = true,
        }
    }
    if !has_snapshot {
        make_snapshot(path, engine, log, is_flawed)?;
    }
    directory::sync_directory(engine)
}

/// Makes the snapshot that the log has none of.
fn make_snapshot(path: &Path, engine: &Path, log: &Log, is_needed: bool) -> Result<(), StoreError> {
    let sealed;
    let image = match log {
        Log::Verified(trees) => trees.image(),
        Log::Sealed(_) => {
            sealed = verified::read(path, Ended::Closed, &|_, _| {})?;
            &sealed
        }
    };
    let Some((name, content)) = image.snapshot() else {
        // The engine gets as far without one.
        return if is_needed {
            let detail =
                "the engine's snapshot is damaged, and the log does not say what was in it".to_owned();
            Err(StoreError::Damaged { path: path.into(), detail })
        } else {
            Ok(())
        };
    };
    directory::write_durably(&engine.join(name), &content)?;
    wipe(&engine.join(DATABASE), image.behind_end()).map_err(StoreError::io("write", engine.join(DATABASE)))
}

/// Fills segments that are behind the end of the log with zeros, as the engine does where it ends there.
fn wipe(database: &Path, offsets: impl Iterator<Item = u64>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(database)?;
    let length = file.metadata()?.len();
    for offset in offsets {
        file.seek(SeekFrom::Start(offset))?;
        io::copy(&mut io::repeat(0).take(SEGMENT.min(length.saturating_sub(offset))), &mut file)?;
    }
    file.sync_all()
}

/// The engine's snapshots, also those that are half written, and their names.
fn snapshots(engine: &Path) -> Result<Vec<(PathBuf, String)>, StoreError> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(engine).map_err(StoreError::io("list", engine))? {
        let file = entry.map_err(StoreError::io("list", engine))?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with(SNAPSHOT) {
            snapshots.push((file, name));
        }
    }
    Ok(snapshots)
}

/// Up to where in the log the snapshot reaches that the engine would start from; `None` where there is none that is whole.
pub(super) fn newest_snapshot(engine: &Path) -> Result<Option<Lsn>, StoreError> {
    let mut newest = None;
    for (file, name) in snapshots(engine)? {
        if name.ends_with(HALF_WRITTEN) {
            continue;
        }
        let bytes = fs::read(&file).map_err(StoreError::io("read", &file))?;
        if let Ok(reaches) = read_snapshot(&name, &bytes) {
            newest = newest.max(Some(reaches));
        }
    }
    Ok(newest)
}

/// What is known of the log before the engine starts.
pub(super) enum Log {
    /// It is what it was when the store was closed, and these are the snapshots that there were.
    Sealed(Snapshots),
    /// The store was not closed, and this is what the log tells.
    Verified(Box<LogTrees>),
}

fn heal_conf(path: &Path, engine: &Path, report: &mut StoreReport) -> Result<(), StoreError> {
    let file = engine.join(CONF);
    let why = match fs::read(&file) {
        Ok(found) if found == conf() => return Ok(()),
        Ok(_) => "it does not say what it must",
        Err(error) if error.kind() == io::ErrorKind::NotFound => "it was missing",
        Err(error) => return Err(StoreError::io("read", file)(error)),
    };
    let set_aside = if file.exists() { Some(set_aside(path, &file)?) } else { None };
    directory::write_durably(&file, &conf())?;
    report.healed.push(Healed { file, why: why.to_owned(), set_aside });
    Ok(())
}

/// What is wrong with a snapshot.
fn snapshot_flaw(file: &Path, name: &str, log: &Log) -> io::Result<Option<String>> {
    let bytes = fs::read(file)?;
    if let Log::Sealed(snapshots) = log
        && !snapshots.contains(&(name.to_owned(), crc32fast::hash(&bytes)))
    {
        return Ok(Some("it is not what it was when the store was closed".to_owned()));
    }
    Ok(read_snapshot(name, &bytes).err().map(str::to_owned))
}

/// Up to where in the log a snapshot reaches, or what is wrong with it: its last 12 bytes are the length of what stands
/// before them and the CRC-32 of that, and its name says up to where it reaches (sled 0.34.7, `pagecache/snapshot.rs`).
fn read_snapshot(name: &str, bytes: &[u8]) -> Result<Lsn, &'static str> {
    const TRAILER: usize = 12;
    let (content, trailer) =
        bytes.len().checked_sub(TRAILER).map(|at| bytes.split_at(at)).ok_or("it is too short")?;
    let (length, checksum) = trailer.split_at(size_of::<u64>());
    if length != (content.len() as u64).to_le_bytes() || checksum != crc32fast::hash(content).to_le_bytes() {
        return Err("its length or its checksum is wrong");
    }
    // The number is stored one higher, 0 standing for none.
    let reaches = content.first_chunk().map(|bytes| i64::from_le_bytes(*bytes).saturating_sub(1).max(0));
    let named = i64::from_str_radix(name.trim_start_matches(SNAPSHOT), 16).ok();
    let reaches = reaches.filter(|reaches| Some(*reaches) == named);
    reaches.and_then(|reaches| Lsn::try_from(reaches).ok()).ok_or("its name and its content disagree")
}

/// Moves a file to where damaged ones are kept, and answers where that is.
pub(super) fn set_aside(path: &Path, file: &Path) -> Result<PathBuf, StoreError> {
    let directory = path.join(SET_ASIDE);
    directory::create(&directory)?;
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let mut place = directory.join(name);
    let mut number = 1;
    while place.exists() {
        number += 1;
        place = directory.join(format!("{name}.{number}"));
    }
    fs::rename(file, &place).map_err(StoreError::io("set aside", file))?;
    directory::sync_directory(&directory)?;
    directory::sync_directory(path)?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conf_is_what_the_engine_itself_writes() {
        let directory = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(directory.path()).open().unwrap();
        assert_eq!(fs::read(directory.path().join(CONF)).unwrap(), conf());
        drop(db);
    }

    #[test]
    fn a_snapshot_that_the_engine_wrote_has_no_flaw_and_a_damaged_one_has() {
        let directory = tempfile::tempdir().unwrap();
        let open = || super::super::engine::Engine::start(directory.path(), 1 << 20).unwrap();
        let engine = open();
        engine.db().insert("key", "value").unwrap();
        engine.db().flush().unwrap();
        drop(engine);
        drop(open());
        let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
        let file = files.into_iter().find(|file| name(file).starts_with(SNAPSHOT)).unwrap();
        let whole = fs::read(&file).unwrap();
        let flaw = |bytes: &[u8]| read_snapshot(&name(&file), bytes).err();
        assert_eq!(flaw(&whole), None);
        for at in 0..whole.len() {
            assert!(flaw(&whole[..at]).is_some());
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(flaw(&damaged).is_some());
        }
        assert!(read_snapshot("snap.0000000000000001", &whole).is_err());
        let sealed = Log::Sealed(vec![(name(&file), 1)]);
        assert!(snapshot_flaw(&file, &name(&file), &sealed).unwrap().is_some());
    }
}
