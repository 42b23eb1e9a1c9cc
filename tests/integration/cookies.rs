//! Cookies between a session and its sites: what RFC 6265 says, as far as crawlers meet it.

use std::time::Duration;

use session_pool::cookies::CookieRule;
use session_pool::url::Url;
use session_pool::{
    Cookie, Durability, Growth, Lease, MAX_PAYLOAD_LENGTH, ManualClock, Outcome, SessionPool,
};

use crate::support::{Place, clock, id, named};

/// A session that a site sets cookies for.
struct Browser {
    clock: ManualClock,
    _pool: SessionPool,
    lease: Lease,
}

fn browser() -> Browser {
    let clock = clock();
    let pool = SessionPool::builder().clock(clock.clone()).open_in_memory().unwrap();
    let lease = pool.acquire().unwrap();
    Browser { clock, _pool: pool, lease }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

impl Browser {
    /// Takes a `Set-Cookie` header; whether the cookie was left out is none of its business.
    fn set(&self, from: &str, header: &str) -> &Self {
        let _ = self.lease.store_response(&url(from), [header]).unwrap();
        self
    }

    fn sends(&self, to: &str) -> String {
        self.lease.cookie_header(&url(to)).unwrap().unwrap_or_default()
    }
}

/// What happens in a row of the table.
enum Row {
    /// A response from the first sets the second; a request to the third carries the fourth.
    Sent(&'static str, &'static str, &'static str, &'static str),
    /// The same with two headers, of which the second comes after a minute.
    Twice(&'static str, [&'static str; 2], &'static str, &'static str),
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn what_rfc_6265_says() {
    use Row::{Sent, Twice};
    const SHOP: &str = "http://shop.example/";
    const DEEP: &str = "http://shop.example/a/b/c";
    #[rustfmt::skip]
    let table = [
        // 5.2: name, value and attributes.
        Sent(SHOP, "a=1", SHOP, "a=1"),
        Sent(SHOP, "a=", SHOP, "a="),
        Sent(SHOP, "  a  =  1  ", SHOP, "a=1"),
        Sent(SHOP, "a=1=2", SHOP, "a=1=2"),
        Sent(SHOP, "a=\"1\"", SHOP, "a=\"1\""),
        Sent(SHOP, "a=1 2", SHOP, "a=1 2"),
        Sent(SHOP, "a=%20", SHOP, "a=%20"),
        Sent(SHOP, "a=ü", SHOP, "a=ü"),
        Sent(SHOP, "A=1;;  ; foo; bar=baz", SHOP, "A=1"),
        Sent(SHOP, "a", SHOP, ""),
        Sent(SHOP, "=1", SHOP, ""),
        Sent(SHOP, "", SHOP, ""),
        Sent(SHOP, "a=1; pAtH=/x; PATH=/", SHOP, "a=1"),
        Twice(SHOP, ["a=1", "a=2"], SHOP, "a=2"),
        Twice(SHOP, ["a=1", "A=2"], SHOP, "a=1; A=2"),
        // 5.1.3, 5.3: domains.
        Sent(SHOP, "a=1", "http://www.shop.example/", ""),
        Sent(SHOP, "a=1; Domain=shop.example", "http://www.shop.example/", "a=1"),
        Sent(SHOP, "a=1; Domain=.shop.example", "http://www.shop.example/", "a=1"),
        Sent(SHOP, "a=1; Domain=SHOP.Example", "http://a.b.shop.example/", "a=1"),
        Sent(SHOP, "a=1; Domain=", "http://www.shop.example/", ""),
        Sent(SHOP, "a=1; Domain=", SHOP, "a=1"),
        Sent(SHOP, "a=1; Domain=other.example", "http://other.example/", ""),
        Sent(SHOP, "a=1; Domain=www.shop.example", "http://www.shop.example/", ""),
        Sent("http://www.shop.example/", "a=1; Domain=shop.example", SHOP, "a=1"),
        Sent("http://www.shop.example/", "a=1; Domain=op.example", SHOP, ""),
        Sent("http://badshop.example/", "a=1; Domain=shop.example", SHOP, ""),
        Sent(SHOP, "a=1; Domain=shop.example", "http://badshop.example/", ""),
        Sent("http://shop.co.uk/", "a=1; Domain=co.uk", "http://other.co.uk/", ""),
        Sent("http://shop.com/", "a=1; Domain=com", "http://shop.com/", ""),
        Sent("http://me.github.io/", "a=1; Domain=github.io", "http://you.github.io/", ""),
        Sent("http://github.io/", "a=1; Domain=github.io", "http://github.io/", "a=1"),
        Sent("http://github.io/", "a=1; Domain=github.io", "http://you.github.io/", ""),
        Sent("http://host.internal/", "a=1; Domain=internal", "http://other.internal/", "a=1"),
        Sent("http://localhost/", "a=1", "http://localhost/", "a=1"),
        Sent("http://192.0.2.1/", "a=1", "http://192.0.2.1/", "a=1"),
        Sent("http://192.0.2.1/", "a=1; Domain=192.0.2.1", "http://192.0.2.1/", "a=1"),
        Sent("http://192.0.2.1/", "a=1; Domain=2.1", "http://192.0.2.1/", ""),
        Sent("http://[2001:db8::1]/", "a=1", "http://[2001:db8::1]/", "a=1"),
        Sent("http://bücher.example/", "a=1; Domain=bücher.example", "http://www.xn--bcher-kva.example/", "a=1"),
        Sent(SHOP, "a=1", "http://shop.example:8080/", "a=1"),
        // 5.1.4: paths.
        Sent(DEEP, "a=1", "http://shop.example/a/b/x", "a=1"),
        Sent(DEEP, "a=1", "http://shop.example/a/b", "a=1"),
        Sent(DEEP, "a=1", "http://shop.example/a/bx", ""),
        Sent(DEEP, "a=1", "http://shop.example/a/", ""),
        Sent(DEEP, "a=1; Path=/", SHOP, "a=1"),
        Sent(DEEP, "a=1; Path=", "http://shop.example/a/b/x", "a=1"),
        Sent(DEEP, "a=1; Path=x", SHOP, ""),
        Sent(DEEP, "a=1; Path=/other", "http://shop.example/other?q", "a=1"),
        Sent(SHOP, "a=1; Path=/a/", "http://shop.example/a", ""),
        Sent(SHOP, "a=1; Path=/a/", "http://shop.example/a/b", "a=1"),
        Sent(SHOP, "a=1; Path=/a", "http://shop.example/A", ""),
        Sent("http://shop.example", "a=1", SHOP, "a=1"),
        Twice(DEEP, ["a=1; Path=/", "a=2"], DEEP, "a=2; a=1"),
        Twice(DEEP, ["a=1; Path=/", "b=2; Path=/"], DEEP, "a=1; b=2"),
        // 5.2.5: secure.
        Sent("https://shop.example/", "a=1; Secure", SHOP, ""),
        Sent("https://shop.example/", "a=1; secure=false", SHOP, ""),
        Sent("https://shop.example/", "a=1; Secure", "https://shop.example/", "a=1"),
        Sent("https://shop.example/", "a=1", SHOP, "a=1"),
        Sent("http://127.0.0.1/", "a=1; Secure", "http://127.0.0.1/", "a=1"),
        Sent(SHOP, "a=1; HttpOnly", SHOP, "a=1"),
        Sent(SHOP, "a=1; SameSite=Strict", SHOP, "a=1"),
        Sent(SHOP, "a=1; SameSite=nonsense", SHOP, "a=1"),
        // 5.2.1, 5.2.2, 5.3: expiry; the second header comes a minute after the first.
        Sent(SHOP, "a=1; Max-Age=3600", SHOP, "a=1"),
        Sent(SHOP, "a=1; Max-Age=0", SHOP, ""),
        Sent(SHOP, "a=1; Max-Age=-1", SHOP, ""),
        Sent(SHOP, "a=1; Max-Age=", SHOP, "a=1"),
        Sent(SHOP, "a=1; Max-Age=soon", SHOP, "a=1"),
        Sent(SHOP, "a=1; Max-Age=99999999999999999999", SHOP, "a=1"),
        Sent(SHOP, "a=1; Expires=Tue, 15 Nov 2033 10:00:00 GMT", SHOP, "a=1"),
        Sent(SHOP, "a=1; Expires=Tuesday, 15-Nov-33 10:00:00 GMT", SHOP, "a=1"),
        Sent(SHOP, "a=1; Expires=Tue, 14 Nov 2023 10:00:00 GMT", SHOP, ""),
        Sent(SHOP, "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", SHOP, ""),
        Sent(SHOP, "a=1; Expires=0", SHOP, "a=1"),
        Sent(SHOP, "a=1; Expires=-1", SHOP, "a=1"),
        Sent(SHOP, "a=1; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT", SHOP, "a=1"),
        Sent(SHOP, "a=1; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", SHOP, ""),
        Twice(SHOP, ["a=1; Max-Age=30", "b=2"], SHOP, "b=2"),
        Twice(SHOP, ["a=1; Max-Age=60", "b=2"], SHOP, "b=2"),
        Twice(SHOP, ["a=1; Max-Age=61", "b=2"], SHOP, "a=1; b=2"),
        Twice(SHOP, ["a=1; Max-Age=3600", "a=; Max-Age=0"], SHOP, ""),
        Twice(SHOP, ["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:01 GMT"], SHOP, ""),
        Twice(SHOP, ["a=1; Path=/x", "a=; Path=/; Max-Age=0"], "http://shop.example/x", "a=1"),
        Twice(SHOP, ["a=1; Domain=shop.example", "a=2"], SHOP, "a=2"),
        // Names that promise something.
        Sent("https://shop.example/", "__Secure-a=1; Secure", "https://shop.example/", "__Secure-a=1"),
        Sent("https://shop.example/", "__Secure-a=1", "https://shop.example/", ""),
        Sent(SHOP, "__Secure-a=1; Secure", "https://shop.example/", ""),
        Sent("https://shop.example/", "__Host-a=1; Secure; Path=/", "https://shop.example/", "__Host-a=1"),
        Sent("https://shop.example/", "__Host-a=1; Secure", "https://shop.example/", ""),
        Sent("https://shop.example/", "__Host-a=1; Secure; Path=/; Domain=shop.example", "https://shop.example/", ""),
        // Partitions.
        Sent("https://shop.example/", "a=1; Secure; Partitioned", "https://shop.example/x", "a=1"),
        // Where there is no host.
        Sent("data:text/html,x", "a=1", "data:text/html,x", ""),
    ];
    for row in &table {
        let browser = browser();
        let (what, to, expected) = match row {
            Sent(from, header, to, expected) => {
                browser.set(from, header);
                (format!("{from} sets {header:?}"), to, expected)
            }
            Twice(from, [first, second], to, expected) => {
                browser.set(from, first);
                browser.clock.advance(Duration::from_secs(60));
                browser.set(from, second);
                (format!("{from} sets {first:?}, then {second:?}"), to, expected)
            }
        };
        assert_eq!(browser.sends(to), **expected, "{what}, {to} gets it");
    }
    println!("{} lines", table.len());
}

#[test]
fn peer_18_a_bad_cookie_is_reported_and_the_others_are_stored() {
    let browser = browser();
    let headers: [&[u8]; 9] = [
        b"good=1",
        b"nothing",
        b"latin=\xFC",
        b"bell=\x07",
        b"far=1; Domain=other.example",
        b"wide=1; Domain=com",
        b"__Host-x=1",
        &[b"long=".as_slice(), &[b'x'; 4093]].concat(),
        b"also good=2",
    ];
    let rejected = browser.lease.store_response(&url("http://shop.com/"), headers).unwrap();
    let domain = |domain: &str| domain.to_owned();
    let expected = [
        ("", CookieRule::NameAndValue),
        ("latin", CookieRule::Text),
        ("bell", CookieRule::Text),
        ("far", CookieRule::Domain { domain: domain("other.example") }),
        ("wide", CookieRule::PublicSuffix { domain: domain("com") }),
        ("__Host-x", CookieRule::Prefix),
        ("long", CookieRule::Length),
    ];
    let found: Vec<_> = rejected.iter().map(|cookie| (cookie.name.as_str(), cookie.rule.clone())).collect();
    assert_eq!(found, expected);
    assert_eq!(rejected[3].to_string(), "cookie \"far\": its domain \"other.example\" is not its host's");
    assert_eq!(browser.sends("http://shop.com/"), "good=1; also good=2");
}

#[test]
fn where_there_are_too_many_those_that_were_set_longest_ago_go() {
    let browser = browser();
    let headers = |range: std::ops::Range<usize>| range.map(|n| format!("c{n}=1"));
    browser.set("http://first.example/", "kept=1");
    for from in (0..360).step_by(60) {
        browser.clock.advance(Duration::from_secs(1));
        let _ = browser.lease.store_response(&url("http://shop.example/"), headers(from..from + 60)).unwrap();
    }
    let sent = browser.sends("http://shop.example/");
    assert_eq!(sent.split("; ").count(), 180);
    assert!(sent.starts_with("c180=1") && sent.ends_with("c359=1"), "{sent}");
    assert_eq!(browser.sends("http://first.example/"), "kept=1");
    // 3,000 in all.
    for site in 0..20 {
        browser.clock.advance(Duration::from_secs(1));
        let site = url(&format!("http://shop{site}.example/"));
        let _ = browser.lease.store_response(&site, headers(0..170)).unwrap();
    }
    assert_eq!(browser.lease.cookies().unwrap().len(), 3000);
    assert_eq!(browser.sends("http://first.example/"), "");
    assert_eq!(browser.sends("http://shop19.example/").split("; ").count(), 170);
}

#[test]
fn a_site_that_sets_all_that_fits_goes_on_being_heard() {
    let browser = browser();
    let site = |n: usize| url(&format!("http://shop{n}.example/"));
    for n in 0..8 {
        browser.clock.advance(Duration::from_secs(1));
        let headers = (0..180).map(|at| format!("c{at}={}", "x".repeat(4000)));
        assert!(browser.lease.store_response(&site(n), headers).unwrap().is_empty());
    }
    let sent = |n: usize| browser.sends(site(n).as_str()).split("; ").filter(|pair| !pair.is_empty()).count();
    assert_eq!((sent(7), sent(6), sent(5)), (180, 180, 180));
    assert_eq!((sent(0), sent(1)), (0, 0), "those that were set longest ago go");
    let state = browser.lease.state().unwrap();
    let texts: usize = state.cookies.iter().map(|c| c.name.len() + c.value.len() + 256).sum();
    assert!((3 << 20..=MAX_PAYLOAD_LENGTH).contains(&texts), "{texts}");
    // What the caller keeps is left alone.
    browser.lease.set_user_data("k", "x".repeat(100_000)).unwrap_err();
    browser.lease.clear_cookies().unwrap();
    browser.lease.set_user_data("k", "x".repeat(100_000)).unwrap();
    for n in 0..8 {
        let headers = (0..180).map(|at| format!("c{at}={}", "x".repeat(4000)));
        let _ = browser.lease.store_response(&site(n), headers).unwrap();
    }
    assert_eq!(browser.lease.user_data::<String>("k").unwrap().map_or(0, |text| text.len()), 100_000);
}

#[test]
fn an_attribute_that_is_too_long_is_none() {
    let browser = browser();
    let long = |length: usize| format!("/{}", "x".repeat(length - 1));
    for (header, path) in [
        (format!("a=1; Path={}", long(1024)), long(1024)),
        (format!("a=1; Path={}", long(1025)), "/".to_owned()),
        (format!("a=1; Path=/y;Path= {} ", long(1025)), "/y".to_owned()),
        (format!("a=1; Domain={}; Path=/z", long(1025)), "/z".to_owned()),
        (format!("a=1; Max-Age=0{}; Path=/z", "0".repeat(1024)), "/z".to_owned()),
        (format!("a={}; Path=/", "x".repeat(2000)), "/".to_owned()),
    ] {
        browser.lease.clear_cookies().unwrap();
        assert!(browser.lease.store_response(&url("http://shop.example/"), [&header]).unwrap().is_empty());
        let paths: Vec<_> = browser.lease.cookies().unwrap().into_iter().map(|cookie| cookie.path).collect();
        assert_eq!(paths, [path], "{}", &header[..40.min(header.len())]);
    }
}

#[test]
fn cookies_that_were_brought_from_elsewhere_are_sent_as_they_say() {
    let browser = browser();
    let of_partition =
        |key: &str| Cookie { partition_key: Some(key.to_owned()), ..Cookie::new("p", key, "widget.example") };
    let cookies = [
        of_partition("https://widget.example"),
        of_partition("https://shop.example"),
        Cookie { path: "nonsense".to_owned(), ..Cookie::new("x", "1", "widget.example") },
        Cookie::new("split", "a\r\nhost: evil", "widget.example"),
        Cookie::new("", "nameless", ".Widget.example"),
    ];
    browser.lease.set_cookies(cookies).unwrap();
    assert_eq!(browser.sends("http://www.widget.example/"), "p=https://widget.example; nameless");
}

#[test]
fn cookies_are_committed_with_the_outcome_of_the_use_that_brought_them() {
    let place = Place::disk();
    let site = url("http://shop.example/");
    let open = || place.open(|b| b.growth(Growth::Manual).durability(Durability::Immediate));
    let pool = open();
    pool.add(named("a")).unwrap();
    let lease = pool.acquire().unwrap();
    let handle = pool.get(&id("a")).unwrap();
    let _ = lease.store_response(&site, ["a=1"]).unwrap();
    assert_eq!(handle.cookie_header(&site).unwrap().as_deref(), Some("a=1"), "others see it at once");
    let stored = || {
        let store = pool.session_store();
        let pool = session_pool::inspect::pools(store.store()).unwrap().remove(0).number;
        let record = store.store().record(pool, &id("a")).unwrap().unwrap();
        (record.usage_count, store.store().payload(pool, &id("a")).unwrap().unwrap().cookies.len())
    };
    pool.flush().unwrap();
    assert_eq!(stored(), (0, 0));
    lease.reclaim().unwrap();
    assert_eq!(stored(), (1, 1));
    // Another handle has no outcome to wait for.
    let _ = handle.store_response(&site, ["b=1"]).unwrap();
    assert_eq!(stored(), (1, 2));
    drop((handle, pool));
    let pool = open();
    let lease = pool.acquire().unwrap();
    assert_eq!(lease.cookie_header(&site).unwrap().as_deref(), Some("a=1; b=1"), "session cookies come back");
    // A use without an outcome is one all the same.
    let _ = lease.store_response(&site, ["c=1"]).unwrap();
    drop(lease);
    drop(pool);
    let session = open().get(&id("a")).unwrap();
    assert_eq!(session.cookie_header(&site).unwrap().as_deref(), Some("a=1; b=1; c=1"));
    assert_eq!(session.record().usage_count, 2);
}

#[test]
fn r3_a_retired_session_takes_no_cookies() {
    let pool = SessionPool::builder().open_in_memory().unwrap();
    let lease = pool.acquire().unwrap();
    let site = url("http://shop.example/");
    let _ = lease.store_response(&site, ["a=1"]).unwrap();
    let other = lease.session().clone();
    other.retire().unwrap();
    assert!(lease.store_response(&site, ["b=1"]).is_err());
    drop(lease);
    pool.flush().unwrap();
    assert_eq!(other.record().usage_count, 1);
}

#[test]
fn cookies_of_a_use_are_gone_with_its_session_where_another_one_has_retired_it() {
    let site = url("http://shop.example/");
    for expires in [false, true] {
        let clock = clock();
        let pool = SessionPool::builder().clock(clock.clone()).open_in_memory().unwrap();
        let lease = pool.acquire().unwrap();
        let session = lease.session().clone();
        session.set_cookies([Cookie::new("stored", "1", "shop.example")]).unwrap();
        pool.flush().unwrap();
        let _ = lease.store_response(&site, ["never=1"]).unwrap();
        if expires {
            clock.advance(Duration::from_secs(3000));
            pool.sweep().unwrap();
        } else {
            let _ = session.retire().unwrap();
        }
        pool.flush().unwrap();
        let has = || {
            let state = session.state().unwrap();
            (state.cookies.len(), session.cookie_header(&site).unwrap())
        };
        let stored = (1, Some("stored=1".to_owned()));
        assert_eq!(has(), stored, "what was never stored");
        assert!(matches!(lease.reclaim().unwrap(), Outcome::AlreadyRetired(_)), "R-3");
        pool.flush().unwrap();
        assert_eq!(has(), stored, "and never will be");
    }
}

#[test]
fn the_use_that_retires_a_session_commits_its_cookies() {
    let site = url("http://shop.example/");
    let pool = SessionPool::builder().open_in_memory().unwrap();
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    pool.flush().unwrap();
    let _ = lease.store_response(&site, ["banned=1"]).unwrap();
    let _ = lease.retire().unwrap();
    pool.flush().unwrap();
    assert_eq!(session.cookie_header(&site).unwrap().as_deref(), Some("banned=1"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a site sends, nothing panics, and what is sent back is one line.
        #[test]
        fn any_header_is_read_or_rejected(
            headers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
            attribute in "[ -~]{0,20}",
        ) {
            let browser = browser();
            let site = url("https://shop.example/a/b");
            let typed = format!("a=1; expires={attribute}; domain={attribute}; max-age={attribute}; path={attribute}");
            let count = headers.len() + 1;
            let headers = headers.into_iter().chain([typed.into_bytes()]);
            let rejected = browser.lease.store_response(&site, headers).unwrap();
            prop_assert!(rejected.len() <= count);
            let sent = browser.sends("https://shop.example/a/b");
            prop_assert!(!sent.contains(['\r', '\n', '\0']), "{sent:?}");
        }
    }
}
