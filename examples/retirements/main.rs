//! Reacts to retirements, each one exactly once, across a crash.
//!
//! ```text
//! cargo run --features async --example retirements
//! ```
//!
//! Sessions log in with one of a few accounts. A task gives the account of each retired session back, so that another one
//! can log in with it. A thread writes each retirement into a ledger, whose last line tells how far it has come. The
//! program runs itself as a child, which crashes with some retirements written and others not; then it goes on where that
//! one was: first with what the log tells, then with the live events. In the end it counts.

mod accounts;
mod ledger;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use session_pool::{BoxError, Sequence, SessionOptions, SessionPool, StatusRules, Subscription};

use accounts::Accounts;
use ledger::Ledger;

/// How many retirements there are before the crash, and how many of them are written.
const BEFORE_THE_CRASH: usize = 12;
const WRITTEN: usize = 5;
/// How many there are after it, at least.
const AFTER_THE_CRASH: usize = 12;

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let mut arguments = std::env::args_os().skip(1);
    if let Some(state) = arguments.next() {
        return crash(Path::new(&state));
    }
    let state = std::env::temp_dir().join(format!("session-pool-retirements-{}", std::process::id()));
    std::fs::create_dir_all(&state)?;
    let child = Command::new(std::env::current_exe()?).arg(&state).status()?;
    if child.success() {
        return Err("it was to crash".into());
    }
    go_on(&state).await?;
    std::fs::remove_dir_all(state)?;
    Ok(ExitCode::SUCCESS)
}

/// The first run. It ends in the middle, with more retirements than are written.
fn crash(state: &Path) -> Result<ExitCode, BoxError> {
    let (pool, accounts) = open(state)?;
    tokio::spawn(give_back(pool.clone(), accounts));
    let (mut ledger, events) = (Ledger::open(&state.join("ledger"))?, pool.retirements());
    let writer =
        thread::spawn(move || events.iter().take(WRITTEN).try_for_each(|event| ledger.write(&event)));
    tokio::task::block_in_place(|| work(&pool, BEFORE_THE_CRASH))?;
    writer.join().map_err(|_| "the thread panicked")??;
    println!("{WRITTEN} retirements are written, of {}: crash", pool.retirement_log(Sequence::START).count());
    std::process::abort();
}

/// The second run: it finds what the first one has left.
async fn go_on(state: &Path) -> Result<(), BoxError> {
    let (pool, accounts) = open(state)?;
    println!("{} sessions came back", pool.open_report().restored);
    let giver = tokio::spawn(give_back(pool.clone(), Arc::clone(&accounts)));
    // Who listens before reading the log misses nothing in between.
    let events = pool.retirements();
    let ledger = Ledger::open(&state.join("ledger"))?;
    let begins_after = ledger.cursor();
    let writer = thread::spawn({
        let pool = pool.clone();
        move || write_all(&pool, &events, ledger)
    });
    tokio::task::block_in_place(|| work(&pool, AFTER_THE_CRASH))?;
    pool.close()?; // ends the events
    let (ledger, from_the_log) = writer.join().map_err(|_| "the thread panicked")??;
    giver.await??;

    println!("{from_the_log} retirements were read from the log, those after {begins_after}");
    for (reason, count) in ledger.counts() {
        println!("{count:4} {reason}");
    }
    let logged = pool.retirement_log(Sequence::START).collect::<Result<Vec<_>, _>>()?;
    ledger.check(&logged)?;
    println!("{} retirements, each written once", logged.len());
    let (in_use, free) = (pool.stats().live, accounts.free());
    println!("{} accounts: {in_use} in use, {free} free", Accounts::ALL.len());
    if begins_after != Sequence(WRITTEN as u64) || from_the_log < BEFORE_THE_CRASH - WRITTEN {
        return Err("the log was to tell what the crash had left".into());
    }
    if in_use + free != Accounts::ALL.len() {
        return Err("an account was lost".into());
    }
    Ok(())
}

/// A pool whose sessions log in with an account each.
fn open(state: &Path) -> Result<(SessionPool, Arc<Accounts>), BoxError> {
    let accounts = Arc::new(Accounts::default());
    let pool = SessionPool::builder()
        .max_pool_size(Accounts::ALL.len() - 1)
        .session_options(SessionOptions { max_usage_count: 6, ..SessionOptions::default() })
        .status_rules(StatusRules { default_rest: Duration::from_millis(50), ..StatusRules::default() })
        .create_with({
            let accounts = Arc::clone(&accounts);
            // Here it would log in.
            move |options| Ok(options.user_data("account", accounts.take()?))
        })
        .open(state.join("sessions"))?;
    // Which are free need not be kept: those that no session has.
    let in_use = pool.iter().map(|session| session.user_data("account"));
    accounts.begin(&in_use.collect::<Result<Vec<Option<String>>, _>>()?);
    Ok((pool, accounts))
}

/// Gives the account of each retired session back. No more of them wait here than there are accounts.
async fn give_back(pool: SessionPool, accounts: Arc<Accounts>) -> Result<(), session_pool::Error> {
    let mut retirements = pool.retirements().into_stream();
    while let Some(retirement) = retirements.next().await {
        // What a retired session was is read from the disk.
        let account = tokio::task::block_in_place(|| pool.get(&retirement.id)?.user_data("account"))?;
        if let Some(account) = account {
            accounts.give_back(account);
        }
    }
    Ok(())
}

/// Writes what the ledger has not got yet, and then each retirement as it comes. Answers how many came from the log.
fn write_all(
    pool: &SessionPool,
    events: &Subscription,
    mut ledger: Ledger,
) -> Result<(Ledger, usize), BoxError> {
    let mut from_the_log = read_log(pool, &mut ledger)?;
    for event in events {
        let next = ledger.cursor().next();
        if event.sequence == next {
            ledger.write(&event)?;
        } else if event.sequence > next {
            // The channel was full for a while.
            from_the_log += read_log(pool, &mut ledger)?;
        } // Else the log had it.
    }
    // It may have been full at the end.
    from_the_log += read_log(pool, &mut ledger)?;
    Ok((ledger, from_the_log))
}

fn read_log(pool: &SessionPool, ledger: &mut Ledger) -> Result<usize, BoxError> {
    let mut read = 0;
    for retirement in pool.retirement_log(ledger.cursor()) {
        ledger.write(&retirement?)?;
        read += 1;
    }
    Ok(read)
}

/// What a crawler does, without the site, until some sessions are retired.
fn work(pool: &SessionPool, retirements: usize) -> Result<(), session_pool::Error> {
    let before = pool.stats().retired.total();
    let mut turn = 0_u32;
    while pool.stats().retired.total() < before + retirements as u64 {
        turn += 1;
        let lease = pool.acquire_timeout(Duration::from_secs(10))?;
        let status = match turn {
            turn if turn % 13 == 0 => 403,
            turn if turn % 7 == 0 => 429,
            turn if turn % 5 < 3 && turn % 40 > 20 => 500,
            _ => 200,
        };
        let _ = lease.settle_status(status, None)?;
        thread::sleep(Duration::from_millis(2));
    }
    pool.flush()
}
