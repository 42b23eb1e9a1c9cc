//! What the screen is drawn with: colours where there are any, and characters that the terminal has.

use ratatui::style::{Color, Modifier, Style};
use session_pool::Reason;

use super::data::Standing;
use crate::output::has_unicode;

/// How the screen looks. Nothing is told by colour alone, and the colours are those of the terminal's own 16 that can be
/// read on light and on dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether there are colours; else there are bold and reversed characters.
    pub(super) has_colours: bool,
    /// Whether there is more than ASCII.
    pub(super) has_unicode: bool,
}

/// The characters, from the lowest to the highest part of a cell that they fill.
const UNICODE_STEPS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_STEPS: [&str; 3] = [".", ":", "#"];

impl Look {
    /// That of the terminal: what it is said to have in the environment.
    pub(super) fn of_terminal(has_colours: bool) -> Self {
        Self { has_colours, has_unicode: has_unicode() }
    }

    pub(super) fn ellipsis(self) -> &'static str {
        if self.has_unicode { "…" } else { ".." }
    }

    /// What stands between two things in a line.
    pub(super) fn dot(self) -> &'static str {
        if self.has_unicode { "·" } else { "-" }
    }

    pub(super) fn up_down(self) -> &'static str {
        if self.has_unicode { "↑↓" } else { "arrows" }
    }

    /// Which way a column is sorted.
    pub(super) fn order(self, descending: bool) -> &'static str {
        match (self.has_unicode, descending) {
            (true, false) => "▲",
            (true, true) => "▼",
            (false, false) => "^",
            (false, true) => "v",
        }
    }

    pub(super) fn rule(self) -> &'static str {
        if self.has_unicode { "─" } else { "-" }
    }

    /// How high a part of a cell is filled, lowest first.
    pub(super) fn steps(self) -> &'static [&'static str] {
        if self.has_unicode { &UNICODE_STEPS } else { &ASCII_STEPS }
    }

    /// The part of a bar that stands for live sessions, or for a reason: each has a character of its own.
    pub(super) fn bar(self, reason: Option<Reason>) -> &'static str {
        match (self.has_unicode, reason) {
            (true, None) => "█",
            (true, Some(Reason::Blocked)) => "▓",
            (true, Some(Reason::Exhausted)) => "▒",
            (true, Some(Reason::Expired)) => "░",
            (true, Some(Reason::Retired)) => "─",
            (false, None) => "#",
            (false, Some(Reason::Blocked)) => "B",
            (false, Some(Reason::Exhausted)) => "u",
            (false, Some(Reason::Expired)) => "o",
            (false, Some(Reason::Retired)) => "-",
        }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// Live sessions, or those retired for a reason.
    pub(super) fn reason(self, reason: Option<Reason>) -> Style {
        match reason {
            None => self.coloured(Color::Green),
            Some(Reason::Blocked) => self.coloured(Color::Red),
            Some(Reason::Exhausted) => self.coloured(Color::Magenta),
            Some(Reason::Expired) => self.coloured(Color::Cyan),
            Some(Reason::Retired) => Style::new(),
        }
    }

    /// A session that lives, and how it stands.
    pub(super) fn standing(self, standing: Standing) -> Style {
        match standing {
            Standing::Live => self.reason(None),
            Standing::Resting => Self::quiet(),
            // It will be retired for that.
            Standing::Expired => self.reason(Some(Reason::Expired)),
            Standing::Retired(reason) => self.reason(Some(reason)),
        }
    }

    /// A bar, which looks the same in the chosen row.
    pub(super) fn mark(self, reason: Option<Reason>) -> Style {
        self.reason(reason).remove_modifier(Modifier::REVERSED)
    }

    /// What is said beside that which matters.
    pub(super) fn quiet() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Where one is: the row, the view.
    pub(super) fn chosen() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_ascii() {
        let look = Look { has_colours: false, has_unicode: false };
        let reasons = [None].into_iter().chain(Reason::ALL.map(Some));
        let all: String =
            reasons.map(|reason| look.bar(reason)).chain(look.steps().iter().copied()).collect();
        assert!(
            (all + look.ellipsis() + look.dot() + look.rule() + look.order(true) + look.up_down()).is_ascii()
        );
    }
}
