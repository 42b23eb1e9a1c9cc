//! What a pool tells whoever watches a program.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use session_pool::{CheckAfter, Durability, Growth, SessionStore, Verdict};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{FaultyStore, Place, named};

/// Every event that anybody has told in this process, a line each. Other tests are among them.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

struct Listener(Arc<Lines>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "session_pool"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        self.0.0.lock().unwrap().push(line.0);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        assert!(!line.0.contains("id=panics_a"), "as a test wants it to");
        self.0.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What was told so far that has all of some words in it.
fn told(words: &[&str]) -> Vec<String> {
    static LINES: OnceLock<Arc<Lines>> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        let lines = Arc::new(Lines::default());
        tracing::subscriber::set_global_default(Listener(Arc::clone(&lines))).unwrap();
        lines
    });
    let lines = lines.0.lock().unwrap();
    lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).cloned().collect()
}

#[test]
fn events_tell_of_opening_retiring_committing_and_closing() {
    assert!(told(&["pool=events.example"]).is_empty());
    let place = Place::disk();
    let pool = place.open(|b| b.name("events.example"));
    let session = pool.add(named("events_a")).unwrap();
    session.retire().unwrap();
    assert!(session.reclaim().is_ok());
    pool.flush().unwrap();
    pool.session_store().checkpoint().unwrap();
    let directory = place.path();
    drop((session, pool));
    let directory = directory.to_str().unwrap();
    assert_eq!(told(&["INFO", "store opened", directory]).len(), 1);
    assert_eq!(told(&["INFO", "pool opened", "pool=events.example", "restored=0"]).len(), 1);
    let retired = told(&["INFO", "session retired", "pool=events.example"]);
    assert_eq!(retired.len(), 1, "R-4: {retired:?}");
    assert!(retired[0].contains("id=events_a") && retired[0].contains("sequence=1"), "{retired:?}");
    assert!(!told(&["span commit", "pools=1"]).is_empty());
    assert_eq!(told(&["INFO", "checkpoint written", directory]).len(), 1);
    assert_eq!(told(&["INFO", "pool closed", "pool=events.example"]).len(), 1);
}

#[test]
fn an_event_tells_of_a_failed_write_with_its_cause() {
    let _ = told(&[]);
    let store = Arc::new(FaultyStore::default());
    let shared = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let pool =
        session_pool::SessionPool::builder().durability(Durability::Immediate).open_in(&shared).unwrap();
    store.fails_commit.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(pool.add(named("a")).is_err());
    assert!(!told(&["ERROR", "nothing is written any more", "cause="]).is_empty());
}

#[test]
fn a_listener_to_events_that_panics_stops_no_round() {
    let _ = told(&[]);
    let store = Arc::new(FaultyStore::default());
    let shared = SessionStore::with_store(store).unwrap();
    let pool = session_pool::SessionPool::builder().name("panics").open_in(&shared).unwrap();
    let session = pool.add(named("panics_a")).unwrap();
    let _ = session.retire().unwrap();
    pool.flush().unwrap();
    assert!(told(&["session retired", "panics_a"]).is_empty());
    pool.add(named("panics_b")).unwrap();
    pool.flush().unwrap();
}

#[test]
fn an_event_tells_of_a_failed_check_with_its_cause() {
    let _ = told(&[]);
    let (pool, clock) = crate::support::pool(|b| {
        let after = CheckAfter { idle: Some(crate::support::SECOND), ..CheckAfter::default() };
        b.name("checked.example").growth(Growth::Manual).check_with(after, |_| Err("the site is down".into()))
    });
    pool.add(named("checked_a")).unwrap();
    clock.advance(crate::support::SECOND);
    assert!(pool.acquire().is_err());
    let failed = told(&["WARN", "check failed", "pool=checked.example", "id=checked_a", "in_a_row=1"]);
    assert_eq!(failed.len(), 1);
    assert!(failed[0].contains("the site is down"), "{failed:?}");
}

#[test]
fn figures_tell_of_each_pool_and_agree_with_its_stats() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();
    let place = Place::disk();
    let pool = place.open(|b| b.name("figures.example").max_pool_size(3));
    for _ in 0..3 {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    let _ = pool.acquire().unwrap().fail().unwrap();
    let _ = pool.acquire().unwrap().retire().unwrap();
    pool.flush().unwrap();
    // The last word is said on closing.
    pool.close().unwrap();
    let (checked, clock) = crate::support::pool(|b| {
        let after = CheckAfter { idle: Some(crate::support::SECOND), ..CheckAfter::default() };
        b.name("burnt.example")
            .check_with(after, |_| Ok(Verdict::Blocked))
            .growth(Growth::ReuseFirst)
            .create_with(|_| Err("the site is down".into()))
    });
    checked.add(named("burnt_a")).unwrap();
    clock.advance(crate::support::SECOND);
    assert!(checked.acquire().is_err(), "it is burnt, and no other can be created");
    checked.close().unwrap();
    let text = figures.render();
    for line in [
        "session_pool_live{pool=\"figures.example\"} 2",
        "session_pool_leased{pool=\"figures.example\"} 0",
        "session_pool_created_total{pool=\"figures.example\"} 3",
        "session_pool_uses_total{pool=\"figures.example\",outcome=\"reclaim\"} 3",
        "session_pool_uses_total{pool=\"figures.example\",outcome=\"fail\"} 1",
        "session_pool_retired_total{pool=\"figures.example\",reason=\"retired\"} 1",
        "session_pool_checks_total{pool=\"burnt.example\",outcome=\"retire\"} 1",
        "session_pool_uses_total{pool=\"burnt.example\",outcome=\"retire\"} 0",
        "session_pool_retired_total{pool=\"burnt.example\",reason=\"retired\"} 1",
        "session_pool_creations_failed_total{pool=\"burnt.example\"} 1",
        "# HELP session_pool_live live sessions",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(text.contains("session_pool_commit_seconds_count"), "{text}");
}
