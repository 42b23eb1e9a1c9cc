//! Counts as people read them.

/// A count with its thousands told apart: 20,725.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        let shown = [0, 7, 999, 1000, 20_725, u64::MAX].map(grouped);
        assert_eq!(shown, ["0", "7", "999", "1,000", "20,725", "18,446,744,073,709,551,615"]);
    }
}
