//! What sites answer and what they write down.

use std::time::Duration;

use http::Version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{client, client_that_trusts, status, text};
use crate::world::{Answer, Transport, World};

#[tokio::test]
async fn a_request_is_written_down_as_it_came() {
    let world = World::new();
    let shop = world.plain_site(&["shop.test", "www.shop.test"]);
    shop.on("/cart", |seen| Answer::status(201).header("x-seen", seen.number.to_string()).body("done"));
    // By hand, so that nothing sorts the headers.
    let mut stream = TcpStream::connect(shop.address()).await.unwrap();
    let request = "POST /cart?a=1&b HTTP/1.1\r\nX-b: 2\r\nHost: www.shop.test\r\nx-A: 1\r\nCookie: k=v; l=w=x\r\n\
                   X-B:3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    // In pieces, so that the body comes after the head, and twice on one connection.
    for _ in 0..2 {
        for piece in request.as_bytes().chunks(10) {
            stream.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"done") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 201 Created\r\nx-seen: "));
    }
    let requests = world.requests();
    assert_eq!(requests.len(), 2);
    for (seen, number) in requests.iter().zip(0..) {
        assert_eq!((seen.number, seen.site.as_str(), seen.scheme), (number, "shop.test", "http"));
        assert_eq!((seen.version, seen.method.as_str()), (Version::HTTP_11, "POST"));
        assert_eq!((seen.authority.as_str(), seen.path_and_query.as_str()), ("www.shop.test", "/cart?a=1&b"));
        assert_eq!((seen.path(), seen.body.as_slice()), ("/cart", b"abcde".as_slice()));
        assert_eq!(seen.peer, stream.local_addr().unwrap());
        let names = ["X-b", "Host", "x-A", "Cookie", "X-B", "Transfer-Encoding"];
        assert_eq!(seen.header_names(), names);
        assert_eq!(seen.header_values("x-b").collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!((seen.header("x-a"), seen.header("x-c")), (Some("1"), None));
        assert_eq!(seen.cookies(), [("k", "v"), ("l", "w=x")]);
        assert_eq!((seen.cookie("k"), seen.cookie("m")), (Some("v"), None));
    }
    assert_eq!(shop.connection_count(), 1);
}

#[tokio::test]
async fn sites_share_one_log_and_have_addresses_of_their_own() {
    let world = World::new();
    let (shop, other) =
        (world.plain_site(&["shop.test", "www.shop.test"]), world.plain_site(&["other.test"]));
    let safe = world.tls_site(&["shop.test"]);
    assert_eq!(shop.address().ip(), safe.address().ip());
    assert_ne!(shop.address().port(), safe.address().port());
    if cfg!(target_os = "linux") {
        assert_ne!(shop.address().ip(), other.address().ip());
    }
    for site in [&shop, &other, &safe] {
        site.always("/", Answer::ok("hello"));
    }
    let client = client(&world, |b| b);
    let urls = [shop.url_at("www.shop.test", "/"), other.url("/"), safe.url("/"), safe.url_by_address("/")];
    for url in &urls {
        assert_eq!(text(&client, url).await, "hello");
    }
    // Without a port it is the first site of the host.
    assert_eq!(text(&client, "http://shop.test/?").await, "hello");
    assert_eq!(status(&client, &shop.url("/nowhere")).await, 404);
    let sites: Vec<_> =
        world.requests().iter().map(|seen| format!("{}://{}", seen.scheme, seen.site)).collect();
    let expected = ["http://shop.test", "http://other.test", "https://shop.test", "https://shop.test"];
    let expected = [&expected[..], &["http://shop.test"; 2]].concat();
    assert_eq!(sites, expected);
    assert_eq!(world.requests_to("other.test").len(), 1);
    assert_eq!(world.requests_with("host", "shop.test").len(), 1);
    world.forget_requests();
    assert!(world.requests().is_empty());
    assert_eq!(text(&client, &shop.url("/")).await, "hello");
    assert_eq!(world.requests()[0].number, 6);
}

#[tokio::test]
async fn tls_is_spoken_with_the_authority_of_the_world_over_both_versions_of_http() {
    let world = World::new();
    let both = world.tls_site(&["both.test"]);
    let old = world.site(Transport::TlsHttp1, &["old.test"]);
    for site in [&both, &old] {
        site.always("/", Answer::ok("hello"));
    }
    let (new, only_1) = (client(&world, |b| b), client(&world, reqwest::ClientBuilder::http1_only));
    for (client, url) in [(&new, both.url("/")), (&only_1, both.url("/")), (&new, old.url("/"))] {
        let request = client.get(url).header("x-z", "1").header("x-a", "2").header("x-m", "3");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "hello");
    }
    let requests = world.requests();
    let versions: Vec<Version> = requests.iter().map(|seen| seen.version).collect();
    assert_eq!(versions, [Version::HTTP_2, Version::HTTP_11, Version::HTTP_11]);
    for seen in &requests {
        let names = seen.header_names();
        let own: Vec<&str> = names.into_iter().filter(|name| name.starts_with("x-")).collect();
        assert_eq!(own, ["x-z", "x-a", "x-m"]);
        let port = if seen.site == "old.test" { &old } else { &both }.address().port();
        assert_eq!(seen.authority, format!("{}:{port}", seen.site));
        assert_eq!(seen.scheme, "https");
    }
    // Who trusts the authority of another world only does not trust this one.
    let stranger = client_that_trusts(&World::new(), &world, |b| b);
    assert!(stranger.get(both.url("/")).send().await.unwrap_err().is_connect());
    assert_eq!((world.requests().len(), both.connection_count()), (3, 3));
}

#[tokio::test]
async fn a_redirect_leads_to_another_site_and_cookies_are_set() {
    let world = World::new();
    let (shop, other) = (world.plain_site(&["shop.test"]), world.tls_site(&["other.test"]));
    let target = other.url("/b?c=d");
    shop.on("/a", move |_| Answer::redirect(302, &target).set_cookie("a=1").set_cookie("b=2; Path=/"));
    other.always("/b", Answer::ok("arrived"));
    assert_eq!(text(&client(&world, |b| b), &shop.url("/a")).await, "arrived");
    assert_eq!(world.requests()[1].path_and_query, "/b?c=d");
    let stays = client(&world, |b| b.redirect(reqwest::redirect::Policy::none()));
    let response = stays.get(shop.url("/a")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 302);
    assert_eq!(response.headers()["location"], other.url("/b?c=d"));
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
}
