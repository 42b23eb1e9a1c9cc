//! Choosing at random, by weight.

use crate::session::Invalid;

/// Things to choose from, each with its weight.
#[derive(Debug, Clone)]
pub(super) struct Weighted<T> {
    /// Each with the sum of the weights up to its own.
    items: Vec<(u64, T)>,
    total: u64,
}

impl<T> Weighted<T> {
    /// # Errors
    ///
    /// [`Invalid`], naming `field`: there is nothing to choose from, a weight is zero, or their sum exceeds 64 bits.
    pub(super) fn new(
        field: &'static str,
        items: impl IntoIterator<Item = (T, u64)>,
    ) -> Result<Self, Invalid> {
        let mut total = 0_u64;
        let mut sums = Vec::new();
        for (n, (item, weight)) in items.into_iter().enumerate() {
            if weight == 0 {
                let value = format_args!("the weight 0, at number {}", n + 1);
                return Err(Invalid::new(field, value, "must have weights of at least 1"));
            }
            total = total.checked_add(weight).ok_or_else(|| {
                let value = format_args!("the weight {weight}, at number {}", n + 1);
                Invalid::new(field, value, "must have weights whose sum is at most 18446744073709551615")
            })?;
            sums.push((total, item));
        }
        if sums.is_empty() {
            return Err(Invalid::new(field, "empty", "must be at least one"));
        }
        Ok(Self { items: sums, total })
    }

    pub(super) fn choose(&self) -> &T {
        self.at(fastrand::u64(..self.total))
    }

    /// The one that a number below the sum of all weights falls to.
    fn at(&self, number: u64) -> &T {
        let found = self.items.partition_point(|(sum, _)| *sum <= number);
        &self.items[found.min(self.items.len() - 1)].1
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_as_many_numbers_as_its_weight() {
        let weighted = Weighted::new("x", [("a", 1), ("b", 3), ("c", 2)]).unwrap();
        let chosen: String = (0..6).map(|number| *weighted.at(number)).collect();
        assert_eq!(chosen, "abbbcc");
        for _ in 0..100 {
            assert_eq!(*Weighted::new("x", [(7, u64::MAX)]).unwrap().choose(), 7);
        }
    }

    #[test]
    fn nothing_to_choose_from_and_weights_that_are_none_are_refused() {
        let error = |items: Vec<(u8, u64)>| Weighted::new("x", items).unwrap_err().to_string();
        assert_eq!(error(vec![]), "x is empty: must be at least one");
        assert_eq!(
            error(vec![(1, 1), (2, 0)]),
            "x is the weight 0, at number 2: must have weights of at least 1"
        );
        assert!(error(vec![(1, u64::MAX), (2, 1)]).contains("must have weights whose sum is at most"));
    }
}
