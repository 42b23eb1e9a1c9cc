//! Serving those who wait: for any session, and for one of them.

use std::collections::BTreeSet;
use std::task::Waker;
use std::time::Duration;

use super::available::End;
use super::{Directory, Next, SlotIndex, Ticket};
use crate::error::Refusal;
use crate::session::Timestamp;

impl Directory {
    /// Joins those who wait for any session.
    pub(crate) fn join(&mut self, waker: Waker) -> Ticket {
        self.waiters.join(None, waker)
    }

    /// Joins those who wait for one session, which cannot be handed out now. It stays in memory as long as they do.
    pub(crate) fn join_for(&mut self, slot: SlotIndex, waker: Waker) -> Ticket {
        self.pin(slot);
        let ticket = self.waiters.join(Some(slot), waker);
        self.note_waiting_for(slot);
        ticket
    }

    /// Takes its place again, who has been served and cannot use what it got.
    pub(crate) fn rejoin(&mut self, ticket: Ticket, waker: Waker) {
        self.waiters.rejoin(ticket, waker);
        if let Some(slot) = ticket.wanted {
            self.note_waiting_for(slot);
            self.refresh(slot, End::Back);
        }
    }

    /// Leaves those who wait. What it had been handed goes to the next one. The waker that it had is to be dropped once
    /// the directory is no longer locked.
    pub(crate) fn give_up(&mut self, ticket: Ticket) -> Option<Waker> {
        let (handed, waker) = self.waiters.leave(ticket);
        if let Some(slot) = ticket.wanted {
            self.note_waiting_for(slot);
        }
        match handed {
            Some(Next::Leased { slot, .. }) => {
                self.hand_back(slot);
                self.unpin(slot);
            }
            Some(Next::Create) => self.end_creation(None),
            Some(Next::Nothing) | None => {}
        }
        if let Some(slot) = ticket.wanted {
            self.unpin(slot);
        }
        waker
    }

    /// Whether that one waits, and is the one who looks whether a rest is over: the first of those who wait for the same.
    pub(crate) fn is_looking(&self, ticket: Ticket) -> bool {
        self.waiters.first(ticket.wanted) == Some(ticket)
    }

    /// After how long that one has to look again: when a rest ends, or sessions are created again. `None` where somebody will tell, since the session that
    /// it waits for is in use.
    pub(crate) fn next_look(&self, ticket: Ticket, now: Timestamp) -> Option<Duration> {
        match ticket.wanted {
            Some(slot) => self.slots[slot.at()].rests_until.map(|until| until.since(now)),
            // Some session may begin a rest meanwhile that ends before all others.
            None => {
                let next = self.next_rest_ends().into_iter().chain(self.next_creation(now)).min();
                Some(next.map_or(Duration::MAX, |next| next.since(now)))
            }
        }
    }

    /// Why it waits in vain: the session that it waits for was retired.
    pub(crate) fn refusal_for(&self, ticket: Ticket) -> Option<Refusal> {
        let slot = &self.slots[ticket.wanted?.at()];
        slot.record.retired.map(|retired| Refusal::Retired { id: slot.id(), reason: retired.reason })
    }

    /// Whether something has become free that somebody waits for.
    pub(crate) fn has_something_to_serve(&self) -> bool {
        self.signals.has_freed && (!self.contested.is_empty() || self.waiters.first(None).is_some())
    }

    /// Hands what is free to those who wait, in their order. A session that somebody waits for goes to whoever came first
    /// of those and of all who wait for any; to the latter only where there is no other for them.
    pub(crate) fn serve(&mut self, now: Timestamp) {
        if self.is_closed || !self.waiters.is_anybody_waiting() {
            return;
        }
        self.wake(now);
        // By the first who waits for it.
        let mut contested = BTreeSet::new();
        loop {
            while let Some(slot) = self.contested.pop() {
                if let Some(first) = self.waiters.first(Some(slot))
                    && self.is_available_at(slot, now)
                {
                    contested.insert((first.number, slot));
                }
            }
            let any = self.waiters.first(None);
            let next = if any.is_some() { self.next(now) } else { Next::Nothing };
            match next {
                Next::Nothing if !self.contested.is_empty() => {}
                Next::Nothing => {
                    let Some((first, slot)) = contested.last().copied() else { break };
                    if any.is_some_and(|any| any.number < first) {
                        contested.remove(&(first, slot));
                        self.hand_session(slot, None, now);
                    } else if let Some((_, slot)) = contested.pop_first() {
                        self.hand_session(slot, Some(slot), now);
                    }
                }
                Next::Create => self.waiters.hand(None, next),
                Next::Leased { slot, .. } => {
                    self.pin(slot);
                    self.waiters.hand(None, next);
                }
            }
        }
    }

