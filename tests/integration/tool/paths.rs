//! Paths that are no text.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};

use serde_json::Value;
use session_pool::{Growth, SessionPool};

use super::{code, text};
use crate::support::named;

/// A place in a directory of its own: `caf` and a byte that is no UTF-8, and more.
fn no_text(directory: &tempfile::TempDir, more: &str) -> OsString {
    let name = [b"caf\xe9", more.as_bytes()].concat();
    directory.path().join(OsStr::from_bytes(&name)).into_os_string()
}

fn tool(arguments: &[&OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session-pool")).args(arguments).output().unwrap()
}

#[test]
fn a_path_that_is_no_text_is_told_as_far_as_it_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let of = |more: &str| no_text(&directory, more);
    let run = |arguments: &[&str], paths: &[OsString]| {
        let (name, rest) = arguments.split_first().unwrap();
        let mut all: Vec<&OsStr> = vec![OsStr::new(name)];
        all.extend(paths.iter().map(OsString::as_os_str));
        all.extend(rest.iter().map(OsStr::new));
        tool(&all)
    };
    let store = of("");
    let pool = SessionPool::builder().growth(Growth::Manual).open(&store).unwrap();
    pool.add(named("alive")).unwrap();
    let held = run(&["list"], std::slice::from_ref(&store));
    assert_eq!(code(&held), 4, "{held:?}");
    pool.session_store().checkpoint().unwrap().unwrap();
    let held = run(&["list"], std::slice::from_ref(&store));
    let message = String::from_utf8(held.stderr).unwrap();
    assert!(message.contains("caf\u{fffd}' --checkpoint"), "{message}");
    drop(pool);

    assert_eq!(code(&run(&["backup"], &[store.clone(), of(".archive")])), 0);
    assert_eq!(code(&run(&["export"], &[store.clone(), of(".jsonl")])), 0);
    for (arguments, paths, field) in [
        (&["restore"][..], vec![of(".archive"), of(".restored")], "path"),
        (&["repair", "--into=new"], vec![store.clone()], "path"),
        (&["import"], vec![of(".jsonl"), of(".imported")], "store"),
        (&["import", "--into-pool=x", "--dry-run"], vec![of(".jsonl"), store.clone()], "store"),
        (&["compact", "--yes"], vec![store.clone()], "store"),
        (&["migrate", "--dry-run"], vec![store.clone()], "store"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_session-pool"))
            .arg(arguments[0])
            .args(&paths)
            .args(&arguments[1..])
            .args(["--format", "json"])
            .current_dir(&directory)
            .output()
            .unwrap();
        let told: Value = serde_json::from_str(&text(&output)).unwrap();
        assert!(told[field].is_string(), "{arguments:?}: {told}");
    }

    let bytes = std::fs::read(of(".archive")).unwrap();
    std::fs::write(of(".archive"), &bytes[..bytes.len() - 20]).unwrap();
    for format in ["json", "jsonl", "csv"] {
        let output = run(&["check", "--format", format], &[of(".archive")]);
        assert_eq!(code(&output), 6, "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("caf\u{fffd}.archive"), "{format}");
    }
}
