//! What people are told on a terminal, and programs are not.

use session_pool::Growth;

use super::{store, text, tool};
use crate::operator::asking::on_a_terminal;
use crate::support::{Place, SECOND, named};

/// What is said on a terminal besides the table, and whether there is a table.
fn said(arguments: &[&str]) -> (Vec<String>, bool) {
    let (screen, code) = on_a_terminal(arguments, "");
    assert_eq!(code, 0, "{screen}");
    let (said, table): (Vec<_>, Vec<_>) = screen.lines().partition(|line| line.starts_with("session-pool: "));
    let said = said.iter().map(|line| line.trim_start_matches("session-pool: ").trim_end().to_owned());
    (said.collect(), !table.is_empty())
}

#[test]
fn how_many_rows_there_are_is_told_to_people_alone() {
    let (_place, path) = store();
    for (arguments, says, has_table) in [
        (&["list", &path][..], "5 sessions", true),
        (&["list", &path, "--id-glob", "burnt"], "1 session", true),
        (&["list", &path, "--limit", "5"], "5 sessions", true),
        (&["list", &path, "--limit", "2"], "2 sessions shown, by --limit: there are more", true),
        (&["list", &path, "--limit", "2", "--sort", "id"], "2 of 5 sessions shown, by --limit", true),
        (&["list", &path, "--state", "expired"], "no session found", false),
        (&["retirements", &path], "2 retirements", true),
        (&["retirements", &path, "--limit", "1"], "1 of 2 retirements shown, by --limit", true),
        (&["retirements", &path, "--since", "now"], "no retirement found", false),
        (&["retirements", &path, "--by", "reason", "--limit", "1"], "1 of 2 reasons shown, by --limit", true),
        (&["retirements", &path, "--by", "day", "--reason", "expired"], "no retirement found", false),
    ] {
        assert_eq!(said(arguments), (vec![says.to_owned()], has_table), "{arguments:?}");
        let piped = tool(arguments);
        assert_eq!(piped.stderr, b"", "{arguments:?}");
        assert!(text(&piped).lines().count() > 0, "{arguments:?}: heads, whatever is below them");
    }
    for format in ["json", "jsonl", "csv"] {
        assert_eq!(said(&["list", &path, "--format", format]).0, [""; 0], "{format}");
    }
}

#[test]
fn two_stores_without_a_difference_are_told_to_be_the_same() {
    let (_place, path) = store();
    let same = "no difference: 5 sessions are the same";
    assert_eq!(text(&tool(&["diff", &path, &path])).trim_end(), same);
    let (screen, _) = on_a_terminal(&["diff", &path, &path], "");
    assert_eq!(screen.trim_end(), same);
    assert_eq!(text(&tool(&["diff", &path, &path, "--format", "json"])).trim_end(), "[\n]".replace('\n', ""));
}

#[test]
fn a_difference_is_counted_as_people_count() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    pool.add(crate::support::named("one")).unwrap();
    pool.add(crate::support::named("two")).unwrap();
    drop(pool);
    let path = place.path().to_str().unwrap().to_owned();
    let before = format!("{path}.archive");
    text(&tool(&["backup", &path, &before]));
    text(&tool(&["retire", &path, "one", "--yes"]));
    let (said, _) = said(&["diff", &before, &path, "--limit", "1"]);
    assert_eq!(said, ["1 row shown, by --limit: there are more"]);
    let table = text(&tool(&["diff", &before, &path]));
    assert!(table.ends_with("1 changed, 1 stayed the same\nretirements: 1 new, 0 forgotten\n"), "{table}");
}

#[test]
fn a_retired_session_tells_why_as_far_as_anything_does() {
    let (_place, path) = store();
    for (id, because) in [
        ("blocked", "because         bad uses: its error score reached 1, of 1 at most\n"),
        ("burnt", "because         the crawler or an operator retired it, for a ban (401, 403)"),
    ] {
        let shown = text(&tool(&["show", &path, id]));
        assert!(shown.contains(because), "{shown}");
    }
    assert!(!text(&tool(&["show", &path, "resting"])).contains("because"));
    // One word for it, wherever it is told.
    let stats = text(&tool(&["stats", &path]));
    assert!(stats.contains("retired 1") && stats.contains("blocked 1"), "{stats}");
    let help = text(&tool(&["list", "--help"]));
    assert!(help.contains("401 or 403"), "{help}");
}

