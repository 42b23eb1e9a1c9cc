//! The same fields in every format, and what hostile text does to none of them.

use serde_json::Value;
use session_pool::{Cookie, Growth};

use super::{code, json, store, text, tool};
use crate::support::{Place, named};

/// The rows of a CSV text, by field.
fn csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let fields = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(ToOwned::to_owned).collect());
    (fields, rows.collect())
}

/// As CSV has a value.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn json_json_lines_and_csv_have_the_same_fields_and_values() {
    let (_place, path) = store();
    for command in [
        &["list", &path][..],
        &["list", &path, "--columns", "id,proxy,cookies,error_score"],
        &["list", &path, "--state", "resting", "--sort", "id"],
        &["list", &path, "--limit", "0"],
        &["retirements", &path],
        &["retirements", &path, "--by", "reason"],
        &["retirements", &path, "--by", "day", "--utc"],
        &["show", &path, "alive", "--pool", "shop.example"],
        &["show", &path, "burnt"],
        &["show", &path, "alive"],
    ] {
        let run = |format| text(&tool(&[command, &["--format", format]].concat()));
        let value: Value = serde_json::from_str(&run("json")).unwrap();
        let rows = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let lines: Vec<Value> =
            run("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, rows, "{command:?}");
        let (fields, cells) = csv(&run("csv"));
        assert_eq!(cells.len(), rows.len(), "{command:?}");
        for (row, cells) in rows.iter().zip(cells) {
            assert_eq!(row.as_object().unwrap().len(), fields.len(), "{command:?}");
            for (field, found) in fields.iter().zip(cells) {
                assert!(field.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{field}");
                assert_eq!(found, cell(&row[field]), "{command:?} {field}");
            }
        }
    }
}

#[test]
fn a_check_says_the_same_in_each_format() {
    let (_place, path) = store();
    let sound = |format| text(&tool(&["check", &path, "--format", format]));
    assert_eq!(sound("jsonl"), "");
    assert_eq!(
        csv(&sound("csv")),
        (["kind", "pool", "id", "file", "message"].map(Into::into).into(), vec![])
    );
    assert_eq!(serde_json::from_str::<Value>(&sound("json")).unwrap()["findings"], Value::Array(Vec::new()));
}

#[test]
fn a_backup_and_a_repair_are_told_in_each_format() {
    let (place, path) = store();
    for format in ["json", "jsonl", "csv"] {
        let beside =
            |name: &str| place.path().with_file_name(format!("{name}-{format}")).display().to_string();
        let (archive, repaired) = (beside("archive"), beside("repaired"));
        for (arguments, field) in [
            (&["backup", &path, &archive][..], "sessions"),
            (&["repair", &path, "--into", &repaired], "live"),
            (&["restore", &archive, &beside("restored")], "retired"),
        ] {
            let told = text(&tool(&[arguments, &["--format", format]].concat()));
            if format == "csv" {
                let (fields, rows) = csv(&told);
                assert!(fields.iter().any(|name| name == field) && rows.len() == 1, "{told}");
            } else {
                let told: Value = serde_json::from_str(&told).unwrap();
                assert!(told[field].is_u64(), "{told}");
            }
        }
    }
}

#[test]
fn stats_has_the_same_fields_in_a_line_of_json_and_of_csv() {
    let (_place, path) = store();
    let lines = text(&tool(&["stats", &path, "--format", "jsonl"]));
    let (fields, rows) = csv(&text(&tool(&["stats", &path, "--format", "csv"])));
    assert_eq!((lines.lines().count(), rows.len()), (2, 2));
    for (line, cells) in lines.lines().zip(rows) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line.as_object().unwrap().len(), fields.len());
        for (field, found) in fields.iter().zip(cells) {
            assert_eq!(found, cell(&line[field]), "{field}");
        }
    }
}

