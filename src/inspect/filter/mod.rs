//! Which sessions are asked for.

mod glob;
mod path;

pub use glob::Glob;
pub use path::{InvalidFilter, UserDataFilter};

use crate::session::{ErrorScore, Payload, Reason, SessionId, SessionRecord, State, Timestamp};
use crate::store::PoolName;

/// Which sessions are asked for: those that everything here holds for. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Those of this pool. Default: of every pool.
    pub pool: Option<PoolName>,
    /// Those that are live (`true`), or retired (`false`). Default: both.
    pub live: Option<bool>,
    /// Live ones that are resting at this moment, and may be used afterwards: neither expired, nor blocked, nor used up, as in
    /// [`Figures::resting`](super::Figures::resting). Default: whether they rest or not.
    pub resting_at: Option<Timestamp>,
    /// Live ones that are ready at this moment: usable, and not resting, as in [`Figures::ready`](super::Figures::ready). Default:
    /// whether they are or not.
    pub ready_at: Option<Timestamp>,
    /// Live ones that have expired by this moment, and will be retired when their pool is opened. Default: whether they have
    /// or not.
    pub expired_at: Option<Timestamp>,
    /// Those that were retired for this reason. Default: whatever the reason.
    pub reason: Option<Reason>,
    /// Those that were retired at this moment or later. Default: whenever.
    pub retired_since: Option<Timestamp>,
    /// Those that expire before this moment, or did. Default: whenever.
    pub expires_before: Option<Timestamp>,
    /// Those that expire at this moment or later, or did. Default: whenever.
    pub expires_after: Option<Timestamp>,
    /// Those that were created before this moment. Default: whenever.
    pub created_before: Option<Timestamp>,
    /// Those that were created at this moment or later. Default: whenever.
    pub created_after: Option<Timestamp>,
    /// Those with this error score or a higher one. Default: whatever the score.
    pub min_error_score: Option<ErrorScore>,
    /// Those with this error score or a lower one. Default: whatever the score.
    pub max_error_score: Option<ErrorScore>,
    /// Those that were used this often at least. Default: however often.
    pub min_usage_count: Option<u32>,
    /// Those whose id is like this. Default: whatever the id.
    pub id: Option<Glob>,
    /// Those that have each of these in their user data. Default: whatever is in it.
    pub user_data: Vec<UserDataFilter>,
    /// Those that go out through a proxy whose [endpoint](crate::Proxy::endpoint) is like this. Default: whatever the proxy,
    /// also none.
    pub proxy: Option<Glob>,
}

impl Filter {
    /// Whether the payload of a session must be read to tell.
    pub fn needs_payload(&self) -> bool {
        !self.user_data.is_empty() || self.proxy.is_some()
    }

    /// Whether a session is asked for, as far as its record tells; of its pool, it says nothing.
    pub fn matches_record(&self, id: &SessionId, record: &SessionRecord) -> bool {
        // Exhaustive, so that a new field cannot be forgotten here.
        let Self {
            pool: _,
            live,
            resting_at,
            ready_at,
            expired_at,
            reason,
            retired_since,
            expires_before,
            expires_after,
            created_before,
            created_after,
            min_error_score,
            max_error_score,
            min_usage_count,
            id: like,
            user_data: _,
            proxy: _,
        } = self;
        let is_live = record.retired.is_none();
        let SessionRecord { created_at, expires_at, error_score, usage_count, .. } = *record;
        live.is_none_or(|live| live == is_live)
            && resting_at.is_none_or(|now| record.is_usable(now) && record.is_resting(now))
            && ready_at.is_none_or(|now| record.is_usable(now) && !record.is_resting(now))
            && expired_at.is_none_or(|now| is_live && record.is_expired(now))
            && reason.is_none_or(|reason| record.retired.is_some_and(|retired| retired.reason == reason))
            && retired_since.is_none_or(|since| record.retired.is_some_and(|retired| retired.at >= since))
            && expires_before.is_none_or(|before| expires_at < before)
            && expires_after.is_none_or(|after| expires_at >= after)
            && created_before.is_none_or(|before| created_at < before)
            && created_after.is_none_or(|after| created_at >= after)
            && min_error_score.is_none_or(|least| error_score >= least)
            && max_error_score.is_none_or(|most| error_score <= most)
            && min_usage_count.is_none_or(|least| usage_count >= least)
            && like.as_ref().is_none_or(|like| like.matches(id.as_str()))
    }

    /// Whether a session is asked for, as far as its payload tells.
    pub fn matches_payload(&self, payload: &Payload) -> bool {
        let proxy = payload.proxy.as_ref();
        self.user_data.iter().all(|filter| filter.matches(&payload.user_data))
            && self
                .proxy
                .as_ref()
                .is_none_or(|like| proxy.is_some_and(|proxy| like.matches(&proxy.endpoint())))
    }

