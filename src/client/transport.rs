//! How requests are sent, whoever sends them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt;

use super::error::ClientError;
use super::newcomer::Newcomer;
use super::visitor::Visitor;
use crate::pool::Session;
use crate::session::{Invalid, Proxy, SessionOptions};

/// How requests are sent, whoever sends them: TLS, time-outs, redirects, limits. Clones are the same.
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    tls: rustls::ClientConfig,
    configure: Option<Box<ConfigureFn>>,
    timeout: Duration,
    max_redirects: usize,
    max_body_length: usize,
}

type ConfigureFn = dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync;

impl Transport {
    /// With every option at its default.
    ///
    /// # Errors
    ///
    /// As [`TransportBuilder::build`].
    pub fn new() -> Result<Self, ClientError> {
        Self::builder().build()
    }

    /// To choose its options.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// A client for a session that is being created, with the proxy, the fingerprint and the cookies in its options.
    ///
    /// # Errors
    ///
    /// [`ClientError::Invalid`]: the fingerprint has a header that HTTP does not take. [`ClientError::Connect`].
    pub fn newcomer(&self, options: SessionOptions) -> Result<Newcomer, ClientError> {
        Newcomer::new(self.clone(), options)
    }

    /// A client of one session, that leases nothing and settles nothing.
    ///
    /// # Errors
    ///
    /// As [`newcomer`](Self::newcomer); [`ClientError::Pool`]: the session's proxy and fingerprint cannot be read.
    pub fn visitor(&self, session: Session) -> Result<Visitor, ClientError> {
        Visitor::new(self.clone(), session)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.inner.timeout
    }

    pub(super) fn max_redirects(&self) -> usize {
        self.inner.max_redirects
    }

    pub(super) fn max_body_length(&self) -> usize {
        self.inner.max_body_length
    }

    /// Connections for one who goes through `proxy`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connect`].
    pub(super) fn connect(&self, proxy: Option<&Proxy>) -> Result<reqwest::Client, ClientError> {
        let Inner { tls, configure, .. } = &*self.inner;
        let mut tls = tls.clone();
        // The tickets by which TLS resumes tell who comes back.
        tls.resumption = rustls::client::Resumption::in_memory_sessions(64);
        // A proxy in the environment is nobody's own.
        let builder = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls);
        let mut builder = match configure {
            Some(configure) => configure(builder),
            None => builder,
        };
        if let Some(proxy) = proxy {
            let proxy = reqwest::Proxy::all(proxy.url()).map_err(ClientError::connect)?;
            builder = builder.no_proxy().proxy(proxy);
        }
        builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .build()
            .map_err(ClientError::connect)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("timeout", &self.inner.timeout)
            .field("max_redirects", &self.inner.max_redirects)
            .field("max_body_length", &self.inner.max_body_length)
            .finish_non_exhaustive()
    }
}

/// The options of a [`Transport`].
///
/// | option | default |
/// |---|---|
/// | [`timeout`](Self::timeout) | 30 s |
/// | [`max_redirects`](Self::max_redirects) | 20 |
/// | [`max_body_length`](Self::max_body_length) | 64 MiB |
/// | [`tls_config`](Self::tls_config) | the certificates that the system trusts; HTTP/2 and HTTP/1.1 |
/// | [`configure`](Self::configure) | nothing more |
#[must_use = "a builder does nothing until it builds"]
pub struct TransportBuilder {
    timeout: Duration,
    max_redirects: usize,
    max_body_length: usize,
    tls: Option<rustls::ClientConfig>,
    configure: Option<Box<ConfigureFn>>,
}

impl Default for TransportBuilder {
    fn default() -> Self {
        Self {
            timeout: Self::DEFAULT_TIMEOUT,
            max_redirects: Self::DEFAULT_MAX_REDIRECTS,
            max_body_length: Self::DEFAULT_MAX_BODY_LENGTH,
            tls: None,
            configure: None,
        }
    }
}

impl TransportBuilder {
    /// How long a request may take where nothing else is said.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// How many redirects are followed where nothing else is said: as many as in browsers.
    pub const DEFAULT_MAX_REDIRECTS: usize = 20;
    /// How long a body may be where nothing else is said: 64 MiB.
    pub const DEFAULT_MAX_BODY_LENGTH: usize = 64 << 20;

    /// How long a request may take, each time it is sent, from connecting to the end of the body, redirects included.
    /// A request's own time-out stands. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many redirects are followed; 0 for none, so that each is an answer. Default: 20.
    pub fn max_redirects(mut self, redirects: usize) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// How many bytes a body may have, decoded, that is read as a whole. Default: 64 MiB.
    pub fn max_body_length(mut self, bytes: usize) -> Self {
        self.max_body_length = bytes;
        self
    }

    /// TLS: which certificates are trusted, which versions and protocols are spoken. Its store of tickets is replaced by one
    /// a session. Default: what the system trusts; `h2` and `http/1.1`.
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Anything else of reqwest's: it is called for each session that connects. What this crate does itself is not to be
    /// had here: redirects, cookies, and the proxy of a session that has one. Certificates belong into
    /// [`tls_config`](Self::tls_config).
    ///
    /// ```
    /// use session_pool::client::Transport;
    ///
    /// let transport = Transport::builder()
    ///     .configure(|client| client.connect_timeout(std::time::Duration::from_secs(5)))
    ///     .build()?;
    /// # Ok::<(), session_pool::client::ClientError>(())
    /// ```
    pub fn configure<F>(mut self, configure: F) -> Self
    where
        F: Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Builds it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Invalid`]: an option breaks its rule. [`ClientError::Tls`]: the system's certificates could not be
    /// read. [`ClientError::Connect`]: reqwest does not take what [`configure`](Self::configure) did.
    pub fn build(self) -> Result<Transport, ClientError> {
        let Self { timeout, max_redirects, max_body_length, tls, configure } = self;
        if timeout.is_zero() {
            return Err(Invalid::new("timeout", "0 s", "must be longer").into());
        }
        let tls = match tls {
            Some(tls) => tls,
            None => system_tls().map_err(|source| ClientError::Tls { source })?,
        };
        let inner = Inner { tls, configure, timeout, max_redirects, max_body_length };
        let transport = Transport { inner: Arc::new(inner) };
        // To hear of what cannot be before the first request.
        transport.connect(None)?;
        Ok(transport)
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("timeout", &self.timeout)
            .field("max_redirects", &self.max_redirects)
            .field("max_body_length", &self.max_body_length)
            .finish_non_exhaustive()
    }
}

fn system_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}
