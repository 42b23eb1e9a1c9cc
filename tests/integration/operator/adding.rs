//! `add`.

use std::fs;

use session_pool::{SameSite, SessionPool};

use super::{a_crawler_goes_on, a_store, code, leaves_all_as_it_is, mistake, rows, text, tool, tool_with};
use crate::support::{Place, id};

#[test]
fn a_session_is_added_with_all_that_it_is_given() {
    let (place, path) = a_store();
    let arguments =
        ["add", &path, "--pool", "shop", "--id", "alice", "--proxy", "http://u:secret@proxy.example:1"];
    let more = [
        "--cookie",
        "sid=a=b; Domain=shop.example; Secure; SameSite=Strict",
        "--cookie",
        "lang=de; Domain=shop.example; Path=/x",
        "--user-data",
        r#"plan="trial""#,
        "--user-data",
        "ages=[1,2]",
        "--max-age",
        "7d",
        "--max-usage-count",
        "9",
        "--max-error-score",
        "1.5",
        "--error-score-decrement",
        "0",
        "--max-concurrent-uses",
        "1",
        "--yes",
    ];
    let added = rows(&[&arguments[..], &more].concat());
    assert_eq!(added.len(), 1);
    assert_eq!((&added[0]["id"], &added[0]["outcome"]), (&"alice".into(), &"added".into()));
    assert_eq!(added[0]["proxy"], "http://u:***@proxy.example:1");
    place.assert_sound();

    let store = place.open_store();
    let pool = SessionPool::builder().name("shop").open_in(&store).unwrap();
    let state = pool.get(&id("alice")).unwrap().state().unwrap();
    assert_eq!((state.max_usage_count, state.max_concurrent_uses), (9, Some(1)));
    assert_eq!((state.max_error_score.to_f64(), state.error_score_decrement.to_f64()), (1.5, 0.0));
    let life = state.expires_at.since(state.created_at);
    assert_eq!(life.as_secs(), 7 * 86400);
    assert_eq!(state.proxy.unwrap().url(), "http://u:secret@proxy.example:1");
    assert_eq!(state.user_data.get::<String>("plan").unwrap().unwrap(), "trial");
    assert_eq!(state.user_data.get::<Vec<u32>>("ages").unwrap().unwrap(), [1, 2]);
    let [sid, lang] = &state.cookies[..] else { panic!() };
    assert_eq!((sid.value.as_str(), sid.secure, sid.same_site), ("a=b", true, Some(SameSite::Strict)));
    assert_eq!((lang.path.as_str(), lang.domain.as_str()), ("/x", "shop.example"));
    drop((pool, store));
    a_crawler_goes_on(&place);
}

#[test]
fn many_are_added_from_json_of_a_file_or_of_stdin() {
    let (place, path) = a_store();
    let file = place.path().with_file_name("sessions.jsonl");
    let lines: Vec<_> = (0..300).map(|n| format!(r#"{{"id": "n{n}", "user_data": {{"n": {n}}}}}"#)).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let added = rows(&["add", &path, "--pool", "blog", "--file", file, "--yes"]);
    assert_eq!((added.len(), &added[299]["id"]), (300, &"n299".into()));
    place.assert_sound();
    let arguments = ["add", &path, "--pool", "news", "--create-pool", "--file", "-", "--yes"];
    let output = tool_with(r#"[{"id": "one"}, {"id": "two"}]"#, &arguments);
    assert!(text(&output).contains("two"), "{output:?}");
    let listed = rows(&["list", &path, "--pool", "news"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(rows(&["list", &path, "--pool", "blog", "--state", "live"]).len(), 302);
    a_crawler_goes_on(&place);
}

#[test]
fn cookies_that_have_expired_are_left_out_and_counted() {
    let (_place, path) = a_store();
    let cookie = "sid=x; Domain=shop.example; Expires=2001-01-01T00:00:00Z";
    let output = tool(&["add", &path, "--pool", "shop", "--cookie", cookie, "--yes"]);
    assert_eq!(code(&output), 0);
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 cookie left out"), "{output:?}");
}

#[test]
fn the_first_session_of_a_new_store_is_added_to_a_pool_that_is_created() {
    let place = Place::disk();
    drop(place.open_store());
    let path = place.path().to_str().unwrap().to_owned();
    let error = mistake(&tool(&["add", &path, "--yes"]), 2);
    assert!(error.contains("name the pool: the store has none"), "{error}");
    let added = rows(&["add", &path, "--create-pool", "--yes"]);
    assert_eq!(added[0]["pool"], "default");
    assert_eq!(rows(&["add", &path, "--yes"])[0]["pool"], "default");
    a_crawler_goes_on(&place);
}

#[test]
fn where_anything_is_wrong_nothing_is_added() {
    let (place, path) = a_store();
    let file = place.path().with_file_name("sessions.json");
    let name = file.to_str().unwrap();
    let from_file = |text: &str, code: i32, expected: &str| {
        fs::write(&file, text).unwrap();
        leaves_all_as_it_is(&place, || {
            let error = mistake(&tool(&["add", &path, "--pool", "shop", "--file", name, "--yes"]), code);
            assert!(error.contains(expected), "{error}");
        });
    };
    from_file("{}\n{\"ids\": 1}", 3, "sessions.json: line 2, session 2, ids: there is no such field");
    from_file("{}\n{\"id\": \"a b\"}", 3, "sessions.json: line 2, session 2, id: ");
    from_file("{}\n{", 3, "sessions.json: line 2, session 2: it is no JSON");
    from_file(
        r#"[{}, {"max_usage_count": 0}]"#,
        3,
        "sessions.json: session 2: max_usage_count is 0: must be at least 1",
    );
    from_file(r#"[{"id": "x"}, {"id": "x"}]"#, 2, "session-pool: the session x is given twice\n");
    from_file(r#"{"id": "s1"}"#, 2, "there is a session s1 in the pool shop already\n");
    from_file("[\n{},\n{},\n{\"id\": \"a b\"}]", 3, "sessions.json: line 4, session 3, id: ");
    from_file("[\n{\"id\": \"u\"},\n{\"id\":", 3, "sessions.json: line 3, session 2: it is no JSON");
    from_file(r#"{"expires_at": "2001-01-01T00:00:00Z"}"#, 3, "expires_at is 2001-01-01");
    leaves_all_as_it_is(&place, || {
        let wrong = |code: i32, arguments: &[&str]| {
            mistake(&tool(&[&["add", &path, "--yes"], arguments].concat()), code)
        };
        assert!(wrong(2, &[]).contains("name the pool: the store has blog, shop"));
        assert!(wrong(5, &["--pool", "news"]).contains("there is no pool news"));
        assert!(wrong(2, &["--pool", "shop", "--max-usage-count", "0"]).contains("must be at least 1"));
        assert!(wrong(3, &["--pool", "shop", "--file", "nowhere.json"]).contains("nowhere.json"));
        for wrong in [
            &["--proxy", "ftp://x"][..],
            &["--cookie", "sid=x"],
            &["--user-data", "plan=trial"],
            &["--id", "a b"],
            &["--file", "x", "--id", "a"],
            &["--max-age", "7x"],
        ] {
            assert_eq!(code(&tool(&[&["add", &path, "--pool", "shop", "--yes"], wrong].concat())), 2);
        }
    });
    let dry = leaves_all_as_it_is(&place, || rows(&["add", &path, "--pool", "shop", "--dry-run"]));
    assert_eq!(dry[0]["outcome"], "would be added");
}
