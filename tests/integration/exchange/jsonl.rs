//! JSON Lines: lossless, and strict.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value};
use session_pool::archive::{ArchiveItem, ArchivedSession};
use session_pool::exchange::{
    ExchangeError, ExportOptions, ImportOptions, JsonlReader, JsonlWriter, MAX_LINE_LENGTH, import_store,
    write_jsonl,
};
use session_pool::{
    Cookie, ErrorScore, Fingerprint, Growth, Limits, LogEntry, MAX_PAYLOAD_LENGTH, MemoryStore, Payload,
    PoolEntry, PoolNumber, Reason, Retired, SameSite, Sequence, SessionId, SessionPool, SessionRecord,
    SessionStore, SledStoreOptions, Timestamp, UserData,
};

use super::{errors_of, jsonl_of, open};
use crate::support::{Place, assert_sound, content, id, named, worked_store};

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis()).prop_map(Timestamp::from_millis),
    ]
}

fn score() -> impl Strategy<Value = ErrorScore> {
    any::<u32>().prop_map(ErrorScore::from_thousandths)
}

fn session_id() -> impl Strategy<Value = SessionId> {
    "[A-Za-z0-9._~]{1,50}".prop_map(|text| text.parse().unwrap())
}

fn reason() -> impl Strategy<Value = Reason> {
    proptest::sample::select(Reason::ALL.to_vec())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("a number", |n| serde_json::Number::from_f64(n).map(Value::Number)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::hash_map(any::<String>(), json(), 0..4).prop_map(|map| map.into_iter().collect())
}

fn cookie() -> impl Strategy<Value = Cookie> {
    let same_site =
        proptest::option::of(proptest::sample::select(vec![SameSite::Strict, SameSite::Lax, SameSite::None]));
    // As a store keeps it.
    let domain = any::<String>().prop_map(|text| Cookie::new("", "", text).domain);
    let texts = (any::<String>(), any::<String>(), domain, any::<String>());
    let times = (proptest::option::of(time()), proptest::option::of(time()), proptest::option::of(time()));
    (texts, any::<[bool; 3]>(), same_site, proptest::option::of(any::<String>()), times).prop_map(
        |((name, value, domain, path), [host_only, secure, http_only], same_site, partition_key, times)| {
            Cookie {
                name,
                value,
                domain,
                path,
                host_only,
                secure,
                http_only,
                same_site,
                partition_key,
                expires_at: times.0,
                created_at: times.1,
                last_accessed_at: times.2,
            }
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    let headers = proptest::collection::vec((any::<String>(), any::<String>()), 0..3);
    let fingerprint = proptest::option::of(
        (headers, object()).prop_map(|(headers, attributes)| Fingerprint { headers, attributes }),
    );
    let proxy = proptest::option::of(
        "(http|socks5h)://([a-z]{1,5}(:[!-/]{0,5})?@)?[a-z0-9.]{1,9}(:[1-9][0-9]{0,3})?",
    )
    .prop_map(|url| url.and_then(|url| url.parse().ok()));
    (proptest::collection::vec(cookie(), 0..4), object(), proxy, fingerprint).prop_map(
        |(cookies, user_data, proxy, fingerprint)| {
            let mut payload =
                Payload { cookies: Vec::new(), user_data: UserData::from(user_data), proxy, fingerprint };
            for cookie in cookies {
                payload.set_cookie(cookie, Timestamp::MIN);
            }
            payload
        },
    )
}

fn record() -> impl Strategy<Value = SessionRecord> {
    let times = (time(), time(), proptest::option::of(time()), proptest::option::of(time()));
    let retired = proptest::option::of((reason(), time()).prop_map(|(reason, at)| Retired { reason, at }));
    let limits = (1..=u32::MAX, 1..=u32::MAX, (1..=u32::MAX).prop_map(ErrorScore::from_thousandths));
    (times, any::<[u32; 2]>(), limits, (score(), score()), retired).prop_map(
        |(times, counts, limits, scores, retired)| SessionRecord {
            created_at: times.0,
            expires_at: times.1,
            last_used_at: times.2,
            resting_until: times.3,
            usage_count: counts[0],
            error_count: counts[1],
            error_score: scores.0,
            limits: Limits {
                max_usage_count: limits.0,
                max_concurrent_uses: limits.1,
                max_error_score: limits.2,
                error_score_decrement: scores.1,
            },
            retired,
        },
    )
}

/// Half of them are left for what is retired later.
fn sequence() -> impl Strategy<Value = u64> {
    0..=u64::MAX / 2
}

fn pool(number: u32) -> impl Strategy<Value = PoolEntry> {
    let counters = [(); 3].map(|()| sequence());
    (counters, proptest::collection::btree_set(sequence(), 0..6)).prop_map(move |(mut counters, edges)| {
        counters.sort_unstable();
        let edges: Vec<u64> = edges.into_iter().filter(|edge| *edge <= counters[2]).collect();
        let mut pool = PoolEntry::new(PoolNumber(number), format!("pool ü {number}").parse().unwrap());
        pool.trimmed_through = Sequence(counters[0]);
        pool.purged_through = Sequence(counters[1]);
        pool.last_sequence = Sequence(counters[2]);
        pool.lost_log = edges.chunks_exact(2).map(|pair| (Sequence(pair[0]), Sequence(pair[1]))).collect();
        pool
    })
}

fn items() -> impl Strategy<Value = Vec<ArchiveItem>> {
    let pools = (pool(0), pool(7), pool(u32::MAX)).prop_map(|(a, b, c)| [a, b, c].map(ArchiveItem::Pool));
    let number = || proptest::sample::select(vec![0, 7, u32::MAX]).prop_map(PoolNumber);
    let session = (number(), session_id(), record(), proptest::option::weighted(0.9, payload())).prop_map(
        |(pool, id, record, payload)| ArchiveItem::Session(ArchivedSession { pool, id, record, payload }),
    );
    let entry = (session_id(), reason(), time(), time(), any::<[u32; 2]>(), score());
    let entry = (number(), sequence(), entry).prop_map(|(pool, sequence, told)| {
        let (id, reason, retired_at, created_at, [usage_count, error_count], error_score) = told;
        let entry = LogEntry { id, reason, retired_at, created_at, usage_count, error_count, error_score };
        ArchiveItem::LogEntry { pool, sequence: Sequence(sequence), entry }
    });
    let rest = proptest::collection::vec(prop_oneof![session, entry], 0..6);
    (pools, rest).prop_map(|(pools, rest)| pools.into_iter().chain(rest).collect())
}

fn write(items: &[ArchiveItem]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut writer = JsonlWriter::new(&mut text, Timestamp::from_millis(1), false).unwrap();
    for item in items {
        writer.item(item).unwrap();
    }
    writer.finish(3).unwrap();
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 512 }))]

    #[test]
    fn every_item_reads_back_as_it_was(items in items()) {
        let text = write(&items);
        let mut reader = JsonlReader::new(text.as_slice()).unwrap();
        let read: Vec<ArchiveItem> = reader.by_ref().map(|item| item.unwrap()).collect();
        prop_assert_eq!(read, items);
        prop_assert_eq!(reader.unreadable(), Some(3));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), items in items()) {
        let whole = write(&items);
        let _ = errors_of(&text);
        let mut changed = whole.clone();
        let at = at.index(changed.len());
        changed.splice(at..at, text.iter().copied().take(4));
        let _ = errors_of(&changed);
        // Whatever it is cut off at, it does not pass for whole.
        prop_assert!(!errors_of(&whole[..at]).is_empty() || at + 1 == whole.len());
    }
}

