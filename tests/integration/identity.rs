//! Proxies and fingerprints: chosen once, before the log-in, bound for life; and how the proxies do.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use parking_lot::Mutex;
use session_pool::inspect::{Fate, ProxyReport};
use session_pool::{
    BackOff, BoxError, Browser, Error, Fingerprint, Fingerprints, Growth, Invalid, PoolBuilder, Proxies,
    Proxy, Reason, Refusal, Session, SessionId, SessionNameRule, SessionOptions, SessionPool, SessionStore,
    inspect,
};

use crate::support::{FaultyStore, Place, engine, id, named, options, pool};

const GATE: &str = "http://user-session-{session}:secret@gate.vendor.example:8000";

fn proxy(url: &str) -> Proxy {
    url.parse().unwrap()
}

fn own(agent: &str) -> Fingerprint {
    Fingerprint { headers: vec![("user-agent".to_owned(), agent.to_owned())], ..Fingerprint::default() }
}

/// Proxies and fingerprints that count how often they are asked.
fn counted(asked: &Arc<[AtomicU32; 2]>) -> impl FnOnce(PoolBuilder) -> PoolBuilder + use<> {
    let (for_proxies, for_fingerprints) = (Arc::clone(asked), Arc::clone(asked));
    let proxies = Proxies::from_fn(move |_| {
        let n = for_proxies[0].fetch_add(1, Ordering::SeqCst);
        Ok(format!("http://p{n}.example").parse()?)
    });
    let fingerprints = Fingerprints::from_fn(move |_| {
        Ok(own(&format!("agent {}", for_fingerprints[1].fetch_add(1, Ordering::SeqCst))))
    });
    |b| b.proxies(proxies).fingerprints(fingerprints)
}

fn asked(counters: &[AtomicU32; 2]) -> [u32; 2] {
    [0, 1].map(|n| counters[n].load(Ordering::SeqCst))
}

fn invalid(error: &Error) -> &Invalid {
    match error {
        Error::Invalid(invalid) => invalid,
        other => panic!("{other}"),
    }
}

/// What a session has, by its id.
fn identities(pool: &SessionPool) -> HashMap<SessionId, (Option<Proxy>, Option<Fingerprint>)> {
    pool.iter().map(|s| (*s.id(), (s.proxy().unwrap(), s.fingerprint().unwrap()))).collect()
}

#[test]
fn a_session_gets_its_own_once_and_keeps_it_across_restarts() {
    for place in Place::both() {
        let counters = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let open = |size| place.open(|b| counted(&counters)(b.max_pool_size(size)));
        let pool = open(3);
        let leases: Vec<_> = (0..3).map(|_| pool.acquire().unwrap()).collect();
        for lease in leases {
            let _ = lease.reclaim().unwrap();
        }
        assert_eq!(asked(&counters), [3, 3]);
        let before = identities(&pool);
        for _ in 0..20 {
            let _ = pool.acquire().unwrap().reclaim().unwrap();
        }
        drop(pool);
        let pool = open(3);
        assert_eq!(pool.open_report().restored, 3);
        for _ in 0..20 {
            let _ = pool.acquire().unwrap().reclaim().unwrap();
        }
        assert_eq!(identities(&pool), before);
        assert_eq!(asked(&counters), [3, 3], "those that came back have theirs");
        drop(pool);
        let pool = open(4);
        let lease = pool.acquire().unwrap();
        assert!(!before.contains_key(lease.id()));
        assert_eq!(lease.proxy().unwrap(), Some(proxy("http://p3.example")));
        assert_eq!(asked(&counters), [4, 4], "a new one gets one of its own");
        drop((lease, pool));
        place.assert_sound();
    }
}

