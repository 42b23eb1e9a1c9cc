//! `retire`.

use super::{a_crawler_goes_on, a_store, leaves_all_as_it_is, mistake, rows, text, tool};

#[test]
fn sessions_are_retired_and_those_that_are_already_are_told() {
    let (place, path) = a_store();
    let done = rows(&["retire", &path, "shop_1", "blog_1", "--yes"]);
    assert_eq!(done.len(), 2);
    assert_eq!((&done[0]["pool"], &done[0]["id"]), (&"shop".into(), &"shop_1".into()));
    assert_eq!((&done[1]["pool"], &done[1]["outcome"]), (&"blog".into(), &"retired".into()));
    let listed = rows(&["list", &path, "--id-glob", "shop_1", "--columns", "retired_at"]);
    assert_eq!(done[0]["retired_at"], listed[0]["retired_at"]);
    place.assert_sound();

    let done = rows(&["retire", &path, "shop_1", "s3", "both", "--pool", "shop", "-y"]);
    let outcomes: Vec<_> =
        done.iter().map(|row| (row["id"].as_str().unwrap(), row["outcome"].as_str().unwrap())).collect();
    assert_eq!(outcomes, [("both", "retired"), ("shop_1", "retired already"), ("s3", "retired already")]);
    assert_eq!((&done[2]["reason"], done[2]["retired_at"].is_string()), (&"blocked".into(), true));
    place.assert_sound();

    let log = rows(&["retirements", &path, "--pool", "shop", "--after", "6"]);
    assert_eq!(log.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), ["shop_1", "both"]);
    let list = rows(&["list", &path, "--state", "live"]);
    assert_eq!(list.len(), 1, "the other pool's: {list:?}");
    a_crawler_goes_on(&place);
}

#[test]
fn a_dry_run_tells_what_would_be_retired_and_changes_nothing() {
    let (place, path) = a_store();
    leaves_all_as_it_is(&place, || {
        let done = rows(&["retire", &path, "shop_1", "--dry-run"]);
        assert_eq!(done[0]["outcome"], "would be retired");
        let table = text(&tool(&["retire", &path, "s1", "--pool", "blog", "--dry-run"]));
        assert!(table.contains("retired already"), "{table}");
    });
}

#[test]
fn where_anything_is_wrong_nothing_is_changed() {
    let (place, path) = a_store();
    leaves_all_as_it_is(&place, || {
        let wrong = |code: i32, arguments: &[&str]| {
            mistake(&tool(&[&["retire", &path, "--yes"], arguments].concat()), code)
        };
        let error = wrong(5, &["shop_1", "nobody", "nothing"]);
        assert!(error.contains("there is no session nobody, nothing"), "{error}");
        let error = wrong(5, &["shop_1", "--pool", "blog"]);
        assert!(error.contains("there is no session shop_1 in the pool blog"), "{error}");
        let error = wrong(2, &["shop_1", "both"]);
        assert!(error.contains("session both in each of the pools blog, shop: name the pool"), "{error}");
        let error = wrong(5, &["shop_1", "--pool", "news"]);
        assert!(error.contains("there is no pool news: the store has blog, shop"), "{error}");
    });
}

#[test]
fn an_id_may_be_given_as_a_narrow_table_shows_it() {
    let (place, path) = a_store();
    let done = rows(&["retire", &path, "sh…_1", "blog*", "shop_1", "--yes"]);
    let ids: Vec<_> = done.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["shop_1", "blog_1"], "one that is given twice is one");
    leaves_all_as_it_is(&place, || {
        let wrong = |code: i32, arguments: &[&str]| {
            mistake(&tool(&[&["retire", &path, "--yes"], arguments].concat()), code)
        };
        let error = wrong(2, &["both", "s*", "--pool", "shop"]);
        assert!(error.contains("several ids are like s*: s1, s2, s3"), "{error}");
        let error = wrong(5, &["bo…th", "shop_1", "--pool", "blog"]);
        assert!(error.contains("there is no session shop_1"), "{error}");
        let error = wrong(5, &["nob…dy"]);
        assert!(error.contains("there is no session whose id is like nob…dy"), "{error}");
        let error = wrong(2, &["bo*"]);
        assert!(error.contains("session both in each of the pools blog, shop: name the pool"), "{error}");
        let error = wrong(5, &["bo*", "--pool", "news"]);
        assert!(error.contains("there is no pool news"), "{error}");
    });
}

#[cfg(unix)]
#[test]
fn whoever_is_asked_is_told_the_whole_id() {
    let (_place, path) = a_store();
    let (screen, code) = super::asking::on_a_terminal(&["retire", &path, "sh…1"], "n");
    assert!(screen.contains("    shop_1 of the pool shop") && code == 1, "{screen}");
}
