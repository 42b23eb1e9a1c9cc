//! A response whose body comes in parts.

use std::fmt;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Version};
use url::Url;

use super::error::{ClientError, FailedRequest};
use super::exchange::Begun;
use super::response::Visit;
use crate::cookies::RejectedCookie;
use crate::error::Error;
use crate::pool::Lease;
use crate::session::{Outcome, SessionId, Verdict};

/// A response whose body comes in parts, and the lease of its session.
///
/// The lease is settled when the body ends: as the pool's policy says of the status and the headers, or of the failure where
/// the body breaks off. Dropped before that, it is settled by the former, without waiting for the disk: not to want all
/// of a body says nothing against the session. The policy sees no body.
///
/// Where it would have been tried again and there was no other session, its lease is settled already, and of its body there
/// is what the request's time-out has left meanwhile.
#[must_use = "the session is leased as long as the response is there"]
pub struct StreamedResponse {
    begun: Begun,
    /// `None` once it is settled.
    lease: Option<Lease>,
    /// Whether there is no more of the body.
    is_over: bool,
    /// As whom it was sent, and what came of it when the lease is settled.
    visit: Visit,
}

impl StreamedResponse {
    pub(super) fn new(begun: Begun, lease: Lease, verdict: Verdict, attempts: u32) -> Self {
        let visit = Visit { session: *lease.id(), verdict, outcome: Outcome::Live, attempts };
        Self { begun, lease: Some(lease), is_over: false, visit }
    }

    /// Settles the lease before the end of the body.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        if let Some(lease) = self.lease.take() {
            let host = self.begun.head.host();
            self.visit.outcome = lease.settle_for_async(host, self.visit.verdict).await?;
        }
        Ok(())
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.begun.head.response.status()
    }

    /// The version of HTTP that it came in.
    pub fn version(&self) -> Version {
        self.begun.head.response.version()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.begun.head.response.headers()
    }

    /// Where it came from: where the last redirect led.
    pub fn url(&self) -> &Url {
        self.begun.head.url()
    }

    /// The URLs on the way that were redirected, in their order.
    pub fn redirects(&self) -> &[Url] {
        &self.begun.head.trail.redirects
    }

    /// The cookies on the way that were left out, and why; the others are stored.
    pub fn rejected_cookies(&self) -> &[RejectedCookie] {
        &self.begun.head.trail.rejected
    }

    /// The session.
    pub fn session(&self) -> &SessionId {
        &self.visit.session
    }

    /// What the pool's policy said of the status and the headers.
    pub fn verdict(&self) -> Verdict {
        self.visit.verdict
    }

    /// How many tries it took: see [`Visit::attempts`].
    pub fn attempts(&self) -> u32 {
        self.visit.attempts
    }

    /// The next part of the body, decoded; `None` at its end, when the lease is settled. There is no limit of its length
    /// but the request's time-out.
    ///
    /// # Errors
    ///
    /// [`ClientError::Failed`]: the body broke off, and the lease is settled. [`ClientError::Pool`]: as
    /// [`Lease::reclaim`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        if self.is_over {
            return Ok(None);
        }
        match self.begun.chunk().await {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.is_over = true;
                self.settle().await?;
                Ok(None)
            }
            Err(error) => {
                self.is_over = true;
                let ClientError::Failed(failed) = error else { return Err(error) };
                let mut visit = self.visit;
                if let Some(lease) = self.lease.take() {
                    (visit.verdict, visit.outcome) = failed.settle(lease).await?;
                }
                Err(ClientError::Failed(Box::new(FailedRequest { visit: Some(visit), ..*failed })))
            }
        }
    }
}

impl Drop for StreamedResponse {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            // Nobody is left to hear of an error; the next call to the pool answers it.
            let _ = lease.settle_for_without_waiting(self.begun.head.host(), self.visit.verdict);
        }
    }
}

impl fmt::Debug for StreamedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedResponse")
            .field("status", &self.status())
            .field("host", &self.url().host_str())
            .field("session", &self.visit.session)
            .field("verdict", &self.visit.verdict)
            .finish_non_exhaustive()
    }
}
