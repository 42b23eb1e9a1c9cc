//! One connection to a site: ended at will, and with the bytes that came over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::rustls::{HandshakeKind, ServerConnection};

#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// RST: the other end is told of an error.
    Reset,
    /// FIN: the other end is told that nothing follows.
    Close,
}

/// What can be done to a connection besides what its server does.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    /// Whether its TLS went on from an earlier connection, by a ticket.
    is_resumed: AtomicBool,
    /// A second handle of the server's socket. The connection ends with the last of both.
    socket: Mutex<Option<TcpStream>>,
    ended: Notify,
}

impl Connection {
    pub(super) fn of(stream: TcpStream) -> io::Result<(TcpStream, Arc<Self>)> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let socket = Mutex::new(Some(TcpStream::from_std(stream.try_clone()?)?));
        let connection = Self { peer, is_resumed: AtomicBool::new(false), socket, ended: Notify::new() };
        Ok((TcpStream::from_std(stream)?, Arc::new(connection)))
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.is_resumed.load(Ordering::Relaxed)
    }

    pub(super) fn secured_by(&self, tls: &ServerConnection) {
        self.is_resumed.store(tls.handshake_kind() == Some(HandshakeKind::Resumed), Ordering::Relaxed);
    }

    /// Whoever serves it lets go of it when [`ended`](Self::ended) comes.
    pub(super) fn end(&self, end: End) {
        if matches!(end, End::Reset)
            && let Some(socket) = self.socket.lock().take()
        {
            let _ = socket.set_zero_linger();
        }
        self.ended.notify_one();
    }

    pub(super) async fn write_and_close(&self, bytes: &[u8]) {
        let socket = self.socket.lock().take();
        if let Some(mut socket) = socket {
            let _ = socket.write_all(bytes).await;
            *self.socket.lock() = Some(socket);
        }
        self.end(End::Close);
    }

    /// Closes it, unless it was reset, when its server has let go of it. The other end may have been sending: what nobody
    /// reads would make a reset of it.
    pub(super) async fn close(&self) {
        let socket = self.socket.lock().take();
        if let Some(mut socket) = socket {
            let _ = socket.shutdown().await;
            let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
        }
    }

    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// The bytes that were read since they were last taken.
#[derive(Clone, Default)]
pub(super) struct ReadBytes(Arc<Mutex<Vec<u8>>>);

impl ReadBytes {
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock())
    }
}

/// A stream that keeps what is read from it.
pub(super) struct Tapped<S> {
    pub(super) stream: S,
    pub(super) read: ReadBytes,
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.read.0.lock().extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