#[test]
fn a_time_that_the_store_has_gone_on_from_is_told_to_be_past() {
    let (place, path) = store();
    let archive = place.path().with_file_name("then.archive");
    text(&tool(&["backup", &path, archive.to_str().unwrap()]));
    for command in [&["stats"][..], &["stats", "--format", "json"], &["report", "--html", "-"]] {
        let said = |more: &[&str]| {
            let output = tool(&[command, &[path.as_str()], more].concat());
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let told = said(&["--at", "2h ago", "--utc"]);
        assert!(
            told.lines().count() == 1 && told.contains("is told of a store that goes on until 20"),
            "{told}"
        );
        assert!(told.contains("a backup of then"), "{told}");
        for at in [&["--at", "now"][..], &["--at", "in 1h"], &[]] {
            assert_eq!(said(at), "", "{command:?} {at:?}");
        }
        let help = text(&tool(&[command[0], "--help"]));
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("a backup or a copy") && help.contains("does not take back"), "{help}");
    }
}

/// What the tool writes where clocks on the wall are nine hours ahead.
fn in_tokyo(arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_session-pool"));
    text(&command.args(arguments).env_remove("COLUMNS").env("TZ", "JST-9").output().unwrap())
}

#[test]
fn tables_have_the_time_of_the_clock_on_the_wall_wherever_a_time_is_in_them() {
    let (place, path) = store();
    let before = format!("{path}.archive");
    text(&tool(&["backup", &path, &before]));
    text(&tool(&["retire", &path, "resting", "--yes"]));
    let table = in_tokyo(&["diff", &before, &path]);
    for line in table.lines().filter(|line| line.contains(" at 20") || line.contains("retired.at")) {
        assert!(line.contains("+09:00") && !line.contains('Z'), "{line}");
    }
    assert!(table.matches("+09:00").count() >= 2, "{table}");
    assert!(!in_tokyo(&["diff", &before, &path, "--utc"]).contains("+09:00"));
    // Programs have what they had.
    let rows = in_tokyo(&["diff", &before, &path, "--format", "jsonl"]);
    assert_eq!(rows, text(&tool(&["diff", &before, &path, "--format", "jsonl"])));
    assert!(rows.contains("retired at 20") && !rows.contains("+09:00"), "{rows}");

    let other = place.path().with_file_name("other");
    let restored = in_tokyo(&["restore", &before, other.to_str().unwrap()]);
    assert!(restored.lines().next().unwrap().contains("+09:00"), "{restored}");
    let other = place.path().with_file_name("another");
    let restored = in_tokyo(&["restore", &before, other.to_str().unwrap(), "--utc"]);
    assert!(restored.lines().next().unwrap().contains("Z:"), "{restored}");
}

#[test]
fn a_day_is_told_as_its_date_and_a_rest_that_is_over_not_at_all() {
    let (_place, path) = store();
    for zone in [&[][..], &["--utc"]] {
        let days = text(&tool(&[&["retirements", &path, "--by", "day"], zone].concat()));
        let day = days.lines().nth(1).unwrap().split("  ").next().unwrap();
        assert!(day.len() == "2026-03-01".len() && day.starts_with("20"), "{days}");
    }
    let hours = text(&tool(&["retirements", &path, "--by", "hour", "--utc"]));
    assert!(hours.contains(":00:00Z"), "{hours}");
    let json = text(&tool(&["retirements", &path, "--by", "day", "--utc", "--format", "jsonl"]));
    assert!(json.contains("T00:00:00.000Z"), "{json}");

    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual).clock(session_pool::SystemClock));
    pool.add(named("rested")).unwrap().rest_for(SECOND / 100).unwrap();
    pool.add(named("rests")).unwrap().rest_for(SECOND * 1000).unwrap();
    drop(pool);
    std::thread::sleep(SECOND / 50);
    let path = place.path().to_str().unwrap().to_owned();
    let columns = ["list", &path, "--columns", "id,resting_until", "--sort", "id"];
    let table = text(&tool(&columns));
    let cells: Vec<Vec<_>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((cells[0][1], cells[1][1]), ("-", "in"), "{table}");
    let json = text(&tool(&[&columns[..], &["--format", "jsonl"]].concat()));
    assert!(!json.contains("null"), "{json}");
}
