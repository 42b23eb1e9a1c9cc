//! Sending a request as a session of the pool.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_timer::Delay;
use reqwest::{Method, Request};
use tower_service::Service;

use super::builder::SessionClientBuilder;
use super::connections::Connections;
use super::error::{ClientError, FailedRequest};
use super::exchange::{Begun, Exchange, check};
use super::response::{ClientResponse, SessionResponse, Visit};
use super::retry::{Retries, Tried};
use super::stream::StreamedResponse;
use super::transport::Transport;
use crate::error::Error;
use crate::pool::{Lease, Session, SessionPool};
use crate::session::{Failure, SessionId, Verdict};

/// Sends requests as the sessions of a pool: see [the module](super). Clones are the same client.
///
/// It needs a runtime of tokio, as reqwest does. It is a [`tower_service::Service`] too, for layers around it.
#[derive(Clone)]
pub struct SessionClient {
    inner: Arc<Inner>,
}

struct Inner {
    pool: SessionPool,
    transport: Transport,
    connections: Connections,
    acquire_timeout: Duration,
    retries: Retries,
    /// Builds requests, and sends none.
    blank: reqwest::Client,
}

impl SessionClient {
    /// A client with every option at its default.
    ///
    /// # Errors
    ///
    /// As [`SessionClientBuilder::build`].
    pub fn new(pool: SessionPool) -> Result<Self, ClientError> {
        Self::builder(pool).build()
    }

    /// To choose its options.
    pub fn builder(pool: SessionPool) -> SessionClientBuilder {
        SessionClientBuilder::new(pool)
    }

    pub(super) fn assemble(
        pool: SessionPool,
        transport: Transport,
        connections: Connections,
        acquire_timeout: Duration,
        retries: Retries,
        blank: reqwest::Client,
    ) -> Self {
        let inner = Inner { pool, transport, connections, acquire_timeout, retries, blank };
        Self { inner: Arc::new(inner) }
    }

    /// Its pool.
    pub fn pool(&self) -> &SessionPool {
        &self.inner.pool
    }

    /// How it sends requests.
    pub fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// How many sessions have connections.
    pub fn connected(&self) -> usize {
        self.inner.connections.len()
    }

    /// Sends a request that was built elsewhere, as [`ClientRequest::send`](super::ClientRequest::send) does.
    ///
    /// # Errors
    ///
    /// As [`ClientRequest::send`](super::ClientRequest::send).
    pub async fn execute(&self, request: Request) -> Result<SessionResponse, ClientError> {
        check(&request)?;
        self.send(request, None).await
    }

    pub(super) fn blank(&self) -> &reqwest::Client {
        &self.inner.blank
    }

    pub(super) async fn send(
        &self,
        mut request: Request,
        pinned: Option<SessionId>,
    ) -> Result<SessionResponse, ClientError> {
        let mut course = Course::new(self, &request, pinned);
        loop {
            let lease = course.lease(&request).await?;
            let session = *lease.id();
            let again = match self.send_on(request, &lease).await {
                Ok(response) => {
                    let (verdict, outcome) = response.settle(lease).await?;
                    match course.again(verdict, None) {
                        Some(again) => again,
                        None => {
                            let visit = Visit { session, verdict, outcome, attempts: course.attempts };
                            return Ok(SessionResponse { response, visit });
                        }
                    }
                }
                Err(error) => course.fail(lease, error).await?,
            };
            request = again.request().await;
        }
    }

    pub(super) async fn stream(
        &self,
        mut request: Request,
        pinned: Option<SessionId>,
    ) -> Result<StreamedResponse, ClientError> {
        let mut course = Course::new(self, &request, pinned);
        loop {
            let lease = course.lease(&request).await?;
            let again = match self.begin_on(request, &lease).await {
                Ok(begun) => {
                    let verdict = begun.head.verdict(&self.inner.pool);
                    match course.again(verdict, None) {
                        Some(again) => {
                            begun.head.settle(lease).await?;
                            again
                        }
                        None => return Ok(StreamedResponse::new(begun, lease, verdict, course.attempts)),
                    }
                }
                Err(error) => course.fail(lease, error).await?,
            };
            request = again.request().await;
        }
    }

