//! What is said of an archive that is damaged, and what helps.

use super::{code, store, text, tool};

#[test]
fn whoever_looks_into_a_damaged_archive_is_told_which_one_and_what_helps() {
    let (place, path) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (archive, cut, tailed) = (beside("a.archive"), beside("cut.archive"), beside("tailed.archive"));
    text(&tool(&["backup", &path, &archive]));
    let bytes = std::fs::read(&archive).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 100]).unwrap();
    std::fs::write(&tailed, [bytes.as_slice(), b"junk\n"].concat()).unwrap();
    for (damaged, why) in [(&cut, "the archive is cut short at byte"), (&tailed, "something follows its end")]
    {
        let cure =
            format!("session-pool restore {damaged} NEW --damaged makes a store of what can be read of it");
        for arguments in [
            &["restore", damaged, &beside("new")][..],
            &["stats", damaged],
            &["list", damaged],
            &["show", damaged, "alive"],
            &["export", damaged],
            &["backup", damaged, &beside("b.archive")],
            &["diff", damaged, &path],
            &["diff", &path, damaged],
        ] {
            let output = tool(arguments);
            let says = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(says.starts_with(&format!("session-pool: {damaged}: ")), "{arguments:?}: {says}");
            assert!(says.contains(why) && says.trim_end().ends_with(&cure), "{arguments:?}: {says}");
            assert_eq!((code(&output), says.lines().count()), (1, 1), "{says}");
        }
        let output = tool(&["check", damaged]);
        let (found, says) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(found.starts_with(&format!("{damaged}: ")) && found.contains(why), "{found}");
        assert!(found.contains(": 1 finding") && says.contains(&cure), "{found}{says}");
        assert_eq!(code(&output), 6);
        // And so it does.
        assert_eq!(code(&tool(&["restore", damaged, &beside("new"), "--damaged"])), 6);
        text(&tool(&["list", &beside("new")]));
        std::fs::remove_dir_all(beside("new")).unwrap();
    }
    // Of one whose header is gone, nothing can be read.
    std::fs::write(&cut, &bytes[..20]).unwrap();
    let says = String::from_utf8_lossy(&tool(&["stats", &cut]).stderr).into_owned();
    assert!(says.contains("cut.archive: the archive is cut short") && !says.contains("restore"), "{says}");
}
