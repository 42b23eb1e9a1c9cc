//! Proxies: every request of a session leaves through its own, or not at all.

use std::collections::HashMap;

use session_pool::{Failure, Fingerprints, Proxies, SessionId, SessionOptions, SessionPool};

use session_pool::client::SessionClient;

use super::{client, failed, transport};
use crate::world::{Answer, Socks, Tinyproxy, World};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy, microsocks and libnss-wrapper; CI runs it"]
async fn every_request_of_a_session_leaves_through_its_own_proxy_across_restarts() {
    let world = World::new();
    let plain = world.plain_site(&["shop.test"]);
    let secure = world.tls_site(&["shop.test"]);
    for site in [&plain, &secure] {
        site.on("/", |seen| match seen.cookie("visitor") {
            Some(value) => Answer::ok(value),
            None => Answer::ok("").set_cookie(format!("visitor={}; Path=/", seen.number)),
        });
    }
    let open = Tinyproxy::start(&world);
    let locked = Tinyproxy::start_with(&world, &[("crawler", "topsecret")]);
    let socks = Socks::start(&world);
    let locked_socks = Socks::start_with(&world, Some(("crawler", "topsecret")));
    let exits = [
        (open.url(), open.ip()),
        (locked.url_with("crawler", "topsecret"), locked.ip()),
        (socks.url(), socks.ip()),
        (locked_socks.url_with("crawler", "topsecret"), locked_socks.ip()),
    ];
    let exits: HashMap<String, _> = exits.into_iter().collect();
    let directory = tempfile::tempdir().unwrap();
    let transport = transport(&world).build().unwrap();
    let mut cookies: HashMap<SessionId, String> = HashMap::new();
    for run in 0..3 {
        let options = SessionOptions { max_usage_count: 1000, ..SessionOptions::default() };
        let pool = SessionPool::builder()
            .max_pool_size(8)
            .session_options(options)
            .proxies(Proxies::round_robin(exits.keys().map(String::as_str)).unwrap())
            .fingerprints(Fingerprints::built_in())
            .open(directory.path())
            .unwrap();
        assert_eq!(pool.open_report().restored, if run == 0 { 0 } else { 8 });
        let client = SessionClient::builder(pool).transport(transport.clone()).build().unwrap();
        for n in 0..64 {
            let site = if n % 2 == 0 { &secure } else { &plain };
            world.forget_requests();
            let response = client.get(site.url("/")).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let seen = world.requests();
            let [seen] = &seen[..] else { panic!("{seen:#?}") };
            let session = client.pool().get(response.session()).unwrap();
            let proxy = session.proxy().unwrap().unwrap();
            assert_eq!(seen.peer.ip(), exits[proxy.url()], "{proxy}");
            let fingerprint = session.fingerprint().unwrap().unwrap();
            let agent = fingerprint.headers.iter().find(|(name, _)| name == "user-agent").unwrap();
            assert_eq!(seen.header("user-agent"), Some(&*agent.1));
            if let Some(cookie) = seen.cookie("visitor") {
                let before = cookies.entry(*response.session()).or_insert_with(|| cookie.to_owned());
                assert_eq!(before, cookie);
            }
        }
        client.pool().close().unwrap();
    }
    assert_eq!(cookies.len(), 8);
    for (log, through) in [
        (open.connected_to(), "tinyproxy"),
        (locked.connected_to(), "tinyproxy with a password"),
        (socks.connected_to(), "microsocks"),
        (locked_socks.connected_to(), "microsocks with a password"),
    ] {
        assert!(
            !log.is_empty() && log.iter().all(|host| host.starts_with("shop.test")),
            "{through}: {log:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_gone_is_a_failure_and_never_a_request_without_one() {
    let world = World::new();
    let sites = [world.plain_site(&["shop.test"]), world.tls_site(&["secure.test"])];
    for site in &sites {
        site.always("/", Answer::ok(""));
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "socks5", "socks5h"] {
        let proxies = Proxies::round_robin([format!("{scheme}://{gone}")]).unwrap();
        let client = client(&world, |pool| pool.proxies(proxies), |client| client.max_retries(1));
        for site in &sites {
            let error = failed(client.post(site.url("/")).send().await.unwrap_err());
            assert_eq!(error.failure(), Failure::Proxy, "{scheme}: {error:?}");
            assert_eq!(error.visit().unwrap().attempts, 2, "nothing was sent, so that it can be tried again");
        }
    }
    assert!(world.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy and libnss-wrapper; CI runs it"]
async fn a_proxy_that_refuses_the_password_is_a_failure_of_the_proxy_in_tls() {
    let world = World::new();
    let site = world.tls_site(&["shop.test"]);
    site.always("/", Answer::ok(""));
    let locked = Tinyproxy::start_with(&world, &[("crawler", "topsecret")]);
    for url in [locked.url(), locked.url_with("crawler", "wrong")] {
        let proxies = Proxies::round_robin([url]).unwrap();
        let client = client(&world, |pool| pool.proxies(proxies), |client| client.max_retries(0));
        let error = failed(client.get(site.url("/")).send().await.unwrap_err());
        assert_eq!(error.failure(), Failure::Proxy, "{error:?}");
        assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    }
    assert!(world.requests().is_empty());
}
