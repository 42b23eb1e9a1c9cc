//! Those who wait for a session, served in the order in which they came.
//!
//! What becomes free is handed to the first of them, and never lies about for others to snatch. Whoever gives up leaves
//! what it was handed to the next one. Some wait for any session, others for one of them: those stand in a queue of its own,
//! and their tickets tell who of all came first.

use std::collections::BTreeMap;
use std::task::Waker;

use super::{Next, SlotIndex};
use crate::outside;

/// The place of one who waits. They are numbered as they come, whatever they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// The session that it waits for; `None` for any.
    pub(crate) wanted: Option<SlotIndex>,
    pub(super) number: u64,
}

/// Those who wait. Everything takes logarithmic time.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    last: u64,
    /// Queue by queue.
    waiting: BTreeMap<Ticket, Waker>,
    /// What was handed to those who have yet to come for it.
    handed: BTreeMap<Ticket, Next>,
    /// Who is to be woken, once the directory is no longer locked.
    woken: Vec<Waker>,
}

impl Waiters {
    pub(super) fn join(&mut self, wanted: Option<SlotIndex>, waker: Waker) -> Ticket {
        self.last += 1;
        let ticket = Ticket { wanted, number: self.last };
        self.waiting.insert(ticket, waker);
        ticket
    }

    /// Takes its place again, before all who came later.
    pub(super) fn rejoin(&mut self, ticket: Ticket, waker: Waker) {
        self.waiting.insert(ticket, waker);
    }

    /// Whether anybody has yet to be served.
    pub(crate) fn is_anybody_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many have yet to be served, or to come for what they were handed.
    pub(crate) fn count(&self) -> usize {
        self.waiting.len() + self.handed.len()
    }

    /// Who is next of those who wait for that session, or for any. It is the one that looks whether a rest is over.
    pub(super) fn first(&self, wanted: Option<SlotIndex>) -> Option<Ticket> {
        self.queue(wanted).next().map(|(ticket, _)| *ticket)
    }

    fn queue(&self, wanted: Option<SlotIndex>) -> impl Iterator<Item = (&Ticket, &Waker)> {
        self.waiting.range(Ticket { wanted, number: 0 }..=Ticket { wanted, number: u64::MAX })
    }

    /// Hands something to the first of those who wait for that.
    pub(super) fn hand(&mut self, wanted: Option<SlotIndex>, next: Next) {
        if let Some(ticket) = self.first(wanted) {
            self.woken.extend(self.waiting.remove(&ticket));
            self.handed.insert(ticket, next);
            // What the new first waits for is in use now: if it is to rest afterwards, that wakes it.
            if wanted.is_none() {
                self.wake_first(None);
            }
        }
    }

    /// Comes for what it was handed; where that is nothing yet, `waker` is told when it is. The waker it had before is to
    /// be dropped once the directory is no longer locked.
    pub(crate) fn take(&mut self, ticket: Ticket, waker: &Waker) -> (Option<Next>, Option<Waker>) {
        if let Some(next) = self.handed.remove(&ticket) {
            return (Some(next), None);
        }
        match self.waiting.get_mut(&ticket) {
            Some(old) if old.will_wake(waker) => (None, None),
            Some(old) => (None, Some(std::mem::replace(old, waker.clone()))),
            None => (None, None),
        }
    }

    /// What somebody was handed and has yet to come for.
    #[cfg(test)]
    pub(super) fn handed(&self, ticket: Ticket) -> Option<Next> {
        self.handed.get(&ticket).copied()
    }

    /// Gives up, and answers what it had been handed, and its waker, to be dropped once the directory is no longer locked.
    pub(super) fn leave(&mut self, ticket: Ticket) -> (Option<Next>, Option<Waker>) {
        let was_first = self.first(ticket.wanted) == Some(ticket);
        let waker = self.waiting.remove(&ticket);
        if was_first {
            self.wake_first(ticket.wanted);
        }
        (self.handed.remove(&ticket), waker)
    }

    /// Lets all of them look again.
    pub(crate) fn wake_all(&mut self) {
        self.woken.extend(self.waiting.values().cloned());
    }

    /// Lets all look again who wait for that session.
    pub(super) fn wake_all_for(&mut self, wanted: SlotIndex) {
        let wakers: Vec<Waker> = self.queue(Some(wanted)).map(|(_, waker)| waker.clone()).collect();
        self.woken.extend(wakers);
    }

    /// The new first looks when the next rest is over.
    pub(super) fn wake_first(&mut self, wanted: Option<SlotIndex>) {
        let first = self.queue(wanted).next().map(|(_, waker)| waker.clone());
        self.woken.extend(first);
    }

    /// Who is to be woken now.
    pub(crate) fn take_woken(&mut self) -> Woken {
        Woken(std::mem::take(&mut self.woken))
    }
}

