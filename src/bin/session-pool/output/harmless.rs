//! JSON that does nothing to a terminal, and is the same.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::escape::is_harmful;

/// A writer for JSON: what a terminal would obey or not show is written by its number. JSON has such characters in its texts
/// alone, and control characters of ASCII nowhere.
pub(crate) struct Harmless<'a> {
    out: &'a mut dyn Write,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<'a> Harmless<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, begun: Vec::new() }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in text.char_indices().filter(|(_, c)| *c >= '\u{7f}' && is_harmful(*c)) {
            self.out.write_all(&text.as_bytes()[written..at])?;
            self.out.write_all(by_number(c).as_bytes())?;
            written = at + c.len_utf8();
        }
        self.out.write_all(&text.as_bytes()[written..])
    }
}

/// A character as JSON can have it in its texts: `\u202e`.
pub(crate) fn by_number(c: char) -> String {
    let mut number = String::new();
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to text does not fail.
        let _ = write!(number, "\\u{unit:04x}");
    }
    number
}

impl Write for Harmless<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.begun.is_empty() && bytes.iter().all(|byte| *byte < 0x7f) {
            self.out.write_all(bytes)?;
            return Ok(bytes.len());
        }
        self.begun.extend_from_slice(bytes);
        let begun = std::mem::take(&mut self.begun);
        match std::str::from_utf8(&begun) {
            Ok(text) => self.text(text)?,
            Err(error) => {
                let (text, rest) = begun.split_at(error.valid_up_to());
                self.text(std::str::from_utf8(text).unwrap_or_default())?;
                match error.error_len() {
                    None => rest.clone_into(&mut self.begun),
                    // It was no JSON.
                    Some(_) => self.out.write_all(rest)?,
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_by_its_number_and_the_json_is_the_same() {
        let text = "ü \u{1b}[2J\u{9b}2J \u{202e}東京\u{7f}\u{feff}\u{e0041}🦀\n";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        // However it comes, in pieces too.
        for length in [1, 2, 3, 7, json.len()] {
            let mut written = Vec::new();
            let mut writer = Harmless::new(&mut written);
            for piece in json.as_bytes().chunks(length) {
                writer.write_all(piece).unwrap();
            }
            let written = String::from_utf8(written).unwrap();
            assert!(!written.chars().any(|c| c != '\n' && is_harmful(c)), "{written:?}");
            assert!(written.contains("東京") && written.contains("\\u009b2J"), "{written}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
        }
    }
}
