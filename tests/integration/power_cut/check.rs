//! What must hold of the files that a power cut left.

use std::any::Any;
use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use session_pool::{
    Error, Sequence, SessionPool, SessionStore, SledStore, SledStoreOptions, StoreError, inspect,
};

use super::disk::{ACKS, Image, write_tree};
use super::told::{Known, Told, text_of};
use super::workload::{STORE, buffered, forgetful, immediate, imported};

type Verdict<T = ()> = Result<T, String>;

/// Says what failed, with every cause.
fn failed<E: StdError + 'static>(what: &str) -> impl FnOnce(E) -> String {
    move |error| {
        let mut text = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

fn ensure(holds: bool, what: impl Display) -> Verdict {
    if holds { Ok(()) } else { Err(what.to_string()) }
}

/// Verifies an image in a directory, which is empty, and answers how much had been told.
pub(super) fn check(image: &Image, directory: &Path) -> Verdict<usize> {
    write_tree(&image.tree, directory);
    let acks = image.tree.get(ACKS).and_then(Option::as_ref);
    let told = Told::read(acks.ok_or("the told lines are gone")?);
    let path = directory.join(STORE);
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        open_as_it_is(&path, &told)?;
        go_on(&path, &told)?;
        sound(&open_store(&path, false).map_err(failed("opening the store again"))?)
    }));
    verdict.unwrap_or_else(|panic| Err(format!("a panic: {}", text_of_panic(&*panic))))?;
    Ok(told.lines)
}

fn text_of_panic(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

/// A program that another test starts at that moment has the lock, too, until it runs.
fn patiently<T>(open: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for _ in 0..500 {
        match open() {
            Err(StoreError::InUse { .. }) => thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
    open()
}

fn open_store(path: &Path, create: bool) -> Result<SledStore, StoreError> {
    patiently(|| SledStoreOptions::new().create(create).open(path))
}

fn sound(store: &SledStore) -> Verdict {
    let report = inspect::check(store).map_err(failed("checking the store"))?;
    ensure(report.is_sound(), format_args!("I-1, I-2: {:?}", report.findings))
}

/// Once as it is, without a pool that would write to it. Before anybody was told of it, it need not be there.
fn open_as_it_is(path: &Path, told: &Told) -> Verdict {
    match open_store(path, false) {
        Err(StoreError::NotFound { .. }) if !told.is_opened => Ok(()),
        store => sound(&store.map_err(failed("opening the store for the first time"))?),
    }
}

/// And once as a crawler that goes on.
fn go_on(path: &Path, told: &Told) -> Verdict {
    let store = open_store(path, true).map_err(failed("opening the store to go on"))?;
    let store = SessionStore::with_store(store).map_err(failed("starting"))?;
    ensure(store.unreadable_pools().is_empty(), "a pool's entry is unreadable")?;
    let open = |builder: session_pool::PoolBuilder| builder.open_in(&store).map_err(failed("opening a pool"));
    let pools = [open(immediate())?, open(buffered())?, open(forgetful())?, open(imported())?];
    for pool in &pools {
        let report = pool.open_report();
        ensure(report.unreadable == 0, format_args!("{}: {:?}", pool.name(), report.unreadable_items))?;
        told_once(pool)?;
    }
    for ((name, id), known) in &told.sessions {
        let pool = pools.iter().find(|pool| pool.name().as_str() == name).ok_or("an unknown pool")?;
        match pool.get(id) {
            Ok(session) => {
                let of = |rule: String| format!("I-4: {name} {id}: {rule}");
                is_as_told(&session, known).map_err(of)?;
            }
            Err(Error::Refused(_)) if !known.is_told => {}
            Err(error) => return Err(failed("I-4: a session that was told of")(error)),
        }
    }
    for pool in &pools {
        match pool.acquire() {
            Ok(lease) => drop(lease.reclaim().map_err(failed("using a session"))?),
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(failed("acquiring a session")(error)),
        }
        pool.close().map_err(failed("closing a pool"))?;
    }
    Ok(())
}

fn told_once(pool: &SessionPool) -> Verdict {
    let mut seen = HashSet::new();
    for entry in pool.retirement_log(Sequence::START) {
        let entry = entry.map_err(failed("reading the retirement log"))?;
        ensure(seen.insert(entry.id), format_args!("R-4: {} was retired twice", entry.id))?;
    }
    Ok(())
}

fn is_as_told(session: &session_pool::Session, known: &Known) -> Verdict {
    let record = session.record();
    ensure(record.usage_count >= known.uses, format_args!("{} of {} uses", record.usage_count, known.uses))?;
    ensure(record.retired.is_some() || !known.is_retired, "it was retired")?;
    let rests_until = record.resting_until.map_or(0, session_pool::Timestamp::as_millis);
    ensure(rests_until >= known.rests_until, "its rest is too short")?;
    let found: Option<(u64, String)> = session.user_data("k").map_err(failed("its user data"))?;
    let (version, text) = found.unwrap_or_default();
    ensure(
        (known.wrote..=known.tried).contains(&version),
        format_args!("version {version}, told {}, tried {}", known.wrote, known.tried),
    )?;
    ensure(
        version == 0 || text == text_of(session.id(), version),
        format_args!("I-3: version {version} is not as it was written"),
    )
}