#[test]
fn the_create_function_logs_in_as_the_session_will_go_on() {
    let seen = Arc::new(Mutex::new(None));
    let log_in = Arc::clone(&seen);
    let (pool, _) = pool(|b| {
        b.proxies(Proxies::template(GATE, SessionNameRule::APIFY).unwrap())
            .fingerprints(Fingerprints::built_in().only(|profile| profile.browser == Browser::Firefox))
            .create_with(move |options| {
                *log_in.lock() = Some((options.id, options.proxy.clone(), options.fingerprint.clone()));
                Ok(options)
            })
    });
    let lease = pool.acquire().unwrap();
    let (id, proxy, fingerprint) = seen.lock().take().unwrap();
    assert_eq!(id, Some(*lease.id()));
    assert_eq!(proxy.as_ref().unwrap().url(), GATE.replace("{session}", lease.id().as_str()));
    assert_eq!(lease.proxy().unwrap(), proxy);
    assert_eq!(lease.fingerprint().unwrap(), fingerprint);
    assert_eq!(fingerprint.unwrap().attributes["browser"], "firefox");
}

#[test]
fn a_new_id_costs_no_look_into_the_store_and_serves_no_other_session() {
    for uses_id in [false, true] {
        let faulty = Arc::new(FaultyStore::default());
        let looks = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&looks);
        faulty.set_hook(move |operation| {
            counter.fetch_add(u32::from(operation == "contains"), Ordering::SeqCst);
        });
        let store = SessionStore::with_store(faulty).unwrap();
        let proxies = if uses_id {
            Proxies::template(GATE, SessionNameRule::EVOMI).unwrap()
        } else {
            Proxies::random(["http://a", "http://b"]).unwrap()
        };
        // The function can reach the pool it creates for.
        let itself: Arc<Mutex<Option<SessionPool>>> = Arc::default();
        let within = Arc::clone(&itself);
        let pool = SessionPool::builder().proxies(proxies).create_with(move |options| {
            assert_eq!(options.id.is_some(), uses_id);
            if let (Some(pool), Some(_)) = (&*within.lock(), options.id) {
                let twin = SessionOptions { id: options.id, ..Default::default() };
                assert!(matches!(pool.add(twin), Err(Error::Refused(Refusal::DuplicateId { .. }))));
            }
            Ok(options)
        });
        let pool = pool.open_in(&store).unwrap();
        let _ = pool.acquire().unwrap().reclaim().unwrap();
        pool.add(SessionOptions::default()).unwrap();
        assert_eq!(looks.load(Ordering::SeqCst), 0);
        *itself.lock() = Some(pool.clone());
        let _ = pool.acquire().unwrap().reclaim().unwrap();
        itself.lock().take();
        assert_eq!(pool.stats().live, 3);
    }
}

#[test]
fn the_create_function_may_give_another_proxy_and_another_id() {
    let other = || Some(proxy("http://other.example"));
    let (pool, _) = pool(|b| {
        let b = b.proxies(Proxies::template(GATE, SessionNameRule::APIFY).unwrap());
        b.create_with(move |options| Ok(SessionOptions { id: Some(id("me")), proxy: other(), ..options }))
    });
    let lease = pool.acquire().unwrap();
    assert_eq!((lease.id().as_str(), lease.proxy().unwrap()), ("me", other()));
    assert!(matches!(pool.acquire(), Err(Error::Refused(Refusal::DuplicateId { .. }))));
    assert_eq!(pool.stats().creating, 0);

    let (pool, _) = crate::support::pool(|b| {
        let b = b.proxies(Proxies::template(GATE, SessionNameRule::APIFY).unwrap());
        b.create_with(|options| Ok(SessionOptions { id: None, ..options }))
    });
    let lease = pool.acquire().unwrap();
    assert!(lease.proxy().unwrap().unwrap().url().contains(lease.id().as_str()), "it is made for that id");
}

#[test]
fn peer_21_a_proxy_that_the_create_function_drops_is_an_error() {
    let (pool, _) = pool(|b| {
        let b = b.max_pool_size(1).proxies(Proxies::random(["http://a"]).unwrap());
        b.create_with(|options| Ok(SessionOptions { proxy: None, ..options }))
    });
    assert_eq!(invalid(&pool.acquire().unwrap_err()).field, "proxy");
    assert_eq!((pool.stats().live, pool.stats().creating), (0, 0), "never a session without one");

    let (pool, _) = crate::support::pool(|b| {
        let b = b.fingerprints(Fingerprints::built_in());
        b.create_with(|options| Ok(SessionOptions { fingerprint: None, ..options }))
    });
    assert_eq!(invalid(&pool.acquire().unwrap_err()).field, "fingerprint");
}