    /// Hands a session to the first of those who wait for it, or for any.
    fn hand_session(&mut self, slot: SlotIndex, wanted: Option<SlotIndex>, now: Timestamp) {
        let next = self.hand_out(slot, now);
        self.pin(slot);
        self.waiters.hand(wanted, next);
        self.note_waiting_for(slot);
        self.refresh(slot, End::Back);
    }

    /// Notes whether anybody waits for that session.
    fn note_waiting_for(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].is_awaited = self.waiters.first(Some(slot)).is_some();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::pool::config::{Growth, Strategy as PoolStrategy};
    use crate::pool::directory::index;
    use crate::session::{Outcome, SessionOptions, Settlement};

    const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[derive(Debug, Clone)]
    enum Step {
        Join(Option<usize>),
        /// Who waits, or was handed something and has yet to come for it, leaves.
        Leave(usize),
        /// Who was handed something comes for it.
        Take(usize),
        Settle(usize, u8),
        Rest(usize, u8),
        Advance(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => proptest::option::weighted(0.7, 0..4_usize).prop_map(Step::Join),
            2 => (0..20_usize).prop_map(Step::Leave),
            6 => (0..20_usize).prop_map(Step::Take),
            6 => (0..20_usize, 0..10_u8).prop_map(|(n, how)| Step::Settle(n, how)),
            1 => (0..4_usize, 0..30_u8).prop_map(|(n, seconds)| Step::Rest(n, seconds)),
            3 => (0..20_u8).prop_map(Step::Advance),
        ]
    }

    /// A directory, and all who have asked it for something, as plainly as can be.
    struct World {
        directory: Directory,
        now: Timestamp,
        slots: Vec<SlotIndex>,
        waiting: Vec<Ticket>,
        handed: Vec<(Ticket, SlotIndex)>,
        leases: Vec<SlotIndex>,
    }

    impl World {
        fn new(strategy: PoolStrategy, concurrent: &[u32]) -> Self {
            let mut directory = Directory::new(strategy, Growth::Manual, 10);
            let slots = concurrent.iter().map(|uses| {
                let options = SessionOptions {
                    max_concurrent_uses: Some(*uses),
                    max_usage_count: 30,
                    max_age: Duration::from_secs(300),
                    ..SessionOptions::default()
                };
                let new = options.build(BEGIN).unwrap();
                directory.insert_new(new.id, new.record)
            });
            let slots: Vec<SlotIndex> = slots.collect();
            for slot in &slots {
                directory.pin(*slot);
            }
            let (waiting, handed, leases) = (Vec::new(), Vec::new(), Vec::new());
            Self { directory, now: BEGIN, slots, waiting, handed, leases }
        }

