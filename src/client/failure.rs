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

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    // The source of such an error is that of what is in it.
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match within {
        Some(within) => is_tls(within),
        None => error.source().is_some_and(is_tls),
    }
}
