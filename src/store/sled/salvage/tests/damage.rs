//! Logs with damage: what is read was once written, and only what the damage touched is missing or older.

use crate::store::sled::salvage::Ended;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

use fastrand::Rng;

use super::{Entries, Past, chosen, db, generated, salvaged};
use crate::store::Store;
use crate::store::sled::SledStoreOptions;
use crate::store::sled::salvage::format::SEGMENT;
use crate::store::sled::salvage::format::segment_header;
use crate::store::sled::salvage::segments::find_segments;
use crate::store::sled::salvage::table::{Page, Place};
use crate::store::sled::salvage::{LogImage, last_of_pages, numbers, place};

/// How many ways of damage each store gets.
const CASES: usize = 25;

/// A log with a past long enough that segments were used again, its last message not one of a batch.
fn log(seed: u64, ids: fn(&mut Rng) -> crate::session::SessionId) -> (Past, Vec<u8>) {
    let mut past = Past::new(seed, ids);
    for _ in 0..3 {
        past.steps(80);
        past.reopen();
    }
    past.steps(40);
    // What was durable before the last sync but one is certain.
    for _ in 0..3 {
        past.use_one();
        past.store().sync().unwrap();
    }
    let bytes = fs::read(db(past.path())).unwrap();
    (past, bytes)
}

/// The keys that are on pages with a message in `range` of the file, which no longer counts.
fn touched(whole: &Path, range: &Range<u64>) -> BTreeSet<Vec<u8>> {
    let mut image = LogImage::read(whole, Ended::Somehow { witnessed: 0 }).unwrap();
    image.table.pages.retain(|_, page| {
        page.places()
            .any(|place| place.offset < range.end && range.start < place.offset + u64::from(place.size))
    });
    salvaged(&image).into_keys().collect()
}

/// Whether all of it lies below the tail of the log.
fn is_stable(whole: &[u8], range: &Range<u64>) -> bool {
    let headers =
        || whole.chunks(SEGMENT).enumerate().filter_map(|(n, segment)| Some((n, segment_header(segment)?)));
    let stable_end = headers().map(|(_, header)| header.stable_end).max().unwrap_or(0);
    let segment = SEGMENT as u64;
    headers()
        .filter(|(n, _)| (range.start / segment..=(range.end - 1) / segment).contains(&(*n as u64)))
        .all(|(_, header)| (header.number + 1) * segment <= stable_end)
}

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) -> Range<u64> {
    let at = rng.usize(..bytes.len());
    let range = match rng.u8(..4) {
        0 => {
            bytes[at] ^= 1 << rng.u32(..8);
            at..at + 1
        }
        1 => {
            let at = at / 4096 * 4096;
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
            at..end
        }
        2 => {
            let end = bytes.len().min(at + rng.usize(1..40_000));
            bytes[at..end].fill_with(|| rng.u8(..));
            at..end
        }
        _ => {
            bytes.truncate(at);
            at..usize::MAX
        }
    };
    range.start as u64..range.end as u64
}

fn check(ids: fn(&mut Rng) -> crate::session::SessionId, seed: u64) {
    let (past, whole) = log(seed, ids);
    let directory = tempfile::tempdir().unwrap();
    let whole_path = directory.path().join("whole");
    fs::write(&whole_path, &whole).unwrap();
    let expected: Entries = salvaged(&LogImage::read(&whole_path, Ended::Somehow { witnessed: 0 }).unwrap());
    let path = directory.path().join("db");
    let (mut found, mut untouched, mut missing) = (0, 0, 0);
    for case in 0..CASES {
        let case = seed.wrapping_add(case as u64);
        let mut rng = Rng::with_seed(case);
        let mut bytes = whole.clone();
        let range = damage(&mut bytes, &mut rng);
        fs::write(&path, &bytes).unwrap();
        let image = LogImage::read(&path, Ended::Somehow { witnessed: 0 }).unwrap();
        let salvaged = salvaged(&image);
        past.assert_written(&salvaged);
        let touched = touched(&whole_path, &range);
        let is_stable = range.end <= whole.len() as u64 && is_stable(&whole, &range);
        found += usize::from(image.verdict().is_some());
        if !is_stable {
            continue;
        }
        for (key, _) in expected.iter().filter(|(key, _)| !touched.contains(*key)) {
            untouched += 1;
            missing += usize::from(salvaged.get(key) != expected.get(key));
        }
    }
    println!(
        "{found} of {CASES} judged damaged, {missing} of {untouched} entries lost that were not touched"
    );
    // Changes that nobody can be sure of.
    assert!(missing * 20 <= untouched, "{missing} of {untouched}");
}

#[test]
fn damage_costs_what_it_touches() {
    check(generated, 17);
}

