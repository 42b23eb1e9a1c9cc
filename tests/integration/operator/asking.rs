//! Nothing is changed that nobody agreed to.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use session_pool::{Growth, SessionPool};

use super::{TOOL, a_store, code, leaves_all_as_it_is, mistake, rows, tool, tool_with};
use crate::support::{Place, named};

/// An export of the store, beside it.
fn exported(path: &str) -> String {
    let file = format!("{path}.jsonl");
    assert_eq!(code(&tool(&["export", path, &file])), 0);
    file
}

/// Runs the tool on a wide terminal, types an answer where it asks, and answers what was on the screen and the exit code.
pub(crate) fn on_a_terminal(arguments: &[&str], answer: &str) -> (String, u32) {
    on_a_terminal_of(200, &[], arguments, answer)
}

/// The same on a terminal of so many columns, with more in the environment.
pub(crate) fn on_a_terminal_of(
    columns: u16,
    environment: &[(&str, &str)],
    arguments: &[&str],
    answer: &str,
) -> (String, u32) {
    let terminal = native_pty_system();
    let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = terminal.openpty(size).unwrap();
    let mut command = CommandBuilder::new(TOOL);
    command.args(arguments);
    command.env_remove("COLUMNS");
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut keyboard = pair.master.take_writer().unwrap();
    let mut screen = pair.master.try_clone_reader().unwrap();
    let (ask, asked) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
        // Where the other end is gone, that is an error on some systems.
        while let Ok(count @ 1..) = screen.read(&mut buffer) {
            text.extend_from_slice(&buffer[..count]);
            if String::from_utf8_lossy(&text).contains("[y/N]") {
                let _ = ask.send(());
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    if asked.recv_timeout(Duration::from_secs(60)).is_ok() {
        writeln!(keyboard, "{answer}").unwrap();
    }
    let status = child.wait().unwrap();
    drop((keyboard, pair.master));
    (reader.join().unwrap(), status.exit_code())
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_changed() {
    let (place, path) = a_store();
    let file = exported(&path);
    let import = ["import", &file, &path, "--into-pool", "new", "--from-pool", "shop"];
    leaves_all_as_it_is(&place, || {
        for arguments in [
            &["retire", &path, "shop_1"][..],
            &import,
            &["add", &path, "--pool", "shop"],
            &["add", &path, "--pool", "shop", "--file", "-"],
            &["purge", &path, "--older-than", "1h"],
            &["compact", &path],
            &["compact", &path, "--replace"],
            &["compact", &path, "--replace", "--delete-old"],
        ] {
            let error = mistake(&tool(arguments), 2);
            assert!(error.contains("--yes is needed"), "{error}");
            // An answer that is no terminal's is none.
            mistake(&tool_with("y\n", arguments), 2);
        }
    });
}

#[test]
fn on_a_terminal_it_asks_and_does_what_is_agreed_to() {
    let (place, path) = a_store();
    let (screen, code) = on_a_terminal(&["retire", &path, "shop_1", "blog_1"], "y");
    assert!(screen.contains("2 sessions, to be retired for good") && screen.contains("shop_1"), "{screen}");
    assert_eq!(code, 0, "{screen}");
    assert_eq!(rows(&["list", &path, "--state", "live"]).len(), 2);
    let (screen, code) = on_a_terminal(&["purge", &path, "--older-than", "1h", "--pool", "shop"], "yes");
    assert!(screen.contains("6 of the pool shop: 2 blocked, 4 retired"), "{screen}");
    assert_eq!(code, 0, "{screen}");
    assert_eq!(rows(&["list", &path, "--state", "retired"]).len(), 6 + 2);
    let cookie = "sid=s3cret; Domain=a.example";
    let (screen, code) =
        on_a_terminal(&["add", &path, "--pool", "shop", "--id", "alice", "--cookie", cookie], "Y");
    assert!(screen.contains("alice: 1 cookie") && !screen.contains("s3cret"), "{screen}");
    assert_eq!(code, 0, "{screen}");
    let file = exported(&path);
    let import = ["import", &file, &path, "--into-pool", "new", "--from-pool", "blog"];
    let (screen, code) = on_a_terminal(&import, "y");
    assert!(
        screen.contains(
            "into the pool new, which is created, come 8 sessions: 1 usable, 0 expired, 7 retired."
        ),
        "{screen}"
    );
    assert_eq!(code, 0, "{screen}");
    assert_eq!(rows(&["list", &path, "--pool", "new"]).len(), 8);
    let (screen, code) = on_a_terminal(&["compact", &path, "--replace", "--delete-old"], "y");
    assert!(
        screen.contains("4 live and 15 retired sessions.") && screen.contains("the old one is deleted"),
        "{screen}"
    );
    assert_eq!(code, 0, "{screen}");
    assert_eq!(rows(&["list", &path, "--state", "live"]).len(), 4);
    place.assert_sound();
}

#[test]
fn on_a_terminal_any_other_answer_is_no_and_nothing_is_changed() {
    let (place, path) = a_store();
    let file = exported(&path);
    let import = ["import", &file, &path, "--into-pool", "new", "--from-pool", "shop"];
    leaves_all_as_it_is(&place, || {
        for (arguments, answer) in [
            (&["retire", &path, "shop_1"][..], "n"),
            (&import, "n"),
            (&["add", &path, "--pool", "shop"], ""),
            (&["purge", &path, "--older-than", "1h"], "maybe"),
            (&["compact", &path], "no"),
            (&["compact", &path, "--replace"], "yesterday"),
        ] {
            let (screen, code) = on_a_terminal(arguments, answer);
            assert!(screen.contains("nothing was changed"), "{screen}");
            assert_eq!(code, 1, "{screen}");
        }
    });
}

#[test]
fn what_there_is_nothing_to_do_for_is_not_asked() {
    let (_place, path) = a_store();
    let (screen, code) = on_a_terminal(&["retire", &path, "s1", "--pool", "shop"], "n");
    assert!(screen.contains("retired already") && !screen.contains("[y/N]"), "{screen}");
    assert_eq!(code, 0);
    let missing = format!("{path}-missing");
    let (screen, code) = on_a_terminal(&["compact", &missing, "--replace"], "y");
    assert!(screen.contains("there is no session store") && !screen.contains("[y/N]"), "{screen}");
    assert_eq!(code, 3);
    let (screen, code) = on_a_terminal(&["purge", &path, "--older-than", "300d"], "n");
    assert!(!screen.contains("[y/N]"), "{screen}");
    assert_eq!(code, 0);
}

#[test]
fn what_there_is_nothing_to_do_for_needs_no_yes() {
    let (place, path) = a_store();
    let nobody = format!("{path}.json");
    std::fs::write(&nobody, "[]").unwrap();
    let file = exported(&path);
    let import = ["import", &file, &path, "--into-pool", "shop", "--from-pool", "shop", "--skip-existing"];
    leaves_all_as_it_is(&place, || {
        for (arguments, says) in [
            (&["migrate", &path][..], "nothing to do"),
            (&["purge", &path, "--older-than", "300d"], "nothing to do"),
            (&["purge", &path, "--older-than", "300d", "--dry-run"], "nothing to do"),
            (&["retire", &path, "s1", "--pool", "shop"], "nothing to do"),
            (&["add", &path, "--pool", "shop", "--file", &nobody], "nothing to do"),
            (&import, "0 sessions: 0 usable, 0 expired, 0 retired; 0 log entries; 8 were there already"),
        ] {
            let output = tool(arguments);
            assert_eq!(code(&output), 0, "{output:?}");
            let said = [output.stdout, output.stderr].concat();
            assert!(
                String::from_utf8_lossy(&said).contains(says),
                "{arguments:?}: {}",
                String::from_utf8_lossy(&said)
            );
        }
    });
}

#[test]
fn hostile_names_do_nothing_to_the_terminal_that_asks() {
    let place = Place::disk();
    let pool = place.open(|b| b.name("evil\u{202e}").growth(Growth::Manual));
    pool.add(named("s")).unwrap();
    drop(pool);
    let (screen, _) = on_a_terminal(&["retire", place.path().to_str().unwrap(), "s"], "n");
    assert!(screen.contains("\\u{202e}") && !screen.contains('\u{202e}'), "{screen}");
}

#[test]
fn a_store_that_somebody_has_open_is_left_to_them() {
    let (place, path) = a_store();
    let store = place.open_store();
    let pool = SessionPool::builder().name("shop").growth(Growth::Manual).open_in(&store).unwrap();
    for arguments in [
        &["retire", &path, "shop_1", "--yes"][..],
        &["add", &path, "--pool", "shop", "--yes"],
        &["purge", &path, "--older-than", "1h", "--yes"],
        &["compact", &path, "--yes"],
        &["compact", &path, "--replace", "--yes"],
        &["migrate", &path, "--yes"],
    ] {
        let error = mistake(&tool(arguments), 4);
        assert!(error.contains("is in use by process"), "{error}");
        assert!(
            error.contains("; stop the crawler that has it open, or have that done through its pool"),
            "{error}"
        );
    }
    drop((pool, store));
    place.assert_sound();
}

#[test]
fn that_there_is_no_store_is_told_before_anybody_is_asked() {
    let (_place, path) = a_store();
    let missing = format!("{path}-missing");
    for more in [&[][..], &["--replace"]] {
        let error = mistake(&tool(&[&["compact", &missing], more].concat()), 3);
        assert!(error.contains("there is no session store at"), "{error}");
    }
}

#[test]
fn what_is_no_store_is_left_alone() {
    let (place, path) = a_store();
    let archive = place.path().with_file_name("a.archive");
    place.open_store().backup_to(&archive).unwrap();
    let empty = place.path().with_file_name("empty");
    std::fs::create_dir(&empty).unwrap();
    let missing = format!("{path}-missing");
    leaves_all_as_it_is(&place, || {
        for path in [archive.to_str().unwrap(), empty.to_str().unwrap(), missing.as_str()] {
            for arguments in [
                &["retire", path, "shop_1", "--yes"][..],
                &["add", path, "--create-pool", "--yes"],
                &["purge", path, "--older-than", "1h", "--yes"],
                &["compact", path, "--yes"],
                &["compact", path, "--replace", "--yes"],
                &["migrate", path, "--yes"],
                &["migrate", path, "--dry-run"],
            ] {
                mistake(&tool(arguments), 3);
            }
        }
    });
}
