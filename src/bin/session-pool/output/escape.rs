//! What came from web sites, made harmless on a terminal.

use unicode_width::UnicodeWidthStr;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_sent_does_nothing_to_a_terminal() {
        assert_eq!(escape("a\x1b[31mb\r\n\u{202e}c ü"), "a\\u{1b}[31mb\\r\\n\\u{202e}c ü");
        assert_eq!(escape("\u{9b}2J\u{2028}\u{e0041}\u{61c}"), "\\u{9b}2J\\u{2028}\\u{e0041}\\u{61c}");
    }
}
