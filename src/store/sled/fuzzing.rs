//! What fuzzers feed to the readers of values, keys and logs.

#![allow(clippy::expect_used, reason = "a fuzz target ends where something is wrong")]

use std::fs;
use std::path::Path;

use super::content::Head;
use super::directory::{DATABASE, ENGINE};
use super::salvage::{Ended, LogImage, LogTrees, Tail};
use super::{SalvagedStore, Tree, floors, keys, seal, values, verified, witness};
use crate::session::SessionId;
use crate::store::{PoolNumber, Unreadable};

/// Reads a value of each kind; what can be read is written and read again.
pub(crate) fn stored(kind: u8, bytes: &[u8]) {
    match kind % 6 {
        0 => round_trip(bytes, values::decode_record, values::encode_record),
        1 => round_trip(bytes, values::decode_log_entry, values::encode_log_entry),
        2 => round_trip(bytes, |bytes| values::decode_pool(PoolNumber(7), bytes), values::encode_pool),
        3 => round_trip(bytes, values::decode_payload, values::encode_payload),
        4 => {
            let id = SessionId::from_bytes(b"id").expect("it is one");
            if let Ok((head, content)) = Head::read(bytes) {
                let _ = head.gather::<String>(content, |part| Ok((part < 9).then(|| vec![0; 7])));
                let _ = head.decode(content, PoolNumber(7), &id, None);
            }
        }
        _ => {
            same(bytes, keys::read_session(bytes), |(pool, id)| keys::session(*pool, id));
            same(bytes, keys::read_by_state(bytes), |(pool, state, id)| keys::by_state(*pool, *state, id));
            same(bytes, keys::read_by_expiry(bytes), |(at, pool, id)| keys::by_expiry(*at, *pool, id));
            same(bytes, keys::read_retirement(bytes), |(pool, number)| keys::retirement(*pool, *number));
            if let Some((pool, id, generation, part)) = keys::read_payload_part(bytes) {
                assert_eq!(keys::payload_part(pool, &id, generation, part).as_ref(), bytes);
            }
            let _ = keys::read_pool_entry(bytes);
        }
    }
}

fn round_trip<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, String>,
    encode: impl Fn(&T, &mut Vec<u8>) -> Result<(), String>,
) {
    let Ok(value) = decode(bytes) else { return };
    let mut written = Vec::new();
    encode(&value, &mut written).expect("what was read can be written");
    assert_eq!(decode(&written).as_ref(), Ok(&value));
}

/// A key that can be read is the one that is written.
fn same<T>(bytes: &[u8], read: Result<T, Unreadable>, write: impl Fn(&T) -> keys::Key) {
    match read {
        Ok(read) => assert_eq!(write(&read).as_ref(), bytes),
        Err(unreadable) => assert!(!unreadable.to_string().is_empty()),
    }
}

/// Reads what can be read of a log, in a directory of the caller's.
pub(crate) fn log(directory: &Path, how: u8, bytes: &[u8]) {
    let engine = directory.join(ENGINE);
    fs::create_dir_all(&engine).expect("there is room");
    let database = engine.join(DATABASE);
    fs::write(&database, bytes).expect("there is room");
    let how =
        if how.is_multiple_of(2) { Ended::Closed } else { Ended::Somehow { witnessed: u64::from(how) } };
    let image = LogImage::read(&database, how).expect("the disk is there");
    let _ = (image.verdict(), image.last_mark());
    trees(&database, how, bytes.len() as u64);
    beside(directory, bytes);
    let mut length = 0;
    let _ = image.visit_entries(&mut |_, key, value| length += key.len() + value.len());
    if let Ok(Some(mut store)) = SalvagedStore::read(directory, None) {
        let _ = (store.pools().count(), store.damage().len(), store.unreadable().len());
        let _ = (store.take_records().count(), store.take_log().count());
        let _ = store.visit_payloads(&mut |_, _, payload| drop(payload()));
    }
}

/// Walks the trees in a log that ends as the engine ends it.
fn trees(database: &Path, how: Ended, reaches: u64) {
    for snapshot in [0, reaches] {
        let image = LogImage::read_with(database, how, Tail::Cut { snapshot }, &|_, _| {});
        let image = image.expect("the disk is there");
        let _ = (image.verdict(), image.snapshot(), image.behind_end().count());
        let Ok(trees) = LogTrees::of(image) else { continue };
        let _ = verified::marked(&trees);
        for tree in Tree::ALL {
            let Some(root) = trees.root(tree.name()) else { continue };
            let mut last = Vec::new();
            for (key, _value) in trees.walk(root, &[]).map_while(Result::ok) {
                let key = key.as_ref();
                assert!(last.as_slice() < key || last.is_empty(), "keys come in their order");
                let _ = trees.get(root, key);
                last = key.to_vec();
            }
        }
    }
}

/// Reads the files beside a log, each made of these bytes.
fn beside(directory: &Path, bytes: &[u8]) {
    let directory = directory.join("beside");
    fs::create_dir_all(&directory).expect("there is room");
    for name in ["FLOORS", "SEAL", "WITNESS"] {
        fs::write(directory.join(name), bytes).expect("there is room");
    }
    let _ = (floors::read(&directory), seal::read(&directory), witness::read(&directory));
}
