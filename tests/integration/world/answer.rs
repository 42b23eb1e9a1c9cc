//! What a site answers, and how it fails to.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;

use super::connection::{Connection, End};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    head_after: Duration,
    course: Course,
}

#[derive(Debug, Clone)]
enum Course {
    Whole,
    Slow {
        interval: Duration,
        count: usize,
    },
    /// Of the body only so many bytes, although the head announces all.
    CutInBody {
        after_bytes: usize,
        end: End,
    },
    ResetBeforeHead,
    Garbage,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            head_after: Duration::ZERO,
            course: Course::Whole,
        }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).body(body)
    }

    pub(crate) fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::status(status).header("location", location)
    }

    /// Resets the connection (RST) instead of an answer; in HTTP/2 with all streams of it.
    pub(crate) fn reset_before_head() -> Self {
        Self { course: Course::ResetBeforeHead, ..Self::status(200) }
    }

    /// Writes these bytes to the socket, below TLS too, and closes it.
    pub(crate) fn garbage(bytes: impl Into<Vec<u8>>) -> Self {
        Self { course: Course::Garbage, ..Self::ok(bytes) }
    }

    pub(crate) fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// One more `Set-Cookie`.
    pub(crate) fn set_cookie(self, cookie: impl Into<String>) -> Self {
        self.header("set-cookie", cookie)
    }

    /// Sends nothing before that time has passed.
    pub(crate) fn slow_head(self, head_after: Duration) -> Self {
        Self { head_after, ..self }
    }

    /// A body of so many of these chunks: the first at once with the head, the next ones after that time each.
    pub(crate) fn slow_body(self, chunk: impl Into<Vec<u8>>, interval: Duration, count: usize) -> Self {
        Self { course: Course::Slow { interval, count }, ..self.body(chunk) }
    }

    /// Announces the whole body, sends so many bytes of it and resets the connection (RST). A client of HTTP/1 can
    /// read these bytes; one of HTTP/2 may be told of the reset first, as it writes.
    pub(crate) fn reset_in_body(self, after_bytes: usize) -> Self {
        Self { course: Course::CutInBody { after_bytes, end: End::Reset }, ..self }
    }

    /// Announces the whole body, sends so many bytes of it and closes the connection.
    pub(crate) fn truncated(self, after_bytes: usize) -> Self {
        Self { course: Course::CutInBody { after_bytes, end: End::Close }, ..self }
    }

    pub(super) async fn send(self, connection: &Arc<Connection>) -> Response<Body> {
        tokio::time::sleep(self.head_after).await;
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value.as_bytes());
        }
        let body = match self.course {
            Course::Whole => Full::new(self.body.into()).boxed_unsync(),
            Course::Slow { interval, count } => streamed(chunks(self.body.into(), interval, count)),
            Course::CutInBody { after_bytes, end } => {
                assert!(after_bytes < self.body.len(), "nothing is left to be cut off");
                response = response.header("content-length", self.body.len());
                let part = Bytes::from(self.body).slice(..after_bytes);
                streamed(cut(part, Arc::clone(connection), end))
            }
            Course::ResetBeforeHead => {
                connection.end(End::Reset);
                pending().await
            }
            Course::Garbage => {
                connection.write_and_close(&self.body).await;
                pending().await
            }
        };
        response.body(body).unwrap()
    }
}

type Part = Result<Frame<Bytes>, Infallible>;

fn streamed(parts: impl Stream<Item = Part> + Send + 'static) -> Body {
    StreamBody::new(parts).boxed_unsync()
}

fn chunks(chunk: Bytes, interval: Duration, count: usize) -> impl Stream<Item = Part> + Send {
    stream::iter(0..count).then(move |n| {
        let chunk = chunk.clone();
        async move {
            if n > 0 {
                tokio::time::sleep(interval).await;
            }
            Ok(Frame::data(chunk))
        }
    })
}

/// The server asks for what follows the part once it has taken the part, and it is that request which ends the connection.
fn cut(part: Bytes, connection: Arc<Connection>, end: End) -> impl Stream<Item = Part> + Send {
    stream::once(ready(Ok(Frame::data(part)))).chain(stream::once(async move {
        connection.end(end);
        pending().await
    }))
}
