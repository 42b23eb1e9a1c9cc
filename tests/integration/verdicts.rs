//! What a reply says about a session, and what becomes of it.

use session_pool::{
    Failure, Growth, Lease, Outcome, PoolBuilder, Reason, Reply, SessionPool, StatusRules, Verdict,
};

use crate::support::{SECOND, clock, named, options, pool};

/// A pool with one session, which is leased.
fn leased(change: impl FnOnce(PoolBuilder) -> PoolBuilder) -> (SessionPool, Lease) {
    let (pool, _) = pool(|b| change(b.growth(Growth::Manual)));
    pool.add(named("a")).unwrap();
    let lease = pool.acquire().unwrap();
    (pool, lease)
}

#[test]
fn r5_a_release_counts_a_use_and_leaves_the_score() {
    let (pool, lease) = leased(|b| b);
    lease.fail().unwrap();
    assert_eq!(pool.acquire().unwrap().release().unwrap(), Outcome::Live);
    let record = pool.get(&"a".parse().unwrap()).unwrap().record();
    assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (2, 1, 1.0));
    assert_eq!((pool.stats().released, pool.stats().failed), (1, 1));
}

#[test]
fn r6_a_release_that_uses_a_session_up_retires_it() {
    let (pool, _) = pool(|b| b.session_options(options(|o| o.max_usage_count = 1)));
    assert_eq!(pool.acquire().unwrap().release().unwrap(), Outcome::Retired(Reason::Exhausted));
}

#[test]
fn r11_a_reply_with_a_date_to_wait_for_rests_the_session_until_then_by_the_pool_s_clock() {
    let clock = clock();
    let (pool, lease) = leased(|b| b.clock(clock.clone()));
    let headers = |name: &str| (name == "retry-after").then_some("Sun, 01 Mar 2026 12:02:00 GMT");
    let (verdict, _) =
        lease.settle_reply(&Reply::response("shop.example", 503).with_headers(&headers)).unwrap();
    assert_eq!(verdict, Verdict::RateLimited { retry_after: Some(120 * SECOND) });
    clock.advance(119 * SECOND);
    assert!(pool.acquire().is_err());
    clock.advance(SECOND);
    assert!(pool.acquire().is_ok());
}

#[test]
fn rules_of_a_host_hold_for_it_and_those_below_it() {
    let rules = StatusRules { blocked: vec![404], ..StatusRules::default() };
    let (pool, lease) = leased(|b| b.status_rules_for("shop.example", rules));
    let verdict = |host, status| pool.verdict(&Reply::response(host, status));
    assert_eq!(verdict("www.shop.example", 404), Verdict::Blocked);
    assert_eq!(verdict("www.shop.example", 403), Verdict::Ok);
    assert_eq!(verdict("other.example", 404), Verdict::Ok);
    let (_, outcome) = lease.settle_reply(&Reply::response("SHOP.example", 404)).unwrap();
    assert_eq!(outcome, Outcome::Retired(Reason::Retired));
}

#[test]
fn rules_of_a_host_say_how_long_a_rest_is() {
    let clock = clock();
    let rules = StatusRules { default_rest: 5 * SECOND, ..StatusRules::default() };
    let (pool, lease) = leased(|b| b.clock(clock.clone()).status_rules_for("shop.example", rules));
    let _ = lease.settle_reply(&Reply::response("shop.example", 429)).unwrap();
    clock.advance(5 * SECOND);
    assert!(pool.acquire().is_ok());
}

#[test]
fn a_policy_sees_headers_body_and_failure_and_may_ask_the_rules() {
    let (pool, _) = pool(|b| {
        b.response_policy(|reply, rules| {
            let has_captcha = reply.body().is_some_and(|body| body.windows(7).any(|part| part == b"captcha"));
            match reply.why_failed() {
                Some(Failure::Proxy) => Verdict::Neutral,
                _ if has_captcha || reply.header("x-blocked").is_some() => Verdict::Blocked,
                _ => rules.verdict(reply),
            }
        })
    });
    let blocked = |name: &str| (name == "x-blocked").then_some("1");
    let reply = Reply::response("shop.example", 200);
    assert_eq!(pool.verdict(&reply), Verdict::Ok);
    assert_eq!(pool.verdict(&reply.with_body(b"<p>a captcha</p>")), Verdict::Blocked);
    assert_eq!(pool.verdict(&reply.with_headers(&blocked)), Verdict::Blocked);
    assert_eq!(pool.verdict(&Reply::failure("shop.example", Failure::Proxy)), Verdict::Neutral);
    assert_eq!(pool.verdict(&Reply::failure("shop.example", Failure::Broken)), Verdict::Failed);
}

#[test]
fn a_policy_that_panics_fails_the_use() {
    let (pool, _) = pool(|b| b.response_policy(|_, _| panic!("as told")));
    let lease = pool.acquire().unwrap();
    let id = *lease.id();
    let settle = || lease.settle_reply(&Reply::response("shop.example", 200));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(settle)).is_err());
    let record = pool.get(&id).unwrap().record();
    assert_eq!((record.usage_count, record.error_count), (1, 1));
}

#[test]
fn a_verdict_of_one_s_own_is_settled_by_the_rules() {
    for (verdict, expected) in [
        (Verdict::Ok, Outcome::Live),
        (Verdict::Neutral, Outcome::Live),
        (Verdict::Failed, Outcome::Live),
        (Verdict::RateLimited { retry_after: None }, Outcome::Live),
        (Verdict::Blocked, Outcome::Retired(Reason::Retired)),
    ] {
        let (pool, lease) = leased(|b| b);
        assert_eq!(lease.settle_as(verdict).unwrap(), expected, "{verdict:?}");
        let stats = pool.stats();
        let counts = (stats.reclaimed, stats.released, stats.failed, stats.rested, stats.retired.retired);
        let expected = match verdict {
            Verdict::Ok => (1, 0, 0, 0, 0),
            Verdict::Neutral => (0, 1, 0, 0, 0),
            Verdict::Failed => (0, 0, 1, 0, 0),
            Verdict::RateLimited { .. } => (0, 0, 0, 1, 0),
            Verdict::Blocked => (0, 0, 0, 0, 1),
        };
        assert_eq!(counts, expected, "{verdict:?}");
    }
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in ["", "https://shop.example", "shop.example/", "a b"] {
        let builder = SessionPool::builder().status_rules_for(host, StatusRules::default());
        let error = builder.open_in_memory().unwrap_err();
        assert!(error.to_string().contains("status_rules_for"), "{error}");
    }
}
