//! The client of one session.

use std::fmt;

use super::error::ClientError;
use super::exchange::{Exchange, Sending};
use super::identity::Identity;
use super::response::ClientResponse;
use super::transport::Transport;
use crate::pool::Session;

/// The client of one session, whose requests lease nothing and settle nothing: for the check of a session
/// ([`PoolBuilder::check_with_async`](crate::PoolBuilder::check_with_async)), which needs one before there is a pool.
/// [`Transport::visitor`] makes one; its connections end with it.
pub struct Visitor {
    transport: Transport,
    identity: Identity,
    session: Session,
}

impl Visitor {
    pub(super) fn new(transport: Transport, session: Session) -> Result<Self, ClientError> {
        let payload = session.payload()?;
        let identity = Identity::new(&transport, payload.proxy.as_ref(), payload.fingerprint.as_ref())?;
        Ok(Self { transport, identity, session })
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn blank(&self) -> &reqwest::Client {
        &self.identity.http
    }

    pub(super) async fn send(&self, request: &mut Sending) -> Result<ClientResponse, ClientError> {
        let Self { transport, identity, session } = self;
        Exchange { transport, identity, jar: session }.whole(request).await
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Visitor").field(self.session.id()).finish()
    }
}
