//! A request before it is sent.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, RequestBuilder};
use serde::Serialize;

use super::error::ClientError;
use super::exchange::Sending;
use super::newcomer::Newcomer;
use super::response::{ClientResponse, SessionResponse};
use super::send::SessionClient;
use super::stream::StreamedResponse;
use super::visitor::Visitor;
use crate::pool::Session;
use crate::session::SessionId;

/// A request before it is sent, by a [`SessionClient`], a [`Newcomer`] or a [`Visitor`]. Its own headers take the place of the
/// fingerprint's.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct ClientRequest<'a, C> {
    client: &'a C,
    request: RequestBuilder,
    pinned: Option<SessionId>,
}

impl<'a, C> ClientRequest<'a, C> {
    pub(super) fn new(client: &'a C, request: RequestBuilder) -> Self {
        Self { client, request, pinned: None }
    }

    /// Anything that reqwest can do to a request.
    ///
    /// ```
    /// # fn run(client: &session_pool::client::SessionClient) {
    /// let request = client.get("https://shop.example/").with(|request| request.basic_auth("me", Some("secret")));
    /// # }
    /// ```
    pub fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }

    /// Adds a header.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N>,
        <HeaderName as TryFrom<N>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.with(|request| request.header(name, value))
    }

    /// Sets headers; those that are there stay, unless they have the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|request| request.headers(headers))
    }

    /// Adds parameters to the URL.
    pub fn query<T: Serialize + ?Sized>(self, parameters: &T) -> Self {
        self.with(|request| request.query(parameters))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|request| request.body(body))
    }

    /// Sets the body to a form (`application/x-www-form-urlencoded`).
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.with(|request| request.form(form))
    }

    /// Sets the body to JSON.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.with(|request| request.json(json))
    }

    /// Adds the header `authorization` with a bearer token. It is told to no other origin where a redirect leads to one.
    pub fn bearer_auth(self, token: impl std::fmt::Display) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    /// How long it may take each time that it is sent, in place of
    /// [`TransportBuilder::timeout`](super::TransportBuilder::timeout).
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|request| request.timeout(timeout))
    }

    fn build(self) -> Result<(&'a C, Sending, Option<SessionId>), ClientError> {
        let request = self.request.build();
        let request = request.map_err(|source| ClientError::Request { source: source.without_url() })?;
        Ok((self.client, Sending::new(request)?, self.pinned))
    }
}

impl ClientRequest<'_, SessionClient> {
    /// Pins it to a session: it waits until that one is free and has rested, and goes to no other.
    pub fn session(self, id: &SessionId) -> Self {
        Self { pinned: Some(*id), ..self }
    }

    /// Sends it as a session of the pool, reads the response, and settles the lease.
    ///
    /// A future that is dropped before it is done drops the lease, which is a `fail` (R-9).
    ///
    /// # Errors
    ///
    /// - [`ClientError::Invalid`], [`ClientError::Request`]: it is wrong.
    /// - [`ClientError::Pool`]: before the first try as
    ///   [`SessionPool::acquire_async_timeout`](crate::SessionPool::acquire_async_timeout), for a pinned one as
    ///   [`SessionPool::acquire_by_id_async_timeout`](crate::SessionPool::acquire_by_id_async_timeout); as
    ///   [`Lease::reclaim`](crate::Lease::reclaim).
    /// - [`ClientError::Failed`]: no response came, or not all of it.
    /// - [`ClientError::Connect`]: reqwest does not take the session's proxy.
    pub async fn send(self) -> Result<SessionResponse, ClientError> {
        let (client, mut request, pinned) = self.build()?;
        client.send(&mut request, pinned).await
    }

    /// The same, and the body as it comes. The lease is settled when the body ends.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn stream(self) -> Result<StreamedResponse, ClientError> {
        let (client, mut request, pinned) = self.build()?;
        client.stream(&mut request, pinned).await
    }

    /// Sends it as `session`, once, and settles nothing: for whoever has a lease and knows better what the response means,
    /// or gives the outcome when several requests are done. [`ClientResponse::settle`] does what [`send`](Self::send) would.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), [`ClientError::Pool`] where the session's cookies cannot be read or stored.
    pub async fn send_on(self, session: &Session) -> Result<ClientResponse, ClientError> {
        let (client, mut request, _) = self.build()?;
        client.send_on(&mut request, session).await
    }
}

impl ClientRequest<'_, Newcomer> {
    /// Sends it, and keeps the cookies that come back.
    ///
    /// # Errors
    ///
    /// [`ClientError::Invalid`], [`ClientError::Request`]: it is wrong. [`ClientError::Failed`]: no response came, or not
    /// all of it.
    pub async fn send(self) -> Result<ClientResponse, ClientError> {
        let (client, mut request, _) = self.build()?;
        client.send(&mut request).await
    }
}

impl ClientRequest<'_, Visitor> {
    /// Sends it as the session, and stores the cookies that come back.
    ///
    /// # Errors
    ///
    /// As [`send_on`](ClientRequest::<SessionClient>::send_on).
    pub async fn send(self) -> Result<ClientResponse, ClientError> {
        let (client, mut request, _) = self.build()?;
        client.send(&mut request).await
    }
}

/// The methods by which requests begin.
macro_rules! requests {
    ($client:ty) => {
        impl $client {
            /// A request with any method.
            pub fn request(
                &self,
                method: reqwest::Method,
                url: impl reqwest::IntoUrl,
            ) -> ClientRequest<'_, Self> {
                ClientRequest::new(self, self.blank().request(method, url))
            }

            /// A GET request.
            pub fn get(&self, url: impl reqwest::IntoUrl) -> ClientRequest<'_, Self> {
                self.request(reqwest::Method::GET, url)
            }

            /// A HEAD request.
            pub fn head(&self, url: impl reqwest::IntoUrl) -> ClientRequest<'_, Self> {
                self.request(reqwest::Method::HEAD, url)
            }

            /// A POST request.
            pub fn post(&self, url: impl reqwest::IntoUrl) -> ClientRequest<'_, Self> {
                self.request(reqwest::Method::POST, url)
            }

            /// A PUT request.
            pub fn put(&self, url: impl reqwest::IntoUrl) -> ClientRequest<'_, Self> {
                self.request(reqwest::Method::PUT, url)
            }

            /// A DELETE request.
            pub fn delete(&self, url: impl reqwest::IntoUrl) -> ClientRequest<'_, Self> {
                self.request(reqwest::Method::DELETE, url)
            }
        }
    };
}

requests!(SessionClient);
requests!(Newcomer);
requests!(Visitor);
