//! A place in user data, and what is to be there.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::session::UserData;

/// A place in user data, and what is to be there: `PATH`, or `PATH=VALUE`.
///
/// A path is the keys that lead there with dots between them, places in arrays as numbers from 0 on: `account.mails.0`. Where
/// keys have dots or equals signs in them, it is a JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) instead,
/// which begins with a slash, and in which `=` is written as `~2`: `/account/mails/0`. Without a value, anything may be there but
/// `null`. A value is the text that is there, or the JSON.
///
/// ```
/// use session_pool::UserData;
/// use session_pool::inspect::UserDataFilter;
///
/// let mut data = UserData::default();
/// data.set("account", serde_json::json!({ "level": 3, "mails": ["a@b.example"] }))?;
/// for matching in ["account", "account.level=3", "account.mails.0=a@b.example", "/account/mails/0"] {
///     assert!(matching.parse::<UserDataFilter>()?.matches(&data), "{matching}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDataFilter {
    path: Vec<String>,
    value: Option<String>,
}

/// Why a filter cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {at}: {rule}")]
#[non_exhaustive]
pub struct InvalidFilter {
    /// At which of its characters, counted from 1.
    pub at: usize,
    /// What would have to be there.
    pub rule: &'static str,
}

impl UserDataFilter {
    /// Whether it is there.
    pub fn matches(&self, data: &UserData) -> bool {
        let Some((first, rest)) = self.path.split_first() else { return false };
        let first = data.as_map().get(first);
        let found = rest.iter().fold(first, |value, key| match value? {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        });
        match (found, &self.value) {
            (None | Some(Value::Null), None) | (None, Some(_)) => false,
            (Some(_), None) => true,
            (Some(Value::String(found)), Some(value)) if found == value => true,
            (Some(found), Some(value)) => {
                serde_json::from_str::<Value>(value).is_ok_and(|value| value == *found)
            }
        }
    }
}

impl FromStr for UserDataFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let (path, value) = match text.split_once('=') {
            Some((path, value)) => (path, Some(value.to_owned())),
            None => (text, None),
        };
        let path = match path.strip_prefix('/') {
            Some(pointer) => read_pointer(pointer)?,
            None => read_dotted(path)?,
        };
        Ok(Self { path, value })
    }
}

fn read_dotted(path: &str) -> Result<Vec<String>, InvalidFilter> {
    let mut at = 1;
    path.split('.')
        .map(|key| {
            if key.is_empty() {
                return Err(InvalidFilter { at, rule: "a key is expected, which is not empty" });
            }
            at += key.chars().count() + 1;
            Ok(key.to_owned())
        })
        .collect()
}

fn read_pointer(pointer: &str) -> Result<Vec<String>, InvalidFilter> {
    // Behind the first slash.
    let mut at = 2;
    let mut path = vec![String::new()];
    let mut chars = pointer.chars();
    while let Some(c) = chars.next() {
        let (escaped, length) = match c {
            '/' => {
                path.push(String::new());
                at += 1;
                continue;
            }
            '~' => match chars.next() {
                Some('0') => ('~', 2),
                Some('1') => ('/', 2),
                Some('2') => ('=', 2),
                _ => {
                    return Err(InvalidFilter {
                        at: at + 1,
                        rule: "behind ~ comes 0 for ~, 1 for /, or 2 for =",
                    });
                }
            },
            c => (c, 1),
        };
        at += length;
        path.last_mut().into_iter().for_each(|key| key.push(escaped));
    }
    Ok(path)
}

impl fmt::Display for UserDataFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.path {
            write!(f, "/{}", key.replace('~', "~0").replace('/', "~1").replace('=', "~2"))?;
        }
        self.value.as_ref().map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn data() -> UserData {
        let mut data = UserData::default();
        for (key, value) in [
            ("token", json!("t=1")),
            ("level", json!(3)),
            ("nothing", Value::Null),
            ("a.b", json!({ "c/d": [{ "e~f": true }] })),
            ("account", json!({ "mails": ["a", "b"], "": 1 })),
        ] {
            data.set(key, value).unwrap();
        }
        data
    }

    #[test]
    fn a_path_leads_through_objects_and_arrays_to_what_is_there() {
        for matching in [
            "token",
            "token=t=1",
            "token=\"t=1\"",
            "level=3",
            "nothing=null",
            "account.mails.1=b",
            "account.mails=[\"a\",\"b\"]",
            "/a.b/c~1d/0/e~0f=true",
            "/account/",
        ] {
            assert!(matching.parse::<UserDataFilter>().unwrap().matches(&data()), "{matching}");
        }
        for other in [
            "tok",
            "token=t",
            "level=4",
            "level.x",
            "nothing",
            "account.mails.2",
            "account.mails.x",
            "a.b",
            "/",
        ] {
            assert!(!other.parse::<UserDataFilter>().unwrap().matches(&data()), "{other}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_pointed_at() {
        for (text, at) in
            [("", 1), ("=x", 1), ("a..b", 3), ("ä.", 3), ("a.b.=1", 5), ("/a/b~3", 6), ("/~", 3)]
        {
            assert_eq!(text.parse::<UserDataFilter>().unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_filter_reads_back_from_its_own_text(text in "[a./~=012]{0,12}") {
            if let Ok(filter) = text.parse::<UserDataFilter>() {
                prop_assert_eq!(filter.to_string().parse(), Ok(filter));
            }
        }
    }
}
