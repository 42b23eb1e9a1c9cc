//! The handle of one use.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::handle::Share;
use super::session::Session;
use crate::error::Result;
use crate::session::{Outcome, Reply, Settlement, Timestamp, Verdict};

/// The right to use a session once, from [`SessionPool::acquire`] to its outcome. It counts against the session's
/// `max_usage_count` and `max_concurrent_uses` meanwhile (R-8).
///
/// End it with [`reclaim`](Lease::reclaim), [`fail`](Lease::fail), [`retire`](Lease::retire),
/// [`rest_for`](Lease::rest_for), [`release`](Lease::release) or [`settle_reply`](Lease::settle_reply). A lease that is dropped without an outcome,
/// by an early `?`, a panic, a cancelled future, is a `fail` (R-9). Nobody hears of that, so dropping it waits for no disk,
/// in [`Durability::Immediate`] neither; what goes wrong then is answered by the next call.
///
/// It dereferences to its [`Session`]. An outcome given to that one ends this use, and a later one changes nothing.
///
/// [`SessionPool::acquire`]: crate::SessionPool::acquire
/// [`Durability::Immediate`]: crate::Durability::Immediate
#[must_use = "a lease that is dropped without an outcome counts as failed"]
pub struct Lease {
    session: Session,
}

impl Lease {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Its session, for instance to [clone](Session::clone) a handle that outlives the lease.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The use went well: the error score falls by the decrement.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed), [`Error::Poisoned`](crate::Error::Poisoned).
    pub fn reclaim(self) -> Result<Outcome> {
        self.session.settle_and_go(Settlement::Reclaim)
    }

    /// The use went badly: the error score rises by 1.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn fail(self) -> Result<Outcome> {
        self.session.settle_and_go(Settlement::Fail)
    }

    /// The session is burnt: it is never handed out again.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn retire(self) -> Result<Outcome> {
        self.session.settle_and_go(Settlement::Retire)
    }

    /// The site asks for a pause: the use counts, the error score stays, and the session is not handed out for
    /// `duration`, also after a restart (R-11).
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn rest_for(self, duration: Duration) -> Result<Outcome> {
        let until = self.session.core().now().plus(duration);
        self.session.settle_and_go(Settlement::Rest { until })
    }

    /// The same until a time of the pool's clock: see [`Session::rest_until`].
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn rest_until(self, time: DateTime<Utc>) -> Result<Outcome> {
        let until = self.session.core().moment().to_pool(Timestamp::from(time));
        self.session.settle_and_go(Settlement::Rest { until })
    }

    /// The use says nothing about the session: it counts, and the error score stays.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn release(self) -> Result<Outcome> {
        self.session.settle_and_go(Settlement::Release)
    }

    /// Whatever the pool's [`StatusRules`](crate::StatusRules) say of an HTTP status, and of the value of its
    /// Retry-After header where there was one. Neither rules of hosts nor the pool's policy are asked:
    /// [`Lease::settle_reply`] does.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn settle_status(self, status: u16, retry_after: Option<Duration>) -> Result<Outcome> {
        let verdict = self.session.core().status_rules.of_all().status_verdict(status, retry_after);
        self.settle_as(verdict)
    }

    /// Whatever the pool's policy says of a reply: [`SessionPool::verdict`](crate::SessionPool::verdict). Answers what it
    /// said, too.
    ///
    /// ```
    /// # let pool = session_pool::SessionPool::builder().open_in_memory()?;
    /// use session_pool::{Failure, Reply, Verdict};
    ///
    /// let lease = pool.acquire()?;
    /// let (verdict, _) = lease.settle_reply(&Reply::failure("shop.example", Failure::TimedOut))?;
    /// assert_eq!(verdict, Verdict::Failed);
    /// # Ok::<(), session_pool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn settle_reply(self, reply: &Reply<'_>) -> Result<(Verdict, Outcome)> {
        let (handle, verdict, outcome) = self.settle_reply_without_waiting(reply)?;
        handle.core.settle_durably()?;
        Ok((verdict, outcome))
    }

    pub(crate) fn settle_reply_without_waiting(
        self,
        reply: &Reply<'_>,
    ) -> Result<(Arc<Share>, Verdict, Outcome)> {
        let verdict = self.session.pool().verdict(reply);
        let settlement = self.settlement(reply.host(), verdict);
        let handle = Arc::clone(self.session.pool());
        Ok((handle, verdict, self.session.settle_without_waiting(settlement)?))
    }

    /// Whatever comes of a verdict, by the pool's [`StatusRules`](crate::StatusRules): how long a rate limit lasts, and
    /// whether it retires.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub fn settle_as(self, verdict: Verdict) -> Result<Outcome> {
        let (handle, outcome) = self.settle_for_without_waiting("", verdict)?;
        handle.core.settle_durably()?;
        Ok(outcome)
    }

    /// The same by the rules of a host; none has the name "".
    pub(crate) fn settle_for_without_waiting(
        self,
        host: &str,
        verdict: Verdict,
    ) -> Result<(Arc<Share>, Outcome)> {
        let settlement = self.settlement(host, verdict);
        let handle = Arc::clone(self.session.pool());
        Ok((handle, self.session.settle_without_waiting(settlement)?))
    }

    fn settlement(&self, host: &str, verdict: Verdict) -> Settlement {
        let core = self.session.core();
        // Only a rest counts from now.
        let is_rest = matches!(verdict, Verdict::RateLimited { .. });
        let now = if is_rest { core.now() } else { Timestamp::MIN };
        core.status_rules.of(host).settlement(verdict, now)
    }
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.session.has_outcome() {
            // Nobody is left to hear of an error; the next call to the pool answers it.
            let _ = self.session.settle_without_waiting(Settlement::Fail);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(self.session.id()).finish()
    }
}