#[test]
fn r10_what_fails_makes_no_session_and_frees_its_place() {
    let times = |attempts: &AtomicU32| attempts.fetch_add(1, Ordering::SeqCst);
    let (for_proxies, for_fingerprints) = (AtomicU32::new(0), AtomicU32::new(0));
    let (pool, _) = pool(|b| {
        let proxies = Proxies::from_fn(move |_| match times(&for_proxies) {
            0 => Err(BoxError::from("the vendor is down")),
            1 => panic!("as this test wants it to"),
            2 => Ok("ftp://u:topsecret@h".parse()?),
            _ => Ok("http://a".parse()?),
        });
        let fingerprints = Fingerprints::from_fn(move |_| match times(&for_fingerprints) {
            0 => Err(BoxError::from("none left")),
            1 => Ok(own("two\r\nlines")),
            _ => Ok(own("mine")),
        });
        b.name("shop").max_pool_size(1).back_off(BackOff::NONE).proxies(proxies).fingerprints(fingerprints)
    });
    let nothing_is_left = || assert_eq!((pool.stats().live, pool.stats().creating), (0, 0));
    let error = pool.acquire().unwrap_err();
    assert!(matches!(&error, Error::NoProxy { pool, source }
        if pool.as_str() == "shop" && source.to_string() == "the vendor is down"));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the vendor is down");
    nothing_is_left();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.acquire())).is_err());
    nothing_is_left();
    let error = pool.add(SessionOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::NoProxy { source, .. } if source.is::<Invalid>()));
    assert!(!format!("{error:?}").contains("topsecret"));
    nothing_is_left();
    for named_one in [None, Some(id("a"))] {
        let error = pool.add(SessionOptions { id: named_one, ..Default::default() }).unwrap_err();
        assert!(matches!(error, Error::NoFingerprint { ref pool, .. } if pool.as_str() == "shop"), "{error}");
        nothing_is_left();
    }
    pool.add(named("a")).unwrap();
}

#[test]
fn round_robin_is_fair_to_many_threads() {
    let urls: Vec<String> = (0..5).map(|n| format!("http://p{n}.example")).collect();
    let (pool, _) = pool(|b| b.max_pool_size(400).proxies(Proxies::round_robin(urls).unwrap()));
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50 {
                    let _ = pool.acquire().unwrap().reclaim().unwrap();
                }
            });
        }
    });
    let report = pool.proxy_health().unwrap();
    assert_eq!(report.proxies.len(), 5);
    assert!(report.proxies.iter().all(|proxy| proxy.fate.sessions() == 80), "{report:#?}");
}

#[test]
fn a_session_that_is_added_gets_what_it_does_not_bring() {
    let counters = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let (pool, _) = pool(|b| counted(&counters)(b.growth(Growth::Manual).max_pool_size(4)));
    let both = || SessionOptions {
        proxy: Some(proxy("http://mine")),
        fingerprint: Some(own("mine")),
        ..SessionOptions::default()
    };
    let session = pool.add(both()).unwrap();
    assert_eq!(asked(&counters), [0, 0]);
    assert_eq!(
        (session.proxy().unwrap(), session.fingerprint().unwrap()),
        (Some(proxy("http://mine")), Some(own("mine")))
    );
    let session = pool.add(SessionOptions { proxy: None, ..both() }).unwrap();
    assert_eq!(asked(&counters), [1, 0]);
    assert_eq!(session.proxy().unwrap(), Some(proxy("http://p0.example")));
    let session = pool.add(SessionOptions { fingerprint: None, ..both() }).unwrap();
    assert_eq!(asked(&counters), [1, 1]);
    assert_eq!(session.fingerprint().unwrap(), Some(own("agent 0")));
    pool.add(named("a")).unwrap();
    assert_eq!(asked(&counters), [2, 2]);
    // Those that are refused are refused first.
    assert!(pool.add(named("a")).is_err() && pool.add(SessionOptions::default()).is_err());
    assert!(pool.add(options(|o| o.max_usage_count = 0)).is_err());
    assert_eq!(asked(&counters), [2, 2]);
}

