//! Checking sessions before they are handed out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::builder::PoolBuilder;
use super::directory::{Directory, SlotIndex};
use super::handle::Share;
use super::observe;
use super::session::Session;
use super::unclaimed::Unclaimed;
use super::{BackOff, SessionPool};
use crate::error::{BoxError, Error, Result};
use crate::session::{SessionId, Settlement, Timestamp, Verdict};

/// When a session is checked before it is handed out, if a pool checks its sessions ([`PoolBuilder::check_with`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckAfter {
    /// When it has come back with its pool, before it is handed out for the first time. Default: yes.
    pub restart: bool,
    /// When no use of it has ended for so long, or it was created so long ago and never used; rests are included. `None`:
    /// never. Default: 30 minutes.
    pub idle: Option<Duration>,
}

impl Default for CheckAfter {
    fn default() -> Self {
        Self { restart: true, idle: Some(Duration::from_secs(30 * 60)) }
    }
}

pub(crate) type CheckFn = dyn Fn(&Session) -> Result<Verdict, BoxError> + Send + Sync;

/// What checks a session.
pub(crate) enum Check {
    Blocking(Box<CheckFn>),
    #[cfg(feature = "async")]
    Task(Box<CheckTask>),
}

#[cfg(feature = "async")]
pub(crate) type CheckTask = dyn Fn(Session) -> std::pin::Pin<Box<dyn Future<Output = Result<Verdict, BoxError>> + Send>>
    + Send
    + Sync;

impl PoolBuilder {
    /// How many checks may fail in one call, before that is the answer of [`SessionPool::acquire`] and of its other forms.
    pub const MAX_FAILED_CHECKS: u8 = 3;

    /// Whether a session still works, asked before it is handed out: after a restart, or a long time without a use. Default:
    /// nobody asks.
    ///
    /// It may take its time, and runs while other threads go on. Nobody else gets the session meanwhile, which counts as in
    /// use (R-8). A check is no use: it changes neither `usage_count` nor the error score (R-5). What it does itself with
    /// the handle that it gets (cookies, user data, an outcome) holds as ever.
    ///
    /// | it says | what happens |
    /// |---|---|
    /// | [`Verdict::Ok`], [`Verdict::Neutral`] | the session is handed out |
    /// | [`Verdict::Blocked`] | it is retired, and another is tried |
    /// | [`Verdict::RateLimited`] | it rests, by the pool's [`StatusRules`](crate::StatusRules), and another is tried |
    /// | [`Verdict::Failed`], an error | it rests for the [`back_off`](Self::back_off), and another is tried |
    ///
    /// Whoever has met [`MAX_FAILED_CHECKS`](Self::MAX_FAILED_CHECKS) failed checks in one call, or asked for that very
    /// session, gets [`Error::CheckFailed`](crate::Error::CheckFailed). So does whoever does not wait, where a check has
    /// failed and there is no other session. A check that panics, or whose task is dropped, says nothing: the next one who
    /// gets the session checks it.
    ///
    /// ```
    /// # fn is_logged_in(_: &session_pool::Session) -> Result<bool, std::io::Error> { Ok(true) }
    /// use session_pool::{CheckAfter, SessionPool, Verdict};
    ///
    /// let pool = SessionPool::builder()
    ///     .check_with(CheckAfter::default(), |session| {
    ///         Ok(if is_logged_in(session)? { Verdict::Ok } else { Verdict::Blocked })
    ///     })
    ///     .open_in_memory()?;
    /// # Ok::<(), session_pool::Error>(())
    /// ```
    pub fn check_with<F>(mut self, after: CheckAfter, check: F) -> Self
    where
        F: Fn(&Session) -> Result<Verdict, BoxError> + Send + Sync + 'static,
    {
        self.check = Some((after, Check::Blocking(Box::new(check))));
        self
    }

    /// The same as a task (feature `async`): for an async client. Sessions are then checked by
    /// [`acquire_async`](SessionPool::acquire_async), [`acquire_by_id_async`](SessionPool::acquire_by_id_async) and their
    /// forms with a time-out alone; the other ways of acquiring answer
    /// [`Error::CheckIsAsync`](crate::Error::CheckIsAsync) where they would have to check one.
    #[cfg(feature = "async")]
    pub fn check_with_async<F, T>(mut self, after: CheckAfter, check: F) -> Self
    where
        F: Fn(Session) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Verdict, BoxError>> + Send + 'static,
    {
        self.check = Some((after, Check::Task(Box::new(move |session| Box::pin(check(session))))));
        self
    }

