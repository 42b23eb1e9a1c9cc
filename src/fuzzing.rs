//! What the fuzz targets in `fuzz/` call: each reads bytes that may be anything, and panics where something is wrong.
//!
//! Built for fuzzing only, and for a test that keeps what fuzzing found. Built for fuzzing, readers take no notice of
//! checksums, which no fuzzer would guess.

#![allow(clippy::expect_used, missing_docs, reason = "a fuzz target ends where something is wrong")]

use std::path::Path;

use crate::archive::{ArchiveItem, ArchiveOptions, ArchiveReader, ArchiveWriter};
use crate::session::{Proxy, SessionId, Timestamp};
use crate::store::{PoolName, fuzzing};

/// Values and keys; the first byte says which.
pub fn record(bytes: &[u8]) {
    if let Some((kind, bytes)) = bytes.split_first() {
        fuzzing::stored(*kind, bytes);
    }
}

/// An archive. Every item that it yields can be written again, and reads the same then.
pub fn archive(bytes: &[u8]) {
    let options = ArchiveOptions::new();
    let Ok(reader) = ArchiveReader::new(bytes, &options) else { return };
    let mut items: Vec<ArchiveItem> = Vec::new();
    for item in reader {
        match item {
            Ok(item) => items.push(item),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let mut writer = ArchiveWriter::new(Vec::new(), Timestamp::MIN, &options).expect("it writes to memory");
    for item in &items {
        writer.item(item).expect("what was read can be written");
    }
    let (written, _) = writer.finish(0).expect("it writes to memory");
    let reader = ArchiveReader::new(written.as_slice(), &options).expect("it is one");
    let again: Vec<ArchiveItem> = reader.map(|item| item.expect("it is whole")).collect();
    assert_eq!(items, again);
}

/// The engine's log, read without the engine; the first byte says whether its store was closed.
pub fn log(directory: &Path, bytes: &[u8]) {
    if let Some((how, bytes)) = bytes.split_first() {
        fuzzing::log(directory, *how, bytes);
    }
}

/// Texts that users give. What is accepted shows as it was given, but for what is secret.
pub fn key(bytes: &[u8]) {
    if let Ok(id) = SessionId::from_bytes(bytes) {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<PoolName>() {
        assert_eq!(name.as_str(), text);
    }
    match text.parse::<Proxy>() {
        Ok(proxy) => {
            assert_eq!(proxy.url(), text);
            // What is shown is a proxy too, with the same host.
            let shown = proxy.to_string();
            assert_eq!(shown.parse::<Proxy>().expect("it is one").to_string(), shown);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    #[cfg(feature = "encryption")]
    if text.parse::<crate::EncryptionKey>().is_ok() {
        assert_eq!(text.trim().len(), 64);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What fuzzing began with, and what it found.
    #[test]
    fn the_seeds_and_findings_of_the_fuzz_targets_pass() {
        let directory = tempfile::tempdir().unwrap();
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        if !corpora.exists() {
            // The package comes without them.
            return;
        }
        let run = |name: &str, target: &dyn Fn(&[u8])| {
            let mut count = 0;
            for entry in fs::read_dir(corpora.join(name)).unwrap() {
                target(&fs::read(entry.unwrap().path()).unwrap());
                count += 1;
            }
            assert!(count > 0, "{name} has none");
        };
        run("record", &record);
        run("archive", &archive);
        run("log", &|bytes| log(directory.path(), bytes));
        run("key", &key);
    }
}
