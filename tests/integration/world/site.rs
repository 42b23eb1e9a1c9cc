//! A web site: a server that answers as it is told and writes down what it is asked.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Body};
use super::connection::{Connection, End, ReadBytes, Tapped};
use super::seen::{Log, SeenRequest};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `http`: HTTP/1.1, and HTTP/2 for clients that begin with it.
    Plain,
    /// `https`: HTTP/2 or HTTP/1.1, as the client wants.
    Tls,
    /// `https`: HTTP/1.1 only.
    TlsHttp1,
}

type Handler = dyn Fn(&SeenRequest) -> Answer + Send + Sync;

/// Serves until its world is dropped, also when this handle is.
pub(crate) struct Site {
    address: SocketAddr,
    state: Arc<SiteState>,
}

struct SiteState {
    hosts: Vec<String>,
    scheme: &'static str,
    handlers: Mutex<HashMap<String, Arc<Handler>>>,
    connections: Mutex<Vec<Weak<Connection>>>,
    log: Log,
}

impl Site {
    pub(super) fn start(listener: TcpListener, tls: Option<TlsAcceptor>, hosts: &[&str], log: Log) -> Self {
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let state = Arc::new(SiteState {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            scheme: if tls.is_some() { "https" } else { "http" },
            handlers: Mutex::default(),
            connections: Mutex::default(),
            log,
        });
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                // One that ended before it was accepted.
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(Arc::clone(&served).serve(stream, tls.clone()));
            }
        });
        Self { address, state }
    }

    /// Answers requests to that path, whatever the query, from now on. Paths without a handler are not found (404).
    pub(crate) fn on(
        &self,
        path: &str,
        handler: impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static,
    ) -> &Self {
        assert!(path.starts_with('/') && !path.contains('?'), "{path} is no path");
        self.state.handlers.lock().insert(path.to_owned(), Arc::new(handler));
        self
    }

    /// The same answer to everyone.
    pub(crate) fn always(&self, path: &str, answer: Answer) -> &Self {
        self.on(path, move |_| answer.clone())
    }

    /// The first of its hosts.
    pub(crate) fn name(&self) -> &str {
        &self.state.hosts[0]
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL with its name and port.
    pub(crate) fn url(&self, path: &str) -> String {
        self.url_at(self.name(), path)
    }

    /// A URL with another of its hosts, and its port.
    pub(crate) fn url_at(&self, host: &str, path: &str) -> String {
        assert!(self.state.hosts.iter().any(|known| known == host), "{host} is another site");
        format!("{}://{host}:{}{path}", self.state.scheme, self.address.port())
    }

    /// A URL that needs no name lookup.
    pub(crate) fn url_by_address(&self, path: &str) -> String {
        format!("{}://{}{path}", self.state.scheme, self.address)
    }

    /// How many connections were made to it, by whomever.
    pub(crate) fn connection_count(&self) -> usize {
        self.state.connections.lock().len()
    }

    /// How many of them are open.
    pub(crate) fn open_connection_count(&self) -> usize {
        self.state.connections.lock().iter().filter(|connection| connection.strong_count() > 0).count()
    }

    /// Closes every connection, as servers do with those that are idle.
    pub(crate) fn close_connections(&self) {
        self.end_connections(End::Close);
    }

    /// Resets every connection (RST).
    pub(crate) fn reset_connections(&self) {
        self.end_connections(End::Reset);
    }

    fn end_connections(&self, end: End) {
        for connection in self.state.connections.lock().iter().filter_map(Weak::upgrade) {
            connection.end(end);
        }
    }
}

impl SiteState {
    async fn serve(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // One that ended before it was served.
        let Ok((stream, connection)) = Connection::of(stream) else { return };
        self.connections.lock().push(Arc::downgrade(&connection));
        let Some(tls) = tls else { return self.serve_http(stream, connection).await };
        // Clients that do not trust the certificate give up here.
        if let Ok(stream) = tls.accept(stream).await {
            connection.secured_by(stream.get_ref().1);
            self.serve_http(stream, connection).await;
        }
    }

    async fn serve_http(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        connection: Arc<Connection>,
    ) {
        let read = ReadBytes::default();
        let stream = TokioIo::new(Tapped { stream, read: read.clone() });
        let service =
            service_fn(|request| Arc::clone(&self).answer(request, Arc::clone(&connection), read.clone()));
        let server = auto::Builder::new(TokioExecutor::new());
        // What was answered before the end is on its way before it: the server comes first each time.
        tokio::select! {
            biased;
            _ = server.serve_connection(stream, service) => {}
            () = connection.ended() => {}
        }
        connection.close().await;
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<Connection>,
        read: ReadBytes,
    ) -> Result<Response<Body>, hyper::Error> {
        let head = read.take();
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        // What follows is the head of the next request: clients wait for the answer before they send it.
        read.take();
        let headers = if parts.version < http::Version::HTTP_2 {
            written_headers(&head)
        } else {
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
        };
        let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        let mut seen = SeenRequest {
            number: 0,
            site: self.hosts[0].clone(),
            scheme: self.scheme,
            version: parts.version,
            method: parts.method.to_string(),
            authority: authority.or(host.map(|(_, value)| value.as_str())).unwrap_or_default().to_owned(),
            path_and_query: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers,
            body,
            peer: connection.peer,
            is_resumed: connection.is_resumed(),
        };
        self.log.add(&mut seen);
        let handler = self.handlers.lock().get(seen.path()).cloned();
        let answer = handler.map_or_else(|| Answer::status(404), |handler| handler(&seen));
        Ok(answer.send(&connection).await)
    }
}

/// The headers of HTTP/1 as they were written: the server itself keeps neither their order nor the case of their names.
fn written_headers(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    let lines = head.split("\r\n").skip(1).take_while(|line| !line.is_empty());
    let headers = lines.filter_map(|line| line.split_once(':'));
    headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