    pub(super) async fn send_on(
        &self,
        request: Request,
        session: &Session,
    ) -> Result<ClientResponse, ClientError> {
        self.begin_on(request, session).await?.whole(self.inner.transport.max_body_length()).await
    }

    async fn begin_on(&self, request: Request, session: &Session) -> Result<Begun, ClientError> {
        let Inner { pool, transport, connections, .. } = &*self.inner;
        let identity = connections.of(pool, transport, session)?;
        Exchange { transport, identity: &identity, jar: session }.begin(request).await
    }
}

/// One request and all its tries.
struct Course<'a> {
    client: &'a Inner,
    method: Method,
    pinned: Option<SessionId>,
    attempts: u32,
    /// What is sent the next time; `None` of a request that can be sent once only.
    spare: Option<Request>,
}

/// Another try.
struct Again {
    request: Request,
    delay: Duration,
}

impl<'a> Course<'a> {
    fn new(client: &'a SessionClient, request: &Request, pinned: Option<SessionId>) -> Self {
        let client = &*client.inner;
        client.retries.begin();
        Self { client, method: request.method().clone(), pinned, attempts: 0, spare: None }
    }

    /// Waits for a session, for the next try.
    ///
    /// # Errors
    ///
    /// [`ClientError::Pool`].
    async fn lease(&mut self, request: &Request) -> Result<Lease, ClientError> {
        let Inner { pool, acquire_timeout, .. } = self.client;
        self.spare = request.try_clone();
        loop {
            self.attempts += 1;
            let lease = match &self.pinned {
                Some(id) => pool.acquire_by_id_async_timeout(id, *acquire_timeout).await,
                None => pool.acquire_async_timeout(*acquire_timeout).await,
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

    /// Whether there is another try after this one.
    fn again(&mut self, verdict: Verdict, failure: Option<Failure>) -> Option<Again> {
        self.spare.as_ref()?;
        let delay = self.delay(verdict, failure)?;
        self.spare.take().map(|request| Again { request, delay })
    }

    fn delay(&self, verdict: Verdict, failure: Option<Failure>) -> Option<Duration> {
        let Self { attempts, .. } = *self;
        let tried = Tried { attempts, verdict, failure, is_pinned: self.pinned.is_some() };
        self.client.retries.again(&self.method, tried)
    }

    /// There is no response.
    ///
    /// # Errors
    ///
    /// Where there is no other try: as whoever sent it.
    async fn fail(&mut self, lease: Lease, error: ClientError) -> Result<Again, ClientError> {
        let ClientError::Failed(failed) = error else {
            // What went wrong is none of the session's doing.
            lease.settle_as_async(Verdict::Neutral).await?;
            return Err(error);
        };
        let session = *lease.id();
        let (verdict, outcome) = failed.settle(lease).await?;
        match self.again(verdict, Some(failed.failure)) {
            Some(again) => Ok(again),
            None => {
                let visit = Some(Visit { session, verdict, outcome, attempts: self.attempts });
                Err(ClientError::Failed(Box::new(FailedRequest { visit, ..*failed })))
            }
        }
    }
}

impl Again {
    /// What is to be sent, when it is time.
    async fn request(self) -> Request {
        pause(self.delay).await;
        self.request
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        Delay::new(delay).await;
    }
}

impl Service<Request> for SessionClient {
    type Response = SessionResponse;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<SessionResponse, ClientError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        // Whoever calls waits for a session in its turn.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.execute(request).await })
    }
}

impl fmt::Debug for SessionClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionClient")
            .field("pool", self.inner.pool.name())
            .field("transport", &self.inner.transport)
            .field("connected", &self.connected())
            .field("retries", &self.inner.retries)
            .finish_non_exhaustive()
    }
}
