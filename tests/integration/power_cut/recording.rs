//! Recording a process at its work.

use std::path::Path;
use std::process::Command;

use super::disk::{ACKS, Disk, Forgets, Tree, read_tree, write_tree};
use super::trace::{Operation, Trace, build_recorder};
use super::workload::{self, Amount};

const DIRECTORY: &str = "SESSION_POOL_TEST_POWER_CUT_IN";
const AMOUNT: &str = "SESSION_POOL_TEST_POWER_CUT_AMOUNT";

#[test]
fn child() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let amount = std::env::var(AMOUNT).unwrap();
        let [rounds, steps, writes_huge, imports] = amount.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{amount}")
        };
        let amount = Amount {
            rounds: rounds.parse().unwrap(),
            steps: steps.parse().unwrap(),
            writes_huge: writes_huge.parse().unwrap(),
            imports: imports.parse().unwrap(),
        };
        workload::work(Path::new(&directory), amount);
    }
}

/// A directory in which a sync need not wait for a real disk, where the system has one.
pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What a process did, and the files that it found when it began.
pub(super) struct Recording {
    pub(super) before: Tree,
    trace: Trace,
}

impl Recording {
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        self.trace.operations()
    }
}

/// The files that a process finds that begins with nothing.
pub(super) fn nothing() -> Tree {
    [(ACKS.to_owned(), Some(Vec::new()))].into()
}

/// Lets a process go on from those files, and records it.
pub(super) fn record(before: Tree, amount: Amount) -> Recording {
    let Amount { rounds, steps, writes_huge, imports } = amount;
    let amount = format!("{rounds} {steps} {writes_huge} {imports}");
    record_child(before, "power_cut::recording::child", &[(AMOUNT, &amount)], DIRECTORY)
}

/// Lets a test of this program go on from those files in a process of its own, which finds their directory in a
/// variable, and records it.
pub(super) fn record_child(
    before: Tree,
    test: &str,
    variables: &[(&str, &str)],
    directory_variable: &str,
) -> Recording {
    let directory = scratch();
    let root = directory.path().canonicalize().unwrap();
    let [watched, trace, recorder] = ["watched", "trace", "recorder.so"].map(|name| root.join(name));
    build_recorder(&recorder);
    std::fs::create_dir(&watched).unwrap();
    write_tree(&before, &watched);
    let child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(directory_variable, &watched)
        .envs(variables.iter().copied())
        .env("LD_PRELOAD", &recorder)
        .env("POWER_CUT_WATCH", &watched)
        .env("POWER_CUT_TRACE", &trace)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}: {}", child.status, String::from_utf8_lossy(&child.stderr));
    let recording = Recording { before, trace: Trace::read(&trace) };
    assert_complete(&recording, &watched);
    recording
}

/// Nothing escaped the recorder: what it wrote down leads to the files that are there.
fn assert_complete(recording: &Recording, watched: &Path) {
    let mut disk = Disk::new(&recording.before, Forgets::Nothing);
    recording.operations().into_iter().for_each(|operation| disk.apply(operation));
    let (recorded, real) = (disk.current(), read_tree(watched));
    let differ = |path: &&String| recorded.get(*path) != real.get(*path);
    let differences: Vec<&String> = recorded.keys().chain(real.keys()).filter(differ).collect();
    assert!(differences.is_empty(), "what was recorded does not lead to what is there: {differences:?}");
}