#[test]
fn a_store_made_of_an_export_is_the_same() {
    for place in Place::both() {
        worked_store(&place, 11);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("copy");
        let (before, text) = place.look(|store| (content(store), jsonl_of(store)));
        let imported =
            import_store(text.as_slice(), &path, &ImportOptions::new(), SledStoreOptions::new()).unwrap();
        assert!(imported.live > 0 && imported.retired > 0 && imported.log_entries > imported.retired);
        let store = open(&path);
        assert_sound(&store);
        assert_eq!(content(&store), before);
        let again = String::from_utf8(jsonl_of(&store)).unwrap();
        // But for the first line, which tells when it was written.
        let rest = |text: &str| text.split_once('\n').unwrap().1.to_owned();
        assert_eq!(rest(&again), rest(&String::from_utf8(text).unwrap()));
    }
}

#[test]
fn the_longest_session_there_can_be_fits_into_a_line() {
    let cookies = |count: usize| {
        let value = "\u{1}".repeat((MAX_PAYLOAD_LENGTH - 1000) / count - 300);
        (0..count).map(|n| Cookie::new(n.to_string(), value.clone(), "a.example")).collect()
    };
    for count in [1, 3000] {
        let record = SessionRecord {
            created_at: Timestamp::MIN,
            expires_at: Timestamp::MAX,
            last_used_at: None,
            resting_until: None,
            usage_count: 0,
            error_count: 0,
            error_score: ErrorScore::default(),
            limits: Limits {
                max_usage_count: 1,
                max_concurrent_uses: 1,
                max_error_score: ErrorScore::ONE,
                error_score_decrement: ErrorScore::ONE,
            },
            retired: None,
        };
        let payload = Some(Payload { cookies: cookies(count), ..Payload::default() });
        let session =
            ArchiveItem::Session(ArchivedSession { pool: PoolNumber(0), id: id("a"), record, payload });
        let pool = ArchiveItem::Pool(PoolEntry::new(PoolNumber(0), "a".parse().unwrap()));
        let text = write(&[pool, session]);
        assert!(text.split(|byte| *byte == b'\n').any(|line| line.len() > 4 * MAX_PAYLOAD_LENGTH));
        assert_eq!(errors_of(&text), Vec::<String>::new());
    }
}