    /// The states in which those may be that are asked for.
    pub(super) fn states(&self) -> impl Iterator<Item = State> {
        let Self { live, reason, resting_at, ready_at, expired_at, retired_since, .. } = *self;
        let (asks_for_live, asks_for_retired) =
            (resting_at.or(ready_at).or(expired_at).is_some(), reason.is_some() || retired_since.is_some());
        State::ALL.into_iter().filter(move |state| match state {
            State::Live => live != Some(false) && !asks_for_retired,
            State::Retired(because) => {
                live != Some(true) && !asks_for_live && reason.is_none_or(|reason| reason == *because)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::{Limits, Retired, UserData};

    const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn record() -> SessionRecord {
        let score = ErrorScore::from_thousandths;
        SessionRecord {
            created_at: NOW.minus(HOUR),
            expires_at: NOW.plus(HOUR),
            last_used_at: None,
            resting_until: Some(NOW.plus(HOUR)),
            usage_count: 7,
            error_count: 2,
            error_score: score(1500),
            limits: Limits {
                max_usage_count: 50,
                max_concurrent_uses: Limits::UNLIMITED,
                max_error_score: score(3000),
                error_score_decrement: score(500),
            },
            retired: None,
        }
    }

    fn filter(change: impl FnOnce(&mut Filter)) -> Filter {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    }

    #[test]
    fn each_condition_has_the_edge_that_its_name_says() {
        let live = record();
        // It rests longer than it lives.
        let expired = SessionRecord { expires_at: NOW, ..live };
        let retired =
            SessionRecord { retired: Some(Retired { reason: Reason::Blocked, at: NOW.minus(HOUR) }), ..live };
        let score = ErrorScore::from_thousandths;
        let holds = |change: fn(&mut Filter), expected: [bool; 3]| {
            let filter = filter(change);
            let id = "user_42".parse().unwrap();
            let found = [live, expired, retired].map(|record| filter.matches_record(&id, &record));
            assert_eq!(found, expected, "{filter:?}");
            for record in [live, expired, retired] {
                let is_found = filter.matches_record(&id, &record);
                assert!(!is_found || filter.states().any(|state| state == record.state()), "{filter:?}");
            }
        };
        holds(|_| {}, [true; 3]);
        holds(|f| f.live = Some(true), [true, true, false]);
        holds(|f| f.live = Some(false), [false, false, true]);
        holds(|f| f.resting_at = Some(NOW), [true, false, false]);
        holds(|f| f.resting_at = Some(NOW.plus(HOUR)), [false; 3]);
        holds(|f| f.ready_at = Some(NOW), [false; 3]);
        holds(|f| f.expired_at = Some(NOW), [false, true, false]);
        holds(|f| f.reason = Some(Reason::Blocked), [false, false, true]);
        holds(|f| f.reason = Some(Reason::Expired), [false; 3]);
        holds(|f| f.retired_since = Some(NOW.minus(HOUR)), [false, false, true]);
        holds(|f| f.retired_since = Some(NOW), [false; 3]);
        holds(|f| f.expires_before = Some(NOW.plus(HOUR)), [false, true, false]);
        holds(|f| f.expires_after = Some(NOW.plus(HOUR)), [true, false, true]);
        holds(|f| f.created_before = Some(NOW.minus(HOUR)), [false; 3]);
        holds(|f| f.created_after = Some(NOW.minus(HOUR)), [true; 3]);
        let ready = SessionRecord { resting_until: Some(NOW), ..live };
        let used_up = SessionRecord { usage_count: 50, ..ready };
        let is_ready = filter(|f| f.ready_at = Some(NOW));
        let found = [ready, used_up].map(|record| is_ready.matches_record(&"a".parse().unwrap(), &record));
        assert_eq!(found, [true, false]);
        let [at, above, below] = [score(1500), score(1501), score(1499)];
        assert!(filter(|f| f.min_error_score = Some(at)).matches_record(&"a".parse().unwrap(), &live));
        assert!(!filter(|f| f.min_error_score = Some(above)).matches_record(&"a".parse().unwrap(), &live));
        assert!(filter(|f| f.max_error_score = Some(at)).matches_record(&"a".parse().unwrap(), &live));
        assert!(!filter(|f| f.max_error_score = Some(below)).matches_record(&"a".parse().unwrap(), &live));
        holds(|f| f.min_usage_count = Some(7), [true; 3]);
        holds(|f| f.min_usage_count = Some(8), [false; 3]);
        holds(|f| f.id = Some(Glob::new("user_*")), [true; 3]);
        holds(|f| f.id = Some(Glob::new("user")), [false; 3]);
    }

    #[test]
    fn a_payload_is_needed_and_asked_where_the_filter_is_about_it() {
        let mut user_data = UserData::default();
        user_data.set("level", 3).unwrap();
        let proxy = Some("http://user:secret@Proxy.example:8000".parse().unwrap());
        let payload = Payload { user_data, proxy, ..Payload::default() };
        assert!(!Filter::default().needs_payload() && Filter::default().matches_payload(&payload));
        for (path, glob, matches) in [
            (Some("level=3"), Some("http://proxy.example:*"), true),
            (Some("level=4"), None, false),
            (None, Some("*secret*"), false),
            (None, Some("*"), true),
        ] {
            let filter = filter(|f| {
                f.user_data.extend(path.map(|path| path.parse().unwrap()));
                f.proxy = glob.map(Glob::new);
            });
            assert!(filter.needs_payload());
            assert_eq!(filter.matches_payload(&payload), matches, "{filter:?}");
            let bare = Payload { user_data: payload.user_data.clone(), ..Payload::default() };
            assert!(glob.is_none() || !filter.matches_payload(&bare), "one without a proxy is like none");
        }
    }
}
