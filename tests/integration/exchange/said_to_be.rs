//! Files that are something else than they are said to be.

use std::fs;

use super::tool::{World, refusal, text, tool};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/crawlee/{name}", env!("CARGO_MANIFEST_DIR"))
}

const JS_3: &str = "crawlee-js-3.18.1.json";
const JS_4: &str = "crawlee-js-4.json";
const PYTHON: &str = "crawlee-python-1.11.0.json";

#[test]
fn a_state_of_another_crawlee_than_it_is_said_to_be_is_refused() {
    let world = World::new();
    for (name, said, found, asked, cure) in [
        (JS_3, "crawlee-python", "Crawlee JS 3", "Crawlee Python", "crawlee-js"),
        (JS_4, "crawlee-python", "Crawlee JS 4", "Crawlee Python", "crawlee-js-4"),
        (JS_4, "crawlee-js", "Crawlee JS 4", "Crawlee JS 3", "crawlee-js-4"),
        (PYTHON, "crawlee-js", "Crawlee Python", "Crawlee JS 3", "crawlee-python"),
        (PYTHON, "crawlee-js-4", "Crawlee Python", "Crawlee JS 4", "crawlee-python"),
    ] {
        for more in [&[][..], &["--dry-run"], &["--into-pool", "shop"]] {
            let arguments = ["import", &fixture(name), &world.path("new"), "--from", said];
            let (says, code) = refusal(&tool(&[&arguments[..], more].concat()));
            let expected = format!(
                "{name}: this is a state of {found}, and not a state of {asked}: --from {cure}, or --from crawlee, \
                 which finds out"
            );
            assert!(says.contains(&expected) && code == 3, "{said}: {says}");
            assert!(!world.beside("new").exists());
        }
    }
    // As which it loses nothing, it is read.
    text(&tool(&["import", &fixture(JS_3), &world.path("new"), "--from", "crawlee-js-4"]));
    // What nothing tells, is believed.
    let file = world.write("bare.json", r#"{"sessions":[{"id":"a","userData":{}}]}"#);
    for said in ["crawlee-js", "crawlee-js-4", "crawlee-python"] {
        text(&tool(&["import", &file, &world.path(said), "--from", said]));
    }
}

#[test]
fn a_state_of_crawlee_is_no_json_lines_and_these_are_no_state() {
    let world = World::new();
    let state: serde_json::Value = serde_json::from_str(&fs::read_to_string(fixture(JS_3)).unwrap()).unwrap();
    let one_line = world.write("one_line.json", &state.to_string());
    for file in [&fixture(JS_3), &one_line] {
        for more in [&[][..], &["--dry-run"], &["--into-pool", "shop"]] {
            let arguments = ["import", file, &world.path("new"), "--from", "jsonl"];
            let (says, code) = refusal(&tool(&[&arguments[..], more].concat()));
            let expected = ".json: this is a state of Crawlee JS 3, and not JSON Lines that session-pool wrote: \
                            --from crawlee-js, or --from crawlee, which finds out";
            assert!(says.contains(expected) && code == 3, "{says}");
        }
    }
    let export = world.path("a.jsonl");
    text(&tool(&["export", &world.store(), &export]));
    for said in ["crawlee", "crawlee-js", "crawlee-js-4", "crawlee-python"] {
        let (says, code) = refusal(&tool(&["import", &export, &world.path("new"), "--from", said]));
        let expected = "a.jsonl: this is JSON Lines that session-pool wrote, and not a state of Crawlee";
        assert!(
            says.contains(expected) && says.trim_end().ends_with(": --from jsonl") && code == 3,
            "{says}"
        );
    }
}
