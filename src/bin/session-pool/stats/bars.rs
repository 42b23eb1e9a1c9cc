//! Bars and little lines of characters.

use crate::output::has_unicode;

/// What bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyphs {
    /// Block characters.
    Blocks,
    /// For terminals and fonts that have none.
    Ascii,
}

impl Glyphs {
    /// `is_ascii`: whatever the terminal has.
    pub(super) fn new(is_ascii: bool) -> Self {
        if is_ascii || !has_unicode() { Self::Ascii } else { Self::Blocks }
    }

    /// Those of the ready, the resting, the unusable: told apart also without colours, and none so high that it touches the
    /// line above.
    pub(super) const fn live(self) -> [char; 3] {
        match self {
            Self::Blocks => ['▇', '▅', '▃'],
            Self::Ascii => ['#', '+', '.'],
        }
    }

    /// Those of the reasons, in the same way.
    pub(super) const fn reasons(self) -> [char; 4] {
        match self {
            Self::Blocks => ['▇', '▆', '▅', '▄'],
            Self::Ascii => ['#', '+', '-', '.'],
        }
    }

    /// From the least to the most; nothing is a blank.
    const fn heights(self) -> [char; 7] {
        match self {
            Self::Blocks => ['▁', '▂', '▃', '▄', '▅', '▆', '▇'],
            Self::Ascii => ['_', '.', ':', '-', '=', '+', '#'],
        }
    }
}

/// How many of so many steps a value takes, to the nearest. What is not nothing takes one.
fn steps(value: u64, most: u64, all: usize) -> usize {
    if value == 0 || most == 0 {
        return 0;
    }
    let exact = (u128::from(value.min(most)) * all as u128 + u128::from(most) / 2) / u128::from(most);
    usize::try_from(exact).unwrap_or(all).max(1)
}

/// A bar from left to right: so many columns for `most`. What is little is a thin line.
pub(super) fn bar(value: u64, most: u64, columns: usize, glyphs: Glyphs) -> String {
    let is_little = u128::from(value) * columns as u128 * 2 < u128::from(most);
    match glyphs {
        Glyphs::Blocks if value > 0 && is_little => "▏".to_owned(),
        Glyphs::Blocks => "▇".repeat(steps(value, most, columns)),
        Glyphs::Ascii => "#".repeat(steps(value, most, columns)),
    }
}

/// A line of columns, one character each, up to the height of the highest.
pub(super) fn spark(counts: &[u64], glyphs: Glyphs) -> String {
    let most = counts.iter().copied().max().unwrap_or_default();
    let heights = glyphs.heights();
    let column = |count: &u64| {
        let height = steps(*count, most, heights.len()).checked_sub(1);
        height.and_then(|height| heights.get(height)).copied().unwrap_or(' ')
    };
    counts.iter().map(column).collect()
}

/// How many columns each part of a bar gets. What is not nothing gets one, unless there is none at all.
pub(super) fn stack(parts: &[u64], columns: usize) -> Vec<usize> {
    let total: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if total == 0 || columns == 0 {
        return vec![0; parts.len()];
    }
    let mut widths: Vec<usize> = parts
        .iter()
        .map(|part| {
            let exact = u128::from(*part) * columns as u128 / total;
            usize::try_from(exact).unwrap_or(columns).max(usize::from(*part > 0))
        })
        .collect();
    // What rounding left over, or took too much, is the widest's.
    let sum: usize = widths.iter().sum();
    if let Some(widest) = widths.iter_mut().max() {
        *widest = (*widest + columns).saturating_sub(sum);
    }
    widths
}

/// Neighbours put together, so that there are no more than so many.
pub(super) fn squeeze(counts: &[u64], most: usize) -> Vec<u64> {
    let each = counts.len().div_ceil(most.max(1)).max(1);
    counts.chunks(each).map(|chunk| chunk.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing_for_something() {
        assert_eq!(bar(8, 8, 3, Glyphs::Blocks), "▇▇▇");
        assert_eq!(bar(5, 8, 3, Glyphs::Blocks), "▇▇");
        assert_eq!(bar(2, 8, 3, Glyphs::Blocks), "▇");
        assert_eq!(bar(1, 8, 3, Glyphs::Blocks), "▏");
        assert_eq!(bar(1, 1_000_000, 3, Glyphs::Blocks), "▏");
        assert_eq!(bar(0, 8, 3, Glyphs::Blocks), "");
        assert_eq!(bar(0, 0, 3, Glyphs::Blocks), "");
        assert_eq!(bar(u64::MAX, u64::MAX, 3, Glyphs::Blocks), "▇▇▇");
        assert_eq!(bar(5, 8, 3, Glyphs::Ascii), "##");
        assert_eq!(bar(1, 1_000_000, 3, Glyphs::Ascii), "#");
        assert_eq!(bar(5, 8, 0, Glyphs::Ascii), "#", "where there is no room, at least that");
    }

    #[test]
    fn a_spark_goes_up_to_its_highest() {
        assert_eq!(spark(&[0, 1, 4, 7], Glyphs::Blocks), " ▁▄▇");
        assert_eq!(spark(&[0, 1, 1_000_000], Glyphs::Ascii), " _#");
        assert_eq!(spark(&[0, 0], Glyphs::Blocks), "  ");
        assert_eq!(spark(&[], Glyphs::Blocks), "");
    }

    #[test]
    fn the_parts_of_a_stack_fill_it_and_each_is_seen() {
        assert_eq!(stack(&[1, 1, 2], 8), [2, 2, 4]);
        assert_eq!(stack(&[1, 1_000_000, 0], 10), [1, 9, 0]);
        assert_eq!(stack(&[1, 1, 1], 10), [3, 3, 4]);
        assert_eq!(stack(&[0, 0], 10), [0, 0]);
        assert_eq!(stack(&[u64::MAX, u64::MAX], 10), [5, 5]);
        assert_eq!(stack(&[1, 1, 1], 0), [0, 0, 0]);
    }

    #[test]
    fn neighbours_are_put_together_where_there_is_no_room() {
        assert_eq!(squeeze(&[1, 2, 3, 4, 5], 5), [1, 2, 3, 4, 5]);
        assert_eq!(squeeze(&[1, 2, 3, 4, 5], 4), [3, 7, 5]);
        assert_eq!(squeeze(&[1, 2], 0), [3]);
        assert_eq!(squeeze(&[], 4), [0; 0]);
    }
}
