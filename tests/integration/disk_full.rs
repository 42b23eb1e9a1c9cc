//! A disk that gets full, fails or becomes read-only under a pool: the error says so, nobody waits for ever, nothing is
//! told of what was not written, and once the cause is gone all that was durable is there.
//!
//! The pool runs in a process of its own, which is this test program, started with a variable that makes it run
//! [`work`]. What needs a file system of its own runs in a namespace where one may be mounted, which is this test program
//! once more; where no such namespace is to be had, the test says so and holds nothing.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use session_pool::archive::ArchiveError;
use session_pool::{
    Checkpoints, Durability, Error, Growth, PoolBuilder, Retention, Sequence, SessionId, SessionOptions,
    SessionPool, SessionStore, SledStoreOptions, StoreError,
};

use crate::support::{assert_sound, id, named};

const WORK_IN: &str = "SESSION_POOL_TEST_DISK_FULL_IN";
const NAMESPACE: &str = "SESSION_POOL_TEST_DISK_FULL_NAMESPACE";

/// How long the process may take for everything. It takes a second or two.
const LIMIT: Duration = Duration::from_secs(60);

// --- the process that works

fn builder(name: &str) -> PoolBuilder {
    let durability = match name {
        "immediate" => Durability::Immediate,
        _ => Durability::Buffered { max_delay: Duration::from_millis(2) },
    };
    SessionPool::builder()
        .name(name)
        .max_pool_size(100_000)
        .growth(Growth::Manual)
        .durability(durability)
        .session_options(SessionOptions { max_usage_count: 5, ..SessionOptions::default() })
        .retired_retention(Retention::UNLIMITED)
        .log_retention(Retention::UNLIMITED)
}

/// In one write, so that a line is there or not.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn tell_error(who: &str, error: &Error) {
    let kind = match error {
        Error::Poisoned { cause } => match &**cause {
            StoreError::Io { .. } => "poisoned by Io",
            _ => "poisoned by something else",
        },
        Error::Store(StoreError::Io { .. }) => "Io",
        Error::Closed { .. } => "closed",
        _ => "another",
    };
    tell(&format!("error {who} {kind}: {}", chain(error)));
}

fn data(session: &SessionId, length: usize) -> String {
    session.as_str().chars().cycle().take(length).collect()
}

/// Creates, uses and retires sessions until something fails, and answers that. `tell` is called with what is durable.
fn fill(pool: &SessionPool, limit: usize, mut told: impl FnMut(String) -> Result<(), Error>) -> Error {
    let mut work = || -> Result<(), Error> {
        for _ in 0..limit {
            let session = pool.add(SessionOptions::default())?;
            let id = *session.id();
            told(format!("used {} {id} 0 false", pool.name()))?;
            let length = fastrand::usize(..30_000);
            session.set_user_data("k", data(&id, length))?;
            told(format!("data {} {id} {length}", pool.name()))?;
            let retires = fastrand::u8(..4) == 0;
            for _ in 0..fastrand::u8(..3) {
                let _ = session.reclaim()?;
                told(format!("used {} {id} 1 false", pool.name()))?;
            }
            if retires {
                let _ = session.retire()?;
                told(format!("used {} {id} 0 true", pool.name()))?;
            }
        }
        panic!("nothing failed");
    };
    work().unwrap_err()
}

