//! The client of a session that is being created.

use std::fmt;

use parking_lot::Mutex;
use reqwest::header::{HeaderMap, SET_COOKIE};
use url::Url;

use super::error::ClientError;
use super::exchange::{Exchange, Jar, Sending};
use super::identity::Identity;
use super::response::ClientResponse;
use super::transport::Transport;
use crate::clock::{Clock, SystemClock};
use crate::cookies::{self, RejectedCookie};
use crate::error::Error;
use crate::session::{Payload, SessionOptions, Timestamp};

/// The client of a session that is being created: its requests have the proxy, the fingerprint and the cookies in its
/// options, and the cookies that come back are kept there. [`Transport::newcomer`] makes one; its connections end with it.
///
/// Time, for the expiry of cookies, is the system's.
pub struct Newcomer {
    transport: Transport,
    identity: Identity,
    options: SessionOptions,
    cookies: Cookies,
}

struct Cookies(Mutex<Payload>);

impl Newcomer {
    pub(super) fn new(transport: Transport, mut options: SessionOptions) -> Result<Self, ClientError> {
        let identity = Identity::new(&transport, options.proxy.as_ref(), options.fingerprint.as_ref())?;
        let mut payload = Payload::default();
        for cookie in std::mem::take(&mut options.cookies) {
            payload.set_cookie(cookie, now());
        }
        Ok(Self { transport, identity, options, cookies: Cookies(Mutex::new(payload)) })
    }

    /// The options that it began with, without their cookies.
    pub fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// The options, with the cookies that it has now.
    pub fn into_options(self) -> SessionOptions {
        SessionOptions { cookies: self.cookies.0.into_inner().cookies, ..self.options }
    }

    pub(super) fn blank(&self) -> &reqwest::Client {
        &self.identity.http
    }

    pub(super) async fn send(&self, request: &mut Sending) -> Result<ClientResponse, ClientError> {
        let Self { transport, identity, cookies, .. } = self;
        Exchange { transport, identity, jar: cookies }.whole(request).await
    }
}

fn now() -> Timestamp {
    SystemClock.now().into()
}

impl Jar for Cookies {
    fn header(&self, url: &Url) -> Result<Option<String>, Error> {
        Ok(cookies::header(&self.0.lock().cookies, url, now))
    }

    fn store(&self, url: &Url, headers: &HeaderMap) -> Result<Vec<RejectedCookie>, Error> {
        let (now, mut payload) = (now(), self.0.lock());
        let mut rejected = Vec::new();
        for header in headers.get_all(SET_COOKIE) {
            match cookies::read(header.as_bytes(), url, now) {
                Ok(cookie) => payload.set_cookie(cookie, now),
                Err(cookie) => rejected.push(cookie),
            }
        }
        cookies::fit(&mut payload, now)?;
        Ok(rejected)
    }
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("options", &self.options).finish_non_exhaustive()
    }
}
