//! Commands that read change nothing, and say what is in their way.

use std::path::{Path, PathBuf};

use session_pool::archive::{self, ArchiveOptions};
use session_pool::{Growth, ReadOptions, SledReader};

use super::{code, json, text, tool};
use crate::support::{Place, copy_directory, engine, files, named, with_checksum, worked_store};

/// Each command that reads, on a path.
fn reading(path: &str) -> Vec<Vec<String>> {
    let commands = [
        &["stats", "--at", "2100-01-01T00:00:00Z"][..],
        &["report", "--html", "-"],
        &["list"],
        &["list", "--sort", "id", "--columns", "proxy"],
        &["list", "--user-data", "k"],
        &["show", "later0"],
        &["retirements"],
        &["retirements", "--by", "hour"],
        &["check"],
    ];
    let with_path = |command: &&[&str]| {
        let (name, rest) = command.split_first().unwrap();
        [&[*name, path], rest].concat().into_iter().map(ToOwned::to_owned).collect()
    };
    commands.iter().map(with_path).collect()
}

fn run(arguments: &[String]) -> std::process::Output {
    tool(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A store that was closed, one whose process was killed, and an archive; each with a session `later0`.
fn sources() -> (Place, Vec<PathBuf>) {
    let place = Place::disk();
    worked_store(&place, 20);
    let pool = place.open(|b| b.name("a").growth(Growth::Manual));
    pool.add(named("later0")).unwrap();
    pool.session_store().checkpoint().unwrap().unwrap();
    pool.flush().unwrap();
    let beside = |name: &str| place.path().with_file_name(name);
    copy_directory(&place.path(), &beside("killed"));
    drop(pool);
    let store = SledReader::open(place.path(), &ReadOptions::new()).unwrap();
    archive::write_to(&store, beside("a.archive"), &ArchiveOptions::new()).unwrap();
    let sources = vec![place.path(), beside("killed"), beside("a.archive")];
    (place, sources)
}

/// Opens it up for others, and takes away what the engine would make anew: opening would change all that.
fn expose(path: &Path) {
    let snapshots = std::fs::read_dir(path.join("engine")).into_iter().flatten().flatten();
    for snapshot in snapshots.filter(|file| file.file_name().to_string_lossy().starts_with("snap.")) {
        std::fs::remove_file(snapshot.path()).unwrap();
    }
    if path.is_dir() {
        std::fs::write(path.join("engine/conf"), b"damaged").unwrap();
    }
    #[cfg(unix)]
    for (file, _) in files(path) {
        use std::os::unix::fs::PermissionsExt;
        let mode = if file.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn commands_that_read_change_neither_bytes_nor_modes_nor_times() {
    let (place, sources) = sources();
    for source in &sources {
        expose(source);
        let path = source.to_str().unwrap();
        let around = place.path().parent().unwrap().to_owned();
        let before = files(&around);
        for command in reading(path) {
            let output = run(&command);
            assert_eq!(code(&output), 0, "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stderr.len(), 0, "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(files(&around), before, "{command:?}");
        }
        // A backup reads too.
        let archive = around.join("backup");
        text(&tool(&["backup", path, archive.to_str().unwrap()]));
        std::fs::remove_file(&archive).unwrap();
        let (mut before, mut after) = (before, files(&around));
        // The directory that the backup was in has another time.
        assert!(before.remove(&around).is_some() && after.remove(&around).is_some());
        assert_eq!(after, before, "backup");
    }
}

#[test]
fn a_store_a_killed_one_and_an_archive_answer_the_same() {
    let (_place, sources) = sources();
    let answers = |path: &Path| {
        reading(path.to_str().unwrap())
            .iter()
            .filter(|command| !["check", "report"].contains(&command[0].as_str()))
            .map(|command| text(&run(&[command.as_slice(), &["--format".into(), "json".into()]].concat())))
            .collect::<Vec<_>>()
    };
    let expected = answers(&sources[0]);
    for source in &sources[1..] {
        assert_eq!(answers(source), expected, "{}", source.display());
    }
    let check = |path: &Path| json(&tool(&["check", path.to_str().unwrap(), "--format", "json"]));
    let [closed, killed, archive] = [0, 1, 2].map(|at| check(&sources[at]));
    assert_eq!((&closed["was_closed"], &killed["was_closed"]), (&true.into(), &false.into()));
    assert_eq!((&closed["checkpoints"], &killed["checkpoints"]), (&1.into(), &1.into()));
    assert!(archive["was_closed"].is_null());
    for field in ["pools", "sessions", "log_entries"] {
        assert!(closed[field] == killed[field] && closed[field] == archive[field], "{field}");
    }
}

#[test]
fn a_store_that_a_crawler_has_open_is_told_with_the_newest_checkpoint_and_how_to_look_into_it() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    pool.add(named("early")).unwrap();
    let path = place.path().to_str().unwrap().to_owned();
    let output = tool(&["list", &path, "--sort", "id"]);
    assert_eq!(code(&output), 4);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("has no checkpoint") && message.lines().count() == 1, "{message}");
    assert_eq!(code(&tool(&["list", &path, "--checkpoint"])), 3);

    let checkpoint = pool.session_store().checkpoint().unwrap().unwrap();
    pool.add(named("late")).unwrap();
    pool.flush().unwrap();
    for command in reading(&path) {
        assert_eq!(code(&run(&command)), 4, "{command:?}");
    }
    let output = tool(&["list", &path, "--sort", "id", "--format", "jsonl"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(&format!("in use by process {}", std::process::id())), "{message}");
    assert!(message.contains(checkpoint.to_str().unwrap()) && message.lines().count() == 1, "{message}");
    assert_eq!(output.stdout, b"");
    // The command that it offers, as a shell runs it.
    let (_, offered) = message.trim_end().rsplit_once("session-pool ").unwrap();
    assert!(offered.ends_with(" --checkpoint") && offered.starts_with("list "), "{offered}");
    let arguments: Vec<&str> = offered.split(' ').collect();
    let output = tool(&arguments);
    let lines = text(&output);
    assert!(lines.contains("early") && !lines.contains("late"), "{lines}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("this is the checkpoint"), "{output:?}");
    assert_eq!(code(&tool(&["show", &path, "early", "--checkpoint"])), 0);
    for command in [&["check", &path][..], &["list", "--utc", "--", &path], &["diff", &path, &path]] {
        let message = String::from_utf8(tool(command).stderr).unwrap();
        let (_, offered) = message.trim_end().rsplit_once("session-pool ").unwrap();
        let output = tool(&offered.split(' ').collect::<Vec<_>>());
        assert_eq!(code(&output), 0, "{offered}: {output:?}");
    }
    drop(pool);
    assert_eq!(code(&tool(&["list", &path])), 0);
}

#[test]
fn the_newest_checkpoint_that_is_whole_is_looked_into() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    let mut made = Vec::new();
    for name in ["one", "two"] {
        pool.add(named(name)).unwrap();
        made.push(pool.session_store().checkpoint().unwrap().unwrap());
    }
    let mut bytes = std::fs::read(&made[1]).unwrap();
    bytes.truncate(bytes.len() - 20);
    std::fs::write(&made[1], bytes).unwrap();
    let output = tool(&["list", place.path().to_str().unwrap(), "--checkpoint"]);
    let list = text(&output);
    assert!(list.contains("one") && !list.contains("two"), "{list}");
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(notes.contains("passed over") && notes.contains("cut short"), "{notes}");
    drop(pool);
}

#[test]
fn what_cannot_be_read_is_one_line_with_an_exit_code_and_nothing_is_written() {
    let (place, sources) = sources();
    let around = place.path().parent().unwrap().to_owned();
    let beside = |name: &str| around.join(name);
    let copy_of = |name: &str, change: &dyn Fn(&Path)| {
        copy_directory(&place.path(), &beside(name));
        change(&beside(name));
        beside(name)
    };
    std::fs::create_dir(beside("empty")).unwrap();
    std::fs::create_dir(beside("photos")).unwrap();
    std::fs::write(beside("photos/cat.jpg"), b"meow").unwrap();
    std::fs::write(beside("text"), b"hello").unwrap();
    let archive = std::fs::read(&sources[2]).unwrap();
    std::fs::write(beside("cut.archive"), &archive[..archive.len() / 2]).unwrap();
    let mut damaged = archive.clone();
    damaged[archive.len() / 2] ^= 1;
    std::fs::write(beside("damaged.archive"), damaged).unwrap();
    let newer = copy_of("newer", &|path| {
        std::fs::write(path.join("STORE"), with_checksum("session-pool store\nschema 7\n")).unwrap();
    });
    let broken = copy_of("broken", &|path| {
        let mut bytes = std::fs::read(path.join("engine/db")).unwrap();
        bytes[100..2_000].iter_mut().for_each(|byte| *byte ^= 1);
        std::fs::write(path.join("engine/db"), bytes).unwrap();
    });
    let short = copy_of("short", &|path| {
        let bytes = std::fs::read(path.join("engine/db")).unwrap();
        std::fs::write(path.join("engine/db"), &bytes[..bytes.len() / 2]).unwrap();
    });
    let before = files(&around);
    for (path, expected, says) in [
        (beside("missing"), 3, "there is no session store"),
        (beside("empty"), 3, "there is no session store"),
        (beside("photos"), 3, "is not a session store"),
        (beside("text"), 3, "text: this is no session archive"),
        (beside("cut.archive"), 1, "cut.archive: the archive is cut short"),
        (beside("damaged.archive"), 1, "damaged.archive: the archive is damaged at byte"),
        (newer, 3, "schema version 7"),
        (broken, 1, "repair"),
        (short, 1, "repair"),
    ] {
        for command in reading(path.to_str().unwrap()) {
            let output = run(&command);
            let message = String::from_utf8(output.stderr.clone()).unwrap();
            if command[0] == "check" && expected == 1 {
                // It says in its output what is wrong.
                assert_eq!(code(&output), 6, "{command:?}: {message}");
                let found = String::from_utf8_lossy(&output.stdout);
                let findings =
                    found.lines().filter(|line| line.contains("damaged") || line.contains("cut short"));
                assert_eq!(findings.count(), 1, "{command:?}: {found}");
                continue;
            }
            assert_eq!((code(&output), message.lines().count()), (expected, 1), "{command:?}: {message}");
            assert!(
                message.starts_with("session-pool: ") && message.contains(says),
                "{command:?}: {message}"
            );
            assert_eq!(output.stdout.len(), 0, "{command:?}");
        }
    }
    assert_eq!(files(&around), before);
}

#[test]
fn a_check_names_the_pool_and_the_session_of_what_it_finds() {
    let place = Place::disk();
    let pool = place.open(|b| b.name("shop.example").growth(Growth::Manual));
    pool.add(named("alive")).unwrap();
    drop(pool);
    let tree = engine(&place).open_tree("by_expiry").unwrap();
    tree.clear().unwrap();
    tree.flush().unwrap();
    drop(tree);
    // The engine lets go of its files a little later.
    let copy = place.path().with_file_name("copy");
    copy_directory(&place.path(), &copy);
    let path = copy.to_str().unwrap();
    let output = tool(&["check", path, "--format", "jsonl"]);
    assert_eq!(code(&output), 6);
    let finding: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&finding["kind"], &finding["pool"], &finding["id"]),
        (&"no_expiry_entry".into(), &"shop.example".into(), &"alive".into())
    );
    let table = tool(&["check", path]);
    assert!(String::from_utf8_lossy(&table.stdout).ends_with("1 finding\n"), "{table:?}");
}
