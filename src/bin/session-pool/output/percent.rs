//! Parts of a whole.

/// A part of a whole in percent. What is not nothing is never told as nothing, nor what is not all as all.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        share if share < 0.1 => "<0.1 %".to_owned(),
        share if share > 99.9 => ">99.9 %".to_owned(),
        share => format!("{share:.1} %"),
    }
}

/// From 0 to 1; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 it is a share all the same")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_told_as_nothing_nor_what_is_missing_as_all() {
        let shown = [0.0, 0.0004, 0.001, 0.5, 0.9994, 0.9999, 1.0].map(percent);
        assert_eq!(shown, ["0 %", "<0.1 %", "0.1 %", "50.0 %", ">99.9 %", ">99.9 %", "100 %"]);
        assert_eq!(
            (percent(share(0, 0)), percent(share(u64::MAX, u64::MAX))),
            ("0 %".into(), "100 %".into())
        );
    }
}