/// Works until something fails; then sees to it that everything ends.
fn work(path: &Path) {
    let limit = std::env::var("SESSION_POOL_TEST_SESSIONS").map_or(20_000, |limit| limit.parse().unwrap());
    let store = match SessionStore::builder().checkpoints(None).open(path) {
        Ok(store) => store,
        Err(error) => return tell_error("open", &error),
    };
    let [immediate, buffered] = ["immediate", "buffered"].map(|name| builder(name).open_in(&store).unwrap());
    let events = store.retirements();
    let listener = thread::spawn(move || events.iter().for_each(|told| tell(&format!("event {}", told.id))));
    thread::scope(|scope| {
        for n in 0..3 {
            let immediate = &immediate;
            scope.spawn(move || {
                let error = fill(immediate, limit, |line| {
                    tell(&line);
                    Ok(())
                });
                tell_error(&format!("immediate {n}"), &error);
            });
        }
        let buffered = &buffered;
        scope.spawn(move || {
            let mut waiting = Vec::new();
            let error = fill(buffered, limit, |line| {
                waiting.push(line);
                if waiting.len() >= 50 {
                    buffered.flush()?;
                    waiting.drain(..).for_each(|line| tell(&line));
                }
                Ok(())
            });
            tell_error("buffered", &error);
        });
    });
    let ended = |what: &str, begun: Instant| tell(&format!("took {what} {}", begun.elapsed().as_millis()));
    for pool in [&immediate, &buffered] {
        let begun = Instant::now();
        let kept = pool.add(SessionOptions::default());
        tell_error("add", &kept.err().unwrap());
        tell_error("acquire", &pool.acquire().err().unwrap());
        tell_error("flush", &pool.flush().unwrap_err());
        tell_error("close", &pool.close().unwrap_err());
        ended("flush and close", begun);
    }
    // What is in memory can be read, and what is on disk may fail, but neither may wait for ever.
    let begun = Instant::now();
    let _ = immediate.retirement_log(Sequence::START).count();
    ended("reading", begun);
    let begun = Instant::now();
    drop((immediate, buffered, store));
    ended("drop", begun);
    // The subscription ends by itself.
    listener.join().unwrap();
    tell("end");
}

#[test]
fn child() {
    if let Some(path) = std::env::var_os(WORK_IN) {
        work(Path::new(&path));
    }
}

// --- the process that watches it

/// What the process told.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    /// By pool and session: uses, whether it was retired, and the length of its user data.
    sessions: HashMap<(String, SessionId), (u32, bool, Option<usize>)>,
    events: Vec<SessionId>,
}

impl Told {
    fn errors(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| line.strip_prefix("error "))
    }
}

