//! Which rules hold for which host.

use std::collections::HashMap;
#[cfg(feature = "reqwest")]
use std::time::Duration;

use super::SessionPool;
use crate::session::{Invalid, Reply, StatusRules, Verdict};
#[cfg(feature = "reqwest")]
use crate::session::{Settlement, Timestamp};

/// The status rules of a pool, and those of hosts that have their own.
#[derive(Debug, Default)]
pub(crate) struct HostRules {
    rules: StatusRules,
    hosts: HashMap<String, StatusRules>,
}

impl HostRules {
    pub(super) fn set(&mut self, rules: StatusRules) {
        self.rules = rules;
    }

    pub(super) fn set_for(&mut self, host: &str, rules: StatusRules) {
        self.hosts.insert(host.to_ascii_lowercase(), rules);
    }

    /// Those that hold where no host is known.
    pub(super) fn of_all(&self) -> &StatusRules {
        &self.rules
    }

    /// Those of a host, or of the nearest one above it, or of all.
    pub(super) fn of(&self, host: &str) -> &StatusRules {
        if self.hosts.is_empty() {
            return &self.rules;
        }
        let host = host.to_ascii_lowercase();
        let mut above = Some(host.as_str());
        while let Some(name) = above {
            if let Some(rules) = self.hosts.get(name) {
                return rules;
            }
            above = name.split_once('.').map(|(_, above)| above);
        }
        &self.rules
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.rules.check()?;
        for (host, rules) in &self.hosts {
            let is_host = !host.is_empty()
                && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c));
            if !is_host {
                let rule = "must be the name or the address of a host, without a scheme and a path";
                return Err(Invalid::new("status_rules_for", format_args!("{host:?}"), rule));
            }
            rules.check()?;
        }
        Ok(())
    }
}

impl SessionPool {
    /// What a reply says about the session that it was for, by the pool's
    /// [`response_policy`](crate::PoolBuilder::response_policy), which is given the
    /// [`StatusRules`] of the reply's host; where it has none, by those rules. Nothing is changed:
    /// [`Lease::settle_reply`](crate::Lease::settle_reply) does.
    pub fn verdict(&self, reply: &Reply<'_>) -> Verdict {
        self.handle.verdict(reply)
    }

    /// How long after a verdict about a reply of a host its session can be had again; `None` for never.
    #[cfg(feature = "reqwest")]
    pub(crate) fn rest_after(&self, host: &str, verdict: Verdict) -> Option<Duration> {
        let start = Timestamp::from_millis(0);
        match self.handle.core.status_rules.of(host).settlement(verdict, start) {
            Settlement::Retire => None,
            Settlement::Rest { until } => Some(until.since(start)),
            Settlement::Reclaim | Settlement::Fail | Settlement::Release => Some(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_nearest_host_above_hold() {
        let blocked = |status| StatusRules { blocked: vec![status], ..StatusRules::default() };
        let mut rules = HostRules::default();
        rules.set(blocked(400));
        rules.set_for("Shop.example", blocked(404));
        rules.set_for("api.shop.example", blocked(405));
        for (host, expected) in [
            ("shop.example", 404),
            ("WWW.shop.example", 404),
            ("api.shop.example", 405),
            ("v1.api.shop.example", 405),
            ("workshop.example", 400),
            ("example", 400),
            ("", 400),
        ] {
            assert_eq!(rules.of(host).blocked, [expected], "{host}");
        }
        rules.check().unwrap();
        rules.set_for("https://shop.example/", StatusRules::default());
        assert_eq!(rules.check().unwrap_err().field, "status_rules_for");
    }
}
