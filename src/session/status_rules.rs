//! What an HTTP status says about the session that met it.

use std::time::Duration;

use super::{Failure, Invalid, Reply, Settlement, Timestamp, Verdict};

/// What an HTTP status, or that there was none, says about the session that met it, and what becomes of it.
///
/// | reply | verdict | settlement |
/// |---|---|---|
/// | a status in `blocked` (default 401, 403) | [`Verdict::Blocked`] | [`Settlement::Retire`] |
/// | in `rate_limited` (default 429), or 503 with a Retry-After | [`Verdict::RateLimited`] | [`Settlement::Rest`] |
/// | 407, 408, 500 and above | [`Verdict::Failed`] | [`Settlement::Fail`] |
/// | any other status | [`Verdict::Ok`] | [`Settlement::Reclaim`] |
/// | [`Failure::NameLookup`], [`Failure::InvalidRequest`], [`Failure::Cancelled`], [`Failure::TooLong`] | [`Verdict::Neutral`] | [`Settlement::Release`] |
/// | any other failure | [`Verdict::Failed`] | [`Settlement::Fail`] |
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
    /// What a reply says. Its host and its body say nothing here.
    pub fn verdict(&self, reply: &Reply<'_>) -> Verdict {
        match (reply.status(), reply.why_failed()) {
            (Some(status), _) => {
                let retry_after = if self.may_ask_to_wait(status) { reply.retry_after() } else { None };
                self.status_verdict(status, retry_after)
            }
            (
                None,
                Some(Failure::NameLookup | Failure::InvalidRequest | Failure::Cancelled | Failure::TooLong),
            ) => Verdict::Neutral,
            (None, _) => Verdict::Failed,
        }
    }

    /// Whether it makes a difference how long a response of that status asks to wait.
    pub(crate) fn may_ask_to_wait(&self, status: u16) -> bool {
        status == 503 || self.rate_limited.contains(&status)
    }

    /// What a status says, with how long its Retry-After header asks to wait where there was one.
    pub fn status_verdict(&self, status: u16, retry_after: Option<Duration>) -> Verdict {
        if self.blocked.contains(&status) {
            Verdict::Blocked
        } else if self.rate_limited.contains(&status) || (status == 503 && retry_after.is_some()) {
            Verdict::RateLimited { retry_after }
        } else if status == 407 || status == 408 || status >= 500 {
            Verdict::Failed
        } else {
            Verdict::Ok
        }
    }

    /// How a use ends of which that was said.
    pub fn settlement(&self, verdict: Verdict, now: Timestamp) -> Settlement {
        match verdict {
            Verdict::Ok => Settlement::Reclaim,
            Verdict::Blocked => Settlement::Retire,
            Verdict::RateLimited { .. } if self.retire_on_rate_limit => Settlement::Retire,
            Verdict::RateLimited { retry_after } => {
                let rest = retry_after.unwrap_or(self.default_rest).min(self.max_rest);
                Settlement::Rest { until: now.plus(rest) }
            }
            Verdict::Failed => Settlement::Fail,
            Verdict::Neutral => Settlement::Release,
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
            (407, None, Settlement::Fail),
        ] {
            let settlement = rules.settlement(rules.status_verdict(status, retry_after), NOW);
            assert_eq!(settlement, expected, "{status} {retry_after:?}");
        }
        let harsh = StatusRules { retire_on_rate_limit: true, ..rules };
        let settlement =
            |status, retry_after| harsh.settlement(harsh.status_verdict(status, retry_after), NOW);
        assert_eq!(settlement(429, hour), Settlement::Retire);
        assert_eq!(settlement(503, hour), Settlement::Retire);
        assert_eq!(settlement(503, None), Settlement::Fail);
    }

    #[test]
    fn a_failure_that_has_nothing_to_do_with_the_session_leaves_its_score() {
        let rules = StatusRules::default();
        for (failure, expected) in [
            (Failure::TimedOut, Settlement::Fail),
            (Failure::Connect, Settlement::Fail),
            (Failure::Broken, Settlement::Fail),
            (Failure::Proxy, Settlement::Fail),
            (Failure::Tls, Settlement::Fail),
            (Failure::Other, Settlement::Fail),
            (Failure::NameLookup, Settlement::Release),
            (Failure::InvalidRequest, Settlement::Release),
            (Failure::Cancelled, Settlement::Release),
            (Failure::TooLong, Settlement::Release),
            (Failure::Redirects, Settlement::Fail),
        ] {
            let verdict = rules.verdict(&Reply::failure("shop.example", failure));
            assert_eq!(rules.settlement(verdict, NOW), expected, "{failure:?}");
        }
    }

    #[test]
    fn rules_that_contradict_themselves_are_refused() {
        let rules = StatusRules { rate_limited: vec![429, 403], ..StatusRules::default() };
        assert_eq!(rules.check().unwrap_err().field, "rate_limited");
        let rules = StatusRules { blocked: vec![4030], ..StatusRules::default() };
        assert_eq!(rules.check().unwrap_err().value, "4030");
    }
}
