//! Patterns for ids and proxies.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A pattern in which `*` stands for any text, also none, and `?` for any one character; all others stand for themselves.
///
/// ```
/// use session_pool::inspect::Glob;
///
/// let glob = Glob::new("user_4?");
/// assert!(glob.matches("user_42") && !glob.matches("user_421"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// The pattern in that text; every text is one.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether a text is like that, from its beginning to its end.
    pub fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (self.0.chars(), text.chars());
        // Where the last `*` goes on, and from where in the text it would be tried next: a `*` before it need not be tried
        // again, since whatever it took more, this one can take too.
        let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            let here = text.clone();
            match (pattern.next(), text.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    text = here;
                    again = Some((pattern.clone(), text.clone()));
                }
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
                _ => {
                    let Some((behind, from)) = &mut again else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (pattern, text) = (behind.clone(), from.clone());
                }
            }
        }
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What it means, plainly.
    fn is_like(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| is_like(rest, &text[at..])),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(found, text)| (*wanted == '?' || wanted == found) && is_like(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_it_means(pattern in "[ab*?ü]{0,8}", text in "[abü]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&*pattern).matches(&text), is_like(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_one() {
        let glob = Glob::new("*a".repeat(500) + "b");
        assert!(!glob.matches(&"a".repeat(5_000)));
    }

    #[test]
    fn brackets_stand_for_themselves() {
        assert!(Glob::new("http://[::1]:*").matches("http://[::1]:8080"));
    }
}
