//! What is shown where there is little room, and that rows stand below their heads where there is much.

use session_pool::{Fingerprint, Growth, SessionOptions, SessionPool};
use unicode_width::UnicodeWidthStr;

use super::{text, tool};
use crate::operator::asking::on_a_terminal_of;
use crate::support::{Place, SECOND, clock, named};

const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";

/// A store with sessions that have ids as the pool gives them: some that are live, and some that were retired one after the
/// other.
fn store() -> (Place, String) {
    let (place, clock) = (Place::disk(), clock());
    let pool = place.open(|b| b.name("shop.example").growth(Growth::Manual).clock(clock.clone()));
    let with_agent = SessionOptions {
        fingerprint: Some(Fingerprint {
            headers: vec![("User-Agent".to_owned(), AGENT.to_owned())],
            ..Fingerprint::default()
        }),
        ..named("alice")
    };
    let _ = pool.add(with_agent).unwrap().retire().unwrap();
    for uses in 1..4 {
        pool.add(SessionOptions { usage_count: uses, ..Default::default() }).unwrap();
        let retired = SessionOptions { usage_count: uses, ..Default::default() };
        let session = pool.add(retired).unwrap();
        for _ in 1..uses {
            let _ = session.fail().unwrap();
        }
        let _ = session.retire().unwrap();
        clock.advance(SECOND);
    }
    drop(pool);
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

/// What stands on a terminal of so many columns: the lines of the output, and what is said besides.
fn screen(columns: u16, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let (screen, code) =
        on_a_terminal_of(columns, &[("NO_COLOR", "1"), ("LC_ALL", "C.UTF-8")], arguments, "");
    assert_eq!(code, 0, "{screen}");
    let lines = screen.lines().map(|line| line.trim_end_matches('\r').to_owned());
    lines.partition(|line| !line.starts_with("session-pool: "))
}

#[test]
fn a_narrow_table_keeps_what_is_sorted_and_asked_by_and_names_what_it_leaves_off() {
    let (_place, path) = store();
    for columns in [40, 60, 80] {
        for (arguments, heads, left_off) in [
            (&["list", &path, "--sort", "retired_at:desc"][..], &["ID", "RETIRED"][..], "created_at"),
            (&["list", &path, "--sort", "last_used_at"], &["ID", "LAST USED"], "resting_until (empty)"),
            (
                &["list", &path, "--state", "retired", "--expires-after", "2026-03-01"],
                &["EXPIRES"],
                "last_used_at",
            ),
            (
                &["list", &path, "--created-after", "2026-03-01", "--min-usage", "1"],
                &["CREATED", "USES"],
                "retired_at",
            ),
        ] {
            let (table, notes) = screen(columns, arguments);
            assert!(table.iter().all(|line| line.width() <= columns.into()), "{columns}: {table:#?}");
            for head in heads {
                assert!(table[0].contains(head), "{columns} {head}: {table:#?}");
            }
            let note = notes.first().unwrap();
            assert!(note.contains("no room for ") && note.contains(left_off), "{columns}: {note}");
            assert!(note.ends_with(": --columns chooses, --format jsonl has all"), "{note}");
        }
    }
    let (table, notes) = screen(200, &["list", &path]);
    assert!(table[0].ends_with("RETIRED") && !notes[0].contains("no room"), "{table:?} {notes:?}");
}

#[test]
fn a_narrow_table_has_the_time_that_the_state_is_about() {
    let (_place, path) = store();
    for columns in [40, 60, 80] {
        for (arguments, has, has_not) in [
            (&["list", &path, "--state", "retired"][..], "RETIRED", "EXPIRES"),
            (&["list", &path, "--reason", "retired"], "RETIRED", "EXPIRES"),
            (&["list", &path, "--state", "resting", "--utc"], "RESTS UNTIL", "RETIRED"),
            (&["list", &path, "--state", "expired"], "EXPIRES", "RETIRED"),
        ] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_session-pool"));
            let output = command.args(arguments).env("COLUMNS", columns.to_string()).output().unwrap();
            let heads = text(&output).lines().next().unwrap().to_owned();
            assert!(heads.contains("ID") && heads.contains(has), "{columns} {arguments:?}: {heads}");
            assert!(!heads.contains(has_not), "{columns} {arguments:?}: {heads}");
        }
    }
    // Where there is room, it is shown all the same.
    assert!(text(&tool(&["list", &path, "--state", "retired"])).contains("EXPIRES"));
}

