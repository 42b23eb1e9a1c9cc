//! Lines that are no wider than there is room.

use super::escape::width;

/// The text in lines of so many columns at most, broken at its blanks. A word that is wider has a line of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_its_blanks_alone() {
        assert_eq!(wrap("one two three", 9), ["one two", "three"]);
        assert_eq!(wrap("one two three", 13), ["one two three"]);
        assert_eq!(wrap("a word-that-is-wider b", 8), ["a", "word-that-is-wider", "b"]);
        assert_eq!(wrap("東京 の店", 7), ["東京", "の店"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
