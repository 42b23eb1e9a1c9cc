//! How sites fail, and how long they take.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use reqwest::ClientBuilder;

use super::{client, text};
use crate::world::{Answer, Site, World};

/// Only `Debug` tells what the socket said of every error: those of HTTP/2 have no `source()`.
fn is_reset(error: &reqwest::Error) -> bool {
    format!("{error:?}").contains("ConnectionReset")
}

/// The system tells of a reset once. A client of HTTP/2 that is told so as it writes finds no more than an end as it
/// reads, and calls that a broken pipe.
fn may_be_reset(site: &Site, error: &reqwest::Error) -> bool {
    is_reset(error) || (is_http2(site) && format!("{error:?}").contains("BrokenPipe"))
}

/// A site over HTTP/1.1, one over HTTP/1.1 in TLS, and one over HTTP/2; each with a client for it.
fn three_ways(world: &World) -> [(Site, reqwest::Client); 3] {
    let plain = world.plain_site(&["plain.test"]);
    let [tls, http2] = [world.tls_site(&["tls.test"]), world.tls_site(&["http2.test"])];
    let http1 = || client(world, ClientBuilder::http1_only);
    [(plain, http1()), (tls, http1()), (http2, client(world, |b| b))]
}

fn is_http2(site: &Site) -> bool {
    site.name() == "http2.test"
}

#[tokio::test]
async fn a_reset_before_the_head_is_an_error_of_the_socket() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        site.always("/", Answer::reset_before_head());
        let error = client.get(site.url("/")).send().await.unwrap_err();
        assert!(may_be_reset(&site, &error), "{}: {error:?}", site.name());
        assert_eq!(world.requests_to(site.name()).len(), 1, "{}: it was read", site.name());
    }
}

#[tokio::test]
async fn a_reset_in_the_body_comes_after_what_was_sent_before_it() {
    let world = World::new();
    for (site, client) in three_ways(&world) {
        for (size, after) in [(2, 1), (100_000, 10_000), (10, 0)] {
            site.always("/", Answer::ok(vec![b'x'; size]).header("x-a", "1").reset_in_body(after));
            let mut read = 0;
            let mut read_all = async || {
                let mut response = client.get(site.url("/")).send().await?;
                assert_eq!(response.status().as_u16(), 200);
                assert_eq!(response.headers()["x-a"], "1");
                assert_eq!(response.content_length(), Some(size as u64));
                loop {
                    read += response.chunk().await?.expect("it has no end").len();
                }
            };
            let Err::<Infallible, reqwest::Error>(error) = read_all().await;
            assert!(may_be_reset(&site, &error), "{}: {error:?}", site.name());
            assert!(read == after || (is_http2(&site) && read < after), "{}: {read}", site.name());
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
            // The connection before may end in the midst of it.
            while client.get(site.url("/")).send().await.is_err() {}
            let before = site.connection_count();
            end(&site);
            // A request may still be answered, if it is read before the end is.
            while site.connection_count() == before {
                let _ = client.get(site.url("/")).send().await;
            }
        }
    }
}
