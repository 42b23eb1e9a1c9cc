#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

/// In memory where there is such a place: it is written for each input.
static DIRECTORY: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session_pool::fuzzing::log(DIRECTORY.path(), bytes));
