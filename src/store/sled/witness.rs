//! The witness of the log: the last mark in it that is durable.
//!
//! Before each sync of its file the log gets a mark (see [`MARK`](super::salvage::MARK)). A log whose end is gone, or that is
//! an older one, has lost the last marks with it. So the number of the last durable one is also kept in a file of its own,
//! `WITNESS`, written without a sync: whoever is killed leaves the last number, whoever loses power one that is a little
//! older. Neither is ever ahead of what is durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::Path;

use parking_lot::Mutex;

use crate::store::StoreError;

const WITNESS: &str = "WITNESS";

/// The file, while the store is open.
#[derive(Debug)]
pub(super) struct Witness {
    file: Mutex<File>,
}

impl Witness {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.join(WITNESS);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Notes that the mark of that number is durable. What cannot be noted is not: nothing depends on it.
    pub(super) fn note(&self, mark: u64) {
        let number = mark.to_be_bytes();
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&crc32fast::hash(&number).to_be_bytes());
        let mut file = self.file.lock();
        let _ = file.rewind().and_then(|()| file.write_all(&bytes));
    }
}

/// The mark that is durable, and those before it; 0 where nothing is known.
pub(super) fn read(path: &Path) -> Result<u64, StoreError> {
    let path = path.join(WITNESS);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        bytes => bytes.map_err(StoreError::io("read", path))?,
    };
    let number = bytes.first_chunk::<8>().copied().unwrap_or_default();
    let is_whole = bytes.len() == 12 && bytes[8..] == crc32fast::hash(&number).to_be_bytes();
    Ok(if is_whole { u64::from_be_bytes(number) } else { 0 })
}

/// Removes it, durably: the log begins anew.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    super::directory::remove_durably(&path.join(WITNESS))
}