        fn take(&mut self, step: &Step) {
            let Self { directory, now, .. } = self;
            match *step {
                Step::Join(wanted) => {
                    directory.serve(*now);
                    match wanted.map(|n| self.slots[n % self.slots.len()]) {
                        Some(slot) => match directory.lease_by_id(slot, *now) {
                            Ok(_) => {
                                let queued = self.waiting.iter().any(|ticket| ticket.wanted == Some(slot));
                                assert!(!queued, "it was snatched from somebody who waits for it");
                                self.leases.push(slot);
                            }
                            Err(Refusal::Retired { .. }) => {}
                            Err(_) => self.waiting.push(directory.join_for(slot, Waker::noop().clone())),
                        },
                        None => match directory.next(*now) {
                            Next::Leased { slot, .. } => {
                                let queued = self.waiting.iter().any(|ticket| ticket.wanted.is_none());
                                assert!(!queued, "it was snatched from somebody who waits for any");
                                self.leases.push(slot);
                            }
                            _ => self.waiting.push(directory.join(Waker::noop().clone())),
                        },
                    }
                }
                Step::Leave(n) => {
                    let all = self.waiting.len() + self.handed.len();
                    match n % all.max(1) {
                        _ if all == 0 => {}
                        n if n < self.waiting.len() => drop(directory.give_up(self.waiting.remove(n))),
                        n => drop(directory.give_up(self.handed.remove(n - self.waiting.len()).0)),
                    }
                }
                Step::Take(n) if n < self.handed.len() => {
                    let (ticket, slot) = self.handed.remove(n);
                    assert!(directory.waiters.take(ticket, Waker::noop()).0.is_some());
                    directory.give_up(ticket);
                    directory.unpin(slot);
                    self.leases.push(slot);
                }
                Step::Settle(n, how) if n < self.leases.len() => {
                    let slot = self.leases.remove(n);
                    let settlement = match how {
                        0 => Settlement::Retire,
                        1 => Settlement::Fail,
                        2..5 => Settlement::Rest { until: now.plus(Duration::from_secs(how.into())) },
                        _ => Settlement::Reclaim,
                    };
                    let _: Outcome = directory.settle(slot, settlement, *now, true);
                }
                Step::Rest(n, seconds) => {
                    let until = now.plus(Duration::from_secs(seconds.into()));
                    directory.rest(self.slots[n % self.slots.len()], until, *now);
                }
                Step::Advance(seconds) => *now = now.plus(Duration::from_secs(seconds.into())),
                Step::Take(_) | Step::Settle(..) => {}
            }
            // Whoever is the first of a queue looks.
            directory.serve(*now);
            self.refused_leave();
            self.check_served();
        }

        /// Those whose session was retired hear of it.
        fn refused_leave(&mut self) {
            let directory = &mut self.directory;
            self.waiting.retain(|ticket| {
                let is_refused = directory.refusal_for(*ticket).is_some();
                if is_refused {
                    directory.give_up(*ticket);
                }
                !is_refused
            });
            directory.serve(self.now);
        }

        fn check_served(&mut self) {
            let Self { directory, now, waiting, handed, .. } = self;
            let (served, left): (Vec<Ticket>, Vec<Ticket>) =
                waiting.iter().partition(|ticket| directory.waiters.handed(**ticket).is_some());
            for ticket in served {
                let Some(Next::Leased { slot, id, .. }) = directory.waiters.handed(ticket) else {
                    panic!("{ticket:?}")
                };
                assert_eq!(directory.slots[slot.at()].id(), id);
                assert!(ticket.wanted.is_none_or(|wanted| wanted == slot), "it waits for another");
                for other in &left {
                    if other.wanted == ticket.wanted || (other.wanted.is_none_or(|wanted| wanted == slot)) {
                        assert!(ticket.number < other.number, "{ticket:?} before {other:?}");
                    }
                }
                handed.push((ticket, slot));
            }
            *waiting = left;
            for ticket in &*waiting {
                for (at, slot) in directory.slots.iter().enumerate() {
                    let is_wanted = ticket.wanted.is_none_or(|wanted| wanted.at() == at);
                    assert!(!(is_wanted && slot.is_available()), "{ticket:?} waits in vain at {now:?}");
                }
            }
            for (at, slot) in directory.slots.iter().enumerate() {
                let wanted = Some(index(at));
                assert_eq!(slot.is_awaited, waiting.iter().any(|ticket| ticket.wanted == wanted));
                let is_listed = directory.available.contains(index(at));
                assert_eq!(is_listed, slot.is_available() && !slot.is_awaited);
            }
            assert_eq!(directory.waiters.count(), waiting.len() + handed.len());
        }

        /// Everybody leaves; nothing is left of them.
        fn end(mut self) {
            for ticket in self.waiting.drain(..).chain(self.handed.drain(..).map(|(ticket, _)| ticket)) {
                self.directory.give_up(ticket);
                self.directory.serve(self.now);
            }
            for slot in self.leases.drain(..) {
                let _ = self.directory.settle(slot, Settlement::Release, self.now, true);
            }
            assert_eq!((self.directory.waiters.count(), self.directory.leased), (0, 0));
            for slot in &self.directory.slots {
                assert_eq!((slot.in_flight, slot.is_awaited), (0, false));
                assert_eq!(slot.handles, 1, "that of the test");
            }
        }
    }

