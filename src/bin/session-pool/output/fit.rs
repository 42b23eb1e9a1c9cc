//! Which columns of a table are shown on a narrow terminal, and how wide each is.

use super::cell::Worth;

/// What stands between two columns.
pub(super) const GAP: usize = 2;

/// What is lost with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// Nothing is in it.
    Nothing,
    /// Every row has the same in it.
    Same,
    Differs,
}

/// How wide a column is, and what may be done to it where there is no room for all.
pub(super) struct Fit {
    pub(super) width: usize,
    /// How narrow it may become.
    pub(super) least: usize,
    pub(super) worth: Worth,
    pub(super) content: Content,
    /// Whether it is left off.
    pub(super) is_hidden: bool,
}

impl Fit {
    /// What is lost with it.
    fn loss(&self) -> (Content, Worth) {
        match self.worth {
            // Whatever is in it.
            Worth::Most => (Content::Differs, Worth::Most),
            Worth::Nothing => (Content::Nothing, Worth::Nothing),
            worth => (self.content, worth),
        }
    }
}

/// Makes the columns fit: those that say nothing are left off first; then columns become narrower that may, down to their
/// least; only then others are left off: those that are the same in every row, those of the least worth, the last ones.
pub(super) fn fit(columns: &mut [&mut Fit], room: usize) {
    while total(columns, |column| column.width) > room
        && hide(columns, |column| column.loss().0 == Content::Nothing)
    {}
    while total(columns, |column| column.least) > room && hide(columns, |_| true) {}
    for _ in room..total(columns, |column| column.width) {
        let may_shrink = columns.iter_mut().filter(|column| !column.is_hidden && column.width > column.least);
        // So that wide ones become the same.
        let Some(widest) = may_shrink.max_by_key(|column| column.width) else { return };
        widest.width -= 1;
    }
}

/// How wide those are together that are shown.
fn total(columns: &[&mut Fit], width: fn(&Fit) -> usize) -> usize {
    let shown = columns.iter().filter(|column| !column.is_hidden);
    shown.map(|column| width(column) + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Leaves one off, and answers whether there was one.
fn hide(columns: &mut [&mut Fit], may: fn(&Fit) -> bool) -> bool {
    // One is always shown: a terminal that is narrower breaks its lines.
    if columns.iter().filter(|column| !column.is_hidden).count() <= 1 {
        return false;
    }
    // Of those with which the least is lost, the last.
    let shown = columns.iter_mut().rev().filter(|column| !column.is_hidden && may(column));
    let column = shown.min_by_key(|column| column.loss());
    column.map(|column| column.is_hidden = true).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(width: usize, least: usize) -> Fit {
        Fit { width, least, worth: Worth::Usual, content: Content::Differs, is_hidden: false }
    }

    /// The widths of the columns that are shown, 0 for those that are not.
    fn fitted(mut columns: Vec<Fit>, room: usize) -> Vec<usize> {
        fit(&mut columns.iter_mut().collect::<Vec<_>>(), room);
        columns.iter().map(|column| if column.is_hidden { 0 } else { column.width }).collect()
    }

    #[test]
    fn columns_become_narrower_before_any_is_left_off() {
        let three = || vec![column(20, 8), column(10, 10), column(10, 10)];
        assert_eq!(fitted(three(), 44), [20, 10, 10]);
        assert_eq!(fitted(three(), 40), [16, 10, 10]);
        assert_eq!(fitted(three(), 31), [19, 10, 0], "what is left has the room");
        assert_eq!(fitted(vec![column(20, 8), column(30, 8)], 30), [14, 14]);
        assert_eq!(fitted(vec![column(20, 16), column(30, 8)], 30), [16, 12]);
        assert_eq!(fitted(vec![column(20, 20), column(10, 10)], 5), [20, 0], "one is always shown");
        assert_eq!(fitted(Vec::new(), 5), [0; 0]);
    }

    #[test]
    fn what_says_nothing_is_left_off_first_and_what_is_asked_for_last() {
        let with = |content| Fit { content, ..column(10, 10) };
        let all = || {
            let [nothing, same] = [Content::Nothing, Content::Same].map(with);
            vec![same, nothing, column(20, 8), column(10, 10)]
        };
        assert_eq!(fitted(all(), 55), [10, 0, 20, 10]);
        assert_eq!(fitted(all(), 40), [10, 0, 16, 10], "it becomes narrower first");
        assert_eq!(fitted(all(), 31), [0, 0, 19, 10]);
        let of = |worth| Fit { worth, ..column(10, 10) };
        let all = || vec![of(Worth::Usual), of(Worth::Little), of(Worth::Usual), of(Worth::Most)];
        assert_eq!(fitted(all(), 40), [10, 0, 10, 10]);
        assert_eq!(fitted(all(), 30), [10, 0, 0, 10]);
        assert_eq!(fitted(all(), 20), [0, 0, 0, 10]);
        let meaningless = Fit { worth: Worth::Nothing, ..column(10, 10) };
        assert_eq!(fitted(vec![meaningless, with(Content::Nothing), column(20, 8)], 32), [0, 10, 20]);
        let asked = Fit { worth: Worth::Most, ..with(Content::Nothing) };
        assert_eq!(fitted(vec![column(10, 10), asked], 15), [0, 10]);
    }
}
