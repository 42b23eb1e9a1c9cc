//! Lets pools work for as long as you like, and tells whether they stay as large and as fast as they were.
//!
//! ```text
//! cargo run --release --example soak -- --minutes 30
//! ```
//!
//! Three pools in one store: sessions are created, used, failed, banned, rested, used up and outlived, their cookies and
//! their user data change, checkpoints are written, what is over is forgotten, and one listener is slow at times. Lives and
//! retentions are short, so that all of it has happened many times over before the middle of the run. Every minute there
//! is a line of figures. At the end memory and disk of the last third are compared with those of the middle one, the
//! listener's account with the pool's, and the store is checked; what is not as it should be is said, and the exit code 1.
//! `--help` tells the options.

#![allow(clippy::cast_precision_loss, reason = "figures that are printed")]

mod disk;
mod figures;
mod listener;
mod options;
mod pools;
mod probe;
mod verdict;
mod work;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use figures::Figures;
use options::Options;
use pools::Pools;
use probe::Waits;
use session_pool::BoxError;
use verdict::Verdict;

/// How often memory and disk are looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

fn main() -> Result<ExitCode, BoxError> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{}", options::HELP);
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir(&options.state).map_err(|error| {
        format!("--state is {}: must be a new directory: {error}", options.state.display())
    })?;
    let verdict = soak(&options)?;
    println!("{verdict}");
    if !options.keeps_state {
        std::fs::remove_dir_all(&options.state)?;
    }
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn soak(options: &Options) -> Result<Verdict, BoxError> {
    let (pools, waits, is_over) = (Pools::open(options)?, Waits::default(), AtomicBool::new(false));
    let mut figures = Figures::new(&pools, &waits, &options.state);
    // Before anything is retired.
    let (events, probe_events) = (pools.news.retirements(), pools.shop.retirements());
    let account = thread::scope(|scope| -> Result<_, BoxError> {
        let listener = scope.spawn(|| listener::listen(&pools.news, &events, options));
        let mut workers = Vec::new();
        for _ in 0..options.threads {
            workers.push(scope.spawn(|| work::crawl(&pools, options, &is_over)));
        }
        workers.push(scope.spawn(|| work::order(&pools.accounts, &is_over)));
        workers.push(scope.spawn(|| probe::measure(&pools.shop, &probe_events, &waits, &is_over)));

        let watched = watch(&mut figures, options, || workers.iter().any(ScopedJoinHandle::is_finished));
        is_over.store(true, Ordering::Relaxed);
        let worked: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        // This ends the listener, and so comes before anything is answered.
        let closed = pools.close();
        let account = listener.join().map_err(|_| "the listener panicked")?;
        worked.into_iter().try_for_each(|worker| worker.map_err(|_| "a worker panicked")?)?;
        watched?;
        closed?;
        account
    })?;
    let samples = figures.samples;
    verdict::reach(pools, &samples, &account, options)
}

/// Prints the lines, until the time is over, or a worker has met an error.
fn watch(
    figures: &mut Figures<'_>,
    options: &Options,
    has_failed: impl Fn() -> bool,
) -> Result<(), BoxError> {
    println!("{}", figures::heading());
    let began = Instant::now();
    let mut next_line = began + options.every;
    while began.elapsed() < options.duration && !has_failed() {
        thread::sleep(SAMPLE_EVERY);
        figures.sample()?;
        if Instant::now() >= next_line.min(began + options.duration) {
            println!("{}", figures.line());
            next_line += options.every;
        }
    }
    Ok(())
}
