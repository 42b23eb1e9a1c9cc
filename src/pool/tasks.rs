//! For tasks of any async runtime (feature `async`): waiting without a thread.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_timer::Delay;

use super::SessionPool;
use super::call::{Call, Turn};
use super::directory::Next;
use super::handle::PoolHandle;
use super::lease::Lease;
use super::waiting::{Asked, Looked, Waiting};
use crate::error::Result;
use crate::session::{Outcome, Reply, SessionId, Verdict};

/// For tasks of any async runtime (feature `async`). A future that is dropped leaves nothing behind: no lease, no place in
/// the queue or in the pool. None of them blocks the thread that polls it, but for what [`SessionPool`] says of memory and
/// of reading the disk.
impl SessionPool {
    /// Leases a session, and waits for one to become free where there is none: one that comes back, whose rest ends, or that
    /// there is room for. Those who wait are served in the order in which they came, tasks and threads alike, and before
    /// anybody who has not waited.
    ///
    /// ```
    /// # async fn run() -> Result<(), session_pool::Error> {
    /// # let pool = session_pool::SessionPool::builder().open_in_memory()?;
    /// let lease = pool.acquire_async().await?;
    /// // ... a request ...
    /// lease.reclaim()?; // in `Durability::Buffered` this waits for nothing
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A create function or a check that is no task runs in the thread that polls.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire`], but [`Refusal::NoneAvailable`](crate::Refusal::NoneAvailable).
    pub async fn acquire_async(&self) -> Result<Lease> {
        self.acquire_in_task(None, None).await
    }

    /// The same, for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire_timeout`].
    pub async fn acquire_async_timeout(&self, timeout: Duration) -> Result<Lease> {
        self.acquire_in_task(None, Some(timeout)).await
    }

    async fn acquire_in_task(&self, wanted: Option<&SessionId>, timeout: Option<Duration>) -> Result<Lease> {
        let waker = waker_of_this_task().await;
        match self.ask(wanted, || Some(waker)) {
            Ok(Asked::Served(Next::Leased { slot, id, needs_check: false })) => Ok(self.lease(slot, id)),
            // Kept apart from the future of whoever is served at once, which is a fifth of the size.
            asked => Box::pin(self.wait_in_task(wanted, timeout, asked)).await,
        }
    }

    async fn wait_in_task(
        &self,
        wanted: Option<&SessionId>,
        timeout: Option<Duration>,
        asked: Result<Asked>,
    ) -> Result<Lease> {
        // Beyond what an instant can hold, nobody lives to see the end.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut call = Call::new(self, wanted, true, asked);
        loop {
            let waker = waker_of_this_task().await;
            let next = match call.ask(|| waker)? {
                Turn::Served(next) => Some(next),
                Turn::Wait(place) => Sleep { place, deadline, delay: None }.served().await?,
            };
            match next {
                Some(Next::Leased { slot, id, needs_check: false }) => return Ok(self.lease(slot, id)),
                Some(Next::Leased { slot, id, needs_check: true }) => {
                    if let Some(lease) = call.end_check(self.check_in_task(slot, id).await?)? {
                        return Ok(lease);
                    }
                }
                Some(Next::Create) => return self.create_in_task().await,
                Some(Next::Nothing) | None => call.end_waiting()?,
            }
        }
    }

    /// Leases one session, and waits for it while it rests or is in use, in the order of
    /// [`acquire_by_id_timeout`](Self::acquire_by_id_timeout).
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire_by_id`], but [`Refusal::Resting`](crate::Refusal::Resting) and
    /// [`Refusal::Busy`](crate::Refusal::Busy). [`Refusal::Retired`](crate::Refusal::Retired) also when the session is
    /// retired meanwhile.
    pub async fn acquire_by_id_async(&self, id: &SessionId) -> Result<Lease> {
        self.acquire_in_task(Some(id), None).await
    }

    /// The same, for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire_by_id_timeout`].
    pub async fn acquire_by_id_async_timeout(&self, id: &SessionId, timeout: Duration) -> Result<Lease> {
        self.acquire_in_task(Some(id), Some(timeout)).await
    }

    /// Waits until everything that was done before is durable, in all pools of the store.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`](crate::Error::Poisoned).
    pub async fn flush_async(&self) -> Result<()> {
        self.handle.core.committer.wait_in_task(None).await
    }
}

impl Lease {
    /// As [`Lease::settle_reply`]; in [`Durability::Immediate`](crate::Durability::Immediate) it waits for the disk without
    /// blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub async fn settle_reply_async(self, reply: &Reply<'_>) -> Result<(Verdict, Outcome)> {
        let (handle, verdict, outcome) = self.settle_reply_without_waiting(reply)?;
        durable_if_promised(&handle).await?;
        Ok((verdict, outcome))
    }

    /// As [`Lease::settle_as`]; in [`Durability::Immediate`](crate::Durability::Immediate) it waits for the disk without
    /// blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub async fn settle_as_async(self, verdict: Verdict) -> Result<Outcome> {
        self.settle_for_async("", verdict).await
    }

    /// The same by the rules of a host; none has the name "".
    pub(crate) async fn settle_for_async(self, host: &str, verdict: Verdict) -> Result<Outcome> {
        let (handle, outcome) = self.settle_for_without_waiting(host, verdict)?;
        durable_if_promised(&handle).await?;
        Ok(outcome)
    }
}

/// The waker to join a queue with; whoever looks for its place later brings the one of then.
async fn waker_of_this_task() -> Waker {
    poll_fn(|context| Poll::Ready(context.waker().clone())).await
}

/// Waits for the disk if the pool promises that what was done is durable.
pub(super) async fn durable_if_promised(handle: &PoolHandle) -> Result<()> {
    match handle.core.round_to_wait_for() {
        Some(round) => handle.core.committer.wait_in_task(Some(round)).await,
        None => Ok(()),
    }
}

/// A task that waits for its turn.
struct Sleep<'a> {
    place: &'a Waiting,
    deadline: Option<Instant>,
    /// When to look again; made when it is first needed.
    delay: Option<Delay>,
}

impl Sleep<'_> {
    /// Waits until it is served, until the deadline at most; `None` after that.
    async fn served(mut self) -> Result<Option<Next>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Next>>> {
        loop {
            let again = match self.place.look(context.waker()) {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Looked::Served(next)) => return Poll::Ready(Ok(Some(next))),
                Ok(Looked::Wait(again)) => again,
            };
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Poll::Ready(Ok(None));
            }
            let Some(wait) = again.into_iter().chain(left).min() else { return Poll::Pending };
            let delay = self.delay.get_or_insert_with(|| Delay::new(wait));
            delay.reset(wait);
            if Pin::new(delay).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