/// A small export, whose lines are numbered from 1: header, pool, retirement, two sessions, end.
fn small() -> String {
    let place = Place::memory();
    let pool = place.open(|builder| builder.name("shop"));
    let proxy = Some("http://u:topsecret@h:1".parse().unwrap());
    let options = session_pool::SessionOptions { proxy, ..crate::support::named("a") };
    let options =
        options.user_data("token", "topsecret").cookie(Cookie::new("sid", "topsecret", "h.example"));
    pool.add(options).unwrap();
    let _ = pool.add(crate::support::named("b")).unwrap().retire().unwrap();
    drop(pool);
    String::from_utf8(place.look(jsonl_of)).unwrap()
}

fn refusal(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let options = ImportOptions::new();
    let error = import_store(text.as_bytes(), &path, &options, SledStoreOptions::new()).unwrap_err();
    assert!(!path.exists(), "nothing is left of it: {error}");
    let text = error.to_string();
    assert!(!text.contains("topsecret"), "{text}");
    text
}

#[test]
fn what_is_not_as_it_should_be_is_refused_by_line_field_value_and_rule() {
    let text = small();
    assert_eq!(text.lines().count(), 6, "{text}");
    for (from, to, says) in [
        ("\"usage_count\":0", "\"usage_count\":-1", "line 4: usage_count is -1: must be a whole number"),
        ("\"usage_count\":0,", "", "line 4: usage_count is missing: must be there"),
        (
            "\"max_error_score\":3.0",
            "\"max_error_score\":0.0001",
            "line 4: max_error_score is 0.0001: must be",
        ),
        ("\"secure\":false", "\"secure\":\"topsecret\"", "line 4: cookies[0].secure is a text: must be true"),
        ("\"sid\"", "1", "line 4: cookies[0].name is a number: must be a text"),
        ("http://u:topsecret@h:1", "topsecret", "line 4: proxy is ***: must be scheme://"),
        ("{\"token\":\"topsecret\"}", "\"topsecret\"", "line 4: user_data is a text: must be an object"),
        ("\"id\":\"a\"", "\"id\":\"a b\"", "line 4: id is \"a b\": must be 1 to 50"),
        ("\"id\":\"a\"", "\"id\":\"a\",\"topsecret\":\"topsecret\"", "line 4"),
        ("\"id\":\"a\"", "\"id\":\"a\",\"id\":\"b\"", "line 4, column"),
        ("\"id\":\"a\"", "\"id\":\"b\"", "line 5: the session b was there already: line 4"),
        (
            "\"pool\":\"shop\",\"id\":\"a\"",
            "\"pool\":\"x\",\"id\":\"a\"",
            "line 4: pool is \"x\": must be a pool",
        ),
        ("\"reason\":\"retired\"", "\"reason\":\"bored\"", "line 3: reason is \"bored\": must be blocked"),
        ("\"kind\":\"retirement\"", "\"kind\":\"party\"", "line 3: kind is \"party\": must be pool"),
        ("\"sequence\":1", "\"sequence\":2", "line 3: retirement 2 of the pool shop does not lie"),
        ("\"last_sequence\":1", "\"last_sequence\":2", "line 2: the pool shop lacks its retirements 2 to 2"),
        ("\"purged_through\":0", "\"purged_through\":2", "line 2: purged_through is 2: must be at most last"),
        (
            "\"last_sequence\":1",
            "\"last_sequence\":18446744073709551615",
            "line 2: last_sequence is 18446744073709551615: must be a whole number from 0 to 9223372036854775807",
        ),
        ("\"lost_log\":[]", "\"lost_log\":[[1,2]]", "line 2: lost_log is 2: must end at last_sequence"),
        (
            "\"max_usage_count\":50",
            "\"max_usage_count\":0",
            "line 4: max_usage_count is 0: must be a whole number from 1",
        ),
        (
            "\"max_concurrent_uses\":null",
            "\"max_concurrent_uses\":0",
            "line 4: max_concurrent_uses is 0: must be a whole number from 1",
        ),
        (
            "\"max_error_score\":3.0",
            "\"max_error_score\":0",
            "line 4: max_error_score is 0: must be a number from 0.001",
        ),
        (
            "\"usage_count\":0",
            "\"usage_count\":12345678901234567890123",
            "line 4, column 177: a number is larger or has more digits than can be kept",
        ),
        ("\"version\":1", "\"version\":2", "the export has version 2, and this version"),
        ("\"format\":\"session-pool\"", "\"format\":\"x\"", "its first line does not say"),
        ("\"sessions\":2", "\"sessions\":3", "line 6: it says that there are 1 pools"),
        ("\"kind\":\"session\"", "kind", "line 4, column"),
        ("{\"kind\":\"session\"", "[", "line 4, column"),
        ("\"written_at\":\"2", "\"written_at\":\"X", "line 1: written_at is"),
    ] {
        // The secret that is named as a field is ours, in this one case.
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let says_so = if to.contains("\"topsecret\":") {
            errors_of(changed.as_bytes()).join("; ")
        } else {
            refusal(&changed)
        };
        assert!(says_so.contains(says), "{from} -> {to}: {says_so}");
    }
}