#[test]
fn ids_keep_both_their_ends_before_columns_are_left_off() {
    let (_place, path) = store();
    let whole = text(&tool(&["list", &path, "--state", "live", "--columns", "id"]));
    let id = whole.lines().nth(1).unwrap();
    let (table, notes) = screen(80, &["list", &path, "--state", "live"]);
    let (start, end) = table[1].split_whitespace().nth(1).unwrap().split_once('…').unwrap();
    assert!(id.starts_with(start) && id.ends_with(end) && start.len().min(end.len()) >= 6, "{table:#?}");
    assert!(notes[0].contains("whole ids"), "{notes:?}");
    let (table, notes) = screen(40, &["list", &path, "--columns", "id"]);
    assert!(table[1].contains("alice") || table[1].len() == 32, "{table:#?}");
    assert!(!notes[0].contains("no room"), "{notes:?}");
}

#[test]
fn the_log_and_differences_keep_what_they_are_looked_at_for() {
    let (place, path) = store();
    let before = place.path().with_file_name("before.archive");
    text(&tool(&["backup", &path, before.to_str().unwrap()]));
    let id = text(&tool(&["list", &path, "--state", "live", "--limit", "1", "--columns", "id"]));
    text(&tool(&["retire", &path, id.lines().nth(1).unwrap(), "--yes"]));
    for columns in [40, 60, 80] {
        let (log, _) = screen(columns, &["retirements", &path]);
        assert!(log[0].contains("RETIRED") && log[0].contains(" ID"), "{log:#?}");
        assert_eq!(columns > 40, log[0].contains("USES  ERRORS"), "{columns}: {log:#?}");
        let (diff, _) = screen(columns, &["diff", before.to_str().unwrap(), &path]);
        assert!(["ID", "FIELD", "TO"].iter().all(|head| diff[0].contains(head)), "{columns}: {diff:#?}");
        for line in log.iter().chain(diff.iter().take_while(|line| !line.is_empty())) {
            assert!(line.width() <= columns.into(), "{columns}: {line}");
        }
    }
}

#[test]
fn an_overview_and_a_session_fit_and_no_word_is_broken() {
    let (_place, path) = store();
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>().join(" ");
    let whole = text(&tool(&["show", &path, "alice", "--utc"]));
    assert!(whole.lines().any(|line| line.ends_with("Safari/537.36")), "{whole}");
    for columns in [40, 60, 80] {
        let (stats, _) = screen(columns, &["stats", &path]);
        assert!(stats.iter().all(|line| line.width() <= columns.into()), "{columns}: {stats:#?}");
        let (shown, _) = screen(columns, &["show", &path, "alice", "--utc"]);
        assert!(shown.iter().all(|line| line.width() <= columns.into()), "{columns}: {shown:#?}");
        assert_eq!(words(&shown.join("\n")), words(&whole), "{columns}");
    }
}

