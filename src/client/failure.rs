//! What an error of reqwest says.

use std::error::Error;
use std::io;

use crate::session::Failure;

/// Why there is no response. With a proxy, whatever keeps the connection from being made is the proxy's doing.
pub(super) fn classify(error: &reqwest::Error, has_proxy: bool) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    if error.is_builder() {
        return Failure::InvalidRequest;
    }
    if error.is_connect() {
        return match () {
            () if is_tls(error) => Failure::Tls,
            () if has_proxy => Failure::Proxy,
            () if error.is_dns() => Failure::NameLookup,
            () => Failure::Connect,
        };
    }
    if error.is_request() || error.is_body() || error.is_decode() { Failure::Broken } else { Failure::Other }
}

/// Whether nothing of the request had been sent when it failed.
pub(super) fn was_not_sent(failure: Failure) -> bool {
    matches!(failure, Failure::Connect | Failure::Proxy | Failure::Tls | Failure::NameLookup)
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<rustls::Error>()
            || inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
        {
            return true;
        }
        source = error.source();
    }
    false
}
