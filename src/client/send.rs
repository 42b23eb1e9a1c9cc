//! Sending a request as a session of the pool.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::Request;
use tower_service::Service;

use super::builder::SessionClientBuilder;
use super::connections::Connections;
use super::course::{Course, pause};
use super::error::ClientError;
use super::exchange::{Begun, Exchange, Sending};
use super::identity::Identity;
use super::response::{ClientResponse, SessionResponse, Visit};
use super::retry::Retries;
use super::stream::StreamedResponse;
use super::transport::Transport;
use crate::pool::{Session, SessionPool};
use crate::session::SessionId;

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
        self.send(&mut Sending::new(request)?, None).await
    }

    pub(super) fn blank(&self) -> &reqwest::Client {
        &self.inner.blank
    }

    pub(super) async fn send(
        &self,
        request: &mut Sending,
        pinned: Option<SessionId>,
    ) -> Result<SessionResponse, ClientError> {
        let mut course = self.course(request, pinned);
        let mut last = None;
        loop {
            let lease = match course.lease(last).await? {
                Ok(lease) => lease,
                Err(answer) => return Ok(answer),
            };
            let session = *lease.id();
            let (answer, delay) = match self.send_on(request, &lease).await {
                Ok(response) => {
                    let (verdict, outcome) = response.settle(lease).await?;
                    let delay = course.again(request, response.head.host(), verdict);
                    let visit = Visit { session, verdict, outcome, attempts: course.attempts() };
                    (Ok(SessionResponse { response, visit }), delay)
                }
                Err(error) => {
                    let (error, delay) = course.fail(request, lease, error).await?;
                    (Err(error), delay)
                }
            };
            let Some(delay) = delay else { return answer };
            pause(delay).await;
            last = Some(answer);
        }
    }

    pub(super) async fn stream(
        &self,
        request: &mut Sending,
        pinned: Option<SessionId>,
    ) -> Result<StreamedResponse, ClientError> {
        let mut course = self.course(request, pinned);
        let mut last = None;
        loop {
            let lease = match course.lease(last).await? {
                Ok(lease) => lease,
                Err(answer) => return Ok(answer),
            };
            let (answer, delay) = match self.begin_on(request, &lease).await {
                Ok(begun) => {
                    let verdict = begun.head.verdict(&self.inner.pool);
                    let delay = course.again(request, begun.head.host(), verdict);
                    let mut response = StreamedResponse::new(begun, lease, verdict, course.attempts());
                    if delay.is_some() {
                        response.settle().await?;
                    }
                    (Ok(response), delay)
                }
                Err(error) => {
                    let (error, delay) = course.fail(request, lease, error).await?;
                    (Err(error), delay)
                }
            };
            let Some(delay) = delay else { return answer };
            pause(delay).await;
            last = Some(answer);
        }
    }

    pub(super) async fn send_on(
        &self,
        request: &mut Sending,
        session: &Session,
    ) -> Result<ClientResponse, ClientError> {
        let identity = self.identity(session)?;
        self.exchange(&identity, session).whole(request).await
    }

    async fn begin_on(&self, request: &mut Sending, session: &Session) -> Result<Begun, ClientError> {
        let identity = self.identity(session)?;
        self.exchange(&identity, session).begin(request).await
    }

    fn identity(&self, session: &Session) -> Result<Arc<Identity>, ClientError> {
        let Inner { pool, transport, connections, .. } = &*self.inner;
        connections.of(pool, transport, session)
    }

    fn exchange<'a>(&'a self, identity: &'a Identity, jar: &'a Session) -> Exchange<'a, Session> {
        Exchange { transport: &self.inner.transport, identity, jar }
    }

    fn course(&self, request: &Sending, pinned: Option<SessionId>) -> Course<'_> {
        let Inner { pool, retries, acquire_timeout, .. } = &*self.inner;
        Course::new(pool, retries, *acquire_timeout, request.method().clone(), pinned)
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