/// A store with a session whose user data has this text.
fn store_of(long: &str) -> (Place, String) {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    pool.add(named("alice").user_data("page", long)).unwrap();
    drop(pool);
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

#[test]
fn a_long_text_is_one_line_where_nothing_says_how_wide_lines_may_be_and_is_there_at_once() {
    let long = "a word ".repeat(140_000);
    let (_place, path) = store_of(&long);
    let begun = std::time::Instant::now();
    let shown = text(&tool(&["show", &path, "alice", "--reveal"]));
    assert!(begun.elapsed() < 20 * SECOND, "{:?}", begun.elapsed());
    assert!(shown.contains(&format!("\n  page: {long}\n")));
}

#[test]
fn a_word_that_is_wider_than_the_terminal_goes_on_in_the_next_line() {
    let long = format!("https://a.example/{}e\u{301}東京 end", "0123456789".repeat(9));
    let (_place, path) = store_of(&long);
    for columns in [40, 41, 80] {
        let (shown, _) = screen(columns, &["show", &path, "alice", "--reveal"]);
        assert!(shown.iter().all(|line| line.width() <= columns.into()), "{columns}: {shown:#?}");
        let blankless = |text: &str| text.split_whitespace().collect::<String>();
        assert!(blankless(&shown.concat()).contains(&blankless(&long)), "{columns}: {shown:#?}");
    }
}

#[test]
fn there_is_as_much_room_as_the_environment_says_in_a_pipe_too() {
    let (_place, path) = store();
    let widest = |columns: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_session-pool"));
        let output = command.args(arguments).env("COLUMNS", columns).output().unwrap();
        text(&output).lines().map(UnicodeWidthStr::width).max().unwrap()
    };
    for arguments in
        [&["list", &path][..], &["retirements", &path], &["stats", &path], &["show", &path, "alice"]]
    {
        assert!(widest("50", arguments) <= 50, "{arguments:?}");
    }
    for nothing in ["", "0", "many", "-1"] {
        assert!(widest(nothing, &["list", &path]) > 120, "{nothing:?} says nothing");
    }
    let (screen, _) = on_a_terminal_of(200, &[("COLUMNS", "50"), ("NO_COLOR", "1")], &["list", &path], "");
    assert!(screen.lines().all(|line| line.starts_with("session-pool: ") || line.width() <= 50), "{screen}");
}

#[test]
fn what_is_counted_of_differences_has_the_room_that_there_is() {
    let (place, path) = store();
    let before = place.path().with_file_name("before.archive");
    let before = before.to_str().unwrap();
    text(&tool(&["backup", &path, before]));
    let ids = text(&tool(&["list", &path, "--state", "live", "--columns", "id", "--format", "csv"]));
    text(&tool(&["retire", &path, ids.lines().nth(1).unwrap(), "--yes"]));
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>().join(" ");
    let whole = text(&tool(&["diff", before, &path, "--summary"]));
    assert_eq!(whole.lines().count(), 3, "{whole}");
    for columns in [40, 60] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_session-pool"));
        let command = command.args(["diff", before, &path, "--summary"]).env("COLUMNS", columns.to_string());
        let summary = text(&command.output().unwrap());
        assert!(summary.lines().all(|line| line.width() <= columns), "{columns}: {summary}");
        assert_eq!(words(&summary), words(&whole));
    }
}

#[test]
fn rows_stand_below_their_heads_however_many_they_are() {
    let place = Place::disk();
    let store = place.open_store();
    // More than are looked at before the first is written.
    for (name, uses, many) in [("a", 1, 1100), ("a-longer-name.example", 123, 3)] {
        let pool = SessionPool::builder().name(name).growth(Growth::Manual).max_pool_size(2000);
        let pool = pool.open_in(&store).unwrap();
        for at in 0..many {
            let options = SessionOptions {
                max_usage_count: uses + 1,
                usage_count: uses,
                ..named(&format!("{uses:03}.{at:04}"))
            };
            let session = pool.add(options).unwrap();
            // The one that was added last has the reason with the longest name.
            let _ = if uses > 1 { session.reclaim().unwrap() } else { session.retire().unwrap() };
        }
    }
    drop(store);
    let path = place.path().to_str().unwrap().to_owned();
    for command in ["list", "retirements"] {
        let table = text(&tool(&[command, &path, "--utc"]));
        let heads = table.lines().next().unwrap();
        let (reason, errors) =
            (heads.find("REASON").unwrap(), heads.find("ERRORS").unwrap() + "ERRORS".len());
        assert!(table.lines().count() > 1100 && table.contains("exhausted"), "{heads}");
        for line in table.lines().skip(1) {
            let begins = |at: usize| &line[at - 2..at] == "  " && &line[at..=at] != " ";
            let ends = |at: usize| &line[at - 1..at] != " " && &line[at..=at] == " ";
            assert!(begins(reason) && ends(errors), "{command}:\n{heads}\n{line}");
        }
    }
}