#[test]
fn what_does_nothing_is_refused() {
    let (_place, path) = store();
    for (arguments, says) in [
        (&["report", &path, "--html", "-", "--format", "json"][..], "report has no --format"),
        (&["man", "--format", "csv"], "man has no --format"),
        (&["completions", "bash", "--format", "jsonl"], "completions has no --format"),
        (&["list", &path, "--columns", "pool,id,pool"], "--columns has pool twice"),
    ] {
        let output = tool(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!((code(&output), output.stdout.len()), (2, 0), "{arguments:?}: {message}");
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
}

#[test]
fn an_option_is_offered_where_it_means_something() {
    for command in [
        "report",
        "man",
        "completions",
        #[cfg(feature = "browse")]
        "browse",
    ] {
        for help in ["-h", "--help"] {
            assert!(!text(&tool(&[command, help])).contains("--format"), "{command} {help}");
        }
    }
    for command in ["stats", "list", "show", "backup"] {
        assert!(text(&tool(&[command, "-h"])).contains("--format"), "{command}");
    }
    let output = tool(&["--format", "csv", "man"]);
    assert_eq!(code(&output), 2, "also where it stands before the command: {output:?}");
}

#[test]
fn retirements_since_a_time_are_told_the_same_in_each_format() {
    let place = Place::disk();
    let clock = crate::support::clock();
    let pool = place.open(|b| b.name("shop").growth(Growth::Manual).clock(clock.clone()));
    let _ = pool.add(named("early")).unwrap().retire().unwrap();
    clock.advance(crate::support::SECOND * 7200);
    let blocked = session_pool::SessionOptions { max_error_score: 1.0, ..named("late") };
    let _ = pool.add(blocked).unwrap().fail().unwrap();
    drop(pool);
    let path = place.path().to_str().unwrap().to_owned();
    let stats = |format: &str, since: &str| {
        let arguments = ["stats", &path, "--utc", "--format", format, "--since", since];
        text(&tool(&[&arguments[..], &["--at", "2026-03-01T15:00:00Z"]].concat()))
    };
    for (since, retired, blocked) in [("2026-03-01T00:00:00Z", 1, 1), ("2026-03-01T13:00:00Z", 0, 1)] {
        let whole: Value = serde_json::from_str(&stats("json", since)).unwrap();
        assert_eq!(whole["retired_since"], since.replace('Z', ".000Z"));
        for figures in [&whole["total"], &whole["pools"][0]] {
            assert_eq!(figures["retired"]["retired"], retired, "{since}");
            assert_eq!(figures["retired"]["blocked"], blocked, "{since}");
            assert_eq!(figures["retirements"]["ever"], 2);
        }
        let line: Value = serde_json::from_str(&stats("jsonl", since)).unwrap();
        assert_eq!((&line["retired_retired"], &line["retired_blocked"]), (&retired.into(), &blocked.into()));
        assert_eq!((&line["retired_ever"], &line["uses"]), (&2.into(), &2.into()));
        let (fields, rows) = csv(&stats("csv", since));
        let at = fields.iter().position(|field| field == "retired_retired").unwrap();
        assert_eq!(rows[0][at], retired.to_string());
        let table = stats("table", since);
        let is_total = |line: &&str| line.starts_with("retired ") && !line.contains("since");
        let total = table.lines().find(is_total).unwrap();
        assert_eq!(total.split_whitespace().nth(1), Some(&*(retired + blocked).to_string()), "{table}");
        assert!(table.contains(&format!("retired since {}", since.replace('T', " "))), "{table}");
    }
}

/// A store whose texts are all that a site or a vendor may send.
fn hostile() -> (Place, String) {
    let place = Place::disk();
    let pool = place.open(|b| b.name("evil\u{202e}東京\"',\u{200b}").growth(Growth::Manual));
    let session = pool.add(session_pool::SessionOptions {
        proxy: Some("http://user:pw@\u{202e}evil\u{200b}:1".parse().unwrap()),
        ..named("a")
    });
    let session = session.unwrap();
    let cookie = Cookie {
        path: "/\r\n\"',;\u{9b}2J".into(),
        ..Cookie::new("\u{1b}]0;owned\u{7}", "v", "shop.example")
    };
    session.set_cookies([cookie]).unwrap();
    session.set_user_data("line\nbreak,\"quoted\"", "\u{1b}[2J\u{2066}=cmd()").unwrap();
    drop((session, pool));
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

#[test]
fn hostile_text_is_escaped_for_people_and_comes_whole_to_programs() {
    let (_place, path) = hostile();
    for command in [
        &["list", &path, "--columns", "pool,id,proxy"][..],
        &["show", &path, "a", "--reveal"],
        &["stats", &path],
        &["check", &path],
        &["list", &path, "--color", "never"],
    ] {
        let shown = text(&tool(command));
        let harmful = |c: &char| (c.is_control() && *c != '\n') || "\u{202e}\u{200b}\u{2066}".contains(*c);
        assert_eq!(shown.chars().find(harmful), None, "{command:?}: {shown:?}");
    }
    let is_harmful = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{2066}".contains(c);
    for format in ["json", "jsonl"] {
        for command in [
            &["show", &path, "a", "--reveal"][..],
            &["list", &path],
            &["list", &path, "--columns", "pool,proxy"],
            &["stats", &path],
            &["export", &path],
        ] {
            let written = text(&tool(&[command, &["--format", format]].concat()));
            assert!(!written.contains(is_harmful), "{command:?}: {written:?}");
        }
    }
    let shown = json(&tool(&["show", &path, "a", "--reveal", "--format", "json"]));
    assert_eq!(shown["pool"], "evil\u{202e}東京\"',\u{200b}");
    assert_eq!(shown["cookies"][0]["path"], "/\r\n\"',;\u{9b}2J");
    assert_eq!(shown["user_data"]["line\nbreak,\"quoted\""], "\u{1b}[2J\u{2066}=cmd()");
    let (fields, rows) = csv(&text(&tool(&["show", &path, "a", "--reveal", "--format", "csv"])));
    let at = fields.iter().position(|field| field == "cookies").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&rows[0][at]).unwrap(), shown["cookies"], "nested in its cell");
    let (_, rows) = csv(&text(&tool(&["list", &path, "--columns", "pool,proxy", "--format", "csv"])));
    assert_eq!(rows, [["evil\u{202e}東京\"',\u{200b}", "http://user:***@\u{202e}evil\u{200b}:1"]]);
}

#[test]
fn colours_are_for_terminals_and_for_whoever_asks_for_them() {
    let (_place, path) = store();
    let is_coloured =
        |arguments: &[&str]| text(&tool(&[&["list", &path], arguments].concat())).contains('\u{1b}');
    assert!(!is_coloured(&[]), "a pipe is no terminal");
    assert!(is_coloured(&["--color", "always"]));
    assert!(!is_coloured(&["--color", "never"]));
    assert!(!is_coloured(&["--color", "always", "--format", "csv"]), "programs get none");
}

#[test]
fn a_table_has_a_line_for_each_row_below_its_heads() {
    let (_place, path) = store();
    let table = text(&tool(&["list", &path, "--utc"]));
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("POOL "), "{table}");
    assert_eq!(lines.count(), 5, "{table}");
    assert!(
        table.contains("resting") && table.contains(" in 16 min ") && table.contains(" in 49 min "),
        "{table}"
    );
    assert!(!table.lines().any(|line| line.ends_with(' ')), "{table:?}");
    let log = text(&tool(&["retirements", &path, "--utc"]));
    assert!(log.lines().nth(1).unwrap().contains("Z  shop.example  retired"), "{log}");
    // Heads alone, where there is nothing.
    let none = text(&tool(&["list", &path, "--limit", "0"]));
    assert_eq!((none.lines().count(), none.starts_with("POOL")), (1, true), "{none}");
    assert_eq!(code(&tool(&["list", &path, "--format", "yaml"])), 2);
}

#[cfg(unix)]
#[test]
fn a_terminal_gets_no_csv_that_it_would_obey() {
    let (_place, path) = hostile();
    for command in [&["list", &path, "--columns", "pool,proxy"][..], &["show", &path, "a", "--reveal"]] {
        let all = [command, &["--format", "csv"]].concat();
        let (screen, code) = crate::operator::asking::on_a_terminal(&all, "");
        assert!(code == 0 && screen.contains("\\u{202e}"), "{screen:?}");
        let is_harmful = |c: char| c == '\u{1b}' || c == '\u{9b}' || "\u{202e}\u{200b}\u{2066}".contains(c);
        assert!(!screen.contains(is_harmful), "{screen:?}");
    }
}
