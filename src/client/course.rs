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

    /// Waits for a session, for the next try.
    ///
    /// # Errors
    ///
    /// [`ClientError::Pool`].
    pub(super) async fn lease(&mut self) -> Result<Lease, ClientError> {
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

    /// Whether there is another try after this one, and after how long.
    pub(super) fn again(
        &self,
        request: &Sending,
        verdict: Verdict,
        failure: Option<Failure>,
    ) -> Option<Duration> {
        if request.is_gone() { None } else { self.delay(verdict, failure) }
    }

    fn delay(&self, verdict: Verdict, failure: Option<Failure>) -> Option<Duration> {
        let Self { attempts, .. } = *self;
        let tried = Tried { attempts, verdict, failure, is_pinned: self.pinned.is_some() };
        self.retries.again(&self.method, tried)
    }

    /// There is no response. It answers after how long there is another try.
    ///
    /// # Errors
    ///
    /// Where there is none: as whoever sent it.
    pub(super) async fn fail(
        &self,
        request: &Sending,
        lease: Lease,
        error: ClientError,
    ) -> Result<Duration, ClientError> {
        let ClientError::Failed(failed) = error else {
            // What went wrong is none of the session's doing.
            lease.settle_as_async(Verdict::Neutral).await?;
            return Err(error);
        };
        let session = *lease.id();
        let (verdict, outcome) = failed.settle(lease).await?;
        self.again(request, verdict, Some(failed.failure)).ok_or_else(|| {
            let visit = Some(Visit { session, verdict, outcome, attempts: self.attempts });
            ClientError::Failed(Box::new(FailedRequest { visit, ..*failed }))
        })
    }
}

pub(super) async fn pause(delay: Duration) {
    if !delay.is_zero() {
        Delay::new(delay).await;
    }
}
