//! Commands that are killed at any instant leave a store that opens and is sound.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use session_pool::{Growth, ManualClock, Retention, SessionOptions, SledStoreOptions, inspect};

use super::{HOUR, TOOL};
use crate::support::{Place, assert_sound, content, id, named};

const KILLS: u32 = 50;
/// How many sessions the stores have: a command on them takes a while.
const SESSIONS: usize = 1000;

/// A store whose sessions are live, or were retired two days ago.
fn a_store(live: bool) -> Place {
    let place = Place::disk();
    let clock = ManualClock::new((SystemTime::now() - 48 * HOUR).into());
    let builder = |b: session_pool::PoolBuilder| {
        let b = b.name("a").clock(clock.clone()).growth(Growth::Manual).max_pool_size(SESSIONS);
        b.retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED)
    };
    let pool = place.open(builder);
    for n in 0..SESSIONS {
        let options = SessionOptions { max_age: 1000 * HOUR, ..named(&format!("s{n}")) };
        let session = pool.add(options.user_data("k", "x".repeat(n % 700))).unwrap();
        if !live {
            let _ = session.retire().unwrap();
        }
    }
    if live {
        // Its log is to hold more than the store does.
        for n in 0..2 * SESSIONS {
            let session = pool.get(&id(&format!("s{}", n % SESSIONS))).unwrap();
            session.set_user_data("k", "y".repeat(n % 900)).unwrap();
            if n % 200 == 0 {
                pool.flush().unwrap();
            }
        }
    }
    drop(pool);
    place
}

/// Runs the tool to its end, and answers how long that took.
fn run(arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let output = Command::new(TOOL).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    begun.elapsed()
}

/// Runs the tool, waits, and kills it.
fn kill_after(arguments: &[&str], wait: impl FnOnce(&mut Child)) {
    let mut command = Command::new(TOOL);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait(&mut child);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.code().is_none_or(|code| code == 0), "{status}");
}

fn kill(arguments: &[&str], after: Duration) {
    kill_after(arguments, |_| thread::sleep(after));
}

/// A moment at random, somewhat beyond the end at most.
fn some_time_in(whole: Duration) -> Duration {
    whole.mul_f64(fastrand::f64() * 1.1)
}

/// How many sessions of the store are live, and how many retired.
fn counts(path: &Path) -> (u64, u64) {
    let store = SledStoreOptions::new().create(false).open(path).unwrap();
    assert_sound(&store);
    let stats = inspect::stats(&store, SystemTime::now().into()).unwrap();
    (stats[0].live, stats[0].retired.values().sum())
}

/// A copy of a store that nobody has open.
fn copy_of(place: &Place) -> Place {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
            let to = to.join(entry.file_name().unwrap());
            if entry.is_dir() {
                copy(&entry, &to);
            } else {
                fs::copy(&entry, &to).unwrap();
            }
        }
    }
    let other = Place::disk();
    copy(&place.path(), &other.path());
    other
}

#[test]
fn retire_killed_50_times_leaves_some_retired_and_the_others_live() {
    let whole = a_store(true);
    let ids: Vec<String> = (0..SESSIONS).map(|n| format!("s{n}")).collect();
    let all = copy_of(&whole);
    let arguments = |path: &str| -> Vec<String> {
        let first = ["retire", path, "--yes"].map(str::to_owned);
        first.into_iter().chain(ids.iter().cloned()).collect()
    };
    let call = |place: &Place, kill_after: Option<Duration>| {
        let arguments = arguments(place.path().to_str().unwrap());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match kill_after {
            None => run(&arguments),
            Some(after) => {
                kill(&arguments, after);
                after
            }
        }
    };
    let takes = call(&all, None);
    assert_eq!(counts(&all.path()), (0, SESSIONS as u64));
    let (mut place, mut partial) = (copy_of(&whole), 0);
    let mut before = SESSIONS as u64;
    for _ in 0..KILLS {
        call(&place, Some(some_time_in(takes)));
        let (live, retired) = counts(&place.path());
        assert_eq!(live + retired, SESSIONS as u64);
        assert!(live <= before, "R-3: {live} live, and {before} before");
        partial += u32::from(live < before);
        before = live;
        if live == 0 {
            (place, before) = (copy_of(&whole), SESSIONS as u64);
        }
    }
    assert!(partial > KILLS / 10, "it was hardly ever killed at work: {partial}");
    call(&place, None);
    super::a_crawler_goes_on(&place);
}

