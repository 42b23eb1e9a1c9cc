//! What is no response, and what it costs the session.

use std::time::Duration;

use session_pool::client::ClientError;
use session_pool::{ErrorScore, Failure, Verdict};

use super::{client, failed, plain_client, record, transport};
use crate::world::{Answer, World};

const SLOW: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_name_and_its_price() {
    let world = World::new();
    let plain = world.plain_site(&["shop.test"]);
    let secure = world.tls_site(&["shop.test"]);
    let body = "x".repeat(100_000);
    for site in [&plain, &secure] {
        site.always("/reset", Answer::reset_before_head());
        site.always("/reset-body", Answer::ok(body.as_str()).reset_in_body(20_000));
        site.always("/truncated", Answer::ok(body.as_str()).truncated(20_000));
        site.always("/garbage", Answer::garbage("this is no HTTP\r\n\r\n"));
        site.always("/slow-head", Answer::ok("").slow_head(SLOW));
        site.always("/slow-body", Answer::ok("").slow_body("x", SLOW, 3));
        site.always("/long", Answer::ok("x".repeat(2 << 20)));
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = transport(&world).max_body_length(1 << 20).build().unwrap();
    let all = [
        ("/reset", Failure::Broken),
        ("/reset-body", Failure::Broken),
        ("/truncated", Failure::Broken),
        ("/garbage", Failure::Broken),
        ("/slow-head", Failure::TimedOut),
        ("/slow-body", Failure::TimedOut),
        ("/long", Failure::TooLong),
    ];
    let mut cases: Vec<(String, Failure)> = Vec::new();
    for site in [&plain, &secure] {
        cases.extend(all.iter().map(|(path, failure)| (site.url(path), *failure)));
    }
    cases.push((format!("http://{nobody}/"), Failure::Connect));
    cases.push((format!("https://{}/", plain.address()), Failure::Tls));
    cases.push(("http://nobody.invalid/".to_owned(), Failure::NameLookup));
    for (url, failure) in cases {
        let client = client(
            &world,
            |pool| pool.max_pool_size(1),
            |client| client.max_retries(0).transport(transport.clone()),
        );
        let error = client.get(&url).timeout(Duration::from_millis(500)).send().await.unwrap_err();
        let error = failed(error);
        assert_eq!(error.failure(), failure, "{url}: {error:?}");
        let visit = error.visit().unwrap();
        let is_neutral = matches!(failure, Failure::TooLong | Failure::NameLookup);
        assert_eq!(visit.verdict, if is_neutral { Verdict::Neutral } else { Verdict::Failed }, "{url}");
        let record = record(&client, &visit.session);
        let score = ErrorScore::from_thousandths(if is_neutral { 0 } else { 1000 });
        assert_eq!((record.usage_count, record.error_score), (1, score), "{url}");
        assert_eq!(client.pool().stats().leased, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (world, other) = (World::new(), World::new());
    let site = other.tls_site(&["shop.test"]);
    let client = plain_client(&world);
    let error = failed(client.get(site.url_by_address("/")).send().await.unwrap_err());
    assert_eq!(error.failure(), Failure::Tls, "{error:?}");
    assert!(other.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_a_request_that_is_dropped_is_a_fail_and_leaves_its_session_free() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/slow", Answer::ok("").slow_head(SLOW));
    let client = plain_client(&world);
    let sent = tokio::time::timeout(Duration::from_millis(300), client.get(site.url("/slow")).send()).await;
    assert!(sent.is_err() && world.requests().len() == 1);
    let stats = client.pool().stats();
    assert_eq!((stats.leased, stats.failed, stats.available), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_uses_no_session() {
    let world = World::new();
    let client = plain_client(&world);
    let requests = [
        client.get("no url"),
        client.get("ftp://shop.test/"),
        client.get("http://shop.test/").header("cookie", "a=1"),
        client.get("http://shop.test/").header("bad name", "x"),
    ];
    for request in requests {
        let error = request.send().await.unwrap_err();
        assert!(matches!(error, ClientError::Request { .. } | ClientError::Invalid(_)), "{error:?}");
    }
    assert_eq!(client.pool().stats().created, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_where_and_as_whom_and_keeps_secrets() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/page", Answer::reset_before_head());
    let client = plain_client(&world);
    let error = client.get(site.url("/page?token=topsecret")).send().await.unwrap_err();
    let id = *client.pool().iter().next().unwrap().id();
    assert_eq!(error.to_string(), format!("no response from shop.test/page, as session {id}"));
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        assert!(!error.to_string().contains("topsecret"), "{error}");
        source = error.source();
    }
}
