//! Ranges of the numbers of a retirement log: the first and the last of each.

use super::Sequence;

pub(crate) type Range = (Sequence, Sequence);

/// Everything that is in some of the ranges: in order, and none touches the next.
pub(crate) fn union(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut ranges: Vec<Range> = ranges.into_iter().collect();
    ranges.sort_unstable();
    let mut union: Vec<Range> = Vec::new();
    for (first, last) in ranges {
        match union.last_mut() {
            Some((_, end)) if first <= end.next() => *end = last.max(*end),
            _ => union.push((first, last)),
        }
    }
    union
}

/// What of a range is in none of the others, which are in order and do not overlap.
pub(crate) fn without((first, last): Range, others: &[Range]) -> Vec<Range> {
    let mut left = Vec::new();
    let mut first = first;
    for (begin, end) in others {
        if *end < first || *begin > last {
            continue;
        }
        if *begin > first {
            left.push((first, Sequence(begin.0 - 1)));
        }
        if *end >= last {
            return left;
        }
        first = end.next();
    }
    left.push((first, last));
    left
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Vec<Range>> {
        let range = (1..40_u64, 0..6_u64).prop_map(|(first, more)| (Sequence(first), Sequence(first + more)));
        proptest::collection::vec(range, 0..6)
    }

    fn numbers(ranges: &[Range]) -> BTreeSet<u64> {
        ranges.iter().flat_map(|(first, last)| first.0..=last.0).collect()
    }

    proptest! {
        #[test]
        fn ranges_are_what_the_sets_of_their_numbers_are(some in ranges(), others in ranges()) {
            let known = union(others.iter().copied());
            prop_assert_eq!(numbers(&known), numbers(&others));
            prop_assert!(known.windows(2).all(|pair| pair[0].1.next() < pair[1].0));
            for range in some {
                let left = without(range, &known);
                let expected: BTreeSet<u64> = numbers(&[range]).difference(&numbers(&others)).copied().collect();
                prop_assert_eq!(numbers(&left), expected);
                prop_assert!(left.iter().all(|(first, last)| first <= last));
            }
        }
    }
}
