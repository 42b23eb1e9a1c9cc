//! Numbers that no JSON value here holds: they would become others, in silence.
//!
//! A value holds integers of 64 bits, and floats. Python writes integers of any length; JavaScript has floats only, and
//! writes large ones as integers. A number that is beyond all floats cannot even be read: see [`Readable`].

use std::fmt::Write;
use std::io::{self, Read};

use serde::de::IgnoredAny;
use serde_json::Value;

use super::note::Notes;

/// What is said of such a number where it is refused.
pub(crate) const LOST: &str =
    "a number is larger or has more digits than can be kept; user data can hold it as a text, in quotes";

/// What stands for a number that is beyond all floats, where it is read: no longer than any that is.
const BEYOND: &str = "1e308";

/// How many digits tell any float from every other: what has no more was one, or means the one that is nearest.
const DIGITS: usize = 17;

/// Where in JSON the first number stands that would become another one.
pub(crate) fn first_lost(text: &str) -> Option<usize> {
    numbers(text).find(|(_, number)| !is_held(number)).map(|(at, _)| at)
}

/// Where in JSON the first number stands that is beyond all floats, where that is why it could not be read.
pub(crate) fn first_beyond(text: &str, error: &serde_json::Error) -> Option<usize> {
    // The error has no other name.
    let is_why = error.is_syntax() && error.to_string().starts_with("number out of range");
    numbers(text).find(|(_, number)| is_why && is_beyond(number)).map(|(at, _)| at)
}

/// Whether a value is what stands for a number that is beyond all floats, or that number itself.
pub(super) fn may_be_beyond(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.abs() >= 1e308)
}

/// The same JSON with texts in the place of the numbers that would become others; `None` where there are none.
pub(super) fn with_texts(text: &str) -> Option<String> {
    let (mut copy, mut copied) = (String::new(), 0);
    for (at, number) in numbers(text).filter(|(_, number)| !is_held(number)) {
        let _ = write!(copy, "{}\"{number}\"", &text[copied..at]);
        copied = at + number.len();
    }
    (copied > 0).then(|| copy + &text[copied..])
}

/// Puts texts in the place of numbers, as they are in `texts`, and notes each.
pub(super) fn carry(value: &mut Value, texts: &Value, field: &str, notes: &mut Notes) {
    match (value, texts) {
        (Value::Object(values), Value::Object(texts)) => {
            for (key, value) in values {
                if let Some(text) = texts.get(key) {
                    carry(value, text, &format!("{field}.{key}"), notes);
                }
            }
        }
        (Value::Array(values), Value::Array(texts)) => {
            for (at, (value, text)) in values.iter_mut().zip(texts).enumerate() {
                carry(value, text, &format!("{field}[{at}]"), notes);
            }
        }
        (value @ Value::Number(_), Value::String(text)) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let was = if text.contains(['e', 'E']) {
                "a number with an exponent".to_owned()
            } else {
                format!("a number of {digits} digits")
            };
            notes.changed(field, was, "a text of the same: no number here holds it");
            *value = text.as_str().into();
        }
        _ => {}
    }
}

/// Notes each integer that JavaScript, which has floats only, reads as another one.
pub(super) fn note_rounded(value: &Value, field: &str, notes: &mut Notes) {
    match value {
        Value::Object(values) => {
            for (key, value) in values {
                note_rounded(value, &format!("{field}.{key}"), notes);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                note_rounded(value, &format!("{field}[{at}]"), notes);
            }
        }
        Value::Number(number) => {
            let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
            #[expect(clippy::cast_possible_truncation, reason = "of 64 bits, just made of them")]
            let is_rounded = integer.zip(number.as_f64()).is_some_and(|(is, read)| read as i128 != is);
            if is_rounded {
                let digits = number.to_string().trim_start_matches('-').len();
                let from = format_args!("an integer of {digits} digits");
                notes.changed(field, from, "the same in the file, which JavaScript rounds");
            }
        }
        _ => {}
    }
}

/// Whether a number is read as the one that it is.
fn is_held(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Some(float) = number.parse::<f64>().ok().filter(|float| float.is_finite()) else { return false };
    let digits = significant(number);
    let is_integer = !number.contains(['.', 'e', 'E']);
    digits == significant(&format!("{float:e}"))
        || (!is_integer && digits.len() <= DIGITS && float.classify() != std::num::FpCategory::Zero)
}

/// Whether that is a number of JSON, and further from 0 than any float.
fn is_beyond(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(f64::is_infinite) && serde_json::from_str::<IgnoredAny>(number).is_ok()
}

/// The digits of a number that count: those before the exponent, from the first to the last that is not 0.
fn significant(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// The numbers in JSON, and where they stand.
fn numbers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(byte) = bytes.get(at) {
            let begin = at;
            at += 1;
            match byte {
                b'"' => {
                    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                        at += if *byte == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    at += bytes[at..].iter().take_while(|byte| is_part(**byte)).count();
                    return Some((begin, &text[begin..at]));
                }
                _ => {}
            }
        }
        None
    })
}