#[test]
fn purge_killed_50_times_leaves_the_oldest_forgotten_and_the_others_there() {
    let whole = a_store(false);
    let all = copy_of(&whole);
    let arguments = |place: &Place| place.path().to_str().unwrap().to_owned();
    let takes = run(&["purge", &arguments(&all), "--older-than", "1h", "--yes"]);
    assert_eq!(counts(&all.path()), (0, 0));
    let (mut place, mut partial, mut before) = (copy_of(&whole), 0, SESSIONS as u64);
    for _ in 0..KILLS {
        kill(&["purge", &arguments(&place), "--older-than", "1h", "--yes"], some_time_in(takes));
        let (_, retired) = counts(&place.path());
        assert!(retired <= before, "{retired} retired, and {before} before");
        partial += u32::from(retired < before);
        before = retired;
        if retired == 0 {
            (place, before) = (copy_of(&whole), SESSIONS as u64);
        }
    }
    assert!(partial > KILLS / 10, "it was hardly ever killed at work: {partial}");
    run(&["purge", &arguments(&place), "--older-than", "1h", "--yes"]);
    super::a_crawler_goes_on(&place);
}

#[test]
fn compact_replace_killed_50_times_leaves_a_whole_store_in_its_place() {
    let whole = a_store(true);
    let holds = |path: &Path| {
        let store = SledStoreOptions::new().create(false).open(path).unwrap();
        assert_sound(&store);
        content(&store)
    };
    let expected = holds(&whole.path());
    let place = copy_of(&whole);
    let path = place.path();
    let [new, kept] = ["compacting", "before-compact"].map(|what| path.with_extension(what));
    let arguments = ["compact", path.to_str().unwrap(), "--replace", "--yes"];
    let takes = run(&arguments);
    assert!(kept.exists(), "it gets smaller");
    let mut replaced = 0;
    for round in 0..KILLS {
        // The old one again, which can be made smaller; what an earlier round left beside it stays.
        fs::remove_dir_all(&path).unwrap();
        fs::rename(copy_of(&whole).path(), &path).unwrap();
        if kept.exists() && !kept.join("COMPACTED").exists() {
            fs::remove_dir_all(&kept).unwrap();
        }
        if round % 2 == 0 {
            kill(&arguments, some_time_in(takes));
        } else {
            // About when the two are exchanged: then the new one is no longer called what it was.
            for left_over in [&new, &kept] {
                let _ = fs::remove_dir_all(left_over);
            }
            kill_after(&arguments, |child| {
                for is_there in [true, false] {
                    while new.exists() != is_there && child.try_wait().unwrap().is_none() {
                        thread::sleep(Duration::from_micros(20));
                    }
                }
                thread::sleep(Duration::from_micros(fastrand::u64(..3000)));
            });
        }
        assert!(holds(&path) == expected, "round {round}");
        if kept.exists() && !kept.join("COMPACTED").exists() {
            replaced += 1;
            assert!(holds(&kept) == expected, "the old one, round {round}");
        }
    }
    println!("{replaced} of {KILLS} had been replaced");
    assert!(
        (1..KILLS).contains(&replaced),
        "{replaced}: it was never killed before the exchange, or never after"
    );
    if kept.exists() && !kept.join("COMPACTED").exists() {
        fs::remove_dir_all(&kept).unwrap();
    }
    fs::remove_dir_all(&path).unwrap();
    fs::rename(copy_of(&whole).path(), &path).unwrap();
    run(&arguments);
    assert!(!new.exists());
    super::a_crawler_goes_on(&place);
}
