//! Retirements for tasks of any async runtime (feature `async`).

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crossbeam_channel::TryRecvError;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use parking_lot::Mutex;

use super::{Retirement, Subscription};

/// The task that waits for the next event of a subscription.
#[derive(Debug, Default)]
pub(super) struct Listener(Mutex<Option<Waker>>);

impl Listener {
    fn register(&self, waker: &Waker) {
        let old = self.0.lock().replace(waker.clone());
        drop(old);
    }

    /// Whom to wake, once nothing is locked.
    fn take(&self) -> Option<Waker> {
        self.0.lock().take()
    }
}

/// The retirements of a pool or a store as a [`Stream`]: what [`Subscription`] is for threads. It ends when the pool is
/// closed or dropped.
///
/// ```
/// # async fn run() -> Result<(), session_pool::Error> {
/// # let pool = session_pool::SessionPool::builder().open_in_memory()?;
/// use futures_util::StreamExt;
///
/// let mut retirements = pool.retirements().into_stream();
/// while let Some(retirement) = retirements.next().await {
///     println!("{} was retired: {}", retirement.id, retirement.reason);
/// }
/// # Ok(())
/// # }
/// ```
pub struct RetirementStream {
    subscription: Subscription,
    is_over: bool,
}

impl Subscription {
    /// The same for a task (feature `async`).
    pub fn into_stream(self) -> RetirementStream {
        RetirementStream { subscription: self, is_over: false }
    }
}

impl RetirementStream {
    /// How many retirements it missed because its channel was full.
    pub fn missed(&self) -> u64 {
        self.subscription.missed()
    }
}

impl Stream for RetirementStream {
    type Item = Retirement;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Retirement>> {
        // First the waker, then the look: what comes in between wakes it.
        self.subscription.listener.register(context.waker());
        match self.subscription.receiver().try_recv() {
            Ok(retirement) => Poll::Ready(Some(retirement)),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => {
                self.is_over = true;
                Poll::Ready(None)
            }
        }
    }
}

impl FusedStream for RetirementStream {
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

impl fmt::Debug for RetirementStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetirementStream").field(&self.subscription).finish()
    }
}

/// The tasks that wait for events of some subscriptions.
pub(super) fn waiting<'a>(listeners: impl Iterator<Item = &'a Listener>) -> impl Iterator<Item = Waker> {
    listeners.filter_map(Listener::take)
}