/// Whether a number goes on with that.
fn is_part(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

/// JSON, in which each number that is beyond all floats is [`BEYOND`], with its sign and as many blanks as make it as long:
/// whoever reads it can read the rest, and everything stands where it stood.
pub(super) struct Readable<R> {
    input: R,
    is_in_text: bool,
    /// Whether the next byte of a text is not its end, whatever it is.
    is_escaped: bool,
    /// A number and what follows it, and how much of them has been handed out.
    ready: (Vec<u8>, usize),
}

impl<R: Read> Readable<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, is_in_text: false, is_escaped: false, ready: (Vec::new(), 0) }
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match self.input.read(&mut byte) {
                Ok(count) => return Ok((count > 0).then_some(byte[0])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes note of where a text begins and ends.
    fn pass(&mut self, byte: u8) {
        if !self.is_in_text {
            self.is_in_text = byte == b'"';
        } else if self.is_escaped {
            self.is_escaped = false;
        } else {
            self.is_escaped = byte == b'\\';
            self.is_in_text = byte != b'"';
        }
    }

    /// Reads a number that begins so, and what follows it.
    fn number(&mut self, begin: u8) -> io::Result<()> {
        let mut number = vec![begin];
        let next = loop {
            match self.next_byte()? {
                Some(byte) if is_part(byte) => number.push(byte),
                next => break next,
            }
        };
        if std::str::from_utf8(&number).is_ok_and(is_beyond) {
            let sign = usize::from(begin == b'-');
            let length = number.len();
            number.truncate(sign);
            number.extend_from_slice(BEYOND.as_bytes());
            number.resize(length, b' ');
        }
        if let Some(byte) = next {
            self.pass(byte);
            number.push(byte);
        }
        self.ready = (number, 0);
        Ok(())
    }
}

impl<R: Read> Read for Readable<R> {
    /// A byte at a time: who reads JSON does not ask for more.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(place) = buffer.first_mut() else { return Ok(0) };
        if self.ready.1 == self.ready.0.len() {
            let Some(byte) = self.next_byte()? else { return Ok(0) };
            if self.is_in_text || !matches!(byte, b'-' | b'0'..=b'9') {
                self.pass(byte);
                *place = byte;
                return Ok(1);
            }
            self.number(byte)?;
        }
        let (ready, at) = &mut self.ready;
        *place = ready[*at];
        *at += 1;
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_would_become_another_one_is_found() {
        let whole = r#"{"a\"99999999999999999999":[18446744073709551615,-9223372036854775808,1e300,-0,"99999999999999999999"]}"#;
        assert_eq!(first_lost(whole), None);
        for lost in [
            "18446744073709551616",
            "-9223372036854775809",
            "12345678901234567890123",
            "0.123456789012345678",
            "-3.14159265358979323846",
            "1e-400",
            "1e400",
        ] {
            assert_eq!(first_lost(&format!("[1,\"a\",{lost}]")), Some(7), "{lost}");
        }
        // As JavaScript and jq write floats, and zero in all its forms.
        for held in [
            "18446744073709552000",
            "100000000000000000000",
            "1e21",
            "0.1",
            "0.10000000000000001",
            "1.50",
            "1E5",
            "0.0",
            "-0.0",
            "0e7",
            "5e-324",
            "4.9406564584124654e-324",
            "1.7976931348623157e308",
        ] {
            assert_eq!(first_lost(held), None, "{held}");
        }
    }

    #[test]
    fn what_is_lost_as_a_number_is_carried_as_a_text_and_noted_where_it_stands() {
        let text = r#"{"a":[1,12345678901234567890123],"b":{"c":-18446744073709551616.5,"d":0.5}}"#;
        let mut value: Value = serde_json::from_str(text).unwrap();
        let texts: Value = serde_json::from_str(&with_texts(text).unwrap()).unwrap();
        let mut notes = Notes::of("s");
        carry(&mut value, &texts, "userData", &mut notes);
        let carried =
            json!({ "a": [1, "12345678901234567890123"], "b": { "c": "-18446744073709551616.5", "d": 0.5 } });
        assert_eq!(value, carried);
        let notes: Vec<String> = notes.into_notes().iter().map(ToString::to_string).collect();
        assert_eq!(
            notes,
            [
                "session s: userData.a[1] was a number of 23 digits, and is a text of the same: no number here holds it",
                "session s: userData.b.c was a number of 21 digits, and is a text of the same: no number here holds it",
            ]
        );
        assert_eq!(with_texts(r#"{"a":[1,"12345678901234567890123"]}"#), None);
    }

    #[test]
    fn a_number_beyond_all_floats_can_be_read_and_everything_else_is_as_it_was() {
        let read = |text: &str| {
            let mut read = String::new();
            Readable::new(text.as_bytes()).read_to_string(&mut read).unwrap();
            assert_eq!(read.len(), text.len(), "{text}");
            read
        };
        for (text, readable) in [
            ("1e400", "1e308"),
            ("[-2E+99999,1e308]", "[-1e308   ,1e308]"),
            ("{\"1e400\\\"1e400\":1e-400}", "{\"1e400\\\"1e400\":1e-400}"),
            ("[9e999\"1e400\",1e400]", "[1e308\"1e400\",1e308]"),
        ] {
            assert_eq!(read(text), readable);
        }
        let long = "7".repeat(400);
        assert_eq!(read(&long).trim_end(), "1e308");
        for none in ["01e400", "1.e400", "1e400e1", "--1e400", "1e", "-", "1e+400-", ""] {
            assert_eq!(read(none), none, "it is no number, and is to be refused as what it is");
        }
        for number in [
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "179769313486231580793e289",
            "0e999999999999",
        ] {
            let is_read = serde_json::from_str::<Value>(number).is_ok();
            assert_eq!(read(number) == number, is_read, "{number}");
        }
    }
}
