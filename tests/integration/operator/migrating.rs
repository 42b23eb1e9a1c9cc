//! `migrate`.

use serde_json::Value;
use session_pool::maintenance::{MigrationPlan, migrate};
use session_pool::{ReadOptions, SledStoreOptions, schema_version};

use super::{a_crawler_goes_on, a_store, leaves_all_as_it_is, mistake, text, tool};
use crate::support::{Place, engine, with_checksum};

/// Takes the schema version away, as in a store that was killed when it was hardly made: the oldest there is.
fn grow_old(place: &Place) {
    let engine = engine(place);
    engine.open_tree("meta").unwrap().remove("schema").unwrap();
    engine.flush().unwrap();
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&tool(&[arguments, &["--format", "json"]].concat()))).unwrap()
}

#[test]
fn a_store_that_has_the_newest_version_is_not_touched() {
    let (place, path) = a_store();
    leaves_all_as_it_is(&place, || {
        let report = document(&["migrate", &path, "--yes"]);
        assert_eq!((&report["from"], &report["done"]), (&schema_version().into(), &false.into()));
        assert!(text(&tool(&["migrate", &path, "--dry-run"])).contains("there is nothing to do"));
        let plan = migrate(&path, SledStoreOptions::new()).unwrap();
        assert!(plan.is_empty() && plan.records() == 0);
    });
}

#[test]
fn an_older_one_is_looked_at_without_being_changed_and_then_migrated() {
    let (place, path) = a_store();
    grow_old(&place);
    leaves_all_as_it_is(&place, || {
        let report = document(&["migrate", &path, "--dry-run"]);
        assert_eq!((&report["from"], &report["to"]), (&0.into(), &schema_version().into()));
        assert_eq!((&report["done"], &report["steps"][0]["name"]), (&false.into(), &"initial".into()));
        assert_eq!(report["steps"].as_array().unwrap().len(), schema_version() as usize);
        let table = text(&tool(&["migrate", &path, "--dry-run"]));
        assert!(table.contains("would be brought from schema version 0 to"), "{table}");
        let plan = MigrationPlan::new(&path, &ReadOptions::new()).unwrap();
        assert_eq!((plan.from, plan.steps.len()), (0, schema_version() as usize));
        // Whoever would change it otherwise says what is to be done first.
        let error = mistake(&tool(&["retire", &path, "shop_1", "--yes"]), 3);
        assert!(error.contains("schema version 0"), "{error}");
    });
    assert!(text(&tool(&["migrate", &path, "--yes"])).contains("was brought from schema version 0 to"));
    place.assert_sound();
    let plan = MigrationPlan::new(&path, &ReadOptions::new()).unwrap();
    assert!(plan.is_empty());
    a_crawler_goes_on(&place);
}

#[test]
fn one_of_a_newer_version_is_refused_untouched() {
    let (place, path) = a_store();
    let newer = with_checksum("session-pool store\nschema 999\n");
    std::fs::write(place.path().join("STORE"), newer).unwrap();
    leaves_all_as_it_is(&place, || {
        for arguments in [
            &["migrate", &path, "--yes"][..],
            &["migrate", &path, "--dry-run"],
            &["retire", &path, "shop_1", "--yes"],
            &["add", &path, "--pool", "shop", "--yes"],
            &["purge", &path, "--older-than", "1h", "--yes"],
            &["compact", &path, "--yes"],
            &["compact", &path, "--replace", "--yes"],
        ] {
            assert!(mistake(&tool(arguments), 3).contains("schema version 999"));
        }
    });
}