/// Runs the process until it ends by itself, and answers what it told. `so_far` hears its number, and each line
/// at once.
fn run(mut command: Command, path: &Path, mut so_far: impl FnMut(u32, &str)) -> Told {
    let mut child = command.env(WORK_IN, path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let err = BufReader::new(child.stderr.take().unwrap());
    let err = thread::spawn(move || err.lines().map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    let out = BufReader::new(child.stdout.take().unwrap());
    // It is killed where it hangs, so that its output ends.
    let has_ended = AtomicBool::new(false);
    let mut told = Told::default();
    let status = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let begun = Instant::now();
            loop {
                if let Some(status) = child.try_wait().unwrap() {
                    return Some(status);
                }
                if begun.elapsed() > LIMIT && !has_ended.load(Ordering::SeqCst) {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return None;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        for line in out.lines().map_while(Result::ok) {
            so_far(pid, &line);
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["used", pool, session, uses, retired] => {
                    let of = told.sessions.entry((pool.to_owned(), id(session))).or_default();
                    of.0 += uses.parse::<u32>().unwrap();
                    of.1 |= retired == "true";
                }
                ["data", pool, session, length] => {
                    let of = told.sessions.entry((pool.to_owned(), id(session))).or_default();
                    of.2 = Some(length.parse().unwrap());
                }
                ["event", session] => told.events.push(id(session)),
                _ => told.lines.push(line),
            }
        }
        has_ended.store(true, Ordering::SeqCst);
        watch.join().unwrap()
    });
    let err = err.join().unwrap();
    let status = status.unwrap_or_else(|| panic!("it hangs after {:#?}\n{err}", told.lines));
    assert!(status.success(), "{status} after {:#?}\n{err}", told.lines);
    told
}

/// The process ended by itself, and every caller heard why.
fn assert_failed_clearly(told: &Told, path: &Path, why: &str) {
    assert!(told.lines.iter().any(|line| line == "end"), "{:#?}", told.lines);
    let mut count = 0;
    for error in told.errors().filter(|error| !error.contains(" closed: ")) {
        // Whoever reads a payload may meet the failure before the thread that commits does.
        let is_clear =
            error.contains(" poisoned by Io: ") || error.contains(" Io: cannot read a payload in ");
        assert!(is_clear, "{error}");
        assert!(error.contains(": cannot "), "it names the operation: {error}");
        assert!(error.contains(&path.display().to_string()), "it names the path: {error}");
        assert!(error.contains(why), "it names the cause: {error}");
        count += 1;
    }
    assert!(count >= 10, "all who asked heard of it: {:#?}", told.lines);
    for line in told.lines.iter().filter_map(|line| line.strip_prefix("took ")) {
        let took: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(took < 10_000, "{line} ms");
    }
}

/// The cause is gone: everything is there that was durable, and the pool goes on.
fn assert_recovers(told: &Told, path: &Path) {
    assert!(told.sessions.len() > 20, "it hardly got to work: {}", told.sessions.len());
    // Once as it is, without a pool that would write to it.
    let store = SledStoreOptions::new().create(false).open(path).unwrap();
    assert_sound(&store);
    drop(store);
    let store = SessionStore::open(path).unwrap();
    let pools = ["immediate", "buffered"].map(|name| builder(name).open_in(&store).unwrap());
    let mut log = Vec::new();
    for pool in &pools {
        assert_eq!(pool.open_report().unreadable, 0);
        log.extend(pool.retirement_log(Sequence::START).map(|entry| entry.unwrap().id));
    }
    let mut checked = 0;
    for ((name, session), (uses, is_retired, length)) in &told.sessions {
        let pool = pools.iter().find(|pool| pool.name().as_str() == name).unwrap();
        let state = pool.get(session).unwrap_or_else(|error| panic!("I-4: {error}")).state().unwrap();
        assert!(state.usage_count >= *uses, "I-4: {session} was used {uses} times, {}", state.usage_count);
        assert!(state.retired.is_some() || !is_retired, "I-4: {session} was retired");
        let kept = state.user_data.get::<String>("k").unwrap();
        if let Some(length) = length {
            assert_eq!(kept, Some(data(session, *length)), "I-4: user data of {session}");
        }
        checked += 1;
    }
    for event in &told.events {
        assert!(log.contains(event), "I-5: {event} was told of, and is not in the log");
    }
    for pool in &pools {
        let events = pool.retirements();
        let session = pool.add(SessionOptions::default()).unwrap();
        session.set_user_data("k", data(session.id(), 20_000)).unwrap();
        let _ = session.retire().unwrap();
        pool.flush().unwrap();
        assert_eq!(events.recv_timeout(LIMIT).unwrap().id, *session.id());
    }
    for pool in pools {
        pool.close().unwrap();
    }
    drop(store);
    let store = SledStoreOptions::new().create(false).open(path).unwrap();
    assert!(store.open_report().was_closed, "it was closed in order");
    assert_sound(&store);
    println!("{checked} sessions and {} events verified", told.events.len());
}

// --- files that may not grow

/// The command that starts the process by way of the shell, which runs something first.
fn child_command(first: &str) -> Command {
    let mut command = Command::new("sh");
    // A file that would grow beyond a limit is an error like others, and does not end the process.
    command.args(["-c", &format!(r#"trap "" XFSZ; {first} exec "$0" "$@""#)]);
    command.arg(std::env::current_exe().unwrap());
    command.args(["disk_full::child", "--exact", "--nocapture", "--test-threads=1"]);
    command
}

#[test]
fn i4_i5_hold_where_a_file_may_not_grow_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sessions");
    // 16 MiB, or 8 where the shell counts otherwise.
    let told = run(child_command("ulimit -f 16384;"), &path, |_, _| ());
    assert_failed_clearly(&told, &path, "File too large");
    assert_recovers(&told, &path);
}

#[test]
fn i4_i5_hold_where_every_write_fails_from_some_moment_on() {
    if !Command::new("prlimit").arg("--version").output().is_ok_and(|answer| answer.status.success()) {
        return println!("nothing was tested: there is no program prlimit");
    }
    for round in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sessions");
        let (mut lines, fails_after) = (0, 150 + 150 * round + fastrand::u32(..100));
        let told = run(child_command(""), &path, |process, _| {
            lines += 1;
            if lines == fails_after {
                // From now on nothing can be written behind the first 4 KiB of a file.
                let pid = format!("--pid={process}");
                assert!(Command::new("prlimit").args(["--fsize=4096", &pid]).status().unwrap().success());
            }
        });
        assert_failed_clearly(&told, &path, "File too large");
        assert_recovers(&told, &path);
    }
}

// --- file systems of their own

/// Runs a test again where file systems can be mounted, and answers `None`; there, answers a directory for them. Where
/// that cannot be had, says so.
fn with_mounts(test: &str) -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os(NAMESPACE) {
        return Some(directory.into());
    }
    let directory = tempfile::tempdir().unwrap();
    let mut why = String::new();
    for namespace in [&["--user", "--map-root-user", "--mount"][..], &["--mount"]] {
        let probe = ["mount", "-t", "tmpfs", "-o", "size=1m", "none"];
        let probe = Command::new("unshare").args(namespace).args(probe).arg(directory.path()).output();
        match probe {
            Ok(probe) if probe.status.success() => {
                let answer = Command::new("unshare")
                    .args(namespace)
                    .arg(std::env::current_exe().unwrap())
                    .args([&format!("disk_full::{test}"), "--exact", "--nocapture", "--test-threads=1"])
                    .env(NAMESPACE, directory.path())
                    .output()
                    .unwrap();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                assert!(answer.status.success(), "{}{}", text(&answer.stdout), text(&answer.stderr));
                assert!(text(&answer.stdout).contains("1 passed"));
                return None;
            }
            Ok(probe) => why.push_str(&String::from_utf8_lossy(&probe.stderr)),
            Err(error) => why.push_str(&error.to_string()),
        }
    }
    println!("nothing was tested: no file system can be mounted here: {why}");
    None
}

fn mount(options: &str, path: &Path) {
    fs::create_dir_all(path).unwrap();
    let mut command = Command::new("mount");
    let status = command.args(["-t", "tmpfs", "-o", options, "none"]).arg(path).status().unwrap();
    assert!(status.success());
}

fn remount(options: &str, path: &Path) {
    let mut command = Command::new("mount");
    let status = command.args(["-o", &format!("remount,{options}")]).arg(path).status().unwrap();
    assert!(status.success());
}

/// Fills a file system to its last byte.
fn fill_up(path: &Path) {
    let mut file = fs::File::create(path.join("filler")).unwrap();
    let block = [0; 1 << 12];
    let mut size = block.len();
    while size > 0 {
        if file.write_all(&block[..size]).is_err() {
            size /= 2;
        }
    }
}

fn is_about(error: &io::Error, kind: io::ErrorKind) -> bool {
    error.kind() == kind && error.raw_os_error().is_some()
}

/// Opening fails, and that is the disk's fault and not the store's.
fn assert_refused(path: &Path, kind: io::ErrorKind) {
    match SessionStore::open(path).map(drop) {
        Err(Error::Store(StoreError::Io { source, .. })) if is_about(&source, kind) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn i4_i5_hold_on_a_disk_that_is_full_and_then_enlarged() {
    let Some(disk) = with_mounts("i4_i5_hold_on_a_disk_that_is_full_and_then_enlarged") else { return };
    for round in 0..2 {
        let disk = disk.join(round.to_string());
        mount("size=16m", &disk);
        let path = disk.join("sessions");
        let told = run(child_command(""), &path, |_, _| ());
        assert_failed_clearly(&told, &path, "No space left on device");
        // While it is full it may open or not, and is not damaged.
        fill_up(&disk);
        match SessionStore::open(&path).map(drop) {
            Ok(()) => {}
            Err(Error::Store(StoreError::Io { source, .. })) => {
                assert!(is_about(&source, io::ErrorKind::StorageFull), "{source:?}");
            }
            Err(error) => panic!("{}", chain(&error)),
        }
        remount("size=64m", &disk);
        assert_recovers(&told, &path);
    }
}

#[test]
fn a_new_store_on_a_full_disk_is_an_error_and_none_later() {
    let Some(disk) = with_mounts("a_new_store_on_a_full_disk_is_an_error_and_none_later") else { return };
    for free in [0, 4, 8, 12, 16, 20, 40, 80, 160, 400, 530] {
        let disk = disk.join(free.to_string());
        mount("size=2m", &disk);
        let reserve = disk.join("reserve");
        fs::write(&reserve, vec![0; free << 10]).unwrap();
        fill_up(&disk);
        fs::remove_file(reserve).unwrap();
        let path = disk.join("sessions");
        // With a little room it may do: what is not yet there needs no space.
        match SessionStore::open(&path).map(drop) {
            Ok(()) if free > 12 => {}
            _ => assert_refused(&path, io::ErrorKind::StorageFull),
        }
        remount("size=64m", &disk);
        let pool = SessionPool::open(&path).unwrap();
        pool.add(named("a")).unwrap();
        pool.close().unwrap();
        drop(pool);
        assert!(SessionPool::open(&path).unwrap().get(&id("a")).is_ok());
    }
}

#[test]
fn archives_on_a_full_disk_fail_alone() {
    let Some(disk) = with_mounts("archives_on_a_full_disk_fail_alone") else { return };
    mount("size=64m", &disk);
    let full = disk.join("full");
    mount("size=256k", &full);
    fill_up(&full);
    let checkpoints = Checkpoints { directory: Some(full.clone()), ..Checkpoints::default() };
    let builder = SessionStore::builder().checkpoints(Some(checkpoints));
    let store = builder.open(disk.join("sessions")).unwrap();
    let pool = SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap();
    for _ in 0..200 {
        let session = pool.add(SessionOptions::default()).unwrap();
        session.set_user_data("k", data(session.id(), 2_000)).unwrap();
    }
    let names = || {
        let names = fs::read_dir(&full).unwrap().map(|entry| entry.unwrap().file_name());
        // The lock of the directory is no file of a checkpoint.
        names.filter(|name| name != "filler" && name != "LOCK").collect::<Vec<_>>()
    };
    let assert_full = |answer: Result<(), Error>| {
        let error = answer.unwrap_err();
        let Error::Archive(ArchiveError::Io { source, .. }) = &error else { panic!("{error:?}") };
        assert!(is_about(source, io::ErrorKind::StorageFull), "{source:?}");
        assert!(chain(&error).contains(&full.display().to_string()), "it names the file: {}", chain(&error));
        assert_eq!(names(), [""; 0], "no half file is left");
    };
    // Full at its first byte, and in the middle.
    for _ in 0..2 {
        assert_full(store.backup_to(full.join("backup")).map(drop));
        assert_full(store.checkpoint().map(drop));
        fs::File::options().write(true).open(full.join("filler")).unwrap().set_len(120 << 10).unwrap();
    }
    let status = store.checkpoint_status().unwrap();
    assert_eq!((status.written, status.failed), (0, 2));
    assert!(status.last_error.unwrap().contains("No space left on device"));
    pool.add(named("a")).unwrap();
    pool.flush().unwrap();
    remount("size=4m", &full);
    assert_eq!(store.backup_to(full.join("backup")).unwrap().sessions, 201);
    assert!(store.checkpoint().unwrap().unwrap().exists());
}

#[test]
fn a_store_on_a_disk_that_is_read_only_is_refused_and_left_as_it_is() {
    let Some(disk) = with_mounts("a_store_on_a_disk_that_is_read_only_is_refused_and_left_as_it_is") else {
        return;
    };
    mount("size=16m", &disk);
    let path = disk.join("sessions");
    let pool = SessionPool::open(&path).unwrap();
    pool.add(named("a")).unwrap();
    pool.close().unwrap();
    drop(pool);
    remount("ro", &disk);
    assert_refused(&path, io::ErrorKind::ReadOnlyFilesystem);
    assert_refused(&disk.join("another"), io::ErrorKind::ReadOnlyFilesystem);
    remount("rw", &disk);
    let store = SessionStore::open(&path).unwrap();
    assert!(store.open_report().was_closed);
    assert!(SessionPool::builder().open_in(&store).unwrap().get(&id("a")).is_ok());
}
