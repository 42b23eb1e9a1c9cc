//! What came from web sites, made harmless on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text that does nothing to a terminal: control, bidirectional and invisible characters become escapes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// Whether a terminal would obey a character, or not show it.
pub(super) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// How many columns of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns; where something is cut off, it ends in `…`.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| match left.checked_sub(c.width().unwrap_or_default()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut short: String = text.chars().take_while(fits).collect();
    if columns > 0 {
        short.push('…');
    }
    short
}

/// The text, cut to so many columns; where something is left out in its middle, there is `…`.
pub(super) fn shorten_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    // With the `…` behind it.
    let start = shorten(text, columns.div_ceil(2).max(1).min(columns));
    let mut room = columns - width(&start);
    let fits = |c: &char| match room.checked_sub(c.width().unwrap_or_default()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let end: Vec<char> = text.chars().rev().take_while(fits).collect();
    start + &end.into_iter().rev().collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_sent_does_nothing_to_a_terminal() {
        assert_eq!(escape("a\x1b[31mb\r\n\u{202e}c ü"), "a\\u{1b}[31mb\\r\\n\\u{202e}c ü");
        assert_eq!(escape("\u{9b}2J\u{2028}\u{e0041}\u{61c}"), "\\u{9b}2J\\u{2028}\\u{e0041}\\u{61c}");
    }

    #[test]
    fn text_is_cut_by_the_columns_that_it_takes() {
        assert_eq!(shorten("shop", 4), "shop");
        assert_eq!(shorten("shop.example", 5), "shop…");
        assert_eq!(shorten("東京の店", 5), "東京…");
        assert_eq!(shorten("東京の店", 4), "東…", "half of a wide character does not fit");
        assert_eq!(shorten_middle("01a215a1fdd9745b80407b282fbf5da2", 13), "01a215…bf5da2");
        assert_eq!(shorten_middle("東京の店", 7), "東…の店");
        assert_eq!((shorten_middle("shop", 4).as_str(), shorten_middle("shop", 0).as_str()), ("shop", ""));
        assert_eq!((shorten("shop", 1).as_str(), shorten("shop", 0).as_str()), ("…", ""));
    }
}
