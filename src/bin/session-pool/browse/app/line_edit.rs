//! A line that is typed.

use super::super::text::clean;

/// A line of text, and where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineEdit {
    text: String,
    /// In bytes; at the edge of a character.
    at: usize,
}

/// What is done to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    Insert(char),
    Backspace,
    Delete,
    DeleteWord,
    DeleteToStart,
    Left,
    Right,
    Start,
    End,
}

impl LineEdit {
    /// The most bytes that a line has.
    const MAX_LENGTH: usize = 500;

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is before the place where the next character goes.
    pub(crate) fn before(&self) -> &str {
        &self.text[..self.at]
    }

    pub(crate) fn set(&mut self, text: String) {
        self.at = text.len();
        self.text = text;
    }

    /// The next character goes to that byte, which is at the edge of a character.
    pub(crate) fn go_to(&mut self, at: usize) {
        if self.text.is_char_boundary(at) {
            self.at = at;
        }
    }

    pub(crate) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(c) => {
                // What cannot be shown as it is cannot be typed: so a line is as wide as it looks.
                let mut buffer = [0; 4];
                let text: &str = c.encode_utf8(&mut buffer);
                if clean(text) == text && self.text.len() + text.len() <= Self::MAX_LENGTH {
                    self.text.insert(self.at, c);
                    self.at += c.len_utf8();
                }
            }
            Edit::Backspace => {
                let end = self.at;
                self.at = self.previous();
                self.text.drain(self.at..end);
            }
            Edit::Delete => drop(self.text.drain(self.at..self.next())),
            Edit::DeleteWord => {
                let kept = self.before().trim_end();
                let start = kept.char_indices().rev().find(|(_, c)| c.is_whitespace());
                let start = start.map_or(0, |(at, c)| at + c.len_utf8());
                self.text.drain(start..self.at);
                self.at = start;
            }
            Edit::DeleteToStart => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            Edit::Left => self.at = self.previous(),
            Edit::Right => self.at = self.next(),
            Edit::Start => self.at = 0,
            Edit::End => self.at = self.text.len(),
        }
    }

    fn previous(&self) -> usize {
        self.before().char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        self.at + self.text[self.at..].chars().next().map_or(0, char::len_utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(edits: &[Edit]) -> LineEdit {
        let mut line = LineEdit::default();
        line.set("a größe".to_owned());
        for edit in edits {
            line.edit(*edit);
        }
        line
    }

    #[test]
    fn a_line_is_edited_as_one_expects() {
        assert_eq!(typed(&[Edit::Left, Edit::Left, Edit::Backspace]).text(), "a grße");
        assert_eq!(typed(&[Edit::Left, Edit::Left, Edit::Delete, Edit::Insert('ü')]).text(), "a gröüe");
        assert_eq!(typed(&[Edit::DeleteWord]).text(), "a ");
        assert_eq!(typed(&[Edit::DeleteWord, Edit::DeleteWord, Edit::DeleteWord]).text(), "");
        assert_eq!(typed(&[Edit::Left, Edit::DeleteToStart]).text(), "e");
        assert_eq!(typed(&[Edit::Start, Edit::Backspace, Edit::Delete]).text(), " größe");
        assert_eq!(typed(&[Edit::End, Edit::Right, Edit::Delete]).before(), "a größe");
    }

    #[test]
    fn what_would_act_on_a_terminal_cannot_be_typed_nor_can_a_line_grow_without_end() {
        let edits = ['\u{1b}', '\u{202e}', '\0', '\n', '\u{200d}'].map(Edit::Insert);
        assert_eq!(typed(&edits).text(), "a größe");
        assert!(typed(&[Edit::Insert('x'); 2000]).text().len() <= LineEdit::MAX_LENGTH);
    }
}
