//! What a client answers.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{ResponseBuilderExt, StatusCode, Version};
use serde::de::DeserializeOwned;
use url::Url;

use super::error::ClientError;
use super::exchange::Trail;
use crate::cookies::RejectedCookie;
use crate::error::Error;
use crate::pool::{Lease, SessionPool};
use crate::session::{Outcome, Reply, SessionId, Verdict};

/// A response, its body in memory.
pub struct ClientResponse {
    pub(super) head: Head,
    pub(super) body: Bytes,
}

/// A response but for its body.
pub(super) struct Head {
    /// What is left of it when the body is read.
    pub(super) response: reqwest::Response,
    /// Its URL where that has a fragment, which reqwest forgets.
    pub(super) with_fragment: Option<Url>,
    pub(super) trail: Trail,
}

impl Head {
    pub(super) fn url(&self) -> &Url {
        self.with_fragment.as_ref().unwrap_or_else(|| self.response.url())
    }

    /// Whose rules hold.
    pub(super) fn host(&self) -> &str {
        self.response.url().host_str().unwrap_or_default()
    }

    /// What the pool's policy is asked about. `header` is to be [`Head::header`].
    pub(super) fn reply<'a>(&'a self, header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync)) -> Reply<'a> {
        Reply::response(self.host(), self.response.status().as_u16()).with_headers(header)
    }

    /// What the pool's policy says of it, without its body.
    pub(super) fn verdict(&self, pool: &SessionPool) -> Verdict {
        let header = |name: &str| self.header(name);
        pool.verdict(&self.reply(&header))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }
}

impl ClientResponse {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.head.response.status()
    }

    /// The version of HTTP that it came in.
    pub fn version(&self) -> Version {
        self.head.response.version()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.head.response.headers()
    }

    /// Where it came from: where the last redirect led.
    pub fn url(&self) -> &Url {
        self.head.url()
    }

    /// The URLs on the way that were redirected, in their order.
    pub fn redirects(&self) -> &[Url] {
        &self.head.trail.redirects
    }

    /// The cookies on the way that were left out, and why; the others are stored.
    pub fn rejected_cookies(&self) -> &[RejectedCookie] {
        &self.head.trail.rejected
    }

    /// Its body, decoded (gzip, deflate, Brotli, Zstandard).
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its body as text, in the character set that a byte order mark, or the header `content-type`, or else UTF-8 says. What
    /// does not fit becomes U+FFFD.
    pub fn text(&self) -> String {
        let content_type = self.head.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        // Nearly all of them.
        let is_utf8 = content_type.ends_with("charset=utf-8");
        let mime = if is_utf8 { None } else { content_type.parse::<mime::Mime>().ok() };
        let charset = mime.as_ref().and_then(|mime| mime.get_param("charset"));
        let encoding =
            charset.and_then(|charset| encoding_rs::Encoding::for_label(charset.as_str().as_bytes()));
        let (text, ..) = encoding.unwrap_or(encoding_rs::UTF_8).decode(&self.body);
        text.into_owned()
    }

    /// Its body, which is JSON, as a `T`.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// An error where the status is 400 or above.
    ///
    /// # Errors
    ///
    /// [`ClientError::Status`].
    pub fn error_for_status(&self) -> Result<&Self, ClientError> {
        let status = self.status();
        if status.as_u16() < 400 {
            return Ok(self);
        }
        let host = self.url().host_str().unwrap_or_default().to_owned();
        Err(ClientError::Status { host, status })
    }

    /// Ends the lease that it was sent with ([`ClientRequest::send_on`](super::ClientRequest::send_on)) as the pool's
    /// policy says of it.
    ///
    /// # Errors
    ///
    /// As [`Lease::reclaim`].
    pub async fn settle(&self, lease: Lease) -> Result<(Verdict, Outcome), Error> {
        let header = |name: &str| self.head.header(name);
        lease.settle_reply_async(&self.head.reply(&header).with_body(&self.body)).await
    }

    /// The same as a response of reqwest.
    pub fn into_reqwest(self) -> reqwest::Response {
        let mut response = http::Response::new(self.body);
        let url = self.head.url().clone();
        let read = self.head.response;
        *response.status_mut() = read.status();
        *response.version_mut() = read.version();
        *response.headers_mut() = read.headers().clone();
        // The only way to tell reqwest the URL.
        if let Ok(with_url) = http::Response::builder().url(url).body(()) {
            response.extensions_mut().extend(with_url.into_parts().0.extensions);
        }
        response.into()
    }
}

impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientResponse")
            .field("status", &self.status())
            .field("host", &self.url().host_str())
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// As whom a request was sent, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// The session.
    pub session: SessionId,
    /// What the pool's policy said.
    pub verdict: Verdict,
    /// What became of the session.
    pub outcome: Outcome,
    /// How many tries it took: how often the request was sent, and how often it was not since no session could be made for
    /// it, because a log-in had failed for instance. What a block or a rate limit follows, another session sends, unless the
    /// request is pinned.
    pub attempts: u32,
}

/// A response to a session. It dereferences to the response.
#[derive(Debug)]
pub struct SessionResponse {
    pub(super) response: ClientResponse,
    pub(super) visit: Visit,
}

impl SessionResponse {
    /// As whom the request was sent, and what came of it.
    pub fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The session.
    pub fn session(&self) -> &SessionId {
        &self.visit.session
    }

    /// What the pool's policy said of it.
    pub fn verdict(&self) -> Verdict {
        self.visit.verdict
    }

    /// The response alone.
    pub fn into_response(self) -> ClientResponse {
        self.response
    }
}

impl Deref for SessionResponse {
    type Target = ClientResponse;

    fn deref(&self) -> &ClientResponse {
        &self.response
    }
}
