//! Which Crawlee a state is from.

use std::io::Read;

use super::{Dialect, Raw, visit};
use crate::exchange::ExchangeError;

/// What only some of them write. The plain names are of the state, the others of its sessions.
const PYTHON: [&str; 3] = ["maxPoolSize", "sessionCount", "usableSessionCount"];
const PYTHON_SESSION: [&str; 2] = ["maxAge", "blockedStatusCodes"];
const JS: [&str; 2] = ["usableSessionsCount", "retiredSessionsCount"];
const JS_SESSION: [&str; 2] = ["cookieJar", "expiresAt"];
const JS_4_SESSION: [&str; 3] = ["retired", "proxyInfo", "fingerprint"];

/// Tells by its fields which Crawlee wrote a state.
///
/// # Errors
///
/// [`ExchangeError::UnknownDialect`] where that cannot be told, and those of [`visit`].
pub(in super::super) fn detect(input: impl Read) -> Result<Dialect, ExchangeError> {
    let (mut python, mut js, mut js_4) = (None, None, false);
    let rest = visit(input, &mut |_, Raw { value: session, .. }| {
        let find = |names: &[&'static str]| names.iter().copied().find(|name| session.get(*name).is_some());
        python = python.or_else(|| find(&PYTHON_SESSION));
        js = js.or_else(|| find(&JS_SESSION));
        js_4 |= find(&JS_4_SESSION).is_some();
        Ok(())
    })?;
    let find = |names: &[&'static str]| names.iter().copied().find(|name| rest.contains_key(*name));
    python = python.or_else(|| find(&PYTHON));
    js = js.or_else(|| find(&JS));
    match (python, js, js_4) {
        (Some(_), None, false) => Ok(Dialect::Python),
        (None, _, true) => Ok(Dialect::Js4),
        (None, Some(_), false) => Ok(Dialect::Js3),
        (Some(python), js, _) => {
            let js = js.unwrap_or("retired");
            let rule =
                format!("it has `{python}`, as Crawlee Python writes it, and `{js}`, as Crawlee JS does");
            Err(ExchangeError::UnknownDialect { rule })
        }
        (None, None, false) => {
            let rule =
                "it has nothing that tells Crawlee JS and Crawlee Python apart: say which it is".to_owned();
            Err(ExchangeError::UnknownDialect { rule })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_are_told_apart_by_what_only_they_write() {
        for (state, dialect) in [
            (r#"{"sessions":[],"usableSessionsCount":0}"#, Dialect::Js3),
            (r#"{"sessions":[{"id":"a","cookieJar":{}}]}"#, Dialect::Js3),
            (r#"{"sessions":[{"id":"a"},{"id":"b","cookieJar":{},"retired":false}]}"#, Dialect::Js4),
            (r#"{"sessions":[],"sessionCount":0}"#, Dialect::Python),
            (r#"{"sessions":[{"id":"a","maxAge":"PT1S"}]}"#, Dialect::Python),
        ] {
            assert_eq!(detect(state.as_bytes()).unwrap(), dialect, "{state}");
        }
        for state in [
            r#"{"sessions":[]}"#,
            r#"{"sessions":[{"maxAge":"PT1S","cookieJar":{}}]}"#,
            r#"{"sessions":{}}"#,
            r#"{"sessionCount":0}"#,
            r#"{"sessions":[],"sessions":[]}"#,
            "null",
            "[]",
        ] {
            let error = detect(state.as_bytes()).unwrap_err();
            assert!(matches!(error, ExchangeError::UnknownDialect { .. }), "{state}: {error}");
        }
        for state in ["", "{", r#"{"sessions":[{"#, r#"{"sessions":[]} x"#, "\u{feff}{}"] {
            let error = detect(state.as_bytes()).unwrap_err();
            assert!(matches!(error, ExchangeError::NotJson { .. }), "{state}: {error}");
        }
    }
}
