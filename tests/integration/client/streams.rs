//! Bodies that come in parts, and the lease that lasts as long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use session_pool::{Failure, StatusRules, Verdict};

use super::{client, failed, plain_client};
use crate::world::{Answer, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_lasts_until_the_end_of_the_body() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok("").slow_body("part", Duration::from_millis(20), 5).set_cookie("a=1"));
    let client = plain_client(&world);
    let mut response = client.get(site.url("/")).stream().await.unwrap();
    assert_eq!((response.status().as_u16(), response.verdict()), (200, Verdict::Ok));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        assert_eq!(client.pool().stats().leased, 1);
        body.extend_from_slice(&chunk);
    }
    assert_eq!(body, b"part".repeat(5));
    let stats = client.pool().stats();
    assert_eq!((stats.leased, stats.reclaimed), (0, 1));
    assert!(response.chunk().await.unwrap().is_none(), "it stays at its end");
    drop(response);
    assert_eq!(client.pool().stats().reclaimed, 1, "R-5: one use");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_to_want_all_of_a_body_says_nothing_against_the_session() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    let client = plain_client(&world);
    for (status, expected) in [(200, (1, 0)), (500, (1, 1))] {
        site.always("/", Answer::status(status).slow_body("part", Duration::from_secs(30), 5));
        let mut response = client.get(site.url("/")).stream().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "part");
        drop(response);
        let stats = client.pool().stats();
        assert_eq!((stats.leased, (stats.reclaimed, stats.failed)), (0, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_a_failure() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    let body = "x".repeat(100_000);
    site.always("/reset", Answer::ok(body.as_str()).reset_in_body(20_000));
    site.always("/slow", Answer::ok("").slow_body("part", Duration::from_secs(30), 2));
    let client = plain_client(&world);
    for (path, failure) in [("/reset", Failure::Broken), ("/slow", Failure::TimedOut)] {
        let request = client.get(site.url(path)).timeout(Duration::from_millis(500));
        let mut response = request.stream().await.unwrap();
        let error = loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended"),
                Err(error) => break failed(error),
            }
        };
        assert_eq!((error.failure(), error.visit().unwrap().verdict), (failure, Verdict::Failed));
        assert!(response.chunk().await.unwrap().is_none());
    }
    let stats = client.pool().stats();
    assert_eq!((stats.leased, stats.failed, stats.reclaimed), (0, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_tried_again_before_anything_is_streamed() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    let banned = std::sync::atomic::AtomicBool::new(true);
    site.on("/", move |_| {
        let is_banned = banned.swap(false, std::sync::atomic::Ordering::Relaxed);
        if is_banned { Answer::status(403) } else { Answer::ok("welcome") }
    });
    let client = client(&world, |pool| pool.max_pool_size(2), |client| client);
    let mut response = client.get(site.url("/")).stream().await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (200, 2));
    assert_eq!(response.chunk().await.unwrap().unwrap(), "welcome");
    assert!(response.chunk().await.unwrap().is_none());
    assert_eq!(client.pool().stats().retired.retired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_is_streamed_where_there_is_no_session_for_another_try() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::status(429).header("retry-after", "3600").body("slow down"));
    let soon = Duration::from_millis(50);
    let client = client(&world, |pool| pool.max_pool_size(1), |client| client.acquire_timeout(soon));
    let mut response = client.get(site.url("/")).stream().await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (429, 1));
    assert_eq!(
        (client.pool().stats().leased, client.pool().stats().resting),
        (0, 1),
        "it is settled already"
    );
    assert_eq!(response.chunk().await.unwrap().unwrap(), "slow down");
    assert!(response.chunk().await.unwrap().is_none());
    drop(response);
    assert_eq!(client.pool().stats().rested, 1, "R-5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_asked_once_about_a_response_that_is_streamed() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::status(429).body("slow down"));
    let asked = Arc::new(AtomicU32::new(0));
    let asks = Arc::clone(&asked);
    let short = StatusRules { default_rest: Duration::from_secs(5), ..StatusRules::default() };
    let client = client(
        &world,
        |pool| {
            pool.status_rules_for("shop.test", short).response_policy(move |reply, rules| {
                // Whoever is asked again says something else.
                match asks.fetch_add(1, Ordering::Relaxed) % 2 {
                    0 => rules.verdict(reply),
                    _ => Verdict::Blocked,
                }
            })
        },
        |client| client.max_retries(0),
    );
    for dropped in [false, true] {
        let mut response = client.get(site.url("/")).stream().await.unwrap();
        let id = *response.session();
        assert!(matches!(response.verdict(), Verdict::RateLimited { .. }));
        while !dropped && response.chunk().await.unwrap().is_some() {}
        drop(response);
        let record = client.pool().get(&id).unwrap().record();
        let rest = record.resting_until.unwrap().to_datetime() - client.pool().now();
        assert!((1..=5).contains(&rest.num_seconds()), "as the rules of its host say: {rest}");
        assert_eq!((asked.swap(0, Ordering::Relaxed), client.pool().stats().retired.retired), (1, 0));
    }
}
