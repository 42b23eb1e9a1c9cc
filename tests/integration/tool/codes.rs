//! What each kind of mistake ends with, whichever command it is.

use super::{code, store, tool};

fn message(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_pool_that_is_not_there_is_told_and_ends_with_5() {
    let (place, path) = store();
    let file = place.path().with_file_name("a.jsonl").to_str().unwrap().to_owned();
    assert_eq!(code(&tool(&["export", &path, &file])), 0);
    for command in [
        &["list", &path][..],
        &["stats", &path],
        &["retirements", &path],
        &["show", &path, "alive"],
        &["export", &path],
        &["diff", &path, &path],
        &["retire", &path, "alive", "--yes"],
        &["purge", &path, "--older-than", "1h", "--yes"],
        &["add", &path, "--yes"],
    ] {
        let output = tool(&[command, &["--pool", "shop.exmaple"]].concat());
        assert_eq!((code(&output), output.stdout.len()), (5, 0), "{command:?}: {output:?}");
        assert!(message(&output).contains("pool shop.exmaple"), "{command:?}: {output:?}");
    }
    let output = tool(&["import", &file, &path, "--into-pool", "x", "--from-pool", "shop.exmaple", "--yes"]);
    assert_eq!(code(&output), 5, "{output:?}");
}

#[test]
fn what_is_to_be_read_and_is_not_there_ends_with_3() {
    let (place, path) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (missing, new) = (beside("missing"), beside("new"));
    for command in [
        &["stats", &missing][..],
        &["check", &missing],
        &["backup", &missing, &new],
        &["restore", &missing, &new],
        &["restore", &path, &new],
        &["repair", &path, "--archive", &missing, "--into", &new],
        &["import", &missing, &new],
        &["add", &path, "--pool", "shop.example", "--file", &missing, "--yes"],
        &["stats", &missing, "--checkpoint"],
    ] {
        let output = tool(command);
        assert_eq!((code(&output), message(&output).lines().count()), (3, 1), "{command:?}: {output:?}");
    }
}

#[test]
fn what_is_to_be_written_and_is_there_ends_with_2() {
    let (place, path) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (archive, lines) = (beside("a.archive"), beside("a.jsonl"));
    assert_eq!(code(&tool(&["backup", &path, &archive])), 0);
    assert_eq!(code(&tool(&["export", &path, &lines])), 0);
    for command in [
        &["backup", &path, &archive][..],
        &["export", &path, &lines],
        &["export", &path, &lines, "--to", "crawlee-python", "--pool", "shop.example"],
        &["export", &path, "-", "--report", &lines],
        &["report", &path, "--html", &lines],
        &["restore", &archive, &path],
        &["repair", &path, "--into", &lines],
        &["import", &lines, &path],
        &["compact", &path, "--into", &lines, "--yes"],
    ] {
        let output = tool(command);
        assert_eq!((code(&output), message(&output).lines().count()), (2, 1), "{command:?}: {output:?}");
    }
}

#[test]
fn a_checkpoint_of_a_file_is_asked_for_in_vain_and_that_is_said() {
    let (place, path) = store();
    let archive = place.path().with_file_name("a.archive").to_str().unwrap().to_owned();
    assert_eq!(code(&tool(&["backup", &path, &archive])), 0);
    for command in ["stats", "check"] {
        let output = tool(&[command, &archive, "--checkpoint"]);
        assert_eq!(code(&output), 2, "{output:?}");
        assert!(message(&output).contains("--checkpoint is for a store's directory"), "{output:?}");
    }
}

#[cfg(feature = "encryption")]
#[test]
fn a_key_file_that_cannot_be_read_or_is_none_ends_with_3_and_is_named() {
    let (place, path) = store();
    let key = place.path().with_file_name("my.key").to_str().unwrap().to_owned();
    for content in [None, Some("topsecret")] {
        if let Some(content) = content {
            std::fs::write(&key, content).unwrap();
        }
        let output = tool(&["stats", &path, "--key-file", &key]);
        let message = message(&output);
        assert_eq!(code(&output), 3, "{message}");
        assert!(message.contains("my.key: ") && !message.contains("topsecret"), "{message}");
    }
}