#[test]
fn keys_of_many_lengths_are_never_made_up() {
    check(chosen, 4711);
}

#[test]
fn the_marks_of_syncs_leave_little_of_the_log_uncertain() {
    // The engine tidies up by threads of its own, which a busy machine may let run between the last syncs.
    let is_little = (0..3).any(|_| {
        let (_past, whole) = log(3, generated);
        let (stable, tail) = messages(&whole);
        tail.len() * 20 < stable.len()
    });
    assert!(is_little);
}

/// Where the messages that count are in a log: those below its tail, and those in it.
fn messages(whole: &[u8]) -> (Vec<Place>, Vec<Place>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    fs::write(&path, whole).unwrap();
    let image = LogImage::read(&path, Ended::Somehow { witnessed: 0 }).unwrap();
    let places = image.table.pages.values().flat_map(Page::places).copied();
    places.partition(|place| place.lsn < image.certain_end)
}

#[test]
fn a_flipped_bit_in_what_counts_is_found() {
    // On a busy machine one is passed over, seldom, in a log that is never the same twice.
    assert!((0..3).any(|_| flipped_bits_found() == CASES));
}

/// How many of so many bits that are flipped in what counts are found.
fn flipped_bits_found() -> usize {
    let (_past, whole) = log(3, generated);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    fs::write(&path, &whole).unwrap();
    let mut buffer = vec![0; SEGMENT];
    let segments = find_segments(&fs::File::open(&path).unwrap(), &mut buffer).unwrap();
    let (stable, tail) = messages(&whole);
    let mut rng = Rng::with_seed(5);
    let mut judge = |places: &[Place]| {
        let found = (0..CASES).filter(|_| {
            let place = rng.choice(places).unwrap();
            let at = usize::try_from(place.offset).unwrap() + rng.usize(..place.size());
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << rng.u32(..8);
            fs::write(&path, &bytes).unwrap();
            LogImage::read(&path, Ended::Somehow { witnessed: 0 }).unwrap().verdict().is_some()
        });
        found.count()
    };
    println!(
        "{} bytes, {} segments, the newest {:?}; {} messages below the tail, {} in it",
        whole.len(),
        segments.slots.len(),
        segments.slots.keys().next_back(),
        stable.len(),
        tail.len(),
    );
    println!("in the tail: {} of {CASES}", judge(&tail));
    judge(&stable)
}

#[test]
fn a_segment_that_looks_free_as_all_that_counts_in_it_is_bad_is_found_by_the_floors() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStoreOptions::new().open(directory.path()).unwrap();
    let mut rng = Rng::with_seed(7);
    for n in 0..60_000_u32 {
        // All keys, then a few again and again, and seldom one of the others.
        let of = if n < 3000 || n % 2000 == 0 { 3000 } else { 30 };
        let key = rng.u32(..of).to_be_bytes();
        let value = n.to_be_bytes().repeat(25);
        store.trees().sessions.insert(key, value).unwrap();
        if n % 500 == 0 {
            store.mark().unwrap();
            store.has_written.store(true, Ordering::Relaxed);
        }
    }
    store.sync().unwrap();
    let whole = fs::read(db(directory.path())).unwrap();
    let path = directory.path().join("copy");
    fs::write(&path, &whole).unwrap();
    let read = || LogImage::read(&path, Ended::Somehow { witnessed: u64::MAX }).unwrap();
    let image = read();
    let file = fs::File::open(&path).unwrap();
    let mut segments = numbers(&file).unwrap();
    segments.pop_last();
    let mut floors = BTreeMap::new();
    for (number, offset) in &segments {
        for (page, at) in last_of_pages(&file, *offset, *number).unwrap() {
            floors.insert(page, place(*number, at).unwrap());
        }
    }
    assert_eq!((image.verdict(), image.below(&floors)), (None, None));

    let mut unseen_by_the_log_alone = 0;
    for offset in segments.values() {
        let segment = *offset..offset + SEGMENT as u64;
        let places = image.table.pages.values().flat_map(Page::places);
        let places: Vec<_> = places.filter(|place| segment.contains(&place.offset)).collect();
        let mut bytes = whole.clone();
        for place in &places {
            bytes[usize::try_from(place.offset).unwrap() + place.size() - 1] ^= 16;
        }
        fs::write(&path, &bytes).unwrap();
        let image = read();
        unseen_by_the_log_alone += usize::from(image.verdict().is_none() && !places.is_empty());
        let is_found = image.verdict().or(image.below(&floors)).is_some();
        assert_eq!(is_found, !places.is_empty(), "{} messages of the segment at {offset}", places.len());
    }
    assert!(unseen_by_the_log_alone > 0, "in {} segments", segments.len());
}
