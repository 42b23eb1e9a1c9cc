//! What goes wrong is one line: what, where, and what helps.

use std::fs;
use std::path::Path;
use std::process::Command;

#[cfg(feature = "encryption")]
use session_pool::SledStoreOptions;
use session_pool::{Growth, SessionPool, SessionStore};

use super::{TOOL, a_store, leaves_all_as_it_is, mistake, rows, text, tool};
use crate::support::{copy_directory, engine, named};

/// The command that a message ends with, run by a shell; answers what it says.
fn run_by_a_shell(error: &str) -> String {
    let command = error.trim_end().rsplit_once(": session-pool ").unwrap_or_else(|| panic!("{error}")).1;
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &format!("'{TOOL}' {command}")]).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn of_a_damaged_store_the_command_that_helps_is_told() {
    let (place, path) = a_store();
    let damaged = place.path().with_file_name("it's damaged");
    let repaired = place.path().with_file_name("it's damaged.repaired");
    let sound = rows(&["list", &path]);
    for injure in [
        (|store: &Path| fs::remove_file(store.join("STORE")).unwrap()) as fn(&Path),
        |store| fs::write(store.join("STORE"), "nothing").unwrap(),
        |store| {
            let mut log = fs::read(store.join("engine/db")).unwrap();
            log[20_000] ^= 1;
            fs::write(store.join("engine/db"), log).unwrap();
        },
    ] {
        copy_directory(&place.path(), &damaged);
        injure(&damaged);
        let store = damaged.to_str().unwrap();
        for arguments in [
            &["stats", store][..],
            &["export", store],
            &["retire", store, "shop_1", "--yes"],
            &["purge", store, "--older-than", "1h", "--yes"],
            &["migrate", store, "--yes"],
            &["compact", store, "--yes"],
        ] {
            let error = mistake(&tool(arguments), 1);
            assert!(error.contains("is damaged: "), "{error}");
            if arguments[0] == "migrate" {
                run_by_a_shell(&error);
                let there = rows(&["list", repaired.to_str().unwrap()]).len();
                assert!(there + 1 >= sound.len(), "{there}: {error}");
                fs::remove_dir_all(&repaired).unwrap();
            } else {
                assert!(error.contains(r"what can be read: session-pool repair '"), "{error}");
            }
        }
        // What is damaged is a finding, and the rest is looked at too.
        let output = tool(&["check", store]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(6) && said.contains("what can be read: session-pool repair '"),
            "{said}"
        );
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(
            found.contains("is damaged: ") && found.ends_with("\n0 whole checkpoints: 1 finding\n"),
            "{found}"
        );
        fs::remove_dir_all(&damaged).unwrap();
    }
}

#[test]
fn of_a_store_that_is_not_sound_check_tells_the_command_that_helps() {
    let (place, path) = a_store();
    let engine = engine(&place);
    engine.open_tree("by_state").unwrap().pop_max().unwrap();
    engine.flush().unwrap();
    drop(engine);
    let output = tool(&["check", &path]);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    run_by_a_shell(said.lines().find(|line| line.contains("repairing makes")).unwrap());
    assert!(text(&tool(&["check", &format!("{path}.repaired")])).contains(": sound"));
}

#[test]
fn a_directory_of_something_else_is_told_from_a_store_by_what_it_lacks() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "mine").unwrap();
    let error = mistake(&tool(&["stats", directory.path().to_str().unwrap()]), 3);
    assert!(
        error.contains("is not a session store: every store has a file STORE, and this directory"),
        "{error}"
    );
    assert!(error.contains("thesis.txt for one") && !error.contains("repair"), "{error}");
}

#[test]
fn what_is_there_is_left_as_it_is_in_the_same_words_everywhere() {
    let (place, path) = a_store();
    let mine = format!("{path}.mine");
    fs::write(&mine, "mine").unwrap();
    leaves_all_as_it_is(&place, || {
        for arguments in [
            &["backup", &path, &mine][..],
            &["export", &path, &mine],
            &["export", &path, &mine, "--to", "crawlee-js", "--pool", "shop"],
            &["export", &path, "-", "--to", "crawlee-js", "--pool", "shop", "--report", &mine],
        ] {
            let error = mistake(&tool(arguments), 2);
            assert!(error.contains(".mine: there is something already, and it is left as it is"), "{error}");
        }
    });
}

