//! Going through a state: its sessions one by one, whatever their number.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::strict::Strict;
use super::super::{ExchangeError, Place};

/// Who is handed each session, with its place in the list.
pub(in super::super) type TakeSession<'a> = dyn FnMut(u64, Value) -> Result<(), ExchangeError> + 'a;

/// Hands out the sessions of a state, and answers what else is in it. It takes memory for one session.
///
/// # Errors
///
/// [`ExchangeError::NotJson`], [`ExchangeError::UnknownDialect`] where it has no list of sessions, [`ExchangeError::Io`], and
/// whatever `take` answers.
pub(in super::super) fn visit(
    input: impl Read,
    take: &mut TakeSession<'_>,
) -> Result<Map<String, Value>, ExchangeError> {
    let mut failure = None;
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let state = State { take, failure: &mut failure, has_sessions: false };
    let answer = state.deserialize(&mut deserializer).and_then(|answer| {
        deserializer.end()?;
        Ok(answer)
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let unknown = |rule: &str| ExchangeError::UnknownDialect { rule: rule.to_owned() };
    match answer {
        Ok((rest, true)) => Ok(rest),
        Ok((_, false)) => Err(unknown("it has no list `sessions`")),
        Err(error) if error.is_io() => Err(ExchangeError::io("read")(error.into())),
        Err(error) if error.is_data() => Err(unknown(&error.to_string())),
        Err(error) => {
            let text = error.to_string();
            let rule = text.split(" at line ").next().unwrap_or_default();
            Err(ExchangeError::NotJson {
                at: Place::Line(error.line() as u64),
                column: error.column(),
                rule: format!("this is no JSON: {rule}"),
            })
        }
    }
}

struct State<'a, 'b> {
    take: &'a mut TakeSession<'b>,
    failure: &'a mut Option<ExchangeError>,
    has_sessions: bool,
}

impl<'de> DeserializeSeed<'de> for State<'_, '_> {
    type Value = (Map<String, Value>, bool);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for State<'_, '_> {
    type Value = (Map<String, Value>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list `sessions`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut rest = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "sessions" && !self.has_sessions {
                self.has_sessions = true;
                entries.next_value_seed(Sessions { take: self.take, failure: self.failure })?;
                continue;
            }
            let Strict(value) = entries.next_value()?;
            if key == "sessions" || rest.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            rest.insert(key, value);
        }
        Ok((rest, self.has_sessions))
    }
}

struct Sessions<'a, 'b> {
    take: &'a mut TakeSession<'b>,
    failure: &'a mut Option<ExchangeError>,
}

impl<'de> DeserializeSeed<'de> for Sessions<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Sessions<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sessions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(Strict(value)) = items.next_element()? {
            if let Err(error) = (self.take)(index, value) {
                *self.failure = Some(error);
                return Err(A::Error::custom("a session is not as it should be"));
            }
            index += 1;
        }
        Ok(())
    }
}
