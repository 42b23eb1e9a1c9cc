//! `completions`, `man`, `--version`, `--help`.

use std::fs;

use super::{mistake, text, tool};

#[test]
fn completions_know_the_commands_and_their_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&tool(&["completions", shell]));
        assert!(script.contains("retire") && script.contains("older-than"), "{shell}");
    }
}

/// What a command is called where it is found among the words is what it is called where its options are.
#[test]
fn completions_for_bash_know_the_options_of_every_command_that_they_find() {
    let script = text(&tool(&["completions", "bash"]));
    let found: Vec<&str> = script
        .lines()
        .filter_map(|line| {
            line.trim().strip_prefix("cmd=\"")?.strip_suffix('"').filter(|name| !name.is_empty())
        })
        .collect();
    assert!(found.len() > 20, "{found:?}");
    for name in found {
        assert!(script.contains(&format!("\n        {name})\n")), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn pages_of_the_manual_replace_files_alone() {
    let place = tempfile::tempdir().unwrap();
    let (directory, elsewhere) = (place.path().join("man1"), place.path().join("elsewhere"));
    fs::create_dir(&directory).unwrap();
    fs::write(&elsewhere, "another's").unwrap();
    let (link, kept) = (directory.join("session-pool-list.1"), directory.join("session-pool.1"));
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    fs::write(&kept, "old").unwrap();
    let error = mistake(&tool(&["man", "--dir", directory.to_str().unwrap()]), 2);
    assert!(error.contains("session-pool-list.1 is a link"), "{error}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "another's");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "old", "it is seen before any is written");
    fs::remove_file(&link).unwrap();
    text(&tool(&["man", "--dir", directory.to_str().unwrap()]));
    assert_ne!(fs::read_to_string(&kept).unwrap(), "old");
}

#[test]
fn the_manual_has_a_page_for_the_tool_and_one_for_each_command() {
    let page = text(&tool(&["man"]));
    assert!(page.contains(".TH session-pool 1") && page.contains("Exit codes"), "{page}");
    let page = text(&tool(&["man", "retire"]));
    assert!(
        page.contains(".TH session-pool-retire 1") && page.contains("Example: session\\-pool retire"),
        "{page}"
    );
    assert!(mistake(&tool(&["man", "nothing"]), 2).contains("nothing"));

    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    text(&tool(&["man", "--dir", pages.to_str().unwrap()]));
    let mut names: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in &names {
        // What a formatter takes that knows of no other encoding.
        assert!(fs::read_to_string(pages.join(name)).unwrap().is_ascii(), "{name}");
    }
    for name in ["session-pool.1", "session-pool-add.1", "session-pool-list.1", "session-pool-retire.1"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    assert_eq!(fs::read_to_string(pages.join("session-pool-retire.1")).unwrap(), page);
    // Every command that --help lists has one.
    let help = text(&tool(&["--help"]));
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands: Vec<_> = commands
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next().filter(|_| !line.starts_with("   ")))
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 10, "{help}");
    for command in commands {
        assert!(names.contains(&format!("session-pool-{command}.1")), "{command}");
        let help = text(&tool(&[command, "--help"]));
        assert!(help.contains("Example: session-pool"), "{command}");
    }
}

#[test]
fn the_version_tells_that_of_the_schema() {
    let version = text(&tool(&["--version"]));
    let schema = session_pool::schema_version();
    assert_eq!(version, format!("session-pool {} (schema version {schema})\n", env!("CARGO_PKG_VERSION")));
}
