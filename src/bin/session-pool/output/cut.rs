//! Texts that are shortened to the room there is.

use unicode_segmentation::UnicodeSegmentation;

use super::escape::width;

/// What stands where something was left out, if nothing else is said.
const ELLIPSIS: &str = "…";

/// The text, cut to so many columns; where something is cut off, it ends in `…`.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    cut(text, columns, ELLIPSIS)
}

/// The text, cut to so many columns; where something is left out in its middle, there is `…`.
pub(super) fn shorten_middle(text: &str, columns: usize) -> String {
    cut_middle(text, columns, ELLIPSIS)
}

/// The text, cut in its middle to so many columns, with the ellipsis there: the ends of ids and hosts tell most.
pub(crate) fn cut_middle(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let left = columns.saturating_sub(width(ellipsis));
    if left == 0 {
        return head(text, columns).to_owned();
    }
    let start = head(text, left.div_ceil(2));
    let end = tail(text, left - width(start));
    format!("{start}{ellipsis}{end}")
}

/// The text, cut at its end to so many columns, with the ellipsis there.
pub(crate) fn cut(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    match columns.checked_sub(width(ellipsis)) {
        Some(left) => format!("{}{ellipsis}", head(text, left)),
        None => head(text, columns).to_owned(),
    }
}

/// As much of the beginning as fits into so many columns.
fn head(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return &text[..text.len().min(columns)];
    }
    let (mut used, mut length) = (0, 0);
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used > columns {
            break;
        }
        length += grapheme.len();
    }
    &text[..length]
}

/// As much of the end as fits into so many columns.
fn tail(text: &str, columns: usize) -> &str {
    let (mut used, mut length) = (0, 0);
    for grapheme in text.graphemes(true).rev() {
        used += width(grapheme);
        if used > columns {
            break;
        }
        length += grapheme.len();
    }
    &text[text.len() - length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_the_columns_that_it_takes() {
        assert_eq!(shorten("shop", 4), "shop");
        assert_eq!(shorten("shop.example", 5), "shop…");
        assert_eq!(shorten("東京の店", 5), "東京…");
        assert_eq!(shorten("東京の店", 4), "東…", "half of a wide character does not fit");
        assert_eq!(shorten("ae\u{301}b", 2), "a…", "an accent stays with its letter");
        assert_eq!(shorten_middle("01a215a1fdd9745b80407b282fbf5da2", 13), "01a215…bf5da2");
        assert_eq!(shorten_middle("東京の店", 7), "東…の店");
        assert_eq!((shorten_middle("shop", 4).as_str(), shorten_middle("shop", 0).as_str()), ("shop", ""));
        assert_eq!((shorten("shop", 1).as_str(), shorten("shop", 0).as_str()), ("…", ""));
    }

    #[test]
    fn a_long_text_keeps_both_its_ends() {
        assert_eq!(cut_middle("0123456789", 10, "…"), "0123456789");
        assert_eq!(cut_middle("0123456789", 6, "…"), "012…89");
        assert_eq!(cut_middle("0123456789", 1, "…"), "0");
        assert_eq!(cut_middle("0123456789", 0, "…"), "");
        assert_eq!(cut_middle("東京の店です", 6, "…"), "東…す", "wide characters take two columns");
        assert_eq!(cut("0123456789", 4, ".."), "01..");
    }
}
