//! The example crawler, as a real process: killed at several points, it goes on with the sessions it had.

use std::collections::HashSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use session_pool::inspect::{self, Filter};
use session_pool::{ReadStore, SledStoreOptions};

use crate::support::{assert_sound, example};

fn retired(store: &dyn ReadStore) -> HashSet<String> {
    let mut ids = HashSet::new();
    let mut filter = Filter::default();
    filter.live = Some(false);
    inspect::for_each(store, &filter, &mut |found| {
        ids.insert(found.unwrap().id.to_string());
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    ids
}

#[test]
fn killed_and_started_again_it_finishes_and_uses_no_session_that_was_retired_before() {
    let directory = tempfile::tempdir().unwrap();
    let (state, trace) = (directory.path().join("state"), directory.path().join("trace"));
    let command = || {
        let mut command = Command::new(example("crawl"));
        command.arg("--state").arg(&state).arg("--trace").arg(&trace).args(["--pages", "1200"]);
        command
    };
    let used =
        || fs::read_to_string(&trace).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    let (mut burnt, mut seen, mut retired_at_kills) = (HashSet::new(), 0, 0);
    let mut verify = |burnt: &HashSet<String>| {
        let used = used();
        for id in &used[seen..] {
            assert!(!burnt.contains(id), "{id} was retired before the kill and used after it");
        }
        seen = used.len();
    };
    for requests in [400, 410, 600, 900] {
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while used().len() < requests {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        verify(&burnt);
        let store = SledStoreOptions::new().open(state.join("sessions")).unwrap();
        assert_sound(&store);
        burnt.extend(retired(&store));
        retired_at_kills += burnt.len();
    }
    assert!(retired_at_kills > 0, "no session was retired before any of the kills: the test shows nothing");
    let output = command().output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("pages     1200"), "{text}");
    assert!(!text.starts_with("0 sessions came back"), "{text}");
    verify(&burnt);
}

#[test]
fn it_crawls_a_directory_of_html() {
    let directory = tempfile::tempdir().unwrap();
    let site = directory.path().join("site");
    fs::create_dir_all(site.join("sub/deep")).unwrap();
    fs::write(
        site.join("a.html"),
        "<a href='sub/b.html#x'>b</a> <a href='https://elsewhere.example/'>no</a>",
    )
    .unwrap();
    fs::write(site.join("sub/b.html"), "<a href=\"../a.html\">a</a><A HREF=deep/c.html?q=1>c</a>").unwrap();
    fs::write(site.join("sub/deep/c.html"), "<a href='/sub/missing.html'>gone</a><a href='x.pdf'>no</a>")
        .unwrap();
    let output = Command::new(example("crawl"))
        .arg("--state")
        .arg(directory.path().join("state"))
        .arg("--site")
        .arg(&site)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("pages     5"), "the start page, three pages, and a dead link: {text}");
}
