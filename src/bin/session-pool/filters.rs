//! Which sessions a command is about.

use clap::{Args, ValueEnum};
use session_pool::inspect::{Filter, Glob, UserDataFilter};
use session_pool::{ErrorScore, Invalid, PoolName};

use crate::choices::{ReasonChoice, count};
use crate::context::Context;
use crate::moment::Moment;

/// Which sessions are asked for: those that all of it holds for.
#[derive(Args)]
#[command(next_help_heading = "Which sessions")]
pub(crate) struct Filters {
    /// Those of this pool.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Those in this state.
    #[arg(long, value_enum)]
    state: Option<StateChoice>,
    /// Those retired for this reason.
    #[arg(long, value_enum)]
    reason: Option<ReasonChoice>,
    /// Those retired then or later: `2h` for the last two hours.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    retired_since: Option<Moment>,
    /// Live ones that will expire before then: `30min` for within 30 minutes. Those that have expired are not among them, unless
    /// --state expired asks for them, or the time is past; nor are retired ones, unless --state, --reason or --retired-since
    /// does.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    expires_before: Option<Moment>,
    /// Live ones that expire then or later: `now` for those that have not expired. Retired ones as above.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    expires_after: Option<Moment>,
    /// Those created before then: `3d` for older than three days.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    created_before: Option<Moment>,
    /// Those created then or later.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    created_after: Option<Moment>,
    /// Those with this error score or a higher one.
    #[arg(long, value_name = "SCORE", value_parser = score, allow_negative_numbers = true)]
    min_error_score: Option<ErrorScore>,
    /// Those with this error score or a lower one.
    #[arg(long, value_name = "SCORE", value_parser = score, allow_negative_numbers = true)]
    max_error_score: Option<ErrorScore>,
    /// Those used this often or more.
    #[arg(long, value_name = "COUNT", value_parser = count::<u32>, allow_negative_numbers = true)]
    min_usage: Option<u32>,
    /// Those whose id is like this: `*` stands for any text, `?` for any one character.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    id_glob: Option<Glob>,
    /// Those that have this in their user data: `account.level`, `account.level=3`, or a JSON Pointer: `/account/level=3`.
    /// Can be given several times. It reads the payload of each session.
    #[arg(long, value_name = "PATH[=VALUE]")]
    user_data: Vec<UserDataFilter>,
    /// Those whose proxy is like this, credentials left out: `*proxy7.example*`. It reads the payload of each session.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    proxy: Option<Glob>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateChoice {
    /// Not retired: those that are resting or have expired too.
    Live,
    /// Retired, for whatever reason.
    Retired,
    /// Live, and to be handed out now: usable, and not resting.
    Ready,
    /// Live, and not to be handed out yet, but later.
    Resting,
    /// Live, and too old: it will be retired when its pool is opened.
    Expired,
}

fn score(text: &str) -> Result<ErrorScore, String> {
    let number: f64 = text.parse().map_err(|_| "must be a number")?;
    ErrorScore::from_f64("score", number).map_err(|error: Invalid| error.rule.to_owned())
}

impl Filters {
    /// The time that those are about that are asked for by where they stand, and the one that means nothing for them.
    pub(crate) fn time_fields(&self) -> (Option<&'static str>, Option<&'static str>) {
        match self.state {
            Some(StateChoice::Retired) => (Some("retired_at"), Some("expires_at")),
            None if self.reason.is_some() || self.retired_since.is_some() => {
                (Some("retired_at"), Some("expires_at"))
            }
            Some(StateChoice::Resting) => (Some("resting_until"), Some("retired_at")),
            Some(StateChoice::Expired) => (Some("expires_at"), Some("retired_at")),
            None | Some(StateChoice::Live | StateChoice::Ready) => (None, None),
        }
    }

    /// The fields that are asked for within bounds: what stands in them differs.
    pub(crate) fn bounded_fields(&self) -> Vec<&'static str> {
        // Exhaustive, so that a new one cannot be forgotten here.
        let Self {
            pool: _,
            state: _,
            reason: _,
            retired_since,
            expires_before,
            expires_after,
            created_before,
            created_after,
            min_error_score,
            max_error_score,
            min_usage,
            id_glob: _,
            user_data: _,
            proxy,
        } = self;
        let fields = [
            ("retired_at", retired_since.is_some()),
            ("expires_at", expires_before.is_some() || expires_after.is_some()),
            ("created_at", created_before.is_some() || created_after.is_some()),
            ("error_score", min_error_score.is_some() || max_error_score.is_some()),
            ("usage_count", min_usage.is_some()),
            ("proxy", proxy.is_some()),
        ];
        fields.into_iter().filter_map(|(field, is_asked_for)| is_asked_for.then_some(field)).collect()
    }

    pub(crate) fn filter(self, context: &Context) -> Filter {
        // Exhaustive, so that a new one cannot be forgotten here.
        let Self {
            pool,
            state,
            reason,
            retired_since,
            expires_before,
            expires_after,
            created_before,
            created_after,
            min_error_score,
            max_error_score,
            min_usage,
            id_glob,
            user_data,
            proxy,
        } = self;
        let (before, after) =
            (expires_before.map(|time| time.ahead(context)), expires_after.map(|time| time.ahead(context)));
        let is_of_retired = reason.is_some() || retired_since.is_some();
        // What has expired will not expire any more.
        let is_ahead = match state {
            None => !is_of_retired,
            Some(StateChoice::Live | StateChoice::Ready | StateChoice::Resting) => true,
            Some(StateChoice::Retired | StateChoice::Expired) => false,
        };
        let from_now = (is_ahead && before.is_some_and(|before| before > context.now)).then_some(context.now);
        let mut filter = Filter::default();
        filter.pool = pool;
        match state {
            // Those that are gone need no new one.
            None if !is_of_retired && (before.is_some() || after.is_some()) => filter.live = Some(true),
            None => {}
            Some(StateChoice::Live) => filter.live = Some(true),
            Some(StateChoice::Retired) => filter.live = Some(false),
            Some(StateChoice::Ready) => filter.ready_at = Some(context.now),
            Some(StateChoice::Resting) => filter.resting_at = Some(context.now),
            Some(StateChoice::Expired) => filter.expired_at = Some(context.now),
        }
        filter.reason = reason.map(Into::into);
        filter.retired_since = retired_since.map(|time| time.ago(context));
        filter.expires_before = before;
        filter.expires_after = after.or(from_now);
        filter.created_before = created_before.map(|time| time.ago(context));
        filter.created_after = created_after.map(|time| time.ago(context));
        filter.min_error_score = min_error_score;
        filter.max_error_score = max_error_score;
        filter.min_usage_count = min_usage;
        filter.id = id_glob;
        filter.user_data = user_data;
        filter.proxy = proxy;
        filter
    }
}
