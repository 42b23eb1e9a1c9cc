//! What the sites were asked.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct SeenRequest {
    /// Counts the requests to all sites of the world, from 0.
    pub(crate) number: u64,
    pub(crate) site: String,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    pub(crate) version: http::Version,
    pub(crate) method: String,
    /// The header `Host`, in HTTP/2 `:authority`.
    pub(crate) authority: String,
    pub(crate) path_and_query: String,
    /// In the order in which they came, and in HTTP/1 with the names as they were written. HTTP/2 has lower case only, and
    /// there headers of one name stand together, where the first was.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The other end of the connection. Requests of one connection have the same.
    pub(crate) peer: SocketAddr,
    /// Whether the TLS of its connection went on from an earlier one: the site knows who comes back.
    pub(crate) is_resumed: bool,
}

impl SeenRequest {
    pub(crate) fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |other: &str| other.eq_ignore_ascii_case(name);
        self.headers.iter().filter(move |(other, _)| same(other)).map(|(_, value)| value.as_str())
    }

    /// The value of a header that came at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.header_values(name);
        let value = values.next();
        assert!(values.next().is_none(), "more than one {name}: {self:#?}");
        value
    }

    /// All cookies, in order. HTTP/2 may send each in a header of its own.
    pub(crate) fn cookies(&self) -> Vec<(&str, &str)> {
        let pairs = self.header_values("cookie").flat_map(|header| header.split("; "));
        pairs.filter_map(|pair| pair.split_once('=')).collect()
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// The requests to all sites of a world.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Numbered>>);

#[derive(Default)]
struct Numbered {
    next: u64,
    seen: Vec<SeenRequest>,
}

impl Log {
    /// Writes it down, and gives it its number.
    pub(super) fn add(&self, seen: &mut SeenRequest) {
        let mut log = self.0.lock();
        seen.number = log.next;
        log.next += 1;
        log.seen.push(seen.clone());
    }

    pub(super) fn all(&self) -> Vec<SeenRequest> {
        self.0.lock().seen.clone()
    }

    pub(super) fn clear(&self) {
        self.0.lock().seen.clear();
    }
}
