//! The client against real servers and proxies: what they saw is what counts.

mod connections;
mod failures;
mod identity;
mod proxies;
mod redirects;
mod replies;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use session_pool::client::rustls::pki_types::CertificateDer;
use session_pool::client::rustls::pki_types::pem::PemObject;
use session_pool::client::rustls::{self, ClientConfig, RootCertStore};
use session_pool::client::{
    ClientError, FailedRequest, SessionClient, SessionClientBuilder, Transport, TransportBuilder,
};
use session_pool::{PoolBuilder, SessionId, SessionOptions, SessionPool, SessionRecord};

use crate::world::World;

/// How requests reach the sites of a world: by its names, trusting its certificates.
pub(crate) fn transport(world: &World) -> TransportBuilder {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(world.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let addresses: Vec<_> = world.addresses().collect();
    Transport::builder().tls_config(tls).configure(move |mut client| {
        for (host, address) in &addresses {
            client = client.resolve(host, *address);
        }
        client
    })
}

/// A client of a pool in memory, whose sessions are used by one request at a time.
pub(crate) fn client(
    world: &World,
    pool: impl FnOnce(PoolBuilder) -> PoolBuilder,
    client: impl FnOnce(SessionClientBuilder) -> SessionClientBuilder,
) -> SessionClient {
    let options = SessionOptions { max_concurrent_uses: Some(1), ..SessionOptions::default() };
    let pool = pool(SessionPool::builder().session_options(options)).open_in_memory().unwrap();
    let transport = transport(world).timeout(Duration::from_secs(20)).build().unwrap();
    client(SessionClient::builder(pool).transport(transport)).build().unwrap()
}

/// A client that tries everything once, with one session.
pub(crate) fn plain_client(world: &World) -> SessionClient {
    client(world, |pool| pool.max_pool_size(1), |client| client.max_retries(0))
}

pub(crate) fn record(client: &SessionClient, id: &SessionId) -> SessionRecord {
    client.pool().get(id).unwrap().record()
}

pub(crate) fn failed(error: ClientError) -> FailedRequest {
    match error {
        ClientError::Failed(failed) => *failed,
        error => panic!("{error:?}"),
    }
}

/// Waits for something that happens soon.
pub(crate) async fn soon(what: &str, mut happens: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if happens() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}
