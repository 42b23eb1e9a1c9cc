#![allow(clippy::float_cmp, reason = "rates of small numbers are exact")]

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::session::{ErrorScore, Limits, Retired, SessionRecord};
use crate::store::{Batch, Change, LogEntry, MemoryStore, Sequence, SessionChange, Store};

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A live session, ready, one minute old, that expires in an hour.
fn record(change: impl FnOnce(&mut SessionRecord)) -> SessionRecord {
    let mut record = SessionRecord {
        created_at: NOW.minus(MINUTE),
        expires_at: NOW.plus(60 * MINUTE),
        last_used_at: None,
        resting_until: None,
        usage_count: 0,
        error_count: 0,
        error_score: ErrorScore::default(),
        limits: Limits {
            max_usage_count: 50,
            max_concurrent_uses: Limits::UNLIMITED,
            max_error_score: ErrorScore::from_thousandths(3000),
            error_score_decrement: ErrorScore::from_thousandths(500),
        },
        retired: None,
    };
    change(&mut record);
    record
}

fn retired(reason: Reason, minutes_ago: u32, uses: u32, life: Duration) -> SessionRecord {
    record(|record| {
        let at = NOW.minus(minutes_ago * MINUTE);
        record.retired = Some(Retired { reason, at });
        record.created_at = at.minus(life);
        record.usage_count = uses;
        record.last_used_at = Some(at);
    })
}

/// A store of pools `a`, `b`, …, each with these sessions.
fn store(pools: &[Vec<SessionRecord>]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut changes = Vec::new();
    for (number, sessions) in (0..).zip(pools) {
        let name = char::from(b'a' + number).to_string().parse().unwrap();
        let mut pool = PoolEntry::new(PoolNumber(number.into()), name);
        for (index, record) in sessions.iter().enumerate() {
            if record.retired.is_some() {
                pool.last_sequence = pool.last_sequence.next();
            }
            changes.push(Change::Session(SessionChange {
                pool: pool.number,
                id: format!("s{index}").parse().unwrap(),
                record: *record,
                is_new: true,
                payload: Some(std::sync::Arc::default()),
                retirement: record.retired.map(|_| pool.last_sequence),
            }));
        }
        changes.push(Change::Pool(pool));
    }
    store.commit(&Batch { changes }).unwrap();
    store
}

fn overview_of(pools: &[Vec<SessionRecord>]) -> Overview {
    overview(&store(pools), &Scope::default(), NOW.into()).unwrap()
}

#[test]
fn an_empty_store_has_nothing_in_it() {
    let empty = overview_of(&[]);
    assert!(empty.pools.is_empty());
    assert_eq!((empty.total.live, empty.total.uses, empty.total.error_rate), (0, 0, 0.0));
    assert_eq!(empty.total.retirements.by_reason.blocked.uses_median, None);
    assert_eq!(empty.total.retirements.over_time.from, None);
    let pool_of_none = overview_of(&[vec![]]);
    assert_eq!(pool_of_none.pools[0].pool.as_str(), "a");
    assert_eq!(pool_of_none.pools[0].figures, empty.total);
}

