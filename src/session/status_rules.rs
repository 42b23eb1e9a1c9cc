//! What an HTTP status says about the session that met it.

use std::time::Duration;

use super::{Invalid, Settlement, Timestamp};

/// What an HTTP status says about the session that met it.
///
/// | status | settlement |
/// |---|---|
/// | in `blocked` (default 401, 403) | [`Settlement::Retire`] |
/// | in `rate_limited` (default 429), or 503 with a Retry-After | [`Settlement::Rest`] |
/// | 408, 500 and above | [`Settlement::Fail`] |
/// | any other | [`Settlement::Reclaim`] |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRules {
    /// The statuses that mean that the session is burnt. Default: 401, 403.
    pub blocked: Vec<u16>,
    /// The statuses that mean that the session is too fast. Default: 429.
    pub rate_limited: Vec<u16>,
    /// How long a rate-limited session rests where the site does not say. Default: 60 s.
    pub default_rest: Duration,
    /// The longest that a session rests, whatever the site says. Default: 24 h.
    pub max_rest: Duration,
    /// Whether a rate limit retires the session instead of resting it. Default: no.
    pub retire_on_rate_limit: bool,
}

impl Default for StatusRules {
    fn default() -> Self {
        Self {
            blocked: vec![401, 403],
            rate_limited: vec![429],
            default_rest: Duration::from_secs(60),
            max_rest: Duration::from_secs(24 * 60 * 60),
            retire_on_rate_limit: false,
        }
    }
}

impl StatusRules {
    /// How a use ends that met `status`, with the value of the Retry-After header where there was one.
    pub fn settlement(&self, status: u16, retry_after: Option<Duration>, now: Timestamp) -> Settlement {
        let rate_limited = self.rate_limited.contains(&status) || (status == 503 && retry_after.is_some());
        if self.blocked.contains(&status) || (rate_limited && self.retire_on_rate_limit) {
            Settlement::Retire
        } else if rate_limited {
            Settlement::Rest { until: now.plus(retry_after.unwrap_or(self.default_rest).min(self.max_rest)) }
        } else if status == 408 || status >= 500 {
            Settlement::Fail
        } else {
            Settlement::Reclaim
        }
    }

    /// Whether the rules make sense.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where a status is none of 100 to 999, or stands in both lists.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        for (field, statuses) in [("blocked", &self.blocked), ("rate_limited", &self.rate_limited)] {
            if let Some(status) = statuses.iter().find(|status| !(100..=999).contains(*status)) {
                return Err(Invalid::new(field, status, "must be HTTP statuses, from 100 to 999"));
            }
        }
        match self.rate_limited.iter().find(|status| self.blocked.contains(status)) {
            Some(status) => {
                Err(Invalid::new("rate_limited", status, "must not be among the blocked ones too"))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn r11_a_rate_limit_rests_a_session_unless_told_otherwise() {
        let rules = StatusRules::default();
        let minute = Duration::from_secs(60);
        let hour = Some(Duration::from_secs(3600));
        let rest = |duration| Settlement::Rest { until: NOW.plus(duration) };
        for (status, retry_after, expected) in [
            (200, None, Settlement::Reclaim),
            (404, None, Settlement::Reclaim),
            (401, None, Settlement::Retire),
            (403, hour, Settlement::Retire),
            (429, None, rest(minute)),
            (429, hour, rest(minute * 60)),
            (503, hour, rest(minute * 60)),
            (429, Some(Duration::MAX), rest(minute * 60 * 24)),
            (503, None, Settlement::Fail),
            (500, hour, Settlement::Fail),
            (408, None, Settlement::Fail),
        ] {
            assert_eq!(rules.settlement(status, retry_after, NOW), expected, "{status} {retry_after:?}");
        }
        let harsh = StatusRules { retire_on_rate_limit: true, ..rules };
        assert_eq!(harsh.settlement(429, hour, NOW), Settlement::Retire);
        assert_eq!(harsh.settlement(503, hour, NOW), Settlement::Retire);
        assert_eq!(harsh.settlement(503, None, NOW), Settlement::Fail);
    }

    #[test]
    fn rules_that_contradict_themselves_are_refused() {
        let rules = StatusRules { rate_limited: vec![429, 403], ..StatusRules::default() };
        assert_eq!(rules.check().unwrap_err().field, "rate_limited");
        let rules = StatusRules { blocked: vec![4030], ..StatusRules::default() };
        assert_eq!(rules.check().unwrap_err().value, "4030");
    }
}
