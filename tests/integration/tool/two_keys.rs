//! Comparing what is encrypted under another key, or in clear.

use super::{code, store, text, tool};

#[test]
fn what_was_rewritten_under_another_key_or_in_clear_can_be_compared() {
    let (place, clear) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (key, new_key) = (beside("key"), beside("new-key"));
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    std::fs::write(&new_key, "cd".repeat(32)).unwrap();
    let (archive, old, new) = (beside("a.archive"), beside("old"), beside("new"));
    text(&tool(&["backup", &clear, &archive]));
    text(&tool(&["restore", &archive, &old, "--new-key-file", &key]));
    text(&tool(&["backup", &old, &beside("old.archive"), "--key-file", &key]));
    text(&tool(&["restore", &beside("old.archive"), &new, "--key-file", &key, "--new-key-file", &new_key]));
    let old_archive = beside("old.archive");
    let [clear, archive, old, old_archive, new, key, new_key] =
        [&clear, &archive, &old, &old_archive, &new, &key, &new_key].map(String::as_str);
    for arguments in [
        &[clear, old, "--key-file", key][..],
        &[old, clear, "--key-file", key],
        &[archive, old_archive, "--key-file", key],
        &[old_archive, archive, "--key-file", key],
        &[old, old_archive, "--key-file", key],
        &[old, new, "--key-file", key, "--other-key-file", new_key],
        &[old_archive, new, "--key-file", key, "--other-key-file", new_key],
        &[clear, new, "--other-key-file", new_key],
    ] {
        let output = tool(&[&["diff"][..], arguments].concat());
        assert!(text(&output).starts_with("no difference: 5 sessions"), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    for (arguments, says) in [
        (&[clear, old][..], "is encrypted: its key is needed: --key-file FILE".to_owned()),
        (
            &[old, new, "--key-file", key][..],
            format!(
                "under another key than that of --key-file {key}: --other-key-file FILE gives the one of B"
            ),
        ),
        (
            &[old, new, "--key-file", key, "--other-key-file", key][..],
            format!("under another key than that of --other-key-file {key}"),
        ),
        (&[new, old, "--key-file", key][..], format!("under another key than that of --key-file {key}")),
        (
            &[clear, archive, "--key-file", key][..],
            format!("and a key was given: leave --key-file {key} out"),
        ),
    ] {
        let output = tool(&[&["diff"][..], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.trim_end().ends_with(&says), "{arguments:?}: {said}");
        assert_eq!((code(&output), said.lines().count()), (3, 1), "{said}");
    }
}
