//! One request and what comes back, redirects followed.

use std::time::Instant;

use bytes::Bytes;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Method, Request};
use url::Url;

use super::body::{Received, ToSend};
use super::error::{ClientError, FailedRequest, Why};
use super::failure::classify;
use super::identity::Identity;
use super::redirect::{Follow, follow};
use super::response::{ClientResponse, Head};
use super::transport::Transport;
use crate::cookies::RejectedCookie;
use crate::error::{Error, Refusal};
use crate::session::{Failure, Invalid};

/// Whose cookies they are.
pub(super) trait Jar {
    /// The value of the header `cookie`.
    fn header(&self, url: &Url) -> Result<Option<String>, Error>;

    /// Takes what a response sets.
    fn store(&self, url: &Url, headers: &HeaderMap) -> Result<Vec<RejectedCookie>, Error>;
}

impl Jar for crate::pool::Session {
    fn header(&self, url: &Url) -> Result<Option<String>, Error> {
        self.cookie_header(url)
    }

    fn store(&self, url: &Url, headers: &HeaderMap) -> Result<Vec<RejectedCookie>, Error> {
        // In a task nobody waits for the disk here: a lease's cookies go with its outcome, others soon.
        match self.take_response(url, headers.get_all(SET_COOKIE).iter().map(HeaderValue::as_bytes)) {
            // Another use has retired the session meanwhile. What was answered is an answer all the same.
            Err(Error::Refused(Refusal::Retired { .. })) => Ok(Vec::new()),
            stored => stored,
        }
    }
}

/// What happened on the way.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) redirects: Vec<Url>,
    pub(super) rejected: Vec<RejectedCookie>,
}

/// One who sends a request.
pub(super) struct Exchange<'a, J> {
    pub(super) transport: &'a Transport,
    pub(super) identity: &'a Identity,
    pub(super) jar: &'a J,
}

/// A response whose body is still to come.
pub(super) struct Begun {
    pub(super) head: Head,
    pub(super) has_proxy: bool,
}

/// A request, as often as it is sent.
pub(super) struct Sending {
    /// But for its body.
    request: Request,
    body: ToSend,
}

impl Sending {
    /// # Errors
    ///
    /// [`Invalid`]: it cannot be sent, or brings cookies of its own.
    pub(super) fn new(mut request: Request) -> Result<Self, Invalid> {
        let url = request.url();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(Invalid::new("url", url.scheme(), "must be one of http or https, with a host"));
        }
        if request.headers().contains_key(COOKIE) {
            let rule = "must not be among the headers: cookies are the session's";
            return Err(Invalid::new("cookie", "given", rule));
        }
        let body = ToSend::new(request.body_mut().take());
        Ok(Self { request, body })
    }

    pub(super) fn method(&self) -> &Method {
        self.request.method()
    }

    /// Whether it cannot be sent again.
    pub(super) fn is_gone(&self) -> bool {
        self.body.is_gone()
    }
}

impl<J: Jar> Exchange<'_, J> {
    /// Sends a request, follows where it leads, and answers the last response.
    ///
    /// # Errors
    ///
    /// [`ClientError::Failed`], [`ClientError::Pool`].
    pub(super) async fn begin(&self, sending: &mut Sending) -> Result<Begun, ClientError> {
        let Self { transport, identity, jar } = self;
        let Sending { request: first, body } = sending;
        let (timeout, version) = (first.timeout().copied().unwrap_or(transport.timeout()), first.version());
        let began = Instant::now();
        // Most lead nowhere.
        let (mut followed, mut has_body): (Option<Box<Request>>, bool) = (None, true);
        let mut trail = Trail::default();
        loop {
            let bare = followed.as_deref().unwrap_or(first);
            let mut request = self.request(bare)?;
            *request.version_mut() = version;
            *request.timeout_mut() =
                Some(if followed.is_none() { timeout } else { timeout.saturating_sub(began.elapsed()) });
            *request.body_mut() = if has_body { body.take() } else { None };
            let response = identity.http.execute(request).await;
            let response = response.map_err(|error| failed(bare.url().clone(), error, identity.has_proxy))?;
            let headers = response.headers();
            if headers.contains_key(SET_COOKIE) {
                trail.rejected.extend(jar.store(bare.url(), headers)?);
            }
            let next = match follow(bare, response.status(), headers) {
                Some(Follow { request: next, with_body })
                    if transport.max_redirects() > 0 && !(with_body && has_body && body.is_gone()) =>
                {
                    has_body &= with_body;
                    next
                }
                _ => {
                    let with_fragment = bare.url().fragment().map(|_| bare.url().clone());
                    let head = Head { response, with_fragment, trail };
                    return Ok(Begun { head, has_proxy: identity.has_proxy });
                }
            };
            trail.redirects.push(bare.url().clone());
            if trail.redirects.len() > transport.max_redirects() {
                let why = Why::Redirects { followed: transport.max_redirects() };
                return Err(gave_up(next.url().clone(), Failure::Redirects, why));
            }
            followed = Some(Box::new(next));
        }
    }

    /// The same, with the body.
    ///
    /// # Errors
    ///
    /// As [`Exchange::begin`].
    pub(super) async fn whole(&self, sending: &mut Sending) -> Result<ClientResponse, ClientError> {
        let mut begun = self.begin(sending).await?;
        let body = begun.body(self.transport.max_body_length()).await?;
        Ok(ClientResponse { head: begun.head, body })
    }

    /// What the session sends for a request without a body.
    fn request(&self, bare: &Request) -> Result<Request, ClientError> {
        let cookies = self.jar.header(bare.url())?;
        let cookies = cookies.and_then(|cookies| HeaderValue::try_from(cookies).ok());
        let mut request = Request::new(bare.method().clone(), bare.url().clone());
        *request.headers_mut() = self.identity.headers(bare.url(), bare.headers(), cookies);
        Ok(request)
    }
}

impl Begun {
    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`ClientError::Failed`].
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let chunk = self.head.response.chunk().await;
        chunk.map_err(|error| failed(self.head.url().clone(), error, self.has_proxy))
    }

    /// All of the body.
    ///
    /// # Errors
    ///
    /// [`ClientError::Failed`], also where it has more than `limit` bytes.
    pub(super) async fn body(&mut self, limit: usize) -> Result<Bytes, ClientError> {
        let mut body = Received::default();
        while let Some(chunk) = self.chunk().await? {
            if body.length() + chunk.len() > limit {
                return Err(gave_up(self.head.url().clone(), Failure::TooLong, Why::TooLong { limit }));
            }
            body.push(chunk);
        }
        Ok(body.into_bytes())
    }
}

fn failed(url: Url, error: reqwest::Error, has_proxy: bool) -> ClientError {
    let failure = classify(&error, has_proxy);
    gave_up(url, failure, Why::Reqwest(error.without_url()))
}

fn gave_up(url: Url, failure: Failure, why: Why) -> ClientError {
    ClientError::Failed(Box::new(FailedRequest { url, failure, visit: None, why }))
}
