//! Connections: each session's own, as many as are wanted, closed when their session retires.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use session_pool::{SessionId, SessionOptions};

use super::{client, soon};
use crate::world::{Answer, Transport, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_uses_its_connection_again_and_no_other_session_does() {
    let world = World::new();
    let sites = [world.plain_site(&["shop.test"]), world.tls_site(&["secure.test"])];
    for site in &sites {
        site.always("/", Answer::ok(""));
    }
    let client = client(&world, |pool| pool.max_pool_size(3), |client| client);
    for site in &sites {
        world.forget_requests();
        let mut peers: BTreeMap<SocketAddr, SessionId> = BTreeMap::new();
        for _ in 0..60 {
            let session = *client.get(site.url("/")).send().await.unwrap().session();
            let peer = world.requests().pop().unwrap().peer;
            assert_eq!(*peers.entry(peer).or_insert(session), session);
        }
        // Now and then a connection comes back too late for the next request.
        assert!((3..20).contains(&site.connection_count()), "{}", site.connection_count());
    }
    assert_eq!(client.connected(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connections_of_a_retired_session_are_closed_when_its_event_is_told() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok(""));
    let client = client(&world, |pool| pool.max_pool_size(2), |client| client);
    let first = *client.get(site.url("/")).send().await.unwrap().session();
    let second = *client.get(site.url("/")).send().await.unwrap().session();
    assert_eq!((client.connected(), site.open_connection_count()), (2, 2));
    assert_ne!(first, second);
    client.pool().get(&first).unwrap().retire().unwrap();
    soon("its connections stay open", || client.connected() == 1 && site.open_connection_count() == 1).await;
    assert_eq!(*client.get(site.url("/")).session(&second).send().await.unwrap().session(), second);
    client.pool().close().unwrap();
    soon("connections outlive their pool", || site.open_connection_count() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_sessions_are_connected_than_wanted_and_whoever_comes_back_is_the_same() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.on("/", |seen| match seen.cookie("visitor") {
        Some(value) => Answer::ok(value),
        None => Answer::ok(seen.number.to_string()).set_cookie(format!("visitor={}", seen.number)),
    });
    let options = SessionOptions { max_usage_count: 10_000, ..SessionOptions::default() };
    let client = client(
        &world,
        |pool| pool.max_pool_size(20).session_options(options),
        |client| client.max_connected(4),
    );
    let mut visitors = std::collections::HashMap::new();
    for _ in 0..200 {
        let response = client.get(site.url("/")).send().await.unwrap();
        let visitor = visitors.entry(*response.session()).or_insert_with(|| response.text());
        assert_eq!(*visitor, response.text());
        assert!(client.connected() <= 4, "{}", client.connected());
    }
    assert_eq!(visitors.len(), 20);
    assert!(site.connection_count() > 20, "{}", site.connection_count());
}

#[test]
fn a_client_outlives_its_runtime_and_listens_in_the_next_one() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok(""));
    let client = client(&world, |pool| pool.max_pool_size(2), |client| client);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime().block_on(async { *client.get(site.url("/")).send().await.unwrap().session() });
    client.pool().get(&first).unwrap().retire().unwrap();
    client.pool().flush().unwrap();
    runtime().block_on(async {
        let second = *client.get(site.url("/")).send().await.unwrap().session();
        assert_ne!(first, second);
        assert_eq!(client.connected(), 1, "the first retired while nobody listened");
        client.pool().get(&second).unwrap().retire().unwrap();
        soon("nobody listens", || client.connected() == 0).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_resumes_the_sessions_own_connections_and_no_other_sessions() {
    let world = World::new();
    let site = world.site(Transport::TlsHttp1, &["secure.test"]);
    site.always("/", Answer::ok("").header("connection", "close"));
    let client = client(&world, |pool| pool.max_pool_size(3), |client| client);
    let mut known = std::collections::HashSet::new();
    for _ in 0..40 {
        let session = *client.get(site.url("/")).send().await.unwrap().session();
        let is_resumed = world.requests().pop().unwrap().is_resumed;
        assert_eq!(is_resumed, !known.insert(session), "{session} after {known:?}");
    }
    assert_eq!(known.len(), 3);
}

#[tokio::test]
async fn sessions_whose_event_was_missed_are_disconnected_with_the_next_one_that_is_heard() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok(""));
    let client = client(&world, |pool| pool.max_pool_size(3).channel_capacity(1), |client| client);
    let mut sessions = Vec::new();
    while sessions.len() < 3 {
        let session = *client.get(site.url("/")).send().await.unwrap().session();
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }
    assert_eq!(client.connected(), 3);
    // In one thread, nobody hears anything before the next await.
    for id in &sessions {
        client.pool().get(id).unwrap().retire().unwrap();
        client.pool().flush().unwrap();
    }
    assert_eq!(client.pool().stats().missed_events, 2);
    soon("the missed ones stay connected", || client.connected() == 0).await;
}
