//! Who has something to write, and who waits for it.

#[cfg(feature = "async")]
use std::collections::BTreeMap;
#[cfg(feature = "async")]
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
#[cfg(feature = "async")]
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::outside;
use crate::pool::core::PoolCore;

/// How soon a change is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// At once.
    Now,
    /// Within that time.
    Within(Duration),
}

/// The pools that have something to write, and the rounds in which it is written.
///
/// All who wait for a round are woken by one call to the system, and find without this lock that it is over: where there are
/// dozens, a call for each takes as long as the disk does.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the committer.
    work: Condvar,
    /// The last round that is over in every respect; [`ALL`] once nobody need wait for any.
    finished: AtomicU64,
    /// Where threads wait for rounds of even and of odd numbers.
    gates: [Gate; 2],
}

/// Where threads wait. The standard library's lets all of them go at once; that of `parking_lot`, one after the other.
#[derive(Default)]
struct Gate {
    lock: std::sync::Mutex<()>,
    opened: std::sync::Condvar,
}

impl Gate {
    fn wait_until(&self, is_over: impl Fn() -> bool) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_over() {
            guard = self.opened.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self) {
        // Whoever has looked, and does not wait yet, holds it.
        drop(self.lock.lock());
        self.opened.notify_all();
    }
}

/// How long a round waits for others at most.
const MAX_GATHERING: Duration = Duration::from_millis(2);
/// Where nothing is written any more, all rounds are over.
const ALL: u64 = u64::MAX;

#[derive(Default)]
struct State {
    pools: Vec<Arc<PoolCore>>,
    /// When the round must begin; `None` while nothing is queued.
    due: Option<Instant>,
    is_urgent: bool,
    /// Rounds are numbered from 1. Whatever is queued while round n has begun is in round n + 1 at the latest.
    begun: u64,
    /// When the last round began, and how long the one before took.
    begun_at: Option<Instant>,
    took: Option<Duration>,
    is_poisoned: bool,
    is_stopped: bool,
    committer: Option<ThreadId>,
    waiting: usize,
    /// Tasks that wait for a round to end. It need not be searched for those of one round.
    #[cfg(feature = "async")]
    tasks: BTreeMap<Place, Waker>,
    /// How many tasks have waited.
    #[cfg(feature = "async")]
    tasks_numbered: u64,
    /// How many wait for a round that has not begun.
    early: usize,
    /// How many of those are enough for the next round to begin.
    enough: usize,
}

/// Where a task waits: the round, and a number of its own.
#[cfg(feature = "async")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: u64,
    number: u64,
}

/// A task that waits for a round to end. Dropped, it leaves nothing behind.
#[cfg(feature = "async")]
pub(super) struct InTask<'a> {
    queue: &'a Queue,
    place: Place,
}

#[cfg(feature = "async")]
impl Future for InTask<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { queue, place } = *self;
        if queue.is_over(place.round) {
            return Poll::Ready(());
        }
        // A waker is not ours: nothing is locked where it is cloned and dropped.
        let waker = context.waker().clone();
        let mut state = queue.state.lock();
        if queue.is_over(place.round) {
            return Poll::Ready(());
        }
        let old = state.tasks.insert(place, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

#[cfg(feature = "async")]
impl Drop for InTask<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        let old = state.tasks.remove(&self.place);
        drop(state);
        drop(old);
    }
}

/// One round of writing.
pub(super) struct Round {
    /// Its number; `None` where nothing was due, and only the committer's other work is.
    number: Option<u64>,
    pub(super) pools: Vec<Arc<PoolCore>>,
}

