//! Whoever reads the store, finds and sorts, so that no key waits for that.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_pool::crossbeam_channel::{Receiver, Sender};
use session_pool::{ReadStore, StoreError, Timestamp};

use super::app::Event;
use super::data::{self, Progress};
use super::details::{self, Target};
use super::filter::Subject;
use super::query::{self, Query};

/// What it is asked to do.
#[derive(Debug)]
pub(super) enum Task {
    Find(Query),
    Read(Target),
}

/// What is still wanted: what is not is given up in the middle.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    is_over: AtomicBool,
    pools: AtomicU64,
    sessions: AtomicU64,
    log: AtomicU64,
}

impl Wanted {
    /// Nothing is, any more.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Of the questions about a list, the last one is.
    pub(super) fn want(&self, query: &Query) {
        self.generation(query.subject).store(query.generation, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn wants(&self, query: &Query) -> bool {
        !self.is_over() && self.generation(query.subject).load(Ordering::Relaxed) == query.generation
    }

    fn generation(&self, subject: Subject) -> &AtomicU64 {
        match subject {
            Subject::Pools => &self.pools,
            Subject::Sessions => &self.sessions,
            Subject::Log => &self.log,
        }
    }
}

/// How often it is told how far the reading has come.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Reads the store, then does what it is asked to, until nobody asks any more.
///
/// # Errors
///
/// [`StoreError`] where the engine fails while all is read. Later, what fails is told in the page that it was read for.
pub(super) fn work(
    store: &dyn ReadStore,
    now: Timestamp,
    tasks: &Receiver<Task>,
    wanted: &Wanted,
    events: &Sender<Event>,
) -> Result<(), StoreError> {
    let mut told = Instant::now();
    let data = data::read(store, now, &mut |progress: Progress| {
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            // Where nobody listens any more, `wanted` says so.
            let _ = events.send(Event::Progress(progress));
        }
        if wanted.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let Some(data) = data.map(Arc::new) else { return Ok(()) };
    if events.send(Event::Loaded(Arc::clone(&data))).is_err() {
        return Ok(());
    }
    for task in tasks {
        let event = match task {
            Task::Find(query) => {
                let Some(answer) = query::run(&data, &query, now, &|| wanted.wants(&query)) else { continue };
                Event::Found(answer)
            }
            Task::Read(target) => Event::Read(Box::new(details::read(store, &data, target))),
        };
        if wanted.is_over() || events.send(event).is_err() {
            break;
        }
    }
    Ok(())
}
