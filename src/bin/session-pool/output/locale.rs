//! Whether the terminal has more than ASCII.

/// Whether there is more than ASCII, as the environment says.
pub(crate) fn has_unicode() -> bool {
    // Windows has no such variables, and its terminals have the characters.
    cfg!(windows) || speaks_unicode(|name| std::env::var(name).ok())
}

/// Whether the locale has more than ASCII, as the variables of the environment tell it. Without one it is C, which has not.
fn speaks_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    // The first that is set and not empty counts, as in POSIX.
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        let of = |pairs: &[(&str, &str)]| {
            speaks_unicode(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("LANG", "de_DE.UTF-8")]));
        assert!(of(&[("LANG", "de_DE.utf8@euro")]));
        assert!(of(&[("LANG", "C.utf8"), ("LC_ALL", "")]));
        assert!(!of(&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")]));
        assert!(!of(&[("LC_CTYPE", "de_DE.ISO-8859-1")]));
        assert!(!of(&[]));
    }
}