#[test]
fn cookies_are_as_a_store_keeps_them_each_of_them_once() {
    let text = small();
    let dotted = text.replace("\"h.example\"", "\".h.example\"");
    assert!(
        refusal(&dotted)
            .contains("line 4: cookies[0].domain is a text: must be a text without a leading dot")
    );
    let upper = text.replace("\"h.example\"", "\"H.example\"");
    assert!(refusal(&upper).contains("line 4: cookies[0].domain is a text"));
    let begin = text.find("\"cookies\":[").unwrap() + "\"cookies\":[".len();
    let end = begin + text[begin..].find('}').unwrap() + 1;
    let twice = format!("{},{}", &text[..end], &text[begin..]);
    assert!(refusal(&twice).contains("line 4: cookies[1] is the same cookie as cookies[0]: each name"));
}

/// Retires a session as soon as something is written.
struct Retiring<'a> {
    pool: &'a SessionPool,
    is_done: bool,
}

impl std::io::Write for Retiring<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !std::mem::replace(&mut self.is_done, true) {
            let _ = self.pool.get(&id("z")).unwrap().retire().unwrap();
            self.pool.flush().unwrap();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn i2_an_export_during_which_a_session_is_retired_has_no_last_line_and_says_so() {
    let store = Arc::new(MemoryStore::new());
    let pool = SessionPool::builder()
        .growth(Growth::Manual)
        .open_in(&SessionStore::with_store(Arc::clone(&store)).unwrap())
        .unwrap();
    for number in 0..300 {
        pool.add(named(&format!("a{number}")).user_data("k", "x".repeat(3000))).unwrap();
    }
    pool.add(named("z")).unwrap();
    pool.flush().unwrap();
    let out = Retiring { pool: &pool, is_done: false };
    let error = write_jsonl(&*store, out, &ExportOptions::new()).unwrap_err();
    assert!(matches!(error, ExchangeError::Changed), "{error}");
    write_jsonl(&*store, std::io::sink(), &ExportOptions::new()).unwrap();
}

#[test]
fn sessions_and_log_that_do_not_agree_are_refused() {
    let text = small();
    let without = |line: usize| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.remove(line - 1);
        lines.join("\n")
    };
    assert!(refusal(&without(6)).contains("line 5: the last line, which says that it is, is missing"));
    let edited = |text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        let options = ImportOptions::new().edited(true);
        import_store(text.as_bytes(), &path, &options, SledStoreOptions::new()).map_err(|error| {
            assert!(!path.exists());
            error.to_string()
        })
    };
    assert_eq!(edited(&without(4)).unwrap().live, 0, "a live session can be taken out");
    assert!(edited(&without(5)).unwrap_err().contains("line 3: the session was retired, and is not there"));
    assert!(edited(&without(3)).unwrap_err().contains("line 2: the pool shop lacks its retirements 1 to 1"));
    let lost = without(3).replace("\"lost_log\":[]", "\"lost_log\":[[1,1]]");
    assert!(
        edited(&lost).unwrap_err().contains("line 4: the session is retired, and no retirement tells of it")
    );
    assert!(edited(&without(2)).unwrap_err().contains("line 2: pool is \"shop\": must be a pool"));
    let revived = text.replace("\"retired\":{\"reason\":\"retired\"", "\"retired\":{\"reason\":\"expired\"");
    assert!(refusal(&revived).contains("line 5: the session is not what line 3 says"));
    let lines: Vec<&str> = text.lines().collect();
    let twice = [lines[0], lines[1], lines[2], lines[2], lines[3], lines[4]].join("\n");
    assert!(edited(&twice).unwrap_err().contains("line 4: retirement 1 of the pool shop was there already"));
    let twice = [lines[0], lines[1], lines[1]].join("\n");
    assert!(edited(&twice).unwrap_err().contains("line 3: the pool shop has the name or the number"));
}

