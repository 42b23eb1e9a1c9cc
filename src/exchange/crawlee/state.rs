//! Going through a state: its sessions one by one, whatever their number.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::exact::{self, Readable};
use super::super::strict::Strict;
use super::super::{ExchangeError, Place};

/// A session as it stands in a state.
pub(in super::super) struct Raw {
    pub(in super::super) value: Value,
    /// The same with texts in the place of numbers that the value does not hold as they were; `None` where it holds all.
    pub(in super::super) texts: Option<Value>,
}

/// Who is handed each session, with its place in the list.
pub(in super::super) type TakeSession<'a> = dyn FnMut(u64, Raw) -> Result<(), ExchangeError> + 'a;

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
    let recorded = Recorded::default();
    let input = Recording { input, recorded: Rc::clone(&recorded) };
    let mut deserializer = serde_json::Deserializer::from_reader(Readable::new(input));
    let state = State { take, failure: &mut failure, recorded, has_sessions: false };
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
    recorded: Recorded,
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
                let recorded = Rc::clone(&self.recorded);
                entries.next_value_seed(Sessions { take: self.take, failure: self.failure, recorded })?;
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
    recorded: Recorded,
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
        self.recorded.borrow_mut().clear();
        while let Some(Strict(value)) = items.next_element()? {
            let texts = texts(&self.recorded.borrow());
            self.recorded.borrow_mut().clear();
            if let Err(error) = (self.take)(index, Raw { value, texts }) {
                *self.failure = Some(error);
                return Err(A::Error::custom("a session is not as it should be"));
            }
            index += 1;
        }
        Ok(())
    }
}

/// What was read since it was cleared.
type Recorded = Rc<RefCell<Vec<u8>>>;

/// An input whose bytes are kept for a while: a value does not tell how its numbers were written.
struct Recording<R> {
    input: R,
    recorded: Recorded,
}

impl<R: Read> Read for Recording<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.recorded.borrow_mut().extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

/// A session with texts in the place of numbers that no value holds; `None` where there are none.
fn texts(recorded: &[u8]) -> Option<Value> {
    // Before it stands what parts it from the one before it.
    let begin = recorded.iter().position(|byte| *byte == b'{')?;
    let text = exact::with_texts(std::str::from_utf8(&recorded[begin..]).ok()?)?;
    let Strict(value) = serde_json::Deserializer::from_str(&text).into_iter().next()?.ok()?;
    Some(value)
}
