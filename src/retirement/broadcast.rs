//! Telling everyone who listens.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::Mutex;

use super::Retirement;
#[cfg(feature = "async")]
use super::stream::{self, Listener};
#[cfg(feature = "async")]
use crate::outside;

/// The subscribers of a pool or a store, a bounded channel each.
#[derive(Debug)]
pub(crate) struct Broadcast {
    capacity: usize,
    /// `None` once it is closed.
    subscribers: Mutex<Option<Vec<Subscriber>>>,
    missed: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    sender: Sender<Retirement>,
    missed: Arc<AtomicU64>,
    #[cfg(feature = "async")]
    listener: Arc<Listener>,
}

impl Broadcast {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, subscribers: Mutex::new(Some(Vec::new())), missed: AtomicU64::new(0) }
    }

    pub(crate) fn subscribe(self: &Arc<Self>) -> Subscription {
        let (sender, receiver) = crossbeam_channel::bounded(self.capacity);
        let missed = Arc::new(AtomicU64::new(0));
        #[cfg(feature = "async")]
        let listener = Arc::new(Listener::default());
        if let Some(subscribers) = &mut *self.subscribers.lock() {
            subscribers.push(Subscriber {
                sender,
                missed: Arc::clone(&missed),
                #[cfg(feature = "async")]
                listener: Arc::clone(&listener),
            });
        }
        Subscription {
            receiver,
            missed,
            #[cfg(feature = "async")]
            listener,
            broadcast: Arc::downgrade(self),
        }
    }

    /// Hands an event to every subscriber that has room for it, and never waits. Adds the tasks that are to be woken, once
    /// nothing is locked.
    #[cfg_attr(
        not(feature = "async"),
        expect(unused_variables, clippy::ptr_arg, reason = "there are no tasks")
    )]
    pub(crate) fn send(&self, retirement: &Retirement, tasks: &mut Vec<Waker>) {
        let mut locked = self.subscribers.lock();
        let Some(subscribers) = &mut *locked else { return };
        subscribers.retain(|subscriber| match subscriber.sender.try_send(retirement.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                subscriber.missed.fetch_add(1, Ordering::Relaxed);
                self.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
        #[cfg(feature = "async")]
        tasks.extend(stream::waiting(subscribers.iter().map(|subscriber| &*subscriber.listener)));
    }

    /// Ends every subscription, and those that come later: listeners get what is in their channel, then hear that there
    /// will be no more.
    pub(crate) fn close(&self) {
        let subscribers = self.subscribers.lock().take();
        #[cfg(feature = "async")]
        let listeners: Vec<_> =
            subscribers.iter().flatten().map(|subscriber| Arc::clone(&subscriber.listener)).collect();
        // Whoever looks after this finds that it is over; whoever has looked before is woken.
        drop(subscribers);
        #[cfg(feature = "async")]
        outside::wake(stream::waiting(listeners.iter().map(|listener| &**listener)));
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.lock().as_ref().map_or(0, Vec::len)
    }

    /// How many events subscribers missed, all together.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Drop for Broadcast {
    /// With the last handle of its store, say. Channels end by themselves; whoever waits in a task has to be woken.
    fn drop(&mut self) {
        self.close();
    }
}

/// One listener to the retirements of a pool or a store: a [`crossbeam_channel::Receiver`], and a count of what it
/// missed.
///
/// The channel is bounded, and the pool never waits for it: what does not fit is missed here, can be seen from the gap
/// in [`Retirement::sequence`], and read from the log ([`SessionPool::retirement_log`]). The channel ends when the
/// pool is closed or dropped, and with this value: a clone of the receiver hears nothing after it.
///
/// [`SessionPool::retirement_log`]: crate::SessionPool::retirement_log
pub struct Subscription {
    receiver: Receiver<Retirement>,
    missed: Arc<AtomicU64>,
    #[cfg(feature = "async")]
    pub(super) listener: Arc<Listener>,
    broadcast: Weak<Broadcast>,
}

impl Subscription {
    /// The receiver, for `crossbeam_channel::select!` for instance.
    pub fn receiver(&self) -> &Receiver<Retirement> {
        &self.receiver
    }

    /// How many retirements this listener missed because its channel was full.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Deref for Subscription {
    type Target = Receiver<Retirement>;

    fn deref(&self) -> &Receiver<Retirement> {
        &self.receiver
    }
}

impl<'a> IntoIterator for &'a Subscription {
    type Item = Retirement;
    type IntoIter = crossbeam_channel::Iter<'a, Retirement>;

    /// Waits for each retirement, until the pool is closed or dropped.
    fn into_iter(self) -> Self::IntoIter {
        self.receiver.iter()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(broadcast) = self.broadcast.upgrade()
            && let Some(subscribers) = &mut *broadcast.subscribers.lock()
        {
            subscribers.retain(|subscriber| !Arc::ptr_eq(&subscriber.missed, &self.missed));
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.receiver.len())
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}
