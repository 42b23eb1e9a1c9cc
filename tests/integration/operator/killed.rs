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
    let total =
        inspect::overview(&store, &inspect::Scope::default(), SystemTime::now().into()).unwrap().total;
    (total.live, total.retired.sum())
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

/// Waits until the tool has begun to write: then a store is no longer sealed.
fn wait_until_it_writes(store: &Path, child: &mut Child) {
    while store.join("SEAL").exists() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_micros(50));
    }
}

/// Kills a command at work on copies of a store, again and again until everything is done, and on to the next copy. `left` tells
/// how many sessions the command has yet to change, which are those that it leaves as they are when it is killed.
fn kill_often(whole: &Place, arguments: &[&str], left: impl Fn(&Path) -> u64) {
    let call = |place: &Place, wait: &mut dyn FnMut(&Path, &mut Child)| {
        let path = place.path();
        let [command, rest @ ..] = arguments else { panic!() };
        let arguments = [&[*command, path.to_str().unwrap()], rest].concat();
        kill_after(&arguments, |child| wait(&path, child));
    };
    // How long it takes in all, and from when it begins to write.
    let (begun, mut writes) = (Instant::now(), Duration::ZERO);
    let all = copy_of(whole);
    call(&all, &mut |path, child| {
        wait_until_it_writes(path, child);
        let writing = Instant::now();
        child.wait().unwrap();
        writes = writing.elapsed();
    });
    let takes = begun.elapsed();
    assert_eq!(left(&all.path()), 0);

    let (mut place, mut at_work, mut before) = (copy_of(whole), 0, SESSIONS as u64);
    for round in 0..KILLS {
        call(&place, &mut |path, child| {
            if round % 2 == 0 {
                thread::sleep(some_time_in(takes));
            } else {
                wait_until_it_writes(path, child);
                thread::sleep(some_time_in(writes));
            }
        });
        let now = left(&place.path());
        assert!(now <= before, "{now} are left, and {before} were before");
        at_work += u32::from(now < before && now > 0);
        before = now;
        if now == 0 {
            (place, before) = (copy_of(whole), SESSIONS as u64);
        }
    }
    println!("{at_work} of {KILLS} had done a part");
    assert!(at_work > 0, "it was never killed at work");
    call(&place, &mut |_, child| {
        child.wait().unwrap();
    });
    assert_eq!(left(&place.path()), 0);
    super::a_crawler_goes_on(&place);
}

#[test]
fn retire_killed_50_times_leaves_some_retired_and_the_others_live() {
    let ids: Vec<String> = (0..SESSIONS).map(|n| format!("s{n}")).collect();
    let arguments: Vec<&str> =
        ["retire", "--yes"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    kill_often(&a_store(true), &arguments, |path| {
        let (live, retired) = counts(path);
        assert_eq!(live + retired, SESSIONS as u64);
        live
    });
}

#[test]
fn purge_killed_50_times_leaves_the_oldest_forgotten_and_the_others_there() {
    kill_often(&a_store(false), &["purge", "--older-than", "1h", "--yes"], |path| {
        let (live, retired) = counts(path);
        assert_eq!(live, 0);
        retired
    });
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
