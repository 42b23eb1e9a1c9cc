//! One call for a session, from asking to the lease: what threads and tasks have in common.

use std::task::Waker;

use super::SessionPool;
use super::builder::PoolBuilder;
use super::check::Checked;
use super::directory::Next;
use super::lease::Lease;
use super::waiting::{Asked, Waiting};
use crate::error::{Error, Refusal, Result};
use crate::session::SessionId;

/// One call for a session.
pub(super) struct Call<'a> {
    pool: &'a SessionPool,
    /// The session that it is for; `None` for any.
    wanted: Option<&'a SessionId>,
    may_wait: bool,
    /// What it got when it asked for the first time.
    asked: Option<Result<Asked>>,
    /// Its place among those who wait, once it has one.
    place: Option<Waiting>,
    failed_checks: u8,
    /// Why the last of those failed.
    check_failed: Option<Error>,
}

/// What a call gets.
pub(super) enum Turn<'a> {
    /// A session, or the place of a new one.
    Served(Next),
    /// A place in the queue.
    Wait(&'a Waiting),
}

impl<'a> Call<'a> {
    /// A call that has asked once.
    pub(super) fn new(
        pool: &'a SessionPool,
        wanted: Option<&'a SessionId>,
        may_wait: bool,
        asked: Result<Asked>,
    ) -> Self {
        let asked = Some(asked);
        Self { pool, wanted, may_wait, asked, place: None, failed_checks: 0, check_failed: None }
    }

    /// Asks for a session, in the place that it has already.
    pub(super) fn ask(&mut self, waker: impl FnOnce() -> Waker) -> Result<Turn<'_>> {
        match &self.place {
            Some(place) => place.rejoin(waker()),
            None => {
                let first = self.asked.take();
                let asked = first.unwrap_or_else(|| self.pool.ask(self.wanted, || self.may_wait.then(waker)));
                match asked.map_err(|error| self.explain(error))? {
                    Asked::Served(next) => return Ok(Turn::Served(next)),
                    Asked::Wait(waiting) => self.place = Some(waiting),
                }
            }
        }
        Ok(self.place.as_ref().map_or(Turn::Served(Next::Nothing), Turn::Wait))
    }

    /// There is no other than those that failed their checks: that is what the caller wants to know.
    fn explain(&mut self, error: Error) -> Error {
        match error {
            Error::Refused(Refusal::NoneAvailable { .. }) => self.check_failed.take().unwrap_or(error),
            _ => error,
        }
    }

    /// It has waited long enough: the answer is why there is none.
    pub(super) fn end_waiting(&mut self) -> Result<()> {
        self.place = None;
        self.may_wait = false;
        match self.wanted {
            None => Err(self.pool.none_available()),
            // Asking once more tells.
            Some(_) => Ok(()),
        }
    }

    /// The lease, if the check of the session has led to one. Another one is to be tried otherwise.
    pub(super) fn end_check(&mut self, checked: Checked<'_>) -> Result<Option<Lease>> {
        match checked {
            Checked::Works(session) => Ok(Some(session.claim())),
            Checked::Gone => Ok(None),
            Checked::Failed(error) => {
                self.failed_checks += 1;
                if self.wanted.is_some() || self.failed_checks == PoolBuilder::MAX_FAILED_CHECKS {
                    return Err(error);
                }
                self.check_failed = Some(error);
                Ok(None)
            }
        }
    }
}
