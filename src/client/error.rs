//! What a client answers where it has no response.

use std::error::Error as StdError;
use std::fmt;

use url::Url;

use crate::error::Error;
use crate::pool::Lease;
use crate::session::{Failure, Invalid, Outcome, Reply, Verdict};

use super::response::Visit;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An option or the request breaks a rule; nothing was sent, and no session was used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The request could not be built; nothing was sent, and no session was used.
    #[error("the request could not be built")]
    Request {
        /// Why not.
        source: reqwest::Error,
    },
    /// The pool had no session for it, or could not take the outcome.
    #[error(transparent)]
    Pool(#[from] Error),
    /// It was sent, and no response came, or not all of it.
    #[error(transparent)]
    Failed(Box<FailedRequest>),
    /// The response has a status of 400 or above ([`ClientResponse::error_for_status`](super::ClientResponse)).
    #[error("{host} answered {status}")]
    Status {
        /// Who answered.
        host: String,
        /// What.
        status: reqwest::StatusCode,
    },
    /// The certificates that the system trusts could not be read.
    #[error("the system's certificates cannot be read")]
    Tls {
        /// Why not.
        source: rustls::Error,
    },
    /// reqwest does not take the options, or the proxy.
    #[error("no connections can be made with these options")]
    Connect {
        /// Why not.
        source: reqwest::Error,
    },
}

impl ClientError {
    pub(super) fn connect(source: reqwest::Error) -> Self {
        Self::Connect { source: source.without_url() }
    }
}

/// A request to which no response came, or not all of it.
#[derive(Debug)]
pub struct FailedRequest {
    pub(super) url: Url,
    pub(super) failure: Failure,
    pub(super) visit: Option<Visit>,
    pub(super) why: Why,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Why {
    Reqwest(reqwest::Error),
    Redirects { followed: usize },
    TooLong { limit: usize },
}

impl FailedRequest {
    /// Where it was sent last: redirects may have led there.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What went wrong.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// As whom it was sent, and what came of it. `None` where it was nobody's yet ([`Newcomer`](super::Newcomer)), or where
    /// whoever sent it has the lease.
    pub fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    /// What the pool's policy is asked about.
    pub(super) fn reply(&self) -> Reply<'_> {
        let reply = Reply::failure(self.url.host_str().unwrap_or_default(), self.failure);
        match &self.why {
            Why::Reqwest(error) => reply.with_error(error),
            Why::Redirects { .. } | Why::TooLong { .. } => reply,
        }
    }

    /// Ends the lease that it was sent with ([`ClientRequest::send_on`](super::ClientRequest::send_on)) as the pool's
    /// policy says.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub async fn settle(&self, lease: Lease) -> Result<(Verdict, Outcome), Error> {
        lease.settle_reply_async(&self.reply()).await
    }
}

impl fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands behind the path may be nobody's business.
        let (host, path) = (self.url.host_str().unwrap_or_default(), self.url.path());
        match self.why {
            Why::Reqwest(_) => write!(f, "no response from {host}{path}"),
            Why::Redirects { followed } => {
                write!(f, "no answer from {host}{path} after {followed} redirects")
            }
            Why::TooLong { limit } => write!(f, "the body of {host}{path} has more than {limit} bytes"),
        }?;
        match &self.visit {
            Some(visit) => write!(f, ", as session {}", visit.session),
            None => Ok(()),
        }
    }
}

impl StdError for FailedRequest {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.why {
            Why::Reqwest(error) => Some(error),
            Why::Redirects { .. } | Why::TooLong { .. } => None,
        }
    }
}
