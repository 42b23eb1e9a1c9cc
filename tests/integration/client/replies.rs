//! What responses mean: bans, limits, and who tries again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use session_pool::client::{ClientError, SessionClientBuilder};
use session_pool::{
    Error, Growth, Outcome, PoolBuilder, Reason, Refusal, SessionOptions, StatusRules, Verdict,
};
use tower_service::Service;

use super::{client, failed, plain_client, record};
use crate::world::{Answer, SeenRequest, World, http_date, rate_limit};

/// One answer after the other; the last one stays.
fn in_turn(answers: Vec<Answer>) -> impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static {
    let next = AtomicU32::new(0);
    move |_| {
        let at = next.fetch_add(1, Ordering::Relaxed) as usize;
        answers[at.min(answers.len() - 1)].clone()
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

fn two(pool: PoolBuilder) -> PoolBuilder {
    pool.max_pool_size(2)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_retires_the_session_and_another_one_takes_over() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.on("/", in_turn(vec![Answer::status(403), Answer::ok("welcome")]));
    let client = client(&world, two, |client| client);
    let retirements = client.pool().retirements();
    let response = client.post(site.url("/")).body("order").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.verdict()), (200, Verdict::Ok));
    assert_eq!((response.visit().attempts, response.visit().outcome), (2, Outcome::Live));
    assert!(world.requests().iter().all(|seen| seen.body == b"order"));
    client.pool().flush_async().await.unwrap();
    let retired = retirements.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(retired.reason, Reason::Retired);
    assert_ne!(retired.id, *response.session());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_is_the_answer_when_all_tries_are_used_up() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::status(403).body("go away"));
    let client = client(&world, |pool| pool, |client| client.max_retries(2));
    let response = client.get(site.url("/")).send().await.unwrap();
    assert_eq!((response.verdict(), response.visit().attempts), (Verdict::Blocked, 3));
    assert_eq!(response.visit().outcome, Outcome::Retired(Reason::Retired));
    assert_eq!(response.text(), "go away");
    assert_eq!(client.pool().stats().retired.retired, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_is_the_answer_where_there_is_no_session_for_another_try() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/limit", Answer::status(429).header("retry-after", "3600").body("slow down"));
    site.always("/ban", Answer::status(403).body("go away"));
    let soon = Duration::from_millis(50);
    let client = client(&world, |pool| pool.max_pool_size(1), |client| client.acquire_timeout(soon));
    let response = client.get(site.url("/limit")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (429, "slow down"));
    assert!(matches!(response.verdict(), Verdict::RateLimited { .. }));
    assert_eq!((response.visit().attempts, response.visit().outcome), (1, Outcome::Live));
    let refused = client.get(site.url("/limit")).send().await.unwrap_err();
    assert!(matches!(refused, ClientError::Pool(Error::Refused(Refusal::NoneAvailable { .. }))), "{refused}");
    assert_eq!(world.requests().len(), 1);

    let logs_in = AtomicU32::new(0);
    let client = super::client(
        &world,
        |pool| {
            pool.max_pool_size(1).create_with(move |options| match logs_in.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(options),
                _ => Err("the log-in is down".into()),
            })
        },
        |client| client.acquire_timeout(soon).retry_delay(Duration::from_millis(1)),
    );
    let response = client.get(site.url("/ban")).send().await.unwrap();
    assert_eq!((response.verdict(), response.text().as_str()), (Verdict::Blocked, "go away"));
    assert_eq!(response.visit().outcome, Outcome::Retired(Reason::Retired));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_failure_is_the_answer_where_there_is_no_session_for_another_try() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::reset_before_head());
    let client = client(
        &world,
        |pool| {
            let once = SessionOptions { max_usage_count: 1, ..SessionOptions::default() };
            pool.max_pool_size(1).session_options(once).growth(Growth::Manual)
        },
        |client| client.acquire_timeout(Duration::from_millis(50)),
    );
    client.pool().add(client.pool().session_options()).unwrap();
    let error = failed(client.get(site.url("/")).send().await.unwrap_err());
    let visit = error.visit().unwrap();
    assert_eq!((visit.verdict, visit.outcome), (Verdict::Failed, Outcome::Retired(Reason::Exhausted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_request_does_not_wait_for_a_rest_that_is_too_long() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::status(429).header("retry-after", "3600").body("slow down"));
    let client = client(&world, two, |client| client);
    let id = *client.pool().acquire_async().await.unwrap().id();
    let response =
        tokio::time::timeout(Duration::from_secs(20), client.get(site.url("/")).session(&id).send());
    let response = response.await.expect("it waits in vain").unwrap();
    assert_eq!((response.status().as_u16(), response.visit().attempts), (429, 1));
    assert_eq!(response.text(), "slow down");
    client.pool().get(&id).unwrap().retire().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_session_that_is_retired_while_it_is_answered_gets_its_answer() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    let client = client(&world, |pool| pool, |client| client);
    let pool = client.pool().clone();
    site.on("/", move |_| {
        for session in pool.iter() {
            let _ = session.retire().unwrap();
        }
        Answer::ok("welcome").set_cookie("a=1")
    });
    let response = client.get(site.url("/")).send().await.unwrap();
    assert_eq!(response.text(), "welcome");
    assert_eq!(response.visit().outcome, Outcome::AlreadyRetired(Reason::Retired));
}

#[test]
fn a_request_waits_longer_than_a_session_rests() {
    let rules = StatusRules::default();
    assert!(SessionClientBuilder::DEFAULT_ACQUIRE_TIMEOUT >= rules.default_rest + Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_retry_after_in_seconds_and_as_a_date_rests_the_session_and_another_one_takes_over() {
    let world = World::new();
    let site = world.tls_site(&["shop.test"]);
    site.on("/seconds", in_turn(vec![Answer::status(429).header("retry-after", "300"), Answer::ok("")]));
    site.on("/date", |_| {
        let now = now();
        let later = http_date(now + Duration::from_secs(300));
        // Its clock is an hour behind, which its own date shows.
        let behind = Duration::from_secs(3600);
        Answer::status(503)
            .header("date", http_date(now - behind))
            .header("retry-after", http_date(now - behind + Duration::from_secs(300)))
            .header("x-later", later)
    });
    let client = client(&world, two, |client| client.max_retries(1));
    for (path, status, attempts) in [("/seconds", 200, 2), ("/date", 503, 1)] {
        let before = now();
        let request = client.get(site.url(path));
        let response = if attempts == 1 {
            // There is one left that does not rest.
            let lease = client.pool().acquire_async().await.unwrap();
            let response = request.send_on(&lease).await.unwrap();
            let (verdict, _) = response.settle(lease).await.unwrap();
            assert!(matches!(verdict, Verdict::RateLimited { retry_after: Some(_) }));
            response.status()
        } else {
            request.send().await.unwrap().status()
        };
        assert_eq!(response, status);
        let resting: Vec<_> =
            client.pool().iter().filter_map(|session| session.record().resting_until).collect();
        for until in resting {
            let rest = (until.to_datetime() - before).num_seconds();
            assert!((295..=330).contains(&rest), "{path}: {rest} s");
        }
        assert_eq!(client.pool().stats().resting, if attempts == 2 { 1 } else { 2 });
    }
    assert!(client.pool().stats().retired.retired == 0, "R-11: a limit burns nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_request_waits_for_its_session_and_goes_to_no_other() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.on("/", rate_limit("nobody", 1, 1));
    site.always("/ban", Answer::status(403));
    let client = client(&world, two, |client| client.max_retries(1));
    let id = *client.get(site.url("/")).send().await.unwrap().session();
    site.on("/", in_turn(vec![Answer::status(429).header("retry-after", "1"), Answer::ok("")]));
    let began = std::time::Instant::now();
    let response = client.get(site.url("/")).session(&id).send().await.unwrap();
    assert_eq!((response.session(), response.visit().attempts), (&id, 2));
    assert_eq!(response.status(), 200);
    assert!(began.elapsed() >= Duration::from_millis(950), "it has rested");
    let response = client.get(site.url("/ban")).session(&id).send().await.unwrap();
    assert_eq!((response.verdict(), response.visit().attempts), (Verdict::Blocked, 1));
    let error = client.get(site.url("/")).session(&id).send().await.unwrap_err();
    let ClientError::Pool(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    assert!(matches!(refusal, Refusal::Retired { .. }), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_again_only_where_nothing_can_happen_twice() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    let client = client(&world, two, |client| client.retry_delay(Duration::from_millis(1)));
    for (method, attempts) in [("GET", 2), ("PUT", 2), ("POST", 1), ("PATCH", 1)] {
        for answer in [Answer::reset_before_head(), Answer::status(500)] {
            world.forget_requests();
            site.on("/", in_turn(vec![answer.clone(), Answer::ok("")]));
            let sent = client.request(method.parse().unwrap(), site.url("/")).send().await;
            assert_eq!(world.requests().len(), attempts, "{method} {answer:?}");
            let visit = match sent {
                Ok(response) => *response.visit(),
                Err(error) => *failed(error).visit().unwrap(),
            };
            assert_eq!(visit.attempts as usize, attempts);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_sees_status_headers_and_body() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.on(
        "/",
        in_turn(vec![
            Answer::ok("<h1>Are you human?</h1>").header("x-kind", "captcha"),
            Answer::ok("a page"),
        ]),
    );
    let client = client(
        &world,
        |pool| {
            two(pool).response_policy(|reply, rules| {
                let is_captcha = reply.header("X-Kind") == Some("captcha")
                    && reply.body().is_some_and(|body| body.starts_with(b"<h1>Are you human?"));
                if is_captcha { Verdict::Blocked } else { rules.verdict(reply) }
            })
        },
        |client| client,
    );
    let response = client.get(site.url("/")).send().await.unwrap();
    assert_eq!((response.text(), response.visit().attempts), ("a page".to_owned(), 2));
    assert_eq!(client.pool().stats().retired.retired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_lease_gives_the_outcome() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::status(403).set_cookie("a=1"));
    site.always("/reset", Answer::reset_before_head());
    let client = plain_client(&world);
    let lease = client.pool().acquire_async().await.unwrap();
    let id = *lease.id();
    for _ in 0..2 {
        assert_eq!(client.get(site.url("/")).send_on(&lease).await.unwrap().status(), 403);
    }
    let error = failed(client.get(site.url("/reset")).send_on(&lease).await.unwrap_err());
    assert!(error.visit().is_none());
    lease.reclaim().unwrap();
    let record = record(&client, &id);
    assert_eq!((record.usage_count, record.retired.is_some()), (1, false), "R-5");
    assert_eq!(world.requests()[1].cookies(), [("a", "1")]);
    let lease = client.pool().acquire_async().await.unwrap();
    assert_eq!(error.settle(lease).await.unwrap().0, Verdict::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_service_for_layers_to_go_around() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok("{\"a\": 1}").header("content-type", "application/json"));
    let mut client = plain_client(&world);
    std::future::poll_fn(|context| client.poll_ready(context)).await.unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, site.url("/").parse().unwrap());
    let response = client.call(request).await.unwrap();
    let value: serde_json::Value = response.json().unwrap();
    assert_eq!(value["a"], 1);
    let response = response.into_response().into_reqwest();
    assert_eq!(response.url().as_str(), site.url("/"));
    assert_eq!(response.text().await.unwrap(), "{\"a\": 1}");
}
