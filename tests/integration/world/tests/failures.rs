//! How sites fail, and how long they take.

use std::time::{Duration, Instant};

use reqwest::ClientBuilder;

use super::{client, text};
use crate::world::{Answer, Site, World};

/// Whether the socket said so. Only `Debug` tells it of every error: those of HTTP/2 have no `source()`.
fn is_reset(error: &reqwest::Error) -> bool {
    format!("{error:?}").contains("ConnectionReset")
}

/// The same site over HTTP/1.1 plain, over HTTP/1.1 in TLS, and over HTTP/2; each with a client for it.
fn three_ways(world: &World) -> [(Site, reqwest::Client); 3] {
    let sites = [world.plain_site(&["a.test"]), world.tls_site(&["b.test"]), world.tls_site(&["c.test"])];
    let [plain, tls, h2] = sites;
    let http1 = || client(world, ClientBuilder::http1_only);
    [(plain, http1()), (tls, http1()), (h2, client(world, |b| b))]
}

#[tokio::test]
async fn a_reset_before_the_head_is_an_error_of_the_socket() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        site.always("/", Answer::reset_before_head());
        let error = client.get(site.url("/")).send().await.unwrap_err();
        assert!(is_reset(&error), "{}: {error:?}", site.name());
        assert_eq!(world.requests_to(site.name()).len(), 1, "{}: it was read", site.name());
    }
}

#[tokio::test]
async fn a_reset_in_the_body_comes_after_what_was_sent_before_it() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        for (size, after) in [(2, 1), (100_000, 10_000), (10, 0)] {
            site.always("/", Answer::ok(vec![b'x'; size]).header("x-a", "1").reset_in_body(after));
            let mut response = client.get(site.url("/")).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 200);
            assert_eq!(response.headers()["x-a"], "1");
            assert_eq!(response.content_length(), Some(size as u64));
            let mut read = 0;
            let error = loop {
                match response.chunk().await {
                    Ok(chunk) => read += chunk.expect("it has no end").len(),
                    Err(error) => break error,
                }
            };
            assert_eq!(read, after, "{}", site.name());
            assert!(is_reset(&error), "{}: {error:?}", site.name());
        }
    }
}

#[tokio::test]
async fn a_truncated_body_is_an_error_but_no_reset() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        site.always("/", Answer::ok("all of it").truncated(3));
        let mut response = client.get(site.url("/")).send().await.unwrap();
        assert_eq!(response.content_length(), Some(9));
        assert_eq!(response.chunk().await.unwrap().unwrap(), "all");
        let error = response.chunk().await.unwrap_err();
        assert!(!is_reset(&error), "{}: {error:?}", site.name());
    }
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        site.always("/", Answer::garbage("220 mail.test ESMTP\r\n"));
        let error = client.get(site.url("/")).send().await.unwrap_err();
        assert!(error.is_request() && !is_reset(&error), "{error:?}");
    }
}

#[tokio::test]
async fn slow_answers_take_their_time() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        let pause = Duration::from_millis(60);
        site.always("/head", Answer::ok("late").slow_head(pause));
        site.always("/body", Answer::ok("").slow_body("drop", pause, 3));
        let began = Instant::now();
        assert_eq!(text(&client, &site.url("/head")).await, "late");
        assert!(began.elapsed() >= pause);
        let began = Instant::now();
        assert_eq!(text(&client, &site.url("/body")).await, "dropdropdrop");
        assert!(began.elapsed() >= pause * 2);
        // The head and the first chunk do not wait for the second.
        site.always("/body", Answer::ok("").slow_body("drop", Duration::from_secs(3600), 2));
        let mut response = client.get(site.url("/body")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "drop");
        assert!(tokio::time::timeout(pause, response.chunk()).await.is_err());
    }
}

#[tokio::test]
async fn a_site_ends_its_connections_and_takes_new_ones() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        site.always("/", Answer::ok("hello"));
        for end in [Site::close_connections, Site::reset_connections] {
            assert_eq!(text(&client, &site.url("/")).await, "hello");
            end(&site);
            // Until the client has noticed.
            while client.get(site.url("/")).send().await.is_err() {}
        }
        assert_eq!(site.connection_count(), 3, "{}", site.name());
    }
}
