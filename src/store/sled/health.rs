//! Before the engine starts: are its files what it can be trusted with?
//!
//! The engine (sled 0.34) keeps everything in its log, `db`. Beside it lie `conf`, whose content is always the same, and
//! a snapshot of where in the log each page is. Any damage of these two keeps it from ever starting again, so both are
//! made anew where they are not as they must be: `conf` from what is known of it, the snapshot from the log. A damaged log,
//! in contrast, it starts with as if what lies behind the damage had never been written, and then wipes that. So the log is
//! verified before the engine sees it: by its [seal](super::seal) where the store was closed, by what can be told from
//! itself where it was not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{self, DATABASE};
use super::floors;
use super::salvage::{Ended, LogImage};
use super::seal::Snapshots;
use crate::store::{Healed, StoreError, StoreReport};

const CONF: &str = "conf";
pub(super) const SNAPSHOT: &str = "snap.";
/// What the engine's half-written snapshots end with. It would take one for a snapshot.
const HALF_WRITTEN: &str = ".generating";

/// Where damaged files go.
pub(super) const SET_ASIDE: &str = "set-aside";

/// What the engine writes into `conf` (sled 0.34.7, `config.rs`), with its CRC-32 behind it: the settings with which
/// [`Engine::start`](super::engine::Engine::start) runs it.
const SETTINGS: &[u8] = b"segment_size: 524288\nuse_compression: false\nversion: 0.34\n";

fn conf() -> Vec<u8> {
    [SETTINGS, &crc32fast::hash(SETTINGS).to_le_bytes()].concat()
}

/// Sees to `conf` and to the snapshot. The log is not touched.
pub(super) fn heal(
    path: &Path,
    engine: &Path,
    log: &Log,
    report: &mut StoreReport,
) -> Result<(), StoreError> {
    heal_conf(path, engine, report)?;
    let (mut has_snapshot, mut is_flawed) = (false, false);
    for entry in fs::read_dir(engine).map_err(StoreError::io("list", engine))? {
        let file = entry.map_err(StoreError::io("list", engine))?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !name.starts_with(SNAPSHOT) {
            continue;
        }
        let flaw = if name.ends_with(HALF_WRITTEN) {
            Some("it is only half written".to_owned())
        } else {
            let flaw = snapshot_flaw(&file, &name, log).map_err(StoreError::io("read", &file))?;
            has_snapshot |= flaw.is_none();
            is_flawed |= flaw.is_some();
            flaw
        };
        if let Some(why) = flaw {
            let set_aside = Some(set_aside(path, &file)?);
            report.healed.push(Healed { file, why, set_aside });
        }
    }
    if !has_snapshot {
        make_snapshot(path, engine, log, is_flawed)?;
    }
    directory::sync_directory(engine)
}

/// Makes the snapshot that the log has none of.
fn make_snapshot(path: &Path, engine: &Path, log: &Log, is_flawed: bool) -> Result<(), StoreError> {
    let database = engine.join(DATABASE);
    let made = match log {
        Log::Verified(image) => image.snapshot(),
        Log::Sealed(_) => {
            let image = LogImage::read(&database, Ended::Closed);
            image.map_err(StoreError::io("read", &database))?.snapshot()
        }
    };
    match made {
        Some((name, content)) => directory::write_durably(&engine.join(name), &content),
        // A log that ends in a torn batch. The engine has yet to start for a second time, or somebody took its snapshot.
        None if !is_flawed => Ok(()),
        None => Err(StoreError::Damaged {
            path: path.into(),
            detail: "the engine's snapshot is damaged, and the end of its log is torn".to_owned(),
        }),
    }
}

/// Judges the log of a store that was not closed, in which the last sync that is marked has that number: is it what had been
/// durable?
pub(super) fn judge(path: &Path, image: &LogImage, marked: u64, witnessed: u64) -> Result<(), StoreError> {
    let damaged = |detail| Err(StoreError::Damaged { path: path.into(), detail });
    if let Some(verdict) = image.verdict().or(image.below(&floors::read(path)?)) {
        return damaged(format!("engine/db lacks {verdict}, which had been durable"));
    }
    if marked < witnessed {
        return damaged(format!(
            "engine/db ends behind its mark {marked}, and mark {witnessed} had been durable"
        ));
    }
    Ok(())
}

/// What is known of the log before the engine starts.
pub(super) enum Log {
    /// It is what it was when the store was closed, and these are the snapshots that there were.
    Sealed(Snapshots),
    /// The store was not closed, and this is what the log tells.
    Verified(Box<LogImage>),
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

/// What is wrong with a snapshot: its last 12 bytes are the length of what stands before them and the CRC-32 of that, and
/// its name says up to where in the log it reaches (sled 0.34.7, `pagecache/snapshot.rs`).
fn snapshot_flaw(file: &Path, name: &str, log: &Log) -> io::Result<Option<String>> {
    const TRAILER: usize = 12;
    let bytes = fs::read(file)?;
    if let Log::Sealed(snapshots) = log
        && !snapshots.contains(&(name.to_owned(), crc32fast::hash(&bytes)))
    {
        return Ok(Some("it is not what it was when the store was closed".to_owned()));
    }
    let Some((content, trailer)) = bytes.len().checked_sub(TRAILER).map(|at| bytes.split_at(at)) else {
        return Ok(Some("it is too short".to_owned()));
    };
    let (length, checksum) = trailer.split_at(size_of::<u64>());
    if length != (content.len() as u64).to_le_bytes() || checksum != crc32fast::hash(content).to_le_bytes() {
        return Ok(Some("its length or its checksum is wrong".to_owned()));
    }
    // The number is stored one higher, 0 standing for none.
    let reaches = content.first_chunk().map(|bytes| i64::from_le_bytes(*bytes).saturating_sub(1).max(0));
    let named = i64::from_str_radix(name.trim_start_matches(SNAPSHOT), 16).ok();
    Ok(if reaches == named { None } else { Some("its name and its content disagree".to_owned()) })
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
        let image =
            LogImage::read(&directory.path().join(DATABASE), Ended::Somehow { witnessed: 0 }).unwrap();
        let log = Log::Verified(Box::new(image));
        let flaw = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            snapshot_flaw(&file, &name(&file), &log).unwrap()
        };
        assert_eq!(flaw(&whole), None);
        for at in 0..whole.len() {
            assert!(flaw(&whole[..at]).is_some());
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(flaw(&damaged).is_some());
        }
        assert!(snapshot_flaw(&file, "snap.0000000000000001", &log).unwrap().is_some());
        let sealed = Log::Sealed(vec![(name(&file), 1)]);
        assert!(snapshot_flaw(&file, &name(&file), &sealed).unwrap().is_some());
    }
}