#[test]
fn what_is_no_text_too_long_or_something_else_is_refused() {
    let text = small();
    assert!(refusal("").contains("it is empty"));
    assert!(refusal("\n\n").contains("it is empty"));
    assert!(refusal("{}\n").contains("its first line does not say"));
    assert!(refusal("hello").contains("line 1, column 1: this is no JSON"));
    let huge = text.replace("topsecret", &"x".repeat(MAX_LINE_LENGTH));
    assert!(refusal(&huge).contains("line 4 is longer than 33554432 bytes"));
    let mut bytes = text.clone().into_bytes();
    let at = text.find("topsecret").unwrap();
    bytes[at] = 0xFF;
    let errors = errors_of(&bytes);
    let column = at - text.lines().take(3).map(|line| line.len() + 1).sum::<usize>() + 1;
    assert_eq!(errors, [format!("line 4, column {column}: this is no UTF-8 text")]);
    let deep = text
        .replace("{\"token\":\"topsecret\"}", &format!("{{\"k\":{}{}}}", "[".repeat(200), "]".repeat(200)));
    assert!(refusal(&deep).contains("recursion limit"));
    let deep =
        text.replace("{\"token\":\"topsecret\"}", &format!("{{\"k\":{}{}}}", "[".repeat(70), "]".repeat(70)));
    assert!(refusal(&deep).contains("line 4: user_data is nested deeper"));
}

