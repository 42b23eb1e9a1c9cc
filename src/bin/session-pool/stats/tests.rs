use std::sync::Arc;
use std::time::Duration;

use session_pool::inspect::{Scope, overview};
use session_pool::{
    Batch, Change, ErrorScore, Limits, MemoryStore, PoolEntry, PoolNumber, Reason, Retired, SessionChange,
    SessionRecord, Store, Timestamp,
};

use super::*;
use crate::output::width;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
const HOUR: Duration = Duration::from_secs(3600);

/// A session, retired so many hours ago, or live.
fn record(retired: Option<(Reason, u32)>, uses: u32) -> SessionRecord {
    SessionRecord {
        created_at: NOW.minus(100 * HOUR),
        expires_at: NOW.plus(HOUR * (uses % 40)),
        last_used_at: Some(NOW.minus(HOUR)),
        resting_until: uses.is_multiple_of(7).then(|| NOW.plus(HOUR)),
        usage_count: uses,
        error_count: uses / 3,
        error_score: ErrorScore::from_thousandths(uses * 50),
        limits: Limits {
            max_usage_count: 60,
            max_concurrent_uses: 1,
            max_error_score: ErrorScore::from_thousandths(3000),
            error_score_decrement: ErrorScore::from_thousandths(500),
        },
        retired: retired.map(|(reason, hours)| Retired { reason, at: NOW.minus(hours * HOUR) }),
    }
}

/// An overview of pools of these names, each with so many live and so many retired sessions.
fn of(pools: &[(&str, u32, u32)]) -> Overview {
    let store = MemoryStore::default();
    let mut changes = Vec::new();
    for (number, (name, live, retired)) in (0..).zip(pools) {
        let mut pool = PoolEntry::new(PoolNumber(number), name.parse().unwrap());
        for session in 0..live + retired {
            let of_retired = session.checked_sub(*live).map(|at| (Reason::ALL[at as usize % 4], at % 90));
            if of_retired.is_some() {
                pool.last_sequence = pool.last_sequence.next();
            }
            changes.push(Change::Session(SessionChange {
                pool: pool.number,
                id: format!("s{session}").parse().unwrap(),
                record: record(of_retired, session % 50),
                is_new: true,
                payload: Some(Arc::default()),
                retirement: of_retired.map(|_| pool.last_sequence),
            }));
        }
        changes.push(Change::Pool(pool));
    }
    store.commit(&Batch { changes }).unwrap();
    overview(&store, &Scope::default(), NOW.to_datetime()).unwrap()
}

/// The same of so many times as many sessions.
fn grow(overview: &mut Overview, times: u64) {
    let more = |counts: &mut [&mut u64]| counts.iter_mut().for_each(|count| **count *= times);
    for figures in overview.pools.iter_mut().map(|pool| &mut pool.figures).chain([&mut overview.total]) {
        let (unusable, retired) = (&mut figures.unusable, &mut figures.retired);
        more(&mut [
            &mut figures.live,
            &mut figures.ready,
            &mut figures.resting,
            &mut figures.uses,
            &mut figures.errors,
        ]);
        more(&mut [&mut unusable.blocked, &mut unusable.exhausted, &mut unusable.expired]);
        more(&mut [&mut retired.blocked, &mut retired.exhausted, &mut retired.expired, &mut retired.retired]);
        more(&mut [&mut figures.usage.unused, &mut figures.error_scores.zero, &mut figures.expiries.never]);
        let tenths = figures.usage.tenths.0.iter_mut().chain(&mut figures.error_scores.tenths.0);
        tenths.for_each(|count| *count *= times);
        for spans in [&mut figures.ages, &mut figures.expiries.ahead] {
            more(&mut [&mut spans.within_10_minutes, &mut spans.within_1_hour, &mut spans.within_6_hours]);
            more(&mut [
                &mut spans.within_1_day,
                &mut spans.within_3_days,
                &mut spans.within_1_week,
                &mut spans.beyond,
            ]);
        }
        let retirements = &mut figures.retirements;
        let (of, over_time) = (&mut retirements.by_reason, &mut retirements.over_time);
        more(&mut [&mut retirements.ever, &mut over_time.earlier, &mut over_time.later]);
        more(&mut [
            &mut of.blocked.count,
            &mut of.exhausted.count,
            &mut of.expired.count,
            &mut of.retired.count,
        ]);
        let counts = &mut over_time.counts;
        for counts in [&mut counts.blocked, &mut counts.exhausted, &mut counts.expired, &mut counts.retired] {
            for count in counts.iter_mut() {
                *count *= times;
            }
        }
    }
}