#[test]
fn a_directory_that_is_missing_is_named_and_no_file_that_nobody_asked_for() {
    let (place, path) = a_store();
    let missing = format!("{path}-missing");
    let file = format!("{missing}/file");
    leaves_all_as_it_is(&place, || {
        for arguments in [
            &["backup", &path, &file][..],
            &["export", &path, &file],
            &["export", &path, &file, "--to", "crawlee-js", "--pool", "shop"],
            &["report", &path, "--html", &file],
        ] {
            let error = mistake(&tool(arguments), 1);
            assert!(error.contains(&format!("{file}: there is no directory {missing}\n")), "{error}");
        }
        for arguments in [
            &["import", &file, &missing][..],
            &["add", &path, "--pool", "shop", "--file", &file, "--yes"],
            &["stats", &path, "--key-file", &file],
        ] {
            let error = mistake(&tool(arguments), 3);
            assert!(error.contains(&format!("{file}: No such file or directory\n")), "{error}");
        }
    });
}

#[test]
fn user_data_that_is_no_json_is_refused_with_what_would_be_it() {
    let (_place, path) = a_store();
    let add =
        |data: &str| tool(&["add", &path, "--pool", "shop", "--id", "new", "--user-data", data, "--dry-run"]);
    for (given, would_be) in
        [("plan=trial", r#"'plan="trial"'"#), ("zip=01234", r#"'zip="01234"'"#), ("plan=", r#"'plan=""'"#)]
    {
        let output = add(given);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("texts in quotes: --user-data {would_be}\n")), "{error}");
        // It is taken as it is told.
        let output = Command::new("sh").args(["-c", &format!("printf %s {would_be}")]).output().unwrap();
        text(&add(&String::from_utf8(output.stdout).unwrap()));
    }
    for (bad, why) in [
        ("plan", "KEY=JSON"),
        ("a={\"b\":1", "EOF"),
        ("a={\"b\":1,\"b\":2}", "there twice"),
        ("n=12345678901234567890123", "more digits than can be kept"),
    ] {
        let error = String::from_utf8(add(bad).stderr).unwrap();
        assert!(error.contains(why), "{bad}: {error}");
    }
}

#[test]
fn a_store_that_a_crawler_holds_offers_a_command_that_can_be_pasted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a crawler's $HOME");
    let store = SessionStore::open(&path).unwrap();
    let pool = SessionPool::builder().name("shop").growth(Growth::Manual).open_in(&store).unwrap();
    pool.add(named("one")).unwrap();
    pool.flush().unwrap();
    let path = path.to_str().unwrap();
    let error = mistake(&tool(&["stats", path]), 4);
    assert!(error.contains("has no checkpoint that could be looked into instead"), "{error}");
    store.checkpoint().unwrap();
    pool.add(named("two")).unwrap();
    for arguments in [
        &["list", path, "--id-glob", "*e", "--utc"][..],
        &["stats", path, "--format", "json"],
        &["check", path],
    ] {
        let error = mistake(&tool(arguments), 4);
        let said = run_by_a_shell(&error);
        assert!(said.contains("this is the checkpoint "), "{error}: {said}");
    }
    drop((pool, store));
}