#[test]
fn a_template_names_an_added_session_by_its_id() {
    let (pool, _) = pool(|b| b.proxies(Proxies::template(GATE, SessionNameRule::GEONODE).unwrap()));
    let session = pool.add(named("user_42")).unwrap();
    assert_eq!(session.proxy().unwrap().unwrap().url(), GATE.replace("{session}", "user_42"));
    let session = pool.add(SessionOptions::default()).unwrap();
    let name = SessionNameRule::GEONODE.name_of(session.id());
    assert_eq!(session.proxy().unwrap().unwrap().url(), GATE.replace("{session}", &name));
}

#[test]
fn r7_two_sources_of_one_kind_and_empty_sets_are_refused_on_opening() {
    let with_proxy = options(|o| o.proxy = Some(proxy("http://u:topsecret@a")));
    let with_fingerprint = options(|o| o.fingerprint = Some(own("mine")));
    let proxies = || Proxies::random(["http://a"]).unwrap();
    let refused = |builder: PoolBuilder| builder.open_in_memory().unwrap_err();
    let error = refused(SessionPool::builder().session_options(with_proxy.clone()).proxies(proxies()));
    assert_eq!(invalid(&error).field, "session_options.proxy");
    assert!(!error.to_string().contains("topsecret"));
    let builder = SessionPool::builder().session_options(with_fingerprint.clone());
    let error = refused(builder.fingerprints(Fingerprints::built_in()));
    assert_eq!(invalid(&error).field, "session_options.fingerprint");
    let error = refused(SessionPool::builder().fingerprints(Fingerprints::built_in().only(|_| false)));
    assert_eq!(invalid(&error).field, "fingerprints");
    // One of each kind, wherever from.
    let builder = SessionPool::builder().session_options(with_proxy).fingerprints(Fingerprints::built_in());
    let lease = builder.open_in_memory().unwrap().acquire().unwrap();
    assert!(lease.proxy().unwrap().is_some() && lease.fingerprint().unwrap().is_some());
    let builder = SessionPool::builder().session_options(with_fingerprint).proxies(proxies());
    let lease = builder.open_in_memory().unwrap().acquire().unwrap();
    assert!(lease.proxy().unwrap().is_some() && lease.fingerprint().unwrap().is_some());
}

/// Sessions behind three proxies, and one without.
fn worked(pool: &SessionPool) {
    let add = |name: &str, url: Option<&str>| {
        let few = SessionOptions { max_usage_count: 3, ..named(name) };
        pool.add(SessionOptions { proxy: url.map(proxy), ..few }).unwrap()
    };
    let good = |session: &Session| assert!(session.reclaim().is_ok());
    let bad = |session: &Session| assert!(session.fail().is_ok());
    // One endpoint, whatever the credentials.
    let exhausted = add("a", Some("http://one:x@good.example:1"));
    (0..3).for_each(|_| good(&exhausted));
    bad(&add("b", Some("http://two:y@GOOD.example:1/")));
    good(&add("c", Some("http://good.example:1")));
    let _ = add("d", Some("http://bad.example:1")).retire().unwrap();
    let blocked = add("e", Some("http://bad.example:1"));
    (0..3).for_each(|_| bad(&blocked));
    good(&add("f", Some("http://bad.example:1")));
    good(&add("g", Some("http://bad.example:2")));
    bad(&add("h", None));
}

fn fate_of<'a>(report: &'a ProxyReport, endpoint: &str) -> &'a Fate {
    &report.proxies.iter().find(|proxy| proxy.endpoint == endpoint).unwrap().fate
}

