//! What is different between two stores.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use session_pool::inspect::{DiffOptions, DiffSummary, Difference, diff};
use session_pool::{
    Clock, Cookie, Fingerprint, ManualClock, Payload, ReadStore, Retention, SessionOptions, SessionPool,
    Timestamp,
};

use crate::support::{Place, SECOND, clock, named, worked_store};

/// The differences as text, and how many there are.
fn differences(from: &Place, to: &Place, options: &DiffOptions) -> (Vec<String>, DiffSummary) {
    let mut texts = Vec::new();
    let summary = from.look(|from| {
        to.look(|to| {
            diff(from, to, options, &mut |difference| {
                texts.push(text(&difference));
                ControlFlow::Continue(())
            })
            .unwrap()
        })
    });
    (texts, summary)
}

fn text(difference: &Difference<'_>) -> String {
    let fields = |fields: &[session_pool::inspect::FieldChange]| {
        let fields: Vec<String> =
            fields.iter().map(|field| format!("{} {} -> {}", field.field, field.from, field.to)).collect();
        fields.join("; ")
    };
    match difference {
        Difference::PoolAppeared { pool } => format!("+ {}", pool.name),
        Difference::PoolWent { pool } => format!("- {}", pool.name),
        Difference::PoolChanged { pool, fields: changes } => format!("~ {}: {}", pool.name, fields(changes)),
        Difference::SessionAppeared { pool, id, .. } => format!("+ {}/{id}", pool.name),
        Difference::SessionWent { pool, id, .. } => format!("- {}/{id}", pool.name),
        Difference::SessionChanged { pool, id, fields: changes, .. } => {
            format!("~ {}/{id}: {}", pool.name, fields(changes))
        }
        Difference::Retired { pool, sequence, entry } => {
            format!("{} {sequence}: {} {}", pool.name, entry.id, entry.reason)
        }
        other => panic!("{other:?}"),
    }
}

fn copy(from: &Place) -> Place {
    let to = Place::disk();
    let archive = to.path().with_file_name("archive");
    from.open_store().backup_to(&archive).unwrap();
    session_pool::recovery::restore(&archive, to.path(), session_pool::recovery::RecoveryOptions::new())
        .unwrap();
    to
}

#[test]
fn a_store_and_its_copy_are_the_same() {
    let one = Place::disk();
    worked_store(&one, 31);
    let (texts, summary) = differences(&one, &copy(&one), &DiffOptions::new());
    assert_eq!(texts, Vec::<String>::new());
    assert!(summary.is_same() && summary.sessions_same > 50, "{summary:?}");
}

fn rich(clock: &ManualClock) -> SessionOptions {
    let cookie = |name: &str, value: &str| Cookie::new(name, value, "h.example");
    let headers =
        vec![("user-agent".to_owned(), "x".to_owned()), ("x-api-key".to_owned(), "topsecret".to_owned())];
    SessionOptions {
        proxy: Some("http://u:topsecret@h:1".parse().unwrap()),
        fingerprint: Some(Fingerprint { headers, ..Fingerprint::default() }),
        cookies: vec![
            cookie("kept", "topsecret"),
            cookie("gone", "topsecret"),
            cookie("sid", "topsecret1")
                .with_expires_at(Timestamp::from(clock.now()).plus(SECOND * 60).to_datetime()),
        ],
        ..named("rich").user_data("token", "topsecret").user_data("old", 1)
    }
}

