//! Logs without damage: what is read is what the engine has.

use crate::store::sled::salvage::Ended;
use std::fs;

use proptest::prelude::*;

use super::{Past, chosen, db, entries, generated, read_trees, salvaged, trees};
use crate::store::Store;
use crate::store::sled::salvage::LogImage;

/// Compares what is on disk with what the engine has.
fn assert_same(past: &Past) {
    past.store().sync().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("db");
    fs::copy(db(past.path()), &path).unwrap();
    let image = LogImage::read(&path, Ended::Somehow { witnessed: 0 }).unwrap();
    assert_eq!(image.verdict(), None);
    assert_eq!(image.damage(), []);
    assert_eq!(image.visit_entries(&mut |_, _, _| {}).unwrap(), []);
    let (salvaged, entries) = (salvaged(&image), entries(past.store()));
    assert!(salvaged.keys().eq(entries.keys()), "the keys differ");
    assert!(salvaged == entries, "the values differ");
    past.assert_written(&salvaged);
    assert!(read_trees(&path, Ended::Somehow { witnessed: 0 }) == trees(past.store()), "the trees differ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_the_engine_has(
        seed in any::<u64>(),
        has_chosen_ids in any::<bool>(),
        rounds in prop::collection::vec((0..150_usize, any::<bool>()), 1..6),
    ) {
        let mut past = Past::new(seed, if has_chosen_ids { chosen } else { generated });
        assert_same(&past);
        for (steps, reopens) in rounds {
            past.steps(steps);
            assert_same(&past);
            if reopens {
                past.reopen();
                assert_same(&past);
            }
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        fs::write(&path, bytes).unwrap();
        let image = LogImage::read(&path, Ended::Somehow { witnessed: 0 }).unwrap();
        image.visit_entries(&mut |_, _, _| {}).unwrap();
    }
}