fn assert_worked(report: &ProxyReport) {
    let counts = |fate: &Fate| {
        let retired = Reason::ALL.map(|reason| fate.retired[&reason]);
        (fate.live, retired, fate.uses, fate.errors)
    };
    let order: Vec<&str> = report.proxies.iter().map(|proxy| proxy.endpoint.as_str()).collect();
    assert_eq!(order, ["http://bad.example:1", "http://good.example:1", "http://bad.example:2"]);
    // By reason: blocked, exhausted, expired, retired.
    let (bad, good) = (fate_of(report, order[0]), fate_of(report, order[1]));
    assert_eq!(counts(bad), (1, [1, 0, 0, 1], 5, 4));
    assert_eq!((bad.error_rate(), bad.banned()), (0.8, 2));
    assert!((bad.ban_rate() - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(counts(good), (2, [0, 1, 0, 0], 5, 1));
    assert_eq!((good.error_rate(), good.ban_rate()), (0.2, 0.0));
    assert_eq!(counts(fate_of(report, order[2])), (1, [0; 4], 1, 0));
    assert_eq!(counts(&report.without_proxy), (1, [0; 4], 1, 1));
    assert_eq!(report.unreadable, 0);
}

#[test]
fn the_health_of_proxies_is_what_their_sessions_met_also_after_a_restart() {
    for place in Place::both() {
        let open = || place.open(|b| b.growth(Growth::Manual));
        let pool = open();
        worked(&pool);
        assert_worked(&pool.proxy_health().unwrap());
        drop(pool);
        assert_worked(&open().proxy_health().unwrap());
        // Offline: of one pool, of all, of one that is not there.
        let other = place.open(|b| b.name("other").growth(Growth::Manual));
        other.add(SessionOptions { proxy: Some(proxy("http://bad.example:2")), ..named("a") }).unwrap();
        assert_eq!(other.proxy_health().unwrap().proxies.len(), 1);
        drop(other);
        place.look(|store| {
            let of = |name: &str| inspect::proxy_health(store, Some(&name.parse().unwrap())).unwrap();
            assert_worked(&of("default"));
            assert_eq!(of("no such pool"), ProxyReport::default());
            let all = inspect::proxy_health(store, None).unwrap();
            assert_eq!(fate_of(&all, "http://bad.example:2").live, 2);
        });
    }
}

#[test]
fn the_health_of_proxies_is_read_page_by_page_and_counts_each_session_once() {
    let (pool, _) = pool(|b| b.proxies(Proxies::round_robin(["http://a", "http://b"]).unwrap()));
    for sessions in [255, 256, 257, 512, 600] {
        while pool.stats().live < sessions {
            pool.add(SessionOptions::default()).unwrap();
        }
        let report = pool.proxy_health().unwrap();
        let all: u64 = report.proxies.iter().map(|proxy| proxy.fate.live).sum();
        assert_eq!((all, report.unreadable), (sessions as u64, 0));
    }
}

#[test]
fn i7_what_cannot_be_read_is_counted_and_the_rest_is_told() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for n in 0..600 {
        let proxy = Some(proxy("http://a"));
        pool.add(SessionOptions { proxy, ..named(&format!("s{n:03}")) }).unwrap();
    }
    drop(pool);
    {
        let db = engine(&place);
        // A record that is none in the first page and before its end, a payload that is none, and one that is gone.
        let damage = |tree: &str, name: &str, value: Option<&[u8]>| {
            let tree = db.open_tree(tree).unwrap();
            let holds = |key: &sled::IVec| key.windows(name.len()).any(|part| part == name.as_bytes());
            let key = tree.iter().keys().map(Result::unwrap).find(holds).unwrap();
            match value {
                Some(value) => drop(tree.insert(key, value).unwrap()),
                None => drop(tree.remove(key).unwrap()),
            }
        };
        damage("sessions", "s010", Some(b"\xff\xff"));
        damage("sessions", "s255", Some(b"\xff\xff"));
        damage("sessions", "s599", Some(b""));
        damage("payloads", "s300", Some(b"\xff\xff"));
        damage("payloads", "s301", None);
        db.flush().unwrap();
    }
    let report = place.look(|store| inspect::proxy_health(store, None).unwrap());
    assert_eq!((report.unreadable, fate_of(&report, "http://a").live), (5, 595));
    assert_eq!(report.without_proxy, Fate::default(), "peer 21: one that cannot be read is not one without");
}