impl Queue {
    /// Queues a pool, and answers the round in which all is written that changes in it until it is taken.
    pub(super) fn push(&self, pool: Arc<PoolCore>, urgency: Urgency) -> u64 {
        let mut state = self.state.lock();
        state.pools.push(pool);
        match urgency {
            Urgency::Now => state.is_urgent = true,
            Urgency::Within(delay) => {
                // A delay beyond what an instant can hold is one that nobody lives to see.
                let due = Instant::now().checked_add(delay);
                state.due = match (state.due, due) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        let round = state.begun + 1;
        drop(state);
        self.work.notify_one();
        round
    }

    pub(super) fn hurry(&self) {
        let mut state = self.state.lock();
        if !state.is_urgent {
            state.is_urgent = true;
            drop(state);
            self.work.notify_one();
        }
    }

    /// Says that this thread is the one that all others wait for.
    pub(super) fn i_am_the_committer(&self) {
        self.state.lock().committer = Some(thread::current().id());
    }

    pub(super) fn is_committer(&self) -> bool {
        self.state.lock().committer == Some(thread::current().id())
    }

    /// The pools in which something is urgent that came while a round was under way.
    pub(super) fn urgent(&self) -> Vec<Arc<PoolCore>> {
        let state = self.state.lock();
        if state.is_urgent { state.pools.clone() } else { Vec::new() }
    }

    /// Waits for a round that was answered by [`Queue::push`]; `None` for the next one to begin.
    pub(super) fn wait_for_round(&self, round: Option<u64>) {
        let mut state = self.state.lock();
        if state.committer == Some(thread::current().id()) {
            // It would wait for itself. It comes here only by what is not ours: a waker that runs its task at once.
            return;
        }
        let awaited = self.hurry_to(&mut state, round);
        if self.is_over(awaited) {
            return;
        }
        state.waiting += 1;
        drop(state);
        self.gate(awaited).wait_until(|| self.is_over(awaited));
    }

    fn gate(&self, round: u64) -> &Gate {
        let [even, odd] = &self.gates;
        if round.is_multiple_of(2) { even } else { odd }
    }

    /// Whether nobody need wait for a round any more.
    fn is_over(&self, round: u64) -> bool {
        self.finished.load(Ordering::Acquire) >= round
    }

    /// Sees to it that the round begins soon, and answers its number.
    fn hurry_to(&self, state: &mut State, round: Option<u64>) -> u64 {
        let awaited = round.unwrap_or(state.begun + 1);
        if awaited > state.begun {
            state.early += 1;
            if !state.is_urgent || state.early == state.enough {
                state.is_urgent = true;
                self.work.notify_one();
            }
        }
        awaited
    }

    /// The same in a task.
    #[cfg(feature = "async")]
    pub(super) fn wait_in_task(&self, round: Option<u64>) -> InTask<'_> {
        let mut state = self.state.lock();
        let round = self.hurry_to(&mut state, round);
        state.tasks_numbered += 1;
        InTask { queue: self, place: Place { round, number: state.tasks_numbered } }
    }

    /// Waits for the next round, at most until `maintenance`. `None` when the thread is to end.
    pub(super) fn next_round(&self, maintenance: Instant) -> Option<Round> {
        let mut state = self.state.lock();
        let mut gathering_until = None;
        loop {
            // Nothing more can be written, and nothing is left to be written.
            if state.is_stopped && (state.is_poisoned || state.pools.is_empty()) {
                state.pools.clear();
                drop(state);
                self.finish(ALL, |_| {});
                return None;
            }
            if state.is_poisoned {
                state.pools.clear();
                state.is_urgent = false;
                self.work.wait(&mut state);
                continue;
            }
            let now = Instant::now();
            if state.is_stopped || state.due.is_some_and(|due| due <= now) {
                break;
            }
            if state.is_urgent {
                match gathering_until.get_or_insert_with(|| state.gather_until(now)) {
                    Some(until) if now < *until && state.early < state.enough => {
                        self.work.wait_until(&mut state, *until);
                        continue;
                    }
                    _ => break,
                }
            }
            if maintenance <= now {
                return Some(Round { number: None, pools: Vec::new() });
            }
            let until = state.due.map_or(maintenance, |due| due.min(maintenance));
            self.work.wait_until(&mut state, until);
        }
        state.is_urgent = false;
        state.due = None;
        state.begun += 1;
        state.begun_at = Some(Instant::now());
        state.early = 0;
        // As much room as before, since queueing must not allocate.
        let room = Vec::with_capacity(state.pools.capacity());
        Some(Round { number: Some(state.begun), pools: std::mem::replace(&mut state.pools, room) })
    }

    /// Wakes whoever waits for a round, which must be over in every respect: the pools that it holds are let go first.
    pub(super) fn finish_round(&self, Round { number, pools }: Round) {
        // With a pool goes its clock, which may be the user's own.
        outside::contain(|| drop(pools));
        if let Some(number) = number {
            self.finish(number, |state| {
                state.took = state.begun_at.map(|began| began.elapsed());
            });
        }
    }

    pub(super) fn poison(&self) {
        self.finish(ALL, |state| state.is_poisoned = true);
    }

    pub(super) fn stop(&self) {
        // Whoever waits still has a round coming, in which the rest is written.
        self.state.lock().is_stopped = true;
        self.work.notify_one();
    }

    /// Lets everyone go on who waits for a round up to `number`.
    fn finish(&self, number: u64, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        self.finished.fetch_max(number, Ordering::Release);
        state.enough = state.waiting;
        state.waiting = state.early;
        #[cfg(feature = "async")]
        let tasks = {
            let later = match number.checked_add(1) {
                Some(round) => state.tasks.split_off(&Place { round, number: 0 }),
                None => BTreeMap::new(),
            };
            std::mem::replace(&mut state.tasks, later)
        };
        drop(state);
        if number == ALL {
            self.gates.iter().for_each(Gate::open);
        } else {
            self.gate(number).open();
        }
        #[cfg(feature = "async")]
        outside::wake(tasks.into_values());
    }
}

impl State {
    /// How long the next round waits for those whom the last one let go on: where there were several, they come again, and
    /// one wait for the disk will do for all of them. Half as long as that took is well spent if they do.
    fn gather_until(&self, now: Instant) -> Option<Instant> {
        let took = self.took.filter(|_| self.enough > 1)?;
        Some(now + (took / 2).min(MAX_GATHERING))
    }
}
