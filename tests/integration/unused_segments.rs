//! Damage in a segment of the log that nothing needs any more: it costs nothing. The engine reads some of them again when
//! it starts, and takes what is bad there for the end of its log, with all that was durable behind.

use std::fs;
use std::path::{Path, PathBuf};

use session_pool::{
    Durability, Growth, ReadOptions, SessionOptions, SessionPool, SledReader, SledStoreOptions, StoreError,
};

use crate::support::{assert_sound, content, copy_directory, files};

const SEGMENT: usize = 512 << 10;
const HEADER: usize = 20;

/// A killed store in which ten sessions were used often: their pages stand in the last segment or two.
fn a_busy_store(directory: &Path, opens_before: u32) -> PathBuf {
    let working = directory.join("working");
    let open = || {
        let options = SessionOptions { max_usage_count: 100_000, ..SessionOptions::default() };
        let builder = SessionPool::builder().max_pool_size(10).growth(Growth::FillFirst);
        let builder = builder.session_options(options).durability(Durability::Immediate).checkpoints(None);
        builder.open(&working).unwrap()
    };
    for _ in 0..opens_before {
        open().acquire().unwrap().reclaim().unwrap();
    }
    let pool = open();
    // Others, which nobody uses any more, keep a few segments in use.
    let cold = SessionPool::builder().name("cold").max_pool_size(1000).growth(Growth::Manual);
    let cold = cold.open_in(pool.session_store()).unwrap();
    for n in 0..300 {
        let options = cold.session_options().user_data("k", format!("{n}").repeat(n));
        cold.add(options).unwrap();
    }
    cold.flush().unwrap();
    for _ in 0..9000 {
        pool.acquire().unwrap().reclaim().unwrap();
    }
    let killed = directory.join("killed");
    copy_directory(&working, &killed);
    killed
}

/// Damages a copy; whoever opens it finds everything, or it is refused and left alone. Answers whether it opened.
fn opens_with_everything(
    killed: &Path,
    whole: &[String],
    what: &str,
    damage: impl FnOnce(&mut [u8]),
) -> bool {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("sessions");
    copy_directory(killed, &path);
    let mut log = fs::read(path.join("engine/db")).unwrap();
    damage(&mut log);
    fs::write(path.join("engine/db"), log).unwrap();
    let before = files(&path.join("engine"));
    let read = SledReader::open(&path, &ReadOptions::new()).map(|store| content(&store));
    match SledStoreOptions::new().create(false).open(&path) {
        Ok(store) => {
            assert!(content(&store) == whole, "{what}: opening lost something");
            assert!(read.unwrap() == whole, "{what}: reading lost something");
            assert_sound(&store);
            drop(store);
            // And again, with what was written since.
            let store = SledStoreOptions::new().create(false).open(&path).unwrap();
            assert!(content(&store) == whole, "{what}: opening it again lost something");
            true
        }
        Err(StoreError::Damaged { .. }) => {
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "{what}: reading passed it over");
            assert!(files(&path.join("engine")) == before, "{what}: it was refused, and touched");
            false
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

fn damage_each_segment(opens_before: u32) {
    let directory = tempfile::tempdir().unwrap();
    let killed = a_busy_store(directory.path(), opens_before);
    let whole = content(&SledReader::open(&killed, &ReadOptions::new()).unwrap());
    let length = fs::metadata(killed.join("engine/db")).unwrap().len();
    let segments = usize::try_from(length).unwrap() / SEGMENT;
    let mut opened = 0;
    for segment in 0..segments {
        let start = segment * SEGMENT;
        for at in [4, HEADER + 1000, 300_000] {
            let what = format!("a bit of byte {at} of segment {segment} of {segments}");
            opened += u32::from(opens_with_everything(&killed, &whole, &what, |log| log[start + at] ^= 16));
        }
        for range in [8192..12_288, 0..4096, HEADER..SEGMENT] {
            let what = format!("{range:?} of segment {segment} of {segments}");
            let range = start + range.start..start + range.end;
            opened += u32::from(opens_with_everything(&killed, &whole, &what, |log| log[range].fill(0)));
        }
    }
    assert!(segments >= 3 && opened > 0, "{opened} opened, of {segments} segments");
}

#[test]
fn i4_damage_in_a_segment_that_nothing_needs_costs_nothing() {
    damage_each_segment(1);
}

#[test]
fn i4_damage_in_a_segment_that_nothing_needs_costs_nothing_where_the_engine_has_no_snapshot() {
    damage_each_segment(0);
}