#[cfg(feature = "encryption")]
#[test]
fn what_is_wrong_with_a_key_is_told_with_the_option_that_gives_it() {
    let (place, path) = a_store();
    let beside = |name: &str| format!("{path}.{name}");
    let [archive, encrypted, key, other] = ["archive", "encrypted", "key", "other key"].map(beside);
    let digits = "0123456789abcdef".repeat(4);
    fs::write(&key, format!("  {}\r\n", digits.to_uppercase())).unwrap();
    fs::write(&other, digits.replace('0', "1")).unwrap();
    text(&tool(&["backup", &path, &archive]));
    text(&tool(&["restore", &archive, &encrypted, "--new-key-file", &key]));
    let encrypted_archive = beside("encrypted archive");
    text(&tool(&["backup", &encrypted, &encrypted_archive, "--key-file", &key]));
    leaves_all_as_it_is(&place, || {
        for store in [&encrypted, &encrypted_archive] {
            text(&tool(&["stats", store, "--key-file", &key]));
            let error = mistake(&tool(&["stats", store]), 3);
            assert!(error.ends_with("is encrypted: its key is needed: --key-file FILE\n"), "{error}");
            let error = mistake(&tool(&["stats", store, "--key-file", &other]), 3);
            let ends = format!("is encrypted under another key than that of --key-file '{other}'\n");
            assert!(error.ends_with(&ends), "{error}");
        }
        for store in [&path, &archive] {
            let error = mistake(&tool(&["stats", store, "--key-file", &key]), 3);
            assert!(error.ends_with(&format!("a key was given: leave --key-file {key} out\n")), "{error}");
        }
        let error = mistake(&tool(&["retire", &encrypted, "shop_1", "--yes"]), 3);
        assert!(error.ends_with(": --key-file FILE\n"), "{error}");
    });
    // Whoever has no key for a store has none for its checkpoints either: that it is in use does not matter.
    let key_given = digits.parse().unwrap();
    let held = SledStoreOptions::new().encryption_key(&key_given).open(&encrypted).unwrap();
    assert!(mistake(&tool(&["stats", &encrypted]), 3).contains("its key is needed: --key-file FILE"));
    assert!(mistake(&tool(&["stats", &encrypted, "--key-file", &key]), 4).contains("is in use"));
    drop(held);
    let checkpoints = format!("{encrypted}/checkpoints");
    fs::create_dir(&checkpoints).unwrap();
    fs::copy(&encrypted_archive, format!("{checkpoints}/000001-20260301T120000Z.archive")).unwrap();
    let error = mistake(&tool(&["stats", &encrypted, "--checkpoint"]), 3);
    assert!(error.ends_with("its key is needed: --key-file FILE\n"), "{error}");
    let bad = beside("bad");
    for (content, why) in [
        (&b""[..], "must hold 64 hexadecimal digits"),
        (b"98765432", "must hold 64 hexadecimal digits"),
        (&[0xFF; 32], "must hold 64 hexadecimal digits"),
        (format!("{digits}00").as_bytes(), "must hold 64 hexadecimal digits"),
    ] {
        fs::write(&bad, content).unwrap();
        let error = mistake(&tool(&["stats", &encrypted, "--key-file", &bad]), 3);
        assert!(error.contains(&format!("the key file {bad}: {why}")), "{error}");
        assert!(!error.contains("98765432"), "{error}");
    }
    let error = mistake(&tool(&["stats", &encrypted, "--key-file", &beside("none")]), 3);
    assert!(error.contains(".none: No such file or directory\n"), "{error}");
}

#[cfg(feature = "encryption")]
#[test]
fn the_command_that_repairs_an_encrypted_store_has_its_key() {
    let (_place, path) = a_store();
    let [archive, encrypted, key] = ["archive", "encrypted", "my key"].map(|name| format!("{path}.{name}"));
    fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
    text(&tool(&["backup", &path, &archive]));
    text(&tool(&["restore", &archive, &encrypted, "--new-key-file", &key]));
    fs::remove_file(format!("{encrypted}/STORE")).unwrap();
    run_by_a_shell(&mistake(&tool(&["stats", &encrypted, "--key-file", &key]), 1));
    let repaired = format!("{encrypted}.repaired");
    let error = mistake(&tool(&["stats", &repaired]), 3);
    assert!(error.contains("its key is needed"), "{error}");
    assert_eq!(rows(&["list", &repaired, "--key-file", &key]).len(), rows(&["list", &path]).len());
}
