//! Logs that a crash left: bad places in them are no damage.

use crate::store::sled::content::Head;
use crate::store::sled::salvage::Ended;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::{Entries, Past, copy, db, entries, generated, open_engine, read_trees, salvaged, trees};
use crate::store::Store;
use crate::store::sled::keys;
use crate::store::sled::salvage::LogImage;
use crate::store::sled::salvage::format::{self, SEGMENT};

/// What makes this test program work in a store until it is killed.
const VARIABLE: &str = "SESSION_POOL_TEST_SALVAGE_IN";

/// How often a test makes a log as a crash leaves it.
const CRASHES: usize = 8;

/// Works in a store until it is killed, and tells when it has begun.
fn work(path: &Path) {
    let mut past = Past::in_directory(path, fastrand::u64(..), generated);
    println!("begun");
    loop {
        past.steps(1);
        if past.rng.u8(..4) == 0 {
            past.store().sync().unwrap();
        }
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_damage() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return work(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let name = "store::sled::salvage::tests::crash::a_process_that_is_killed_leaves_no_damage";
    let mut same = 0;
    for round in 0..CRASHES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(VARIABLE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("begun")));
        thread::sleep(Duration::from_millis(fastrand::u64(..400)));
        child.kill().unwrap();
        child.wait().unwrap();

        let image = LogImage::read(&db(&path), Ended::Somehow { witnessed: 0 }).unwrap();
        assert_eq!(image.verdict(), None, "round {round}");
        let salvaged = salvaged(&image);
        let read = read_trees(&db(&path), Ended::Somehow { witnessed: 0 });
        let store = open_engine(&path).unwrap();
        assert!(read == trees(&store), "round {round}: what is read is what the engine goes on with");
        let entries = entries(&store);
        same += usize::from(entries == salvaged);
        // A batch that the engine leaves out is not there by half.
        assert_whole(&salvaged);
        assert!(entries.keys().all(|key| is_payload(key) || salvaged.contains_key(key)), "round {round}");
    }
    println!("{same} of {CRASHES} times what the engine has");
}

/// Whether it is a key of a part of a payload.
fn is_payload(key: &[u8]) -> bool {
    !key.starts_with(keys::POOL_PREFIX) && key.get(4..).is_some_and(|id| id[0] != 0 && id.contains(&0))
}

/// That each payload has all its parts.
fn assert_whole(entries: &Entries) {
    for (key, first) in entries.iter().filter(|(key, _)| is_payload(key) && key.ends_with(&[0, 0, 0, 0])) {
        let (head, first) = Head::read(first).unwrap();
        let others = |part: u16| {
            let key = [&key[..key.len() - 3], &[head.generation], &part.to_be_bytes()].concat();
            Ok::<_, String>(entries.get(&key).cloned())
        };
        head.gather(first, others).unwrap_or_else(|rule| panic!("{key:?}: {rule}"));
    }
}

/// The file as a power cut leaves it: what had been written below the tail, and of the pages written since `durable` any.
fn cut_power(durable: &[u8], last: &[u8], keeps_order: bool, rng: &mut Rng) -> Vec<u8> {
    let (mut slots, mut stable_end) = (Vec::new(), 0);
    for segment in last.chunks(SEGMENT) {
        let header = format::segment_header(segment);
        slots.push(header.map(|header| header.number));
        stable_end = stable_end.max(header.map_or(0, |header| header.stable_end));
    }
    let mut left = last.to_vec();
    let share = rng.u8(1..8);
    for (n, page) in left.chunks_mut(4096).enumerate() {
        let at = n * 4096;
        let lsn = slots[at / SEGMENT].map_or(u64::MAX, |number| format::lsn(number, at % SEGMENT));
        let is_stable = keeps_order && lsn < stable_end;
        if !is_stable && rng.u8(..8) < share {
            let mut old = durable.get(at..).unwrap_or_default().to_vec();
            old.resize(page.len().max(old.len()), 0);
            page.copy_from_slice(&old[..page.len()]);
        }
    }
    left
}