    proptest! {
        #[test]
        fn r8_whoever_came_first_is_served_first_and_nobody_waits_in_vain(
            concurrent in proptest::collection::vec(1..3_u32, 1..4),
            strategy in prop_oneof![
                Just(PoolStrategy::Random),
                Just(PoolStrategy::RoundRobin),
                Just(PoolStrategy::LeastRecentlyUsed),
                Just(PoolStrategy::UntilFailure),
            ],
            steps in proptest::collection::vec(step(), 0..150),
        ) {
            let mut world = World::new(strategy, &concurrent);
            for step in &steps {
                world.take(step);
            }
            world.end();
        }
    }

    /// Under any schedule of those who come, give up and release, nobody waits for ever, and no lease is lost or doubled.
    #[test]
    fn nobody_waits_for_ever_for_one_session_whatever_the_schedule() {
        use std::sync::Arc;
        use std::task::Wake;

        use shuttle::sync::Mutex;
        use shuttle::thread;

        struct Unpark(thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        fn change<T>(directory: &Mutex<Directory>, change: impl FnOnce(&mut Directory) -> T) -> T {
            let mut locked = directory.lock().unwrap();
            let answer = change(&mut locked);
            if locked.has_something_to_serve() {
                locked.serve(BEGIN);
            }
            locked.signals = super::super::Signals::default();
            let woken = locked.waiters.take_woken();
            drop(locked);
            woken.wake();
            answer
        }

        /// Uses a session once; `patience` is how often it looks before it gives up.
        fn use_one(directory: &Mutex<Directory>, wanted: Option<SlotIndex>, mut patience: u32) {
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let asked = change(directory, |directory| match wanted {
                Some(slot) => match directory.lease_by_id(slot, BEGIN) {
                    Ok(_) => Ok(slot),
                    Err(_) => Err(directory.join_for(slot, waker.clone())),
                },
                None => match directory.next(BEGIN) {
                    Next::Leased { slot, .. } => Ok(slot),
                    _ => Err(directory.join(waker.clone())),
                },
            });
            let leased = asked.or_else(|ticket| {
                let served = loop {
                    match change(directory, |directory| directory.waiters.take(ticket, &waker)).0 {
                        Some(Next::Leased { slot, .. }) => {
                            change(directory, |directory| directory.unpin(slot));
                            break Ok(slot);
                        }
                        Some(other) => panic!("{other:?}"),
                        None if patience == 0 => break Err(()),
                        None => {
                            patience -= 1;
                            thread::park();
                        }
                    }
                };
                change(directory, |directory| directory.give_up(ticket));
                served
            });
            if let Ok(slot) = leased {
                change(directory, |directory| {
                    assert!(
                        directory.slot(slot).in_flight == 1 && wanted.is_none_or(|wanted| wanted == slot)
                    );
                    let _ = directory.settle(slot, Settlement::Release, BEGIN, true);
                });
            }
        }

        shuttle::check_random(
            || {
                let world = World::new(PoolStrategy::RoundRobin, &[1, 1]);
                let wanted = [None, Some(world.slots[0]), Some(world.slots[1]), Some(world.slots[0]), None];
                let directory = Arc::new(Mutex::new(world.directory));
                let threads = wanted.into_iter().zip(0..).map(|(wanted, n)| {
                    let directory = Arc::clone(&directory);
                    // Some give up after the first look, in the middle of being served perhaps.
                    let patience = if n % 2 == 0 { u32::MAX } else { n / 2 };
                    thread::spawn(move || {
                        use_one(&directory, wanted, patience);
                        use_one(&directory, wanted, patience);
                    })
                });
                for thread in threads.collect::<Vec<_>>() {
                    thread.join().unwrap();
                }
                let directory = directory.lock().unwrap();
                assert_eq!(
                    (directory.leased, directory.waiters.count(), directory.available.len()),
                    (0, 0, 2)
                );
            },
            2000,
        );
    }
}
