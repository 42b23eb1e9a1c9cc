//! How a client is made.

use std::time::Duration;

use super::connections::Connections;
use super::error::ClientError;
use super::retry::{Retries, RetryOptions};
use super::send::SessionClient;
use super::transport::Transport;
use crate::pool::SessionPool;
use crate::session::Invalid;

/// The options of a [`SessionClient`].
///
/// | option | default |
/// |---|---|
/// | [`transport`](Self::transport) | every option of [`TransportBuilder`](super::TransportBuilder) at its default |
/// | [`max_connected`](Self::max_connected) | 1024 sessions |
/// | [`acquire_timeout`](Self::acquire_timeout) | 90 s |
/// | [`max_retries`](Self::max_retries) | 3 |
/// | [`retry_delay`](Self::retry_delay) | 100 ms |
/// | [`retry_budget`](Self::retry_budget) | one for each request of the last 10 s, and 10 a second |
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct SessionClientBuilder {
    pool: SessionPool,
    transport: Option<Transport>,
    max_connected: usize,
    acquire_timeout: Duration,
    retries: RetryOptions,
}

impl SessionClientBuilder {
    /// How many sessions are connected at most where nothing else is said.
    pub const DEFAULT_MAX_CONNECTED: usize = 1024;
    /// How long a request waits for a session where nothing else is said: longer than a session rests where nothing is said.
    pub const DEFAULT_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(90);

    pub(super) fn new(pool: SessionPool) -> Self {
        Self {
            pool,
            transport: None,
            max_connected: Self::DEFAULT_MAX_CONNECTED,
            acquire_timeout: Self::DEFAULT_ACQUIRE_TIMEOUT,
            retries: RetryOptions::default(),
        }
    }

    /// How requests are sent. Default: every option at its default.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How many sessions are connected at most, about; of more, those go that are used least. A session that comes back
    /// connects anew, as the same. Default: 1024.
    pub fn max_connected(mut self, sessions: usize) -> Self {
        self.max_connected = sessions;
        self
    }

    /// How long a request waits for a session, each time that it is sent. Default: 90 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How often a request is tried again at most. Default: 3; 0 for never.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.retries.max_retries = retries;
        self
    }

    /// The longest pause before the first retry after a failure; it doubles with each, up to 5 s, and a random part of up to
    /// a half is left out. There is none after a block and a rate limit: another session takes over. Default: 100 ms.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retries.delay = delay;
        self
    }

    /// How many retries all requests together may have: `share` of the requests of the last 10 s, and `per_second` more.
    /// Where a site blocks everybody, or is down, a crawler then does not send many times what it would. Default: 1.0
    /// and 10.
    pub fn retry_budget(mut self, share: f32, per_second: u32) -> Self {
        (self.retries.share, self.retries.per_second) = (share, per_second);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Invalid`]: an option breaks its rule; as [`TransportBuilder::build`](super::TransportBuilder::build)
    /// where no transport is given.
    pub fn build(self) -> Result<SessionClient, ClientError> {
        let Self { pool, transport, max_connected, acquire_timeout, retries } = self;
        if max_connected == 0 {
            return Err(Invalid::new("max_connected", max_connected, "must be at least 1").into());
        }
        let transport = transport.map_or_else(Transport::new, Ok)?;
        let retries = Retries::new(retries)?;
        let connections = Connections::new(max_connected);
        let blank = transport.connect(None)?;
        Ok(SessionClient::assemble(pool, transport, connections, acquire_timeout, retries, blank))
    }
}