    /// How long to leave alone what has failed. It doubles with each failure in a row. Default: from 1 s to 5 min.
    ///
    /// - A session that failed its check rests for so long, also after a restart.
    /// - After a failure of the create function, the proxies or the fingerprints, or where what was created cannot be a session
    ///   of the pool, since an option is invalid or another one has its id, no session is created on demand for so long, in the
    ///   whole pool. Meanwhile those that are there are handed out; where there is none, those who can wait do,
    ///   and [`Refusal::NoneAvailable`](crate::Refusal::NoneAvailable) tells the others when to try again.
    ///   [`add`](SessionPool::add) goes on.
    pub fn back_off(mut self, back_off: BackOff) -> Self {
        self.back_off = back_off;
        self
    }
}

/// What came of checking a session.
pub(super) enum Checked<'a> {
    /// It works.
    Works(Unclaimed<'a>),
    /// The check failed, and the session rests.
    Failed(Error),
    /// It was retired, or rests: another one is to be tried.
    Gone,
}

impl SessionPool {
    /// Checks a session that was leased for it.
    pub(super) fn check(&self, slot: SlotIndex, id: SessionId) -> Result<Checked<'_>> {
        let checking = Checking::new(&self.handle, slot, id);
        let said = match &self.handle.check {
            Some(Check::Blocking(check)) => check(&checking.session()),
            #[cfg(feature = "async")]
            Some(Check::Task(_)) => {
                return Err(Error::CheckIsAsync { pool: self.handle.core.name.clone() });
            }
            None => Ok(Verdict::Neutral),
        };
        let checked = checking.end(said)?;
        self.handle.core.settle_durably()?;
        Ok(checked)
    }

    /// The same in a task. Where that is dropped meanwhile, the session is handed back unchecked.
    #[cfg(feature = "async")]
    pub(super) async fn check_in_task(&self, slot: SlotIndex, id: SessionId) -> Result<Checked<'_>> {
        let checking = Checking::new(&self.handle, slot, id);
        let said = match &self.handle.check {
            Some(Check::Blocking(check)) => check(&checking.session()),
            Some(Check::Task(check)) => check(checking.session()).await,
            None => Ok(Verdict::Neutral),
        };
        let checked = checking.end(said)?;
        super::tasks::durable_if_promised(&self.handle).await?;
        Ok(checked)
    }
}

/// A check under way, with the lease that it takes. Whatever becomes of it, by an error or a panic, that is given back.
struct Checking<'a>(Unclaimed<'a>);

impl<'a> Checking<'a> {
    fn new(pool: &'a Arc<Share>, slot: SlotIndex, id: SessionId) -> Self {
        Self(Unclaimed::new(pool, slot, id))
    }

    /// A handle of the session, for the check.
    fn session(&self) -> Session {
        let Self(session) = self;
        session.pool().core.directory.lock().pin(session.slot());
        Session::new(Arc::clone(session.pool()), session.slot(), session.id())
    }

    /// Does what the check said.
    fn end(self, said: Result<Verdict, BoxError>) -> Result<Checked<'a>> {
        let Self(session) = self;
        let core = &session.pool().core;
        let now = core.now();
        let (verdict, error) = match said {
            Ok(verdict) => (verdict, None),
            Err(error) => (Verdict::Failed, Some(error)),
        };
        let settlement = core.status_rules.of_all().settlement(verdict, now);
        let (stands, failed) = core.change(|directory| end_in(directory, session.slot(), settlement, now))?;
        if stands {
            return Ok(Checked::Works(session));
        }
        let id = session.id();
        session.was_handed_back();
        if let Some(in_a_row) = failed {
            let source = error.unwrap_or_else(|| Box::new(SaidSo));
            observe::check_failed(&core.name, &id, in_a_row, &*source);
            return Ok(Checked::Failed(Error::CheckFailed { pool: core.name.clone(), id, source }));
        }
        Ok(Checked::Gone)
    }
}

/// Answers whether the lease stands, and how often in a row a check has failed that did.
fn end_in(
    directory: &mut Directory,
    slot: SlotIndex,
    settlement: Settlement,
    now: Timestamp,
) -> (bool, Option<u8>) {
    let ended = match settlement {
        Settlement::Reclaim | Settlement::Release => (directory.check_passed(slot, now), None),
        Settlement::Rest { until } => (directory.check_rested(slot, until, now), None),
        Settlement::Retire => (directory.check_retired(slot, now), None),
        Settlement::Fail => (false, Some(directory.check_failed(slot, now))),
    };
    if !ended.0 {
        directory.hand_back(slot);
        directory.unpin(slot);
    }
    ended
}

/// Why a check failed that answered no error.
#[derive(Debug)]
struct SaidSo;

impl fmt::Display for SaidSo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it says that the session does not work for now")
    }
}

impl std::error::Error for SaidSo {}