#[test]
fn a_masked_export_shows_no_secret_and_cannot_be_imported() {
    let place = Place::memory();
    let pool = place.open(|builder| builder);
    let headers = [("Authorization", "topsecret"), ("X-Api-Key", "topsecret"), ("a", "b")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let options = session_pool::SessionOptions {
        proxy: Some("http://u:topsecret@h:1".parse().unwrap()),
        fingerprint: Some(Fingerprint { headers, ..Fingerprint::default() }),
        ..crate::support::named("a")
    };
    let options =
        options.user_data("token", "topsecret").cookie(Cookie::new("sid", "topsecret", "h.example"));
    pool.add(options).unwrap();
    drop(pool);
    let mut text = Vec::new();
    place.look(|store| write_jsonl(store, &mut text, &ExportOptions::new().masked(true)).unwrap());
    let text = String::from_utf8(text).unwrap();
    assert!(
        !text.contains("topsecret") && text.contains("token") && text.contains("http://u:***@h:1"),
        "{text}"
    );
    assert_eq!(errors_of(text.as_bytes()), Vec::<String>::new(), "it can be read");
    assert!(refusal(&text).contains("its secrets are masked"));
}

#[test]
fn one_pool_can_be_exported_and_one_that_is_not_there_is_named() {
    let place = Place::disk();
    worked_store(&place, 12);
    place.look(|store| {
        let mut text = Vec::new();
        let options = ExportOptions::new().pool("b".parse().unwrap());
        let summary = write_jsonl(store, &mut text, &options).unwrap();
        assert_eq!(summary.pools, 1);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b");
        import_store(text.as_slice(), &path, &ImportOptions::new(), SledStoreOptions::new()).unwrap();
        let of_b = |content: Vec<String>| -> Vec<String> {
            content.into_iter().filter(|item| item.contains("PoolNumber(1)")).collect()
        };
        assert_eq!(content(&open(&path)), of_b(content(store)));
        let options = ExportOptions::new().pool("c".parse().unwrap());
        let error = write_jsonl(store, &mut text, &options).unwrap_err();
        assert!(matches!(error, ExchangeError::NoSuchPool { .. }));
        assert_eq!(error.to_string(), "there is no pool c: it has the pools a, b");
    });
}

#[test]
fn what_cannot_be_read_is_passed_over_and_counted() {
    let place = Place::disk();
    let pool = place.open(|builder| builder);
    for name in ["a", "b", "c"] {
        pool.add(crate::support::named(name)).unwrap();
    }
    drop(pool);
    {
        let engine = crate::support::engine(&place);
        let put = |tree: &str, end: &[u8]| {
            let tree = engine.open_tree(tree).unwrap();
            let key = tree
                .iter()
                .keys()
                .find_map(|key| key.ok().filter(|key| key.windows(end.len()).any(|w| w == end)));
            tree.insert(key.unwrap(), b"\x01\xff").unwrap();
        };
        put("sessions", b"a");
        put("payloads", b"b");
    }
    place.look(|store| {
        let text = jsonl_of(store);
        let mut reader = JsonlReader::new(text.as_slice()).unwrap();
        assert_eq!(reader.by_ref().flatten().count(), 3, "the pool, b and c");
        assert_eq!(reader.unreadable(), Some(2));
        let says = refusal(std::str::from_utf8(&text).unwrap());
        assert!(
            says.contains("line 3: the cookies, user data, proxy and fingerprint of session b"),
            "{says}"
        );
    });
}
