//! `purge`.

use super::{a_crawler_goes_on, a_store, code, leaves_all_as_it_is, mistake, rows, text, tool};

#[test]
fn old_ones_are_forgotten_and_their_log_entries_stay() {
    let (place, path) = a_store();
    // The first was retired 48 hours ago, the fourth 45.
    leaves_all_as_it_is(&place, || {
        let dry = rows(&["purge", &path, "--older-than", "44h 30min", "--dry-run"]);
        assert_eq!((&dry[0]["purged"], &dry[1]["purged"]), (&4.into(), &4.into()));
    });
    let done = rows(&["purge", &path, "--older-than", "44h 30min", "--pool", "shop", "--yes"]);
    assert_eq!((done.len(), &done[0]["pool"], &done[0]["purged"]), (1, &"shop".into(), &4.into()));
    assert_eq!(
        (&done[0]["blocked"], &done[0]["retired"], &done[0]["held_back"]),
        (&1.into(), &3.into(), &0.into())
    );
    place.assert_sound();
    assert_eq!(rows(&["list", &path, "--pool", "shop", "--state", "retired"]).len(), 2);
    assert_eq!(rows(&["list", &path, "--pool", "blog", "--state", "retired"]).len(), 6);
    assert_eq!(rows(&["retirements", &path, "--pool", "shop"]).len(), 6);
    let again = rows(&["purge", &path, "--older-than", "44h 30min", "--pool", "shop", "--yes"]);
    assert_eq!(again[0]["purged"], 0);
    a_crawler_goes_on(&place);
}

#[test]
fn what_the_order_of_the_log_holds_back_is_told() {
    let (place, path) = a_store();
    let done =
        rows(&["purge", &path, "--older-than", "1h", "--reason", "retired", "--pool", "shop", "--yes"]);
    assert_eq!((&done[0]["purged"], &done[0]["held_back"]), (&2.into(), &2.into()));
    assert_eq!((&done[0]["held_by"], &done[0]["held_because"]), (&"s3".into(), &"blocked".into()));
    place.assert_sound();
    let arguments =
        ["purge", &path, "--older-than", "1h", "--reason", "retired", "--reason", "blocked", "--yes"];
    let table = text(&tool(&arguments));
    assert!(table.contains("PURGED THROUGH"), "{table}");
    assert!(rows(&["list", &path, "--state", "retired"]).is_empty());
    a_crawler_goes_on(&place);
}

#[test]
fn where_anything_is_wrong_nothing_is_forgotten() {
    let (place, path) = a_store();
    leaves_all_as_it_is(&place, || {
        let error = mistake(&tool(&["purge", &path, "--older-than", "1h", "--pool", "news", "--yes"]), 5);
        assert!(error.contains("there is no pool news"), "{error}");
        for wrong in [&["--older-than", "soon"][..], &[], &["--older-than", "1h", "--reason", "bored"]] {
            assert_eq!(code(&tool(&[&["purge", &path, "--yes"], wrong].concat())), 2);
        }
    });
}

#[cfg(unix)]
#[test]
fn what_is_asked_is_broken_between_words() {
    use super::asking::{on_a_terminal, on_a_terminal_of};
    let words = |screen: &str| screen.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>().join(" ");
    let (_place, path) = a_store();
    let arguments = ["purge", &path, "--older-than", "1h", "--reason", "retired"];
    let (wide, _) = on_a_terminal(&arguments, "n");
    for columns in [40, 60, 80] {
        let (screen, _) = on_a_terminal_of(columns, &[], &arguments, "n");
        let asked = screen.lines().take_while(|line| !line.contains("[y/N]"));
        assert!(asked.clone().count() > 3, "{screen}");
        for line in asked {
            assert!(line.trim_end().len() < columns.into(), "{columns}: {line}");
        }
        assert_eq!(words(&screen), words(&wide), "{columns}");
    }
}
