//! Medians and the like, without keeping each value.

/// How often each value came, the large ones rounded down: 512 steps for each power of two.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Values below two to the power of this are kept exactly.
    const EXACT_BITS: u32 = 10;

    pub(super) fn note(&mut self, value: u64) {
        let slot = slot(value);
        if slot >= self.counts.len() {
            self.counts.resize(slot + 1, 0);
        }
        self.counts[slot] += 1;
        self.total += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// As if nothing had been noted. Its memory stays.
    pub(super) fn clear(&mut self) {
        self.counts.clear();
        self.total = 0;
    }

    /// The least value that so many hundredths of all values do not exceed: exact below 1024, else rounded down by
    /// less than 0.2 %. `None` where there is none.
    pub(super) fn percentile(&self, hundredths: u64) -> Option<u64> {
        let rank = self.total.saturating_mul(hundredths).div_ceil(100).max(1);
        let mut passed = 0;
        let slot = self.counts.iter().position(|count| {
            passed += count;
            passed >= rank
        })?;
        Some(least(slot))
    }
}

/// Where a value is counted: below 30,000, whatever the value.
fn slot(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(Histogram::EXACT_BITS);
    let slot = (u64::from(shift) << (Histogram::EXACT_BITS - 1)) + (value >> shift);
    usize::try_from(slot).unwrap_or(usize::MAX)
}

/// The least value that is counted there.
fn least(slot: usize) -> u64 {
    let slot = slot as u64;
    let shift = (slot >> (Histogram::EXACT_BITS - 1)).saturating_sub(1);
    (slot - (shift << (Histogram::EXACT_BITS - 1))) << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_no_values_there_is_no_median() {
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn the_median_is_the_least_value_that_half_of_all_do_not_exceed() {
        let mut histogram = Histogram::default();
        for value in [1, 2, 3, 4, 100] {
            histogram.note(value);
        }
        assert_eq!(histogram.percentile(50), Some(3));
        assert_eq!(histogram.percentile(90), Some(100));
        assert_eq!(histogram.percentile(0), Some(1));
        histogram.note(0);
        assert_eq!(histogram.percentile(50), Some(2));
        histogram.clear();
        assert_eq!(histogram.percentile(50), None);
    }

    #[test]
    fn the_largest_value_has_a_slot_too() {
        assert_eq!(slot(u64::MAX), 28_671);
        let mut histogram = Histogram::default();
        histogram.note(u64::MAX);
        assert!(histogram.percentile(50).unwrap() > u64::MAX - (u64::MAX >> 9));
    }

    proptest! {
        #[test]
        fn a_value_comes_back_exact_below_1024_and_near_above(value: u64, small in 0_u64..1024) {
            prop_assert_eq!(least(slot(small)), small);
            let back = least(slot(value));
            prop_assert!(back <= value && value - back <= value >> 9, "{} came back as {}", value, back);
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_values(mut values in proptest::collection::vec(0_u64..1024, 1..200), hundredths in 1_u64..=100) {
            let mut halves = [Histogram::default(), Histogram::default()];
            for (index, value) in values.iter().enumerate() {
                halves[index % 2].note(*value);
            }
            let [mut all, other] = halves;
            all.add(&other);
            values.sort_unstable();
            let rank = (values.len() as u64 * hundredths).div_ceil(100);
            prop_assert_eq!(all.percentile(hundredths), Some(values[usize::try_from(rank).unwrap() - 1]));
        }
    }
}
