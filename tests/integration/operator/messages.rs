//! What goes wrong is one line: what, where, and what helps.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{TOOL, a_store, leaves_all_as_it_is, mistake, rows, text, tool};
use crate::support::copy_directory;

/// The command that a message ends with, run by a shell.
fn run_by_a_shell(error: &str) {
    let command = error.trim_end().rsplit_once(": session-pool ").unwrap_or_else(|| panic!("{error}")).1;
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &format!("'{TOOL}' {command}")]).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

#[cfg(unix)]
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
            &["check", store],
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
        fs::remove_dir_all(&damaged).unwrap();
    }
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
