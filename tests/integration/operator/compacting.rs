//! `compact`.

use std::fs;

use serde_json::Value;

use session_pool::SessionPool;

use super::{a_crawler_goes_on, leaves_all_as_it_is, mistake, rows, text, tool};
use crate::support::{Place, id, worked_store};

/// A store whose log holds much that was overwritten.
fn a_store() -> (Place, String) {
    let (place, path) = super::a_store();
    let store = place.open_store();
    for name in ["shop", "blog"] {
        let pool = SessionPool::builder().name(name).open_in(&store).unwrap();
        let session = pool.get(&id("both")).unwrap();
        for n in 0..100 {
            session.set_user_data("k", "y".repeat(3000 + n)).unwrap();
            pool.flush().unwrap();
        }
    }
    drop(store);
    (place, path)
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&tool(&[arguments, &["--format", "json"]].concat()))).unwrap()
}

/// What the store holds, as the tool lists it.
fn listed(path: &str) -> (Vec<Value>, Vec<Value>) {
    (rows(&["list", path]), rows(&["retirements", path]))
}

#[test]
fn a_store_is_rewritten_beside_the_old_one() {
    let (place, path) = a_store();
    let before = listed(&path);
    let report = document(&["compact", &path, "--yes"]);
    let into = format!("{path}.compacted");
    assert_eq!((report["compacted"].as_str().unwrap(), &report["live"]), (into.as_str(), &4.into()));
    assert!(report["bytes_after"].as_u64() < report["bytes_before"].as_u64(), "{report}");
    assert_eq!((listed(&path), listed(&into)), (before.clone(), before));
    assert!(text(&tool(&["check", &into])).ends_with("sound\n"));
    let error = mistake(&tool(&["compact", &path, "--yes"]), 2);
    assert!(error.contains("there is something at"), "{error}");
    let elsewhere = place.path().with_file_name("elsewhere");
    let table = text(&tool(&["compact", &path, "--into", elsewhere.to_str().unwrap(), "--yes"]));
    assert!(table.contains("4 live and 12 retired sessions"), "{table}");
}

#[test]
fn a_store_is_replaced_and_a_crawler_goes_on_in_the_new_one() {
    for delete in [false, true] {
        let (place, path) = a_store();
        let before = listed(&path);
        let arguments = ["compact", &path, "--replace", "--yes"];
        let arguments = [&arguments[..], if delete { &["--delete-old"] } else { &[] }].concat();
        let report = document(&arguments);
        assert!(report["bytes_after"].as_u64() < report["bytes_before"].as_u64(), "{report}");
        assert_eq!(listed(&path), before);
        let kept = format!("{path}.before-compact");
        assert_eq!(fs::exists(&kept).unwrap(), !delete);
        if !delete {
            assert_eq!(listed(&kept), before);
            let error = mistake(&tool(&arguments), 2);
            assert!(error.contains("before-compact: is in the way"), "{error}");
        }
        a_crawler_goes_on(&place);
    }
}

#[test]
fn what_is_wrong_is_one_line_and_nothing_is_made() {
    let (place, path) = a_store();
    let inside = format!("{path}/new");
    let missing = format!("{path}-missing");
    leaves_all_as_it_is(&place, || {
        mistake(&tool(&["compact", &path, "--into", &inside, "--yes"]), 2);
        mistake(&tool(&["compact", &missing, "--yes"]), 3);
        mistake(&tool(&["compact", &missing, "--replace", "--yes"]), 3);
    });
    let place = Place::disk();
    worked_store(&place, 1);
    let path = place.path().to_str().unwrap().to_owned();
    {
        let engine = crate::support::engine(&place);
        engine.open_tree("by_state").unwrap().insert([&[0; 5][..], b"ghost"].concat(), &[]).unwrap();
    }
    for arguments in [&["compact", &path, "--yes"][..], &["compact", &path, "--replace", "--yes"]] {
        let error = mistake(&tool(arguments), 6);
        assert!(error.contains("ghost"), "{error}");
    }
    assert_eq!(fs::read_dir(place.path().parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn what_was_ended_between_two_renames_is_finished() {
    let (place, path) = a_store();
    let before = listed(&path);
    let (new, old) = (format!("{path}.compacting"), format!("{path}.before-compact"));
    text(&tool(&["compact", &path, "--into", &new, "--yes"]));
    fs::write(format!("{new}/COMPACTED"), "").unwrap();
    fs::rename(&path, &old).unwrap();
    let report = document(&["compact", &path, "--replace", "--yes"]);
    assert_eq!(report["old"].as_str(), Some(old.as_str()));
    assert_eq!((listed(&path), listed(&old)), (before.clone(), before));
    assert!(!fs::exists(&new).unwrap());
    a_crawler_goes_on(&place);
}