fn drawn(overview: &Overview, width: usize, glyphs: Glyphs) -> String {
    let archived_at = Some(NOW.minus(HOUR * 3));
    let title = "sessions\u{1b}[2J";
    let screen = Screen { title, archived_at, overview, zone: Zone::Utc, width, has_colours: false, glyphs };
    let mut out = Vec::new();
    screen.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn no_line_is_wider_than_the_terminal_whatever_is_in_the_store() {
    let long = "x".repeat(200);
    let pools: [&[(&str, u32, u32)]; 5] = [
        &[],
        &[("one", 0, 0)],
        &[("one", 30, 0)],
        &[("one", 30, 400), ("二つ目のプール.example", 3, 1), (&long, 0, 7)],
        &[("a", 0, 3), ("b\u{202e}", 1, 0)],
    ];
    for (pools, times) in
        pools.into_iter().flat_map(|pools| [1, 400, 5_000, 40_000, 1 << 24].map(|times| (pools, times)))
    {
        let mut overview = of(pools);
        grow(&mut overview, times);
        for columns in [40, 47, 48, 50, 60, 71, 72, 80, 100, 109, 110, 120, 160] {
            for glyphs in [Glyphs::Blocks, Glyphs::Ascii] {
                let drawn = drawn(&overview, columns, glyphs);
                for line in drawn.lines() {
                    assert!(width(line) <= columns, "{columns}: {line}\n{drawn}");
                    assert!(!line.ends_with(' ') && !line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn where_it_is_narrow_counts_of_millions_keep_their_pool_and_what_is_live_and_retired() {
    let mut overview = of(&[("shop.example", 30, 40), ("two", 3, 0)]);
    grow(&mut overview, 40_000);
    for (columns, has_ready, has_errors) in [(40, false, false), (48, true, false), (60, true, true)] {
        let drawn = drawn(&overview, columns, Glyphs::Blocks);
        let head = drawn.lines().find(|line| line.starts_with("POOL")).unwrap();
        assert_eq!((head.contains("READY"), head.contains("ERRORS")), (has_ready, has_errors), "{drawn}");
        let line = drawn.lines().find(|line| line.starts_with("shop")).unwrap();
        assert!(line.contains("  1,200,000  ") && line.contains("  1,600,000"), "{columns}:\n{drawn}");
    }
}

#[test]
fn what_is_in_the_store_is_told_in_numbers_too() {
    let drawn = drawn(&of(&[("one", 1200, 80), ("two", 3, 0)]), 80, Glyphs::Blocks);
    for told in [
        "sessions\\u{1b}[2J  2 pools, at 2026-03-01 12:00:00Z, as archived 3 h ago",
        "1,203 ▇",
        "blocked 20",
        " retired 20",
        "RETIREMENTS OVER TIME",
    ] {
        assert!(drawn.contains(told), "{told}:\n{drawn}");
    }
    let one = drawn.lines().find(|line| line.starts_with("one")).unwrap();
    let words: Vec<&str> = one.split_whitespace().collect();
    // Live, those of them that are ready, and behind a bar those that are retired.
    assert_eq!((words[1], words[2], words[4]), ("1,200", "984", "80"), "{one}");
    assert_eq!(drawn.lines().filter(|line| line.starts_with("used up")).count(), 1);
}

#[test]
fn a_store_with_nothing_in_it_says_so() {
    let drawn = drawn(&of(&[]), 80, Glyphs::Ascii);
    assert!(
        drawn.contains("no pools")
            && drawn.contains("The log tells of none.")
            && drawn.contains("There are none.")
    );
    assert!(drawn.is_ascii() && drawn.lines().count() < 15, "{drawn}");
}

#[test]
fn the_night_in_which_it_went_wrong_stands_out() {
    let overview = of(&[("one", 5, 360)]);
    let drawn = drawn(&overview, 80, Glyphs::Blocks);
    let lines: Vec<&str> =
        drawn.lines().skip_while(|line| !line.starts_with("RETIREMENTS")).skip(1).take(6).collect();
    assert!(
        lines[0].starts_with("blocked") && lines[3].starts_with("expired") && lines[4].starts_with("all"),
        "{lines:#?}"
    );
    let steps = overview.total.retirements.over_time.counts.blocked.len();
    assert!(lines[4].chars().count() >= LABEL + COUNT + steps, "each step has a column: {lines:#?}");
    assert!(lines[5].contains("28 Feb"), "{lines:#?}");
}
