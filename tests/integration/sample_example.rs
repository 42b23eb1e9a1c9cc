//! The example that makes a store to try the tool on, as a real process.

use std::process::Command;

use crate::support::{Place, example, files, named};

#[test]
fn a_store_that_is_there_is_refused_and_not_touched() {
    let place = Place::disk();
    place.open(|builder| builder).add(named("mine")).unwrap();
    let before = files(&place.path());
    let output = Command::new(example("sample")).arg(place.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("already: the directory is to be new"), "{error}");
    assert_eq!(files(&place.path()), before);
}
