//! Real proxies: what they let through, and where it comes from.

use reqwest::{Client, Proxy};

use super::{client, status, text};
use crate::world::{Answer, Site, Socks, Tinyproxy, World};

fn sites(world: &World) -> [Site; 2] {
    let sites = [world.plain_site(&["shop.test", "www.shop.test"]), world.tls_site(&["safe.test"])];
    for site in &sites {
        site.on("/", |seen| Answer::ok(seen.peer.ip().to_string()));
    }
    sites
}

fn through(world: &World, proxy: &str) -> Client {
    client(world, |b| b.proxy(Proxy::all(proxy).unwrap()))
}

fn assert_tinyproxy() {
    assert!(Tinyproxy::is_installed(), "install the packages tinyproxy and libnss-wrapper");
}

fn assert_socks() {
    assert!(Socks::is_installed(), "install the packages microsocks and libnss-wrapper");
}

#[tokio::test]
#[ignore = "needs tinyproxy; CI runs it"]
async fn tinyproxy_sends_from_its_own_address() {
    assert_tinyproxy();
    let world = World::new();
    let [shop, safe] = sites(&world);
    let proxies = [Tinyproxy::start(&world), Tinyproxy::start(&world)];
    assert_ne!(proxies[0].ip(), proxies[1].ip());
    for proxy in &proxies {
        let client = through(&world, &proxy.url());
        let ip = proxy.ip().to_string();
        for url in [shop.url("/"), safe.url("/"), shop.url_at("www.shop.test", "/"), shop.url_by_address("/")]
        {
            assert_eq!(text(&client, &url).await, ip, "{url}");
        }
        let (port, safe_port) = (shop.address().port(), safe.address().port());
        let asked = [
            format!("GET http://shop.test:{port}/ HTTP/1.1"),
            format!("CONNECT safe.test:{safe_port} HTTP/1.1"),
            format!("GET http://www.shop.test:{port}/ HTTP/1.1"),
            format!("GET {} HTTP/1.1", shop.url_by_address("/")),
        ];
        assert_eq!(proxy.asked(), asked);
        let address = shop.address().ip().to_string();
        assert_eq!(proxy.connected_to(), ["shop.test", "safe.test", "www.shop.test", &address]);
    }
    assert_ne!(text(&client(&world, |b| b), &shop.url("/")).await, proxies[0].ip().to_string());
    let seen = world.requests();
    assert_eq!((seen[0].header("via").is_some(), seen[1].header("via")), (true, None));
}

#[tokio::test]
#[ignore = "needs tinyproxy; CI runs it"]
async fn tinyproxy_serves_only_its_users() {
    assert_tinyproxy();
    let world = World::new();
    let [shop, safe] = sites(&world);
    let proxy = Tinyproxy::start_with(&world, &[("one", "first"), ("two", "second")]);
    for (user, password) in [("one", "first"), ("two", "second")] {
        let client = through(&world, &proxy.url_with(user, password));
        assert_eq!(text(&client, &shop.url("/")).await, proxy.ip().to_string());
        assert_eq!(text(&client, &safe.url("/")).await, proxy.ip().to_string());
    }
    assert!(world.requests().iter().all(|seen| seen.header("proxy-authorization").is_none()));
    world.forget_requests();
    let before = proxy.asked().len();
    // None at all, and a wrong one: tinyproxy has different answers.
    for (url, expected) in [(proxy.url(), 407), (proxy.url_with("one", "second"), 401)] {
        let client = through(&world, &url);
        assert_eq!(status(&client, &shop.url("/")).await, expected);
        assert!(client.get(safe.url("/")).send().await.unwrap_err().is_connect());
    }
    assert!(world.requests().is_empty());
    assert_eq!((proxy.asked().len() - before, proxy.connected_to().len()), (4, 4));
}

#[tokio::test]
#[ignore = "needs tinyproxy; CI runs it"]
async fn tinyproxy_that_is_dropped_is_gone() {
    assert_tinyproxy();
    let world = World::new();
    let [shop, _safe] = sites(&world);
    let proxy = Tinyproxy::start(&world);
    let client = through(&world, &proxy.url());
    drop(proxy);
    assert!(client.get(shop.url("/")).send().await.unwrap_err().is_connect());
}

#[tokio::test]
#[ignore = "needs microsocks; CI runs it"]
async fn socks_sends_from_its_own_address() {
    assert_socks();
    let world = World::new();
    let [shop, safe] = sites(&world);
    let proxy = Socks::start(&world);
    let client = through(&world, &proxy.url());
    for url in [shop.url("/"), safe.url("/"), shop.url_by_address("/")] {
        assert_eq!(text(&client, &url).await, proxy.ip().to_string(), "{url}");
    }
    let at = |host: &str, site: &Site| format!("{host}:{}", site.address().port());
    let address = shop.address().to_string();
    assert_eq!(proxy.connected_to(), [at("shop.test", &shop), at("safe.test", &safe), address]);
}

#[tokio::test]
#[ignore = "needs microsocks; CI runs it"]
async fn socks_serves_only_its_user() {
    assert_socks();
    let world = World::new();
    let [shop, safe] = sites(&world);
    let proxy = Socks::start_with(&world, Some(("one", "first")));
    let client = through(&world, &proxy.url_with("one", "first"));
    assert_eq!(text(&client, &shop.url("/")).await, proxy.ip().to_string());
    for url in [proxy.url(), proxy.url_with("one", "second")] {
        let client = through(&world, &url);
        assert!(client.get(shop.url("/")).send().await.unwrap_err().is_connect());
        assert!(client.get(safe.url("/")).send().await.unwrap_err().is_connect());
    }
    assert_eq!((world.requests().len(), proxy.connected_to().len()), (1, 1));
}