#[test]
fn what_appeared_went_and_changed_is_told_by_field_with_secrets_masked() {
    let (one, clock) = (Place::disk(), clock());
    {
        let store = one.open_store();
        let open =
            |name: &str| SessionPool::builder().name(name).clock(clock.clone()).open_in(&store).unwrap();
        let a = open("a");
        a.add(rich(&clock)).unwrap();
        a.add(named("same")).unwrap();
        a.add(named("used")).unwrap();
        let _ = a.add(named("burnt")).unwrap().retire().unwrap();
    }
    let two = copy(&one);
    {
        let store = two.open_store();
        clock.advance(SECOND);
        let forget = Retention { max_age: SECOND * 3600, max_count: 1 };
        let a = SessionPool::builder().name("a").clock(clock.clone()).retired_retention(forget);
        let a = a.open_in(&store).unwrap();
        let rich = a.get(&"rich".parse().unwrap()).unwrap();
        rich.set_user_data("token", "topsecret2").unwrap();
        rich.set_user_data("new", true).unwrap();
        rich.remove_user_data("old").unwrap();
        let late = Timestamp::from(clock.now()).plus(SECOND * 120).to_datetime();
        let past = Timestamp::from(clock.now()).minus(SECOND).to_datetime();
        rich.set_cookies([
            Cookie::new("sid", "topsecret2", "h.example").with_expires_at(late),
            Cookie::new("gone", "", "h.example").with_expires_at(past),
            Cookie::new("new", "topsecret", "h.example"),
        ])
        .unwrap();
        let used = a.get(&"used".parse().unwrap()).unwrap();
        let _ = used.fail().unwrap();
        a.add(named("fresh")).unwrap();
        let _ = a.add(named("short")).unwrap().retire().unwrap();
        a.flush().unwrap();
        a.forget().unwrap();
        SessionPool::builder().name("new").open_in(&store).unwrap().add(named("y")).unwrap();
    }
    let (texts, summary) = differences(&one, &two, &DiffOptions::new());
    let expected = [
        "~ a: last_sequence 1 -> 2; purged_through 0 -> 1".to_owned(),
        "- a/burnt".to_owned(),
        "+ a/fresh".to_owned(),
        "~ a/rich: ".to_owned(),
        "+ a/short".to_owned(),
        "~ a/used: last_used_at null -> \"2026-03-01T12:00:01.000Z\"; usage_count 0 -> 1; error_count 0 -> 1; \
         error_score 0.0 -> 1.0"
            .to_owned(),
        "a 2: short retired".to_owned(),
        "+ new".to_owned(),
        "+ new/y".to_owned(),
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:#?}");
    for (text, expected) in texts.iter().zip(&expected) {
        assert!(text.starts_with(expected.as_str()), "{text}\n{expected}");
    }
    assert!(!texts.join("\n").contains("topsecret"), "{texts:#?}");
    for change in [
        "cookies[sid of h.example/].value \"***\" -> \"***\"",
        "cookies[sid of h.example/].expires_at \"2026-03-01T12:01:00.000Z\" -> \"2026-03-01T12:02:01.000Z\"",
        "cookies[gone of h.example/] {",
        "cookies[new of h.example/] null -> {",
        "user_data.token \"***\" -> \"***\"",
        "user_data.new null -> \"***\"",
        "user_data.old \"***\" -> null",
    ] {
        assert!(texts[3].contains(change), "{change}: {}", texts[3]);
    }
    assert!(!texts[3].contains("kept"), "{}", texts[3]);
    assert_eq!((summary.sessions_appeared, summary.sessions_went, summary.sessions_changed), (3, 1, 2));
    assert_eq!((summary.sessions_same, summary.pools_appeared, summary.pools_changed), (1, 1, 1));
    assert_eq!((summary.retirements_appeared, summary.unreadable), (1, 0));

    let (back, summary) = differences(&two, &one, &DiffOptions::new());
    assert_eq!((summary.pools_went, summary.sessions_went), (1, 3));
    assert!(back.contains(&"- new".to_owned()) && back.contains(&"- new/y".to_owned()));
    let (revealed, _) = differences(&one, &two, &DiffOptions::new().reveal(true));
    assert!(revealed[3].contains("user_data.token \"topsecret\" -> \"topsecret2\""), "{}", revealed[3]);
    let (only, _) = differences(&one, &two, &DiffOptions::new().pool("new".parse().unwrap()));
    assert_eq!(only, ["+ new", "+ new/y"]);
}

#[test]
fn a_proxy_whose_password_alone_has_changed_has_changed() {
    let place = |password: &str, header: &str| {
        let place = Place::memory();
        let pool = place.open(|builder| builder.clock(clock()));
        let headers = vec![("authorization".to_owned(), header.to_owned())];
        pool.add(SessionOptions {
            proxy: Some(format!("http://u:{password}@h:1").parse().unwrap()),
            fingerprint: Some(Fingerprint { headers, ..Fingerprint::default() }),
            ..named("a")
        })
        .unwrap();
        place
    };
    let (texts, _) = differences(&place("one", "x"), &place("two", "y"), &DiffOptions::new());
    let masked = "\"http://u:***@h:1\"";
    let header = "[[\"authorization\",\"***\"]]";
    assert_eq!(
        texts,
        [format!("~ default/a: proxy {masked} -> {masked}; fingerprint.headers {header} -> {header}")]
    );
}

/// Against a plain comparison of all that is in both, on stores of several pages.
#[test]
fn it_finds_what_a_plain_comparison_finds() {
    type Content = BTreeMap<String, (session_pool::SessionRecord, Option<Payload>)>;
    let fill = |step: usize| {
        let place = Place::memory();
        let pool = place.open(|builder| builder.clock(clock()).max_pool_size(10_000));
        for n in (0..5000).step_by(step) {
            pool.add(named(&format!("s{n:05}")).user_data("n", n % (7 * step))).unwrap();
        }
        place
    };
    let content = |place: &Place| -> Content {
        place.look(|store: &dyn ReadStore| {
            let pool = session_pool::PoolNumber(0);
            let mut content = Content::new();
            store
                .visit_sessions(pool, None, &mut |item| {
                    let (id, record) = item.unwrap();
                    content.insert(id.to_string(), (record, store.payload(pool, &id).unwrap()));
                    ControlFlow::Continue(())
                })
                .unwrap();
            content
        })
    };
    let (one, two) = (fill(2), fill(3));
    let (a, b) = (content(&one), content(&two));
    let mut expected = Vec::new();
    for id in a.keys().chain(b.keys().filter(|id| !a.contains_key(*id))) {
        match (a.get(id), b.get(id)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) => expected.push(format!("~ default/{id}")),
            (None, Some(_)) => expected.push(format!("+ default/{id}")),
            (Some(_), None) => expected.push(format!("- default/{id}")),
            (None, None) => {}
        }
    }
    expected.sort_by_key(|text| text[2..].to_owned());
    let (texts, _) = differences(&one, &two, &DiffOptions::new());
    let texts: Vec<&str> = texts.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(texts, expected);
    let mut count = 0;
    one.look(|one| {
        two.look(|two| {
            let stop = &mut |_: Difference<'_>| {
                count += 1;
                if count < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            diff(one, two, &DiffOptions::new(), stop).unwrap()
        })
    });
    assert_eq!(count, 3, "whoever has seen enough is shown no more");
}

#[test]
fn what_cannot_be_read_is_counted_and_no_difference() {
    let one = Place::disk();
    let pool = one.open(|builder| builder);
    for name in ["a", "b", "c", "d"] {
        pool.add(named(name)).unwrap();
    }
    drop(pool);
    let two = copy(&one);
    {
        let engine = crate::support::engine(&two);
        for (tree, id) in [("sessions", b"a"), ("payloads", b"b")] {
            let tree = engine.open_tree(tree).unwrap();
            let key = tree.iter().keys().find_map(|key| key.ok().filter(|key| key.contains(&id[0])));
            tree.insert(key.unwrap(), b"\x01\xff").unwrap();
        }
    }
    let (texts, summary) = differences(&one, &two, &DiffOptions::new());
    assert_eq!(texts, Vec::<String>::new());
    assert_eq!((summary.sessions_same, summary.unreadable), (2, 2));
}
