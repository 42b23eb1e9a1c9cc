//! Texts as a screen of cells shows them.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::Span;
use session_pool::{ErrorScore, Timestamp};

pub(super) use crate::output::grouped as count;
use crate::output::{self, escape, width};

/// The most columns that [`near`] takes.
pub(super) const NEAR: usize = 10;

/// Text that came from a site, from a user or from a file, as it may be shown: see [`escape`].
pub(super) fn clean(text: &str) -> String {
    escape(text)
}

/// The text, which is clean already, cut in its middle to so many columns: the ends of ids and hosts tell most.
pub(super) fn cut_middle(text: &str, columns: usize, ellipsis: &str) -> String {
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

/// The text, cut at its end to so many columns.
pub(super) fn cut(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    match columns.checked_sub(width(ellipsis)) {
        Some(left) => format!("{}{ellipsis}", head(text, left)),
        None => head(text, columns).to_owned(),
    }
}

/// The text in pieces of so many columns at most; one empty piece where there is no text. It is divided behind blanks, or
/// within a word that is wider than all there is; one blank more may stand at the end of a piece, where nobody sees it. A
/// character that is wider than all there is has a piece of its own.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut end, mut used) = (0, 0, 0);
    // Behind the last blank of the piece, and how much of it is used by then.
    let mut blank = (0, 0);
    for grapheme in graphemes(text) {
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

/// What people see as characters.
fn graphemes(text: &str) -> impl Iterator<Item = &str> {
    // As ratatui divides it, so that nothing is measured otherwise than it is drawn.
    let mut at = 0;
    Span::raw(text)
        .styled_graphemes(Style::default())
        .map(|grapheme| grapheme.symbol.len())
        .collect::<Vec<_>>()
        .into_iter()
        .map_while(move |length| {
            let grapheme = text.get(at..at + length)?;
            at += length;
            Some(grapheme)
        })
}

/// As much of the beginning as fits into so many columns.
fn head(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return &text[..text.len().min(columns)];
    }
    let (mut used, mut length) = (0, 0);
    for grapheme in graphemes(text) {
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
    let graphemes: Vec<&str> = graphemes(text).collect();
    let (mut used, mut length) = (0, 0);
    for grapheme in graphemes.iter().rev() {
        used += width(grapheme);
        if used > columns {
            break;
        }
        length += grapheme.len();
    }
    &text[text.len() - length..]
}

/// A number in 6 columns at most: `12,345`, `123k`, `1,234M`.
pub(super) fn short_count(number: u32) -> String {
    match number {
        0..100_000 => count(number.into()),
        100_000..10_000_000 => format!("{}k", count(u64::from(number) / 1_000)),
        _ => format!("{}M", count(u64::from(number) / 1_000_000)),
    }
}

/// A score in 5 columns at most.
pub(super) fn score(score: ErrorScore) -> String {
    match score.thousandths() {
        // `2.333` has them already.
        0..100_000 => {
            let mut text = score.to_string();
            text.truncate(5);
            text
        }
        100_000..100_000_000 => (score.thousandths() / 1_000).to_string(),
        thousandths => format!("{}k", thousandths / 1_000_000),
    }
}

/// How many of how many, in percent, in 6 columns at most: `3.2%`, `0%`, `<0.1%`, `100%`.
pub(super) fn share(part: u64, whole: u64) -> String {
    output::percent(output::share(part, whole)).replace(' ', "")
}

/// How far away a time is, in its largest unit alone: `in 12 min`, `3 h ago`; [`NEAR`] columns at most.
pub(super) fn near(time: Timestamp, now: Timestamp) -> String {
    if time == Timestamp::MAX {
        return "never".to_owned();
    }
    let (ahead, behind) = (time.since(now), now.since(time));
    match (ahead.as_secs(), behind.as_secs()) {
        (0, 0) => "now".to_owned(),
        (0, _) => format!("{} ago", largest_unit(behind)),
        _ => format!("in {}", largest_unit(ahead)),
    }
}

/// A span of time in its largest unit: `59 min`, `2 d`.
pub(super) fn largest_unit(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "min")];
    let seconds = span.as_secs();
    match UNITS.into_iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_both_its_ends() {
        assert_eq!(cut_middle("0123456789", 10, "…"), "0123456789");
        assert_eq!(cut_middle("0123456789", 6, "…"), "012…89");
        assert_eq!(cut_middle("0123456789", 1, "…"), "0");
        assert_eq!(cut_middle("0123456789", 0, "…"), "");
        assert_eq!(cut_middle("東京の店です", 6, "…"), "東…す", "wide characters take two columns");
        assert_eq!(cut("0123456789", 4, ".."), "01..");
    }

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

    #[test]
    fn numbers_and_times_are_short_and_readable() {
        assert_eq!(
            (share(0, 0), share(1, 3), share(1, 10_000)),
            ("0%".into(), "33.3%".into(), "<0.1%".into())
        );
        for number in [0, 99_999, 100_000, 9_999_999, 10_000_000, u32::MAX] {
            assert!(short_count(number).len() <= 6, "{}", short_count(number));
            assert!(
                score(ErrorScore::from_thousandths(number)).len() <= 5,
                "{}",
                score(ErrorScore::from_thousandths(number))
            );
        }
        assert_eq!(
            (score(ErrorScore::ONE), score(ErrorScore::from_thousandths(99_999))),
            ("1".into(), "99.99".into())
        );
        assert_eq!(share(u64::MAX, u64::MAX), "100%");
        let now = Timestamp::from_millis(1_772_366_400_000);
        let minutes = |count: u64| Duration::from_secs(60 * count);
        assert_eq!(near(now.plus(minutes(12)), now), "in 12 min");
        assert_eq!(near(now.minus(minutes(59)), now), "59 min ago");
        assert_eq!(near(now.minus(minutes(60 * 24 * 364)), now), "364 d ago");
        assert_eq!((near(now, now), near(Timestamp::MAX, now)), ("now".into(), "never".into()));
        assert!(near(Timestamp::MIN, now).len() <= NEAR);
        assert!(near(Timestamp::from_millis(Timestamp::MAX.as_millis() - 1), now).len() <= NEAR);
    }
}
