//! Bodies on their way: of requests, and of responses.

use bytes::{Bytes, BytesMut};
use reqwest::Body;

/// The body of a request.
pub(super) enum ToSend {
    Nothing,
    Bytes(Bytes),
    /// It can be sent once.
    Stream(Body),
    Gone,
}

impl ToSend {
    pub(super) fn new(body: Option<Body>) -> Self {
        match body {
            None => Self::Nothing,
            Some(body) => match body.as_bytes() {
                Some(bytes) => Self::Bytes(Bytes::copy_from_slice(bytes)),
                None => Self::Stream(body),
            },
        }
    }

    pub(super) fn take(&mut self) -> Option<Body> {
        match std::mem::replace(self, Self::Gone) {
            Self::Nothing => {
                *self = Self::Nothing;
                None
            }
            Self::Bytes(bytes) => {
                *self = Self::Bytes(bytes.clone());
                Some(bytes.into())
            }
            Self::Stream(body) => Some(body),
            Self::Gone => None,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}

/// The body of a response as it comes. One that comes in one part is not copied.
#[derive(Default)]
pub(super) struct Received {
    first: Option<Bytes>,
    all: BytesMut,
}

impl Received {
    pub(super) fn length(&self) -> usize {
        self.first.as_ref().map_or(0, Bytes::len) + self.all.len()
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if self.length() == 0 {
            self.first = Some(chunk);
            return;
        }
        if let Some(first) = self.first.take() {
            self.all.extend_from_slice(&first);
        }
        self.all.extend_from_slice(&chunk);
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.first.unwrap_or_else(|| self.all.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_the_same_in_one_part_and_in_many() {
        for parts in [&[][..], &["abc"], &["a", "", "bc"], &["", "ab", "c"], &["a", "b", "c"]] {
            let mut received = Received::default();
            for part in parts {
                received.push(Bytes::from_static(part.as_bytes()));
            }
            assert_eq!(received.length(), parts.concat().len());
            assert_eq!(received.into_bytes(), parts.concat());
        }
    }

    #[test]
    fn bytes_can_be_sent_again_and_a_stream_cannot() {
        let mut bytes = ToSend::new(Some("abc".into()));
        for _ in 0..2 {
            assert_eq!(bytes.take().unwrap().as_bytes(), Some(&b"abc"[..]));
            assert!(!bytes.is_gone());
        }
        let mut nothing = ToSend::new(None);
        assert!(nothing.take().is_none() && !nothing.is_gone());
    }
}
