//! Whether a request is tried again.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use tower::retry::budget::{Budget, TpsBudget};

use super::failure::was_not_sent;
use crate::session::{Failure, Invalid, Verdict};

/// How often and when requests are tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryOptions {
    pub(super) max_retries: u32,
    pub(super) delay: Duration,
    pub(super) share: f32,
    pub(super) per_second: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { max_retries: 3, delay: Duration::from_millis(100), share: 1.0, per_second: 10 }
    }
}

/// How often and when requests are tried again, and how much of that is left for all of them.
pub(super) struct Retries {
    options: RetryOptions,
    budget: TpsBudget,
}

/// What one try has led to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    pub(super) attempts: u32,
    pub(super) verdict: Verdict,
    /// Why there is no response.
    pub(super) failure: Option<Failure>,
    pub(super) is_pinned: bool,
}

impl Retries {
    /// How long what has been tried counts for the budget.
    const WINDOW: Duration = Duration::from_secs(10);
    /// The longest pause between two tries.
    const MAX_DELAY: Duration = Duration::from_secs(5);

    pub(super) fn new(options: RetryOptions) -> Result<Self, Invalid> {
        let RetryOptions { share, per_second, .. } = options;
        if !(0.0..=1000.0).contains(&share) {
            return Err(Invalid::new("retry_budget", share, "must have a share from 0 to 1000"));
        }
        if per_second > 1_000_000 {
            return Err(Invalid::new("retry_budget", per_second, "must have at most 1000000 a second"));
        }
        Ok(Self { options, budget: TpsBudget::new(Self::WINDOW, per_second, share) })
    }

    /// A request is sent for the first time.
    pub(super) fn begin(&self) {
        self.budget.deposit();
    }

    /// Whether there is another try after this one, and after how long.
    pub(super) fn again(&self, method: &Method, tried: Tried) -> Option<Duration> {
        let delay = self.delay(method, tried)?;
        (tried.attempts <= self.options.max_retries && self.budget.withdraw()).then_some(delay)
    }

    fn delay(&self, method: &Method, tried: Tried) -> Option<Duration> {
        match tried.verdict {
            Verdict::Ok | Verdict::Neutral => None,
            // Another session takes over at once; there is none for one that is pinned.
            Verdict::Blocked => (!tried.is_pinned).then_some(Duration::ZERO),
            // A pinned one waits for the session to have rested.
            Verdict::RateLimited { .. } => Some(Duration::ZERO),
            Verdict::Failed => {
                let was_not_sent = tried.failure.is_some_and(was_not_sent);
                (method.is_idempotent() || was_not_sent).then(|| self.pause(tried.attempts))
            }
        }
    }

    /// Twice as long each time, less a random part, so that those who failed together do not come back together.
    fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = self.options.delay.saturating_mul(doubled).min(Self::MAX_DELAY);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl fmt::Debug for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITED: Verdict = Verdict::RateLimited { retry_after: None };

    fn tried(verdict: Verdict, failure: Option<Failure>) -> Tried {
        Tried { attempts: 1, verdict, failure, is_pinned: false }
    }

    fn retries(change: impl FnOnce(&mut RetryOptions)) -> Retries {
        let mut options = RetryOptions::default();
        change(&mut options);
        Retries::new(options).unwrap()
    }

    #[test]
    fn what_is_tried_again() {
        let retries = retries(|_| {});
        for (method, verdict, failure, again) in [
            (Method::GET, Verdict::Ok, None, false),
            (Method::GET, Verdict::Neutral, Some(Failure::NameLookup), false),
            (Method::GET, Verdict::Blocked, None, true),
            (Method::POST, Verdict::Blocked, None, true),
            (Method::POST, LIMITED, None, true),
            (Method::GET, Verdict::Failed, None, true),
            (Method::PUT, Verdict::Failed, Some(Failure::Broken), true),
            (Method::POST, Verdict::Failed, None, false),
            (Method::POST, Verdict::Failed, Some(Failure::TimedOut), false),
            (Method::POST, Verdict::Failed, Some(Failure::Connect), true),
            (Method::PATCH, Verdict::Failed, Some(Failure::Broken), false),
        ] {
            let tried = tried(verdict, failure);
            assert_eq!(retries.again(&method, tried).is_some(), again, "{method} {tried:?}");
        }
        let pinned = |verdict| Tried { is_pinned: true, ..tried(verdict, None) };
        assert!(retries.again(&Method::GET, pinned(Verdict::Blocked)).is_none());
        assert!(retries.again(&Method::GET, pinned(LIMITED)).is_some());
    }

    #[test]
    fn there_are_as_many_tries_as_allowed_and_each_pause_is_longer() {
        let retries = retries(|o| o.max_retries = 8);
        let mut shortest = Duration::ZERO;
        for attempts in 1..=8 {
            let tried = Tried { attempts, ..tried(Verdict::Failed, None) };
            let delay = retries.again(&Method::GET, tried).unwrap();
            let longest = Duration::from_millis(100) * (1 << (attempts - 1));
            assert!(
                delay >= (longest / 2).min(Retries::MAX_DELAY / 2)
                    && delay <= longest.min(Retries::MAX_DELAY)
            );
            assert!(delay >= shortest / 2);
            shortest = delay;
        }
        let tried = Tried { attempts: 9, ..tried(Verdict::Failed, None) };
        assert!(retries.again(&Method::GET, tried).is_none());
    }

    #[test]
    fn all_requests_together_have_a_budget() {
        let retries = retries(|o| (o.share, o.per_second) = (0.5, 1));
        let again = || retries.again(&Method::GET, tried(Verdict::Blocked, None)).is_some();
        // One a second, for a window.
        assert_eq!((0..100).filter(|_| again()).count(), 10);
        (0..20).for_each(|_| retries.begin());
        assert_eq!((0..100).filter(|_| again()).count(), 10);
        for (share, per_second) in [(-0.1, 1), (f32::NAN, 1), (1001.0, 1), (1.0, u32::MAX)] {
            let options = RetryOptions { share, per_second, ..RetryOptions::default() };
            assert_eq!(Retries::new(options).unwrap_err().field, "retry_budget");
        }
    }
}
