//! The languages a browser asks for.

use super::Browser;
use crate::session::Invalid;

/// The most languages: browsers of several kinds write more of them in several ways.
const MAX_LANGUAGES: usize = 9;

/// # Errors
///
/// [`Invalid`], naming `languages`: there is none, there are more than nine, or one is no language tag.
pub(super) fn check(languages: &[String]) -> Result<(), Invalid> {
    if !(1..=MAX_LANGUAGES).contains(&languages.len()) {
        return Err(Invalid::new("languages", format_args!("{} of them", languages.len()), "must be 1 to 9"));
    }
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    match languages.iter().find(|tag| !tag.split('-').all(is_subtag)) {
        Some(tag) => {
            Err(Invalid::new("languages", format_args!("{tag:?}"), "must be language tags, such as de-DE"))
        }
        None => Ok(()),
    }
}

/// The header `accept-language`, with the q-values that a browser gives to its list: a tenth less for each, or in a Firefox
/// before 147 equal shares of 1.
pub(super) fn accept_language(browser: Browser, major: u32, languages: &[String]) -> String {
    let count = languages.len();
    let tenths = |n: usize| match browser {
        // Rounded half up.
        Browser::Firefox if major < 147 => (20 * (count - n) + count) / (2 * count),
        _ => 10_usize.saturating_sub(n).max(1),
    };
    let with_quality = |(n, language): (usize, &String)| match n {
        0 => language.clone(),
        _ => format!("{language};q=0.{}", tenths(n)),
    };
    languages.iter().enumerate().map(with_quality).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(languages: &str) -> Vec<String> {
        languages.split_terminator(' ').map(str::to_owned).collect()
    }

    #[test]
    fn q_values_are_those_of_the_browser() {
        let header = |browser, major, languages| accept_language(browser, major, &list(languages));
        assert_eq!(header(Browser::Chrome, 142, "en-US en"), "en-US,en;q=0.9");
        assert_eq!(header(Browser::Safari, 26, "de-DE de en"), "de-DE,de;q=0.9,en;q=0.8");
        assert_eq!(header(Browser::Firefox, 145, "en-US en"), "en-US,en;q=0.5");
        assert_eq!(header(Browser::Firefox, 145, "de de-DE en"), "de,de-DE;q=0.7,en;q=0.3");
        assert_eq!(header(Browser::Firefox, 145, "ru-RU ru en-US en"), "ru-RU,ru;q=0.8,en-US;q=0.5,en;q=0.3");
        assert_eq!(header(Browser::Firefox, 147, "en-US en"), "en-US,en;q=0.9");
        assert_eq!(header(Browser::Edge, 142, "fr"), "fr");
        assert!(header(Browser::Chrome, 142, "a b c d e f g h i").ends_with(",i;q=0.2"));
    }

    #[test]
    fn what_is_no_list_of_languages_is_refused() {
        check(&list("en-US en zh-Hant-TW")).unwrap();
        for bad in ["", "a b c d e f g h i j", "en_US", "en;q=0.5", "en-", "x\r\ny"] {
            assert_eq!(check(&list(bad)).unwrap_err().field, "languages", "{bad}");
        }
    }
}
