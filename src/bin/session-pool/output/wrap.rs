//! Lines that are no wider than there is room.

use unicode_segmentation::UnicodeSegmentation;

use super::escape::width;

/// The text in pieces of so many columns at most; one empty piece where there is no text. It is divided behind blanks, or
/// within a word that is wider than all there is; one blank more may stand at the end of a piece, where nobody sees it. A
/// character that is wider than all there is has a piece of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut end, mut used) = (0, 0, 0);
    // Behind the last blank of the piece, and how much of it is used by then.
    let mut blank = (0, 0);
    for grapheme in text.graphemes(true) {
        let more = width(grapheme);
        let is_blank = grapheme == " ";
        while used + more > columns && end > start && !(is_blank && used == columns) {
            let (at, used_by) = if blank.0 > start { blank } else { (end, used) };
            pieces.push(&text[start..at]);
            (start, used) = (at, used - used_by);
        }
        end += grapheme.len();
        used += more;
        if is_blank {
            blank = (end, used);
        }
    }
    if end > start || pieces.is_empty() {
        pieces.push(&text[start..end]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_by_columns_and_nothing_of_it_is_lost() {
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("東京", 1), ["東", "京"]);
        assert_eq!(wrap("", 4), [""]);
        let text = "e\u{301}東\u{1f600}x\u{300}\u{300} a  b".repeat(9);
        for columns in 1..9 {
            let pieces = wrap(&text, columns);
            assert_eq!(pieces.concat(), text);
            let widest = pieces.iter().map(|piece| width(piece.trim_end_matches(' '))).max();
            assert!(widest <= Some(columns.max(2)), "{pieces:?} in {columns}");
        }
    }

    #[test]
    fn a_text_is_divided_between_words_where_there_are_some() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("one two three", 7), ["one two ", "three"], "the blank is not seen");
        assert_eq!(wrap("one two three", 6), ["one ", "two ", "three"]);
        assert_eq!(wrap("a 0123456789 b", 5), ["a ", "01234", "56789 ", "b"]);
        assert_eq!(wrap("東京 の店", 6), ["東京 ", "の店"]);
    }
}
