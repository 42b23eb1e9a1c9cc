//! Small bars.

use ratatui::text::Span;
use session_pool::Reason;

use super::super::data::{Counts, place};
use super::super::look::Look;

/// What the parts of a pool are, in the order in which they are drawn: live ones, and those retired for each reason.
pub(super) fn parts(counts: &Counts) -> impl Iterator<Item = (Option<Reason>, u64)> {
    let retired = Reason::ALL.map(|reason| (Some(reason), counts.retired[place(reason)]));
    [(None, counts.live)].into_iter().chain(retired)
}

/// A bar as long as there are columns, divided as the sessions are.
pub(super) fn composition(counts: &Counts, columns: usize, look: Look) -> Vec<Span<'static>> {
    let parts: Vec<(Option<Reason>, u64)> = parts(counts).collect();
    let numbers: Vec<u64> = parts.iter().map(|(_, number)| *number).collect();
    let lengths = divided(&numbers, columns);
    let shown = parts.iter().zip(lengths).filter(|(_, length)| *length > 0);
    shown
        .map(|((reason, _), length)| Span::styled(look.bar(*reason).repeat(length), look.mark(*reason)))
        .collect()
}

/// So many columns divided as the numbers are: all of them, if there is anything, and one at least for what is there.
fn divided(numbers: &[u64], columns: usize) -> Vec<usize> {
    let whole: u128 = numbers.iter().map(|number| u128::from(*number)).sum();
    if whole == 0 {
        return vec![0; numbers.len()];
    }
    let exact = |number: u64| u128::from(number) * columns as u128 / whole;
    let mut lengths: Vec<usize> = numbers
        .iter()
        .map(|number| usize::try_from(exact(*number)).unwrap_or(columns).max(usize::from(*number > 0)))
        .collect();
    // What is missing or too much is the largest part's, which notices it least.
    loop {
        let used: usize = lengths.iter().sum();
        let Some(largest) = (0..lengths.len()).max_by_key(|at| lengths[*at]) else { return lengths };
        match used.cmp(&columns) {
            std::cmp::Ordering::Equal => return lengths,
            std::cmp::Ordering::Less => lengths[largest] += columns - used,
            std::cmp::Ordering::Greater => lengths[largest] -= 1,
        }
    }
}

/// How much of so many columns a part of a whole is; one at least, if it is there.
pub(super) fn length(part: u64, whole: u64, columns: usize) -> usize {
    if part == 0 || whole == 0 {
        return 0;
    }
    let exact = u128::from(part) * columns as u128 / u128::from(whole);
    usize::try_from(exact).unwrap_or(columns).clamp(1, columns.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_it_may_be_and_has_a_part_for_all_that_is_there() {
        assert_eq!(divided(&[0, 0, 0], 10), [0, 0, 0]);
        assert_eq!(divided(&[1, 1, 0], 10), [5, 5, 0]);
        assert_eq!(divided(&[1_000_000, 1, 1], 10), [8, 1, 1]);
        assert_eq!(divided(&[u64::MAX, u64::MAX, 1], 7), [3, 3, 1]);
        assert_eq!(divided(&[1, 1, 1], 2).iter().sum::<usize>(), 2);
        assert_eq!(divided(&[5], 0), [0]);
    }
}
