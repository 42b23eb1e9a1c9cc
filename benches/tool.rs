//! What the command-line tool takes on a store of a million sessions: its time, beside that of the engine alone, and its memory.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::reopen::scan;
use crate::support::{
    Goal, MILLION, copy_engine, full_pool, in_turn, middle, open_engine, print_figure, print_ratio,
    print_time, temporary,
};

/// What every command may take.
const MEMORY: Goal = Goal::AtMost(600.0);

/// Each in its turn: some go on with what one before them has made.
const COMMANDS: [&[&str]; 16] = [
    &["stats", "sessions"],
    &["list", "sessions"],
    &["list", "sessions", "--sort", "usage_count"],
    &["retirements", "sessions"],
    &["check", "sessions"],
    &["report", "sessions", "--html", "report.html"],
    &["backup", "sessions", "archive"],
    &["check", "archive"],
    &["restore", "archive", "restored"],
    &["repair", "sessions", "--into", "repaired"],
    &["diff", "sessions", "archive"],
    &["compact", "sessions", "--into", "compacted", "--yes"],
    &["export", "sessions", "lines"],
    &["import", "lines", "imported", "--yes"],
    &["export", "sessions", "crawlee", "--to", "crawlee-js"],
    &["import", "crawlee", "of-crawlee", "--from", "crawlee", "--yes"],
];

pub(crate) fn benchmark() {
    let directory = temporary();
    let at = directory.path();
    full_pool(&at.join("sessions"), MILLION, |builder| builder).close().expect("it can be written");
    // The engine notes how far it is whenever it opens: each time it gets the store as a pool has left it.
    let raw = |open: fn(&Path) -> Duration| {
        let store = at.join("sessions");
        move || open(copy_engine(&store).path())
    };
    let stats = || run(at, COMMANDS[0]).0;
    let [ours, engine] = in_turn(5, [Box::new(stats), Box::new(raw(scan))]);
    print_time("tool: stats", middle(&ours));
    print_time("tool: sled's open + a scan", middle(&engine));
    print_ratio("tool: stats : sled's open + a scan", &ours, &engine, Goal::AtMost(3.0));
    let [ours, engine] = in_turn(5, [Box::new(|| head(at)), Box::new(raw(open))]);
    print_time("tool: list | head", middle(&ours));
    print_time("tool: sled's open", middle(&engine));
    print_ratio("tool: list | head : sled's open", &ours, &engine, Goal::AtMost(1.5));

    for command in COMMANDS {
        let (time, memory) = run(at, command);
        let name = format!("tool: memory of {}", command.join(" "));
        print_figure(&name, memory as f64 / 1e6, " MB", MEMORY, &format!("{:.1} s", time.as_secs_f64()));
    }
}

fn start(at: &Path, arguments: &[&str]) -> Child {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_session-pool"));
    tool.args(arguments).current_dir(at).stdout(Stdio::piped()).spawn().expect("it is built")
}

/// Runs the tool, and answers how long that took, and how many bytes it had in memory when it had most.
fn run(at: &Path, arguments: &[&str]) -> (Duration, usize) {
    let began = Instant::now();
    let mut tool = start(at, arguments);
    let out = tool.stdout.take().map(|mut out| {
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()).expect("it can be read"))
    });
    let mut most = 0;
    let status = loop {
        most = peak(tool.id()).unwrap_or_default().max(most);
        if let Some(status) = tool.try_wait().expect("it is ours") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    out.map(std::thread::JoinHandle::join).expect("there is a pipe").expect("it was read");
    assert!(status.success(), "{arguments:?}: {status}");
    (began.elapsed(), most)
}

/// The most bytes that a process has had in memory; `None` where it has ended.
fn peak(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Reads ten lines of a list, and no more.
fn head(at: &Path) -> Duration {
    let began = Instant::now();
    let mut tool = start(at, COMMANDS[1]);
    let lines = BufReader::new(tool.stdout.take().expect("there is a pipe")).lines();
    assert_eq!(lines.take(10).filter_map(Result::ok).count(), 10);
    assert!(tool.wait().expect("it is ours").success(), "a closed pipe is quiet");
    began.elapsed()
}

fn open(engine: &Path) -> Duration {
    let began = Instant::now();
    let database = open_engine(engine);
    let elapsed = began.elapsed();
    drop(database);
    elapsed
}