/// Those who are to be woken while the directory is not locked: wakers run, and drop, what is not ours.
#[derive(Debug)]
#[must_use = "whoever is in it waits for ever unless woken"]
pub(crate) struct Woken(Vec<Waker>);

impl Woken {
    pub(crate) fn wake(self) {
        // As nearly always: each use of a session comes by here.
        if !self.0.is_empty() {
            outside::wake(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    #[test]
    fn whoever_came_first_is_served_first() {
        let mut waiters = Waiters::default();
        let (first, waker) = counted();
        let a = waiters.join(None, waker.clone());
        let (second, other) = counted();
        let b = waiters.join(None, other.clone());
        assert!(waiters.first(None) == Some(a));
        waiters.hand(None, Next::Create);
        waiters.take_woken().wake();
        assert_eq!(
            (first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)),
            (1, 1),
            "b is first now"
        );
        assert_eq!(waiters.take(b, &other).0, None);
        assert_eq!(waiters.take(a, &waker).0, Some(Next::Create));
        assert_eq!(waiters.take(a, &waker).0, None);
        assert_eq!(waiters.count(), 1);
    }

    #[test]
    fn whoever_gives_up_answers_what_it_was_handed_and_makes_the_next_one_first() {
        let mut waiters = Waiters::default();
        let (_, waker) = counted();
        let (count, other) = counted();
        let (a, b) = (waiters.join(None, waker), waiters.join(None, other.clone()));
        assert_eq!(waiters.leave(a).0, None);
        waiters.take_woken().wake();
        assert!(waiters.first(None) == Some(b) && count.0.load(Ordering::Relaxed) == 1);
        waiters.hand(None, Next::Create);
        assert_eq!(waiters.leave(b).0, Some(Next::Create));
        assert_eq!(waiters.count(), 0);
        assert!(!waiters.is_anybody_waiting());
        waiters.hand(None, Next::Create);
        assert_eq!(waiters.count(), 0, "nobody is there to take it");
    }

    #[test]
    fn a_new_waker_takes_the_place_of_the_old_one() {
        let mut waiters = Waiters::default();
        let ((old, first), (new, second)) = (counted(), counted());
        let ticket = waiters.join(None, first);
        assert!(waiters.take(ticket, &second).1.is_some());
        assert!(waiters.take(ticket, &second).1.is_none());
        waiters.wake_all();
        waiters.take_woken().wake();
        assert_eq!((old.0.load(Ordering::Relaxed), new.0.load(Ordering::Relaxed)), (0, 1));
    }

    /// Under any schedule of those who come, give up and release, nobody waits for ever, and no permit is lost or doubled.
    #[test]
    fn nobody_waits_for_ever_whatever_the_schedule() {
        use shuttle::sync::Mutex;
        use shuttle::thread;

        struct Pool {
            free: u32,
            waiters: Waiters,
        }

        struct Unpark(thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        fn change<T>(pool: &Mutex<Pool>, change: impl FnOnce(&mut Pool) -> T) -> T {
            let mut locked = pool.lock().unwrap();
            let answer = change(&mut locked);
            while locked.free > 0 && locked.waiters.is_anybody_waiting() {
                locked.free -= 1;
                locked.waiters.hand(None, Next::Create);
            }
            let woken = locked.waiters.take_woken();
            drop(locked);
            woken.wake();
            answer
        }

        /// Uses a permit once; `patience` is how often it looks before it gives up.
        fn use_one(pool: &Mutex<Pool>, mut patience: u32) {
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let ticket = change(pool, |pool| {
                if pool.free > 0 {
                    pool.free -= 1;
                    return None;
                }
                Some(pool.waiters.join(None, waker.clone()))
            });
            if let Some(ticket) = ticket {
                while change(pool, |pool| pool.waiters.take(ticket, &waker)).0.is_none() {
                    if patience == 0 {
                        change(pool, |pool| pool.free += u32::from(pool.waiters.leave(ticket).0.is_some()));
                        return;
                    }
                    patience -= 1;
                    thread::park();
                }
            }
            change(pool, |pool| pool.free += 1);
        }

        shuttle::check_random(
            || {
                let pool = Arc::new(Mutex::new(Pool { free: 2, waiters: Waiters::default() }));
                let threads: Vec<_> = (0..5)
                    .map(|n| {
                        let pool = Arc::clone(&pool);
                        // Some give up after the first look, in the middle of being served perhaps.
                        let patience = if n % 2 == 0 { u32::MAX } else { n / 2 };
                        thread::spawn(move || {
                            use_one(&pool, patience);
                            use_one(&pool, patience);
                        })
                    })
                    .collect();
                for thread in threads {
                    thread.join().unwrap();
                }
                let pool = pool.lock().unwrap();
                assert_eq!((pool.free, pool.waiters.count()), (2, 0));
            },
            2000,
        );
    }
}
