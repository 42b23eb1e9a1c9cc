//! A request and all its tries.

use std::time::Duration;

use futures_timer::Delay;
use reqwest::Method;

use super::error::{ClientError, FailedRequest};
use super::exchange::Sending;
use super::response::Visit;
use super::retry::{Retries, Tried};
use crate::error::Error;
use crate::pool::{Lease, SessionPool};
use crate::session::{Failure, SessionId, Verdict};

/// What came of the last try, if there was one.
pub(super) type Last<T> = Option<Result<T, ClientError>>;

/// One request and all its tries.
pub(super) struct Course<'a> {
    pool: &'a SessionPool,
    retries: &'a Retries,
    acquire_timeout: Duration,
    method: Method,
    pinned: Option<SessionId>,
    attempts: u32,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        pool: &'a SessionPool,
        retries: &'a Retries,
        acquire_timeout: Duration,
        method: Method,
        pinned: Option<SessionId>,
    ) -> Self {
        retries.begin();
        Self { pool, retries, acquire_timeout, method, pinned, attempts: 0 }
    }

    /// How many tries there were.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Waits for a session, for the next try. Where there is none, it answers what came of the last try.
    ///
    /// # Errors
    ///
    /// [`ClientError::Pool`] where there was no other try, or nothing can be tried any more.
    pub(super) async fn lease<T>(&mut self, last: Last<T>) -> Result<Result<Lease, T>, ClientError> {
        match (self.lease_or_refuse().await, last) {
            (Ok(lease), _) => Ok(Ok(lease)),
            (Err(error), Some(last)) if is_without_session(&error) => last.map(Err),
            (Err(error), _) => Err(error),
        }
    }

    async fn lease_or_refuse(&mut self) -> Result<Lease, ClientError> {
        loop {
            self.attempts += 1;
            let lease = match &self.pinned {
                Some(id) => self.pool.acquire_by_id_async_timeout(id, self.acquire_timeout).await,
                None => self.pool.acquire_async_timeout(self.acquire_timeout).await,
            };
            let error = match lease {
                Ok(lease) => return Ok(lease),
                Err(error) => error,
            };
            // Nothing was sent. Another session may be had.
            let delay = match error {
                Error::CreateFailed { .. }
                | Error::CheckFailed { .. }
                | Error::NoProxy { .. }
                | Error::NoFingerprint { .. } => self.delay(Verdict::Failed, Some(Failure::Connect)),
                _ => None,
            };
            match delay {
                Some(delay) => pause(delay).await,
                None => return Err(error.into()),
            }
        }
    }

    /// Whether there is another try after a response from a host, and after how long.
    pub(super) fn again(&self, request: &Sending, host: &str, verdict: Verdict) -> Option<Duration> {
        // One that is pinned waits for its session, unless that is in vain.
        let is_had_again = || {
            let rest = self.pool.rest_after(host, verdict);
            rest.is_some_and(|rest| rest < self.acquire_timeout)
        };
        if request.is_gone() || (self.pinned.is_some() && !is_had_again()) {
            return None;
        }
        self.delay(verdict, None)
    }

    fn delay(&self, verdict: Verdict, failure: Option<Failure>) -> Option<Duration> {
        let Self { attempts, .. } = *self;
        let tried = Tried { attempts, verdict, failure, is_pinned: self.pinned.is_some() };
        self.retries.again(&self.method, tried)
    }

    /// There is no response. It answers what that is for whoever sent it, and after how long there is another try, if there
    /// is one.
    ///
    /// # Errors
    ///
    /// [`ClientError::Pool`] where the lease cannot be settled.
    pub(super) async fn fail(
        &self,
        request: &Sending,
        lease: Lease,
        error: ClientError,
    ) -> Result<(ClientError, Option<Duration>), ClientError> {
        let ClientError::Failed(failed) = error else {
            // What went wrong is none of the session's doing.
            lease.settle_as_async(Verdict::Neutral).await?;
            return Ok((error, None));
        };
        let session = *lease.id();
        let (verdict, outcome) = failed.settle(lease).await?;
        let delay = if request.is_gone() { None } else { self.delay(verdict, Some(failed.failure)) };
        let visit = Some(Visit { session, verdict, outcome, attempts: self.attempts });
        Ok((ClientError::Failed(Box::new(FailedRequest { visit, ..*failed })), delay))
    }
}

/// Whether it says that there is no session for a try. What came of the one before is then the answer; a pool that is
/// closed, or can write no more, is a different matter.
fn is_without_session(error: &ClientError) -> bool {
    let ClientError::Pool(error) = error else { return false };
    matches!(
        error,
        Error::Refused(_)
            | Error::CreateFailed { .. }
            | Error::CheckFailed { .. }
            | Error::NoProxy { .. }
            | Error::NoFingerprint { .. }
    )
}

pub(super) async fn pause(delay: Duration) {
    if !delay.is_zero() {
        Delay::new(delay).await;
    }
}