#[test]
fn one_session_is_told_of_in_its_pool_and_in_all() {
    let one = overview_of(&[vec![record(|record| {
        record.usage_count = 27;
        record.error_count = 9;
        record.error_score = ErrorScore::from_thousandths(1500);
        record.last_used_at = Some(NOW.minus(MINUTE));
    })]]);
    assert_eq!(one.pools[0].figures, one.total);
    assert_eq!((one.total.live, one.total.ready), (1, 1));
    assert_eq!((one.total.uses, one.total.errors), (27, 9));
    assert_eq!(one.total.error_rate, 9.0 / 27.0);
    assert_eq!(one.total.usage.tenths.0, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(one.total.error_scores.tenths.0, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(one.total.ages.within_10_minutes, 1);
    assert_eq!(one.total.expiries.ahead.within_1_hour, 1);
    assert_eq!(one.total.expiries.next_at, Some(NOW.plus(60 * MINUTE)));
    assert_eq!(one.total.last_used_at, Some(NOW.minus(MINUTE)));
    assert_eq!(one.total.last_created_at, Some(NOW.minus(MINUTE)));
}

#[test]
fn live_sessions_are_ready_resting_or_unusable_for_the_first_reason() {
    let blocked = |record: &mut SessionRecord| record.error_score = record.limits.max_error_score;
    let total = overview_of(&[vec![
        record(|_| ()),
        record(|record| record.resting_until = Some(NOW.plus(MINUTE))),
        record(|record| record.resting_until = Some(NOW)),
        record(|record| record.expires_at = NOW),
        record(|record| {
            record.expires_at = NOW;
            record.resting_until = Some(NOW.plus(MINUTE));
        }),
        record(|record| record.usage_count = 50),
        record(|record| {
            blocked(record);
            record.usage_count = 50;
        }),
    ]])
    .total;
    assert_eq!((total.live, total.ready, total.resting), (7, 2, 1));
    assert_eq!(total.unusable, Unusable { blocked: 1, exhausted: 1, expired: 2 });
    assert_eq!(total.expiries.ahead.counts().iter().sum::<u64>(), 3, "of those that are usable");
}

#[test]
fn what_never_expires_is_told_apart_from_what_expires_late() {
    let total = overview_of(&[vec![
        record(|record| record.expires_at = Timestamp::MAX),
        record(|record| record.expires_at = Timestamp::MAX.minus(Duration::from_millis(1))),
    ]])
    .total;
    assert_eq!((total.expiries.never, total.expiries.ahead.beyond), (1, 1));
    assert_eq!(total.expiries.over_time.counts.iter().sum::<u64>(), 1);
}

#[test]
fn retirements_are_told_of_by_reason_with_uses_lives_and_times() {
    let hours = |hours: u32| hours * 60 * MINUTE;
    let pools = [
        vec![
            retired(Reason::Blocked, 1, 3, hours(1)),
            retired(Reason::Blocked, 2, 5, hours(2)),
            retired(Reason::Blocked, 3, 40, MINUTE),
        ],
        vec![retired(Reason::Exhausted, 0, 50, hours(1)), record(|_| ())],
    ];
    let all = overview_of(&pools);
    assert_eq!(all.total.live, 1);
    assert_eq!(all.total.retired, ByReason { blocked: 3, exhausted: 1, expired: 0, retired: 0 });
    let told = &all.total.retirements;
    assert_eq!((told.ever, told.count()), (4, 4));
    assert_eq!((told.first_at, told.last_at), (Some(NOW.minus(3 * MINUTE)), Some(NOW)));
    let blocked = told.by_reason.blocked;
    assert_eq!((blocked.count, blocked.uses_median, blocked.uses_p90), (3, Some(5), Some(40)));
    assert_eq!((blocked.life_seconds_median, blocked.life_seconds_p90), (Some(3600), Some(7200)));
    assert_eq!(told.by_reason.expired, RetirementsOf::default());
    assert_eq!(told.over_time.counts.blocked, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0]);
    assert_eq!(told.over_time.counts.exhausted[11], 1);
    let a = &all.pools[0].figures.retirements;
    assert_eq!((a.count(), a.over_time.from), (3, told.over_time.from));
    assert_eq!(a.over_time.counts.exhausted, [0; 12]);
}

#[test]
fn a_scope_leaves_out_other_pools_and_what_the_log_has_of_before() {
    let pools = [
        vec![record(|_| ())],
        vec![retired(Reason::Blocked, 10, 3, MINUTE), retired(Reason::Expired, 5, 3, MINUTE)],
    ];
    let store = store(&pools);
    let scope = Scope { pool: Some("b".parse().unwrap()), retired_since: Some(NOW.minus(5 * MINUTE)) };
    let scoped = overview(&store, &scope, NOW.into()).unwrap();
    assert_eq!((scoped.pools.len(), scoped.total.live), (1, 0));
    assert_eq!((scoped.total.retirements.count(), scoped.total.retirements.ever), (1, 2));
    assert_eq!((scoped.total.retired.blocked, scoped.total.retired.expired), (0, 1), "since then");
    assert_eq!(scoped.pools[0].figures.retired, scoped.total.retired);
    assert_eq!(scoped.total.uses, 6, "those that are kept were used whenever");
    let all = overview(&store, &Scope::default(), NOW.into()).unwrap();
    assert_eq!(all.total.retired.sum(), 2);
    let scope = Scope { pool: Some("nowhere".parse().unwrap()), ..Scope::default() };
    assert!(overview(&store, &scope, NOW.into()).unwrap().pools.is_empty());
}

#[test]
fn times_to_come_and_the_ends_of_time_are_counted_like_others() {
    let total = overview_of(&[vec![
        record(|record| {
            record.created_at = NOW.plus(60 * MINUTE);
            record.last_used_at = Some(NOW.plus(60 * MINUTE));
        }),
        record(|record| {
            (record.created_at, record.expires_at) = (Timestamp::MIN, Timestamp::MIN);
        }),
        record(|record| {
            record.created_at = Timestamp::MAX;
            record.retired = Some(Retired { reason: Reason::Expired, at: Timestamp::MIN });
            (record.usage_count, record.error_count) = (u32::MAX, u32::MAX);
            record.error_score = ErrorScore::from_thousandths(u32::MAX);
        }),
        record(|record| {
            record.created_at = Timestamp::MIN;
            record.retired = Some(Retired { reason: Reason::Expired, at: Timestamp::MAX });
            record.limits.max_usage_count = 0;
        }),
    ]])
    .total;
    assert_eq!((total.ready, total.unusable.expired, total.retired.expired), (1, 1, 2));
    assert_eq!((total.ages.within_10_minutes, total.ages.beyond), (1, 1));
    let expired = total.retirements.by_reason.expired;
    assert_eq!((expired.uses_median, expired.life_seconds_median), (Some(0), Some(0)));
    assert!(expired.uses_p90.unwrap().abs_diff(u32::MAX.into()) < 1 << 23);
    assert!(total.retirements.over_time.counts.expired.len() <= 60);
}

#[test]
fn a_log_that_has_ever_grown_without_end_does_not_overflow() {
    let store = MemoryStore::default();
    let pools = [1, 2].map(|number| PoolEntry {
        last_sequence: Sequence(u64::MAX),
        ..PoolEntry::new(PoolNumber(number), number.to_string().parse().unwrap())
    });
    store.commit(&Batch { changes: pools.into_iter().map(Change::Pool).collect() }).unwrap();
    let all = overview(&store, &Scope::default(), NOW.into()).unwrap();
    assert_eq!(all.total.retirements.ever, u64::MAX);
}

#[test]
fn the_log_tells_of_sessions_that_are_forgotten_too() {
    let store = store(&[vec![]]);
    let entry = LogEntry::of("gone".parse().unwrap(), &retired(Reason::Retired, 1, 7, MINUTE)).unwrap();
    let change = Change::LogEntry { pool: PoolNumber(0), sequence: Sequence(1), entry };
    store.commit(&Batch { changes: vec![change] }).unwrap();
    let total = overview(&store, &Scope::default(), NOW.into()).unwrap().total;
    assert_eq!((total.retired.retired, total.retirements.by_reason.retired.count), (0, 1));
}

#[test]
fn more_sessions_take_no_more_allocations() {
    let allocations = |sessions: u32| {
        let session = |at: u32| match at % 3 {
            0 => retired(Reason::ALL[at as usize % 4], at % 50, at % 40, at % 70 * MINUTE),
            _ => record(|record| record.expires_at = NOW.plus(at % 50 * MINUTE)),
        };
        let store = store(&[(0..sessions).map(session).collect(), vec![]]);
        allocation_counter::measure(|| {
            overview(&store, &Scope::default(), NOW.into()).unwrap();
        })
        .count_total
    };
    assert_eq!(allocations(20_000), allocations(5_000));
}

/// Programs read these names.
#[test]
fn the_names_of_the_fields_stay() {
    let json =
        serde_json::to_value(overview_of(&[vec![retired(Reason::Blocked, 0, 3, MINUTE), record(|_| ())]]))
            .unwrap();
    let of_reason = |count: u64, value: Option<u64>| {
        json!({
            "count": count, "error_rate": 0.0, "uses_median": value.map(|_| 3), "uses_p90": value.map(|_| 3),
            "life_seconds_median": value, "life_seconds_p90": value,
        })
    };
    let steps = |last: u64| [vec![0; 11], vec![last]].concat();
    assert_eq!(
        json["total"],
        json!({
            "live": 1, "ready": 1, "resting": 0,
            "unusable": { "blocked": 0, "exhausted": 0, "expired": 0 },
            "retired": { "blocked": 1, "exhausted": 0, "expired": 0, "retired": 0 },
            "uses": 3, "errors": 0, "error_rate": 0.0,
            "last_created_at": "2026-03-01T11:59:00.000Z", "last_used_at": "2026-03-01T12:00:00.000Z",
            "usage": {
                "unused": 1,
                "tenths": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                "counts": [{ "from": 0, "to": 0, "sessions": 1 }],
            },
            "error_scores": { "zero": 1, "tenths": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
            "ages": {
                "within_10_minutes": 1, "within_1_hour": 0, "within_6_hours": 0, "within_1_day": 0, "within_3_days": 0,
                "within_1_week": 0, "beyond": 0,
            },
            "expiries": {
                "next_at": "2026-03-01T13:00:00.000Z",
                "ahead": {
                    "within_10_minutes": 0, "within_1_hour": 1, "within_6_hours": 0, "within_1_day": 0,
                    "within_3_days": 0, "within_1_week": 0, "beyond": 0,
                },
                "never": 0,
                "over_time": {
                    "from": "2026-03-01T12:00:00.000Z", "step_seconds": 300,
                    "counts": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "earlier": 0, "later": 0,
                },
            },
            "retirements": {
                "ever": 1,
                "first_at": "2026-03-01T12:00:00.000Z", "last_at": "2026-03-01T12:00:00.000Z",
                "by_reason": {
                    "blocked": of_reason(1, Some(60)), "exhausted": of_reason(0, None),
                    "expired": of_reason(0, None), "retired": of_reason(0, None),
                },
                "over_time": {
                    "from": "2026-03-01T11:49:00.000Z", "step_seconds": 60,
                    "counts": { "blocked": steps(1), "exhausted": steps(0), "expired": steps(0), "retired": steps(0) },
                    "earlier": 0, "later": 0,
                },
                "unreadable": 0,
            },
            "unreadable_sessions": 0,
        })
    );
    let mut pool = json["total"].clone();
    pool["pool"] = json!("a");
    assert_eq!(json["pools"], json!([pool]));
    assert_eq!((&json["at"], &json["unreadable_pools"]), (&json!("2026-03-01T12:00:00.000Z"), &json!(0)));
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i64>().prop_map(Timestamp::from_millis),
        (-10_000_000_i64..10_000_000).prop_map(|near| Timestamp::from_millis(NOW.as_millis() + near)),
    ]
}

fn any_record() -> impl Strategy<Value = SessionRecord> {
    let times = (any_time(), any_time(), proptest::option::of(any_time()), proptest::option::of(any_time()));
    let counts = (0_u32..60, any::<u32>(), 0_u32..4000, 0_u32..60);
    let retired = proptest::option::of((0_usize..4, any_time()));
    (times, counts, retired).prop_map(|(times, counts, retired)| {
        record(|record| {
            (record.created_at, record.expires_at, record.last_used_at, record.resting_until) = times;
            (record.usage_count, record.error_count) = (counts.0, counts.1);
            record.error_score = ErrorScore::from_thousandths(counts.2);
            record.limits.max_usage_count = counts.3;
            record.retired = retired.map(|(reason, at)| Retired { reason: Reason::ALL[reason], at });
        })
    })
}

proptest! {
    /// Whatever is in a store: every session is counted in each distribution once, and the pools add up to the total.
    #[test]
    fn the_figures_agree_with_each_other(pools in proptest::collection::vec(proptest::collection::vec(any_record(), 0..20), 0..4)) {
        let all = overview_of(&pools);
        for figures in all.pools.iter().map(|pool| &pool.figures).chain([&all.total]) {
            let usable = figures.ready + figures.resting;
            prop_assert_eq!(figures.live, usable + figures.unusable.sum());
            prop_assert_eq!(figures.usage.tenths.sum(), figures.live);
            prop_assert_eq!(figures.usage.counts.iter().map(|bucket| bucket.sessions).sum::<u64>(), figures.live);
            prop_assert_eq!(figures.error_scores.tenths.sum(), figures.live);
            prop_assert_eq!(figures.ages.counts().iter().sum::<u64>(), figures.live);
            let expiries = &figures.expiries;
            prop_assert_eq!(expiries.ahead.counts().iter().sum::<u64>() + expiries.never, usable);
            let over_time = &expiries.over_time;
            let counted = over_time.counts.iter().sum::<u64>() + over_time.earlier + over_time.later;
            prop_assert_eq!(counted + expiries.never, usable);
            let over_time = &figures.retirements.over_time;
            let counted = over_time.counts.iter().flat_map(|(_, counts)| counts).sum::<u64>();
            prop_assert_eq!(counted + over_time.earlier + over_time.later, figures.retirements.count());
            prop_assert_eq!(figures.retired.sum(), figures.retirements.count());
        }
        let sum = |count: fn(&Figures) -> u64| all.pools.iter().map(|pool| count(&pool.figures)).sum::<u64>();
        prop_assert_eq!(sum(|figures| figures.live), all.total.live);
        prop_assert_eq!(sum(|figures| figures.ready), all.total.ready);
        prop_assert_eq!(sum(|figures| figures.uses), all.total.uses);
        prop_assert_eq!(sum(|figures| figures.retirements.by_reason.expired.count), all.total.retirements.by_reason.expired.count);
        prop_assert_eq!(all.total.live + all.total.retired.sum(), pools.iter().map(Vec::len).sum::<usize>() as u64);
    }
}