/// How it went with some images: with a verdict, not opened by the engine, opened with everything that was durable.
#[derive(Debug, Default)]
struct Tally {
    judged: usize,
    refused: usize,
    sound: usize,
    judged_and_sound: usize,
    /// Without the engine, as with it.
    read_the_same: usize,
}

impl Tally {
    /// Looks at a store whose file was replaced by `bytes`.
    fn add(&mut self, store: &Path, bytes: &[u8], durable: &Entries, past: &Past) {
        let copy = copy(store);
        fs::write(db(copy.path()), bytes).unwrap();
        let image = LogImage::read(&db(copy.path()), Ended::Somehow { witnessed: 0 }).unwrap();
        past.assert_written(&salvaged(&image));
        let is_judged = image.verdict().is_some();
        let read = (!is_judged).then(|| read_trees(&db(copy.path()), Ended::Somehow { witnessed: 0 }));
        let opened = std::panic::catch_unwind(|| {
            open_engine(copy.path()).map(|store| (entries(&store), trees(&store)))
        });
        let is_sound = match opened {
            Ok(Some((entries, trees))) => {
                self.read_the_same += usize::from(read.is_some_and(|read| read == trees));
                // Sessions are used and their payloads written anew, but nothing that was durable goes.
                durable.keys().all(|key| entries.contains_key(key) || is_payload(key))
            }
            _ => {
                self.refused += 1;
                false
            }
        };
        self.judged += usize::from(is_judged);
        self.sound += usize::from(is_sound);
        self.judged_and_sound += usize::from(is_judged && is_sound);
    }
}

fn power_cuts(keeps_order: bool, seed: u64, cuts: usize) -> Tally {
    let mut tally = Tally::default();
    let mut past = Past::new(seed, generated);
    past.steps(100);
    past.reopen();
    for cut in 0..cuts {
        past.steps(5);
        past.store().sync().unwrap();
        let durable = fs::read(db(past.path())).unwrap();
        let before = entries(past.store());
        let steps = past.rng.usize(1..20);
        past.live_steps(steps);
        past.store().engine.db().flush().unwrap();
        let last = fs::read(db(past.path())).unwrap();
        let mut rng = Rng::with_seed(seed.wrapping_add(cut as u64));
        let left = cut_power(&durable, &last, keeps_order, &mut rng);
        tally.add(past.path(), &left, &before, &past);
    }
    tally
}

#[test]
fn a_power_cut_leaves_no_damage() {
    let tally = power_cuts(true, 1, CRASHES);
    println!("{tally:?}");
    assert_eq!((tally.judged, tally.read_the_same), (0, tally.sound));
}

#[test]
#[ignore = "a measurement"]
fn a_power_cut_with_a_disk_that_forgets() {
    println!("{:?}", power_cuts(false, 2, 100));
}

/// A copy of a file that is written to, page by page.
fn copy_slowly(from: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut file = File::open(from).unwrap();
    let (mut bytes, mut page) = (Vec::new(), [0; 4096]);
    loop {
        match file.read(&mut page).unwrap() {
            0 => return bytes,
            read => bytes.extend_from_slice(&page[..read]),
        }
    }
}

#[test]
fn a_copy_made_meanwhile_makes_nothing_up() {
    let mut past = Past::new(12, generated);
    past.steps(200);
    past.reopen();
    let mut tally = Tally::default();
    for _ in 0..CRASHES {
        past.store().sync().unwrap();
        let before = entries(past.store());
        let from = db(past.path());
        let done = AtomicBool::new(false);
        let bytes = thread::scope(|scope| {
            let copier = scope.spawn(|| {
                thread::sleep(Duration::from_millis(fastrand::u64(..30)));
                let bytes = copy_slowly(&from);
                done.store(true, Ordering::Release);
                bytes
            });
            while !done.load(Ordering::Acquire) {
                past.live_steps(1);
            }
            copier.join().unwrap()
        });
        tally.add(past.path(), &bytes, &before, &past);
    }
    // Such a copy has places older than others that were written before them, which no crash leaves: a verdict may be
    // right.
    println!("{tally:?}");
}
