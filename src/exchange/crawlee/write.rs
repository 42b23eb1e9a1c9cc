//! A pool of ours as a state of Crawlee.

use std::fmt;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::super::note::{Note, Notes};
use super::super::writer::{OnProgress, into_file};
use super::super::{ExchangeError, the_pool};
use super::Dialect;
use super::write_session::SessionWriter;
use crate::session::{Reason, SessionId, SessionRecord, Timestamp};
use crate::store::{PoolName, PoolNumber, ReadStore, StoreError};

/// How much a state holds, counted as an import of it counts. Of what is not usable, Crawlee counts all as retired, and
/// forgets it when it loads the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct CrawleeSummary {
    /// Sessions that Crawlee may use.
    pub usable: u64,
    /// Sessions that have expired, also those that were retired for that: Crawlee is told so by their age, but for JS 4.
    pub expired: u64,
    /// Sessions that are retired otherwise, or used up.
    pub retired: u64,
    /// Sessions of the pool that could not be read, and so are not in it.
    pub unreadable: u64,
}

/// What is written for Crawlee, and how.
pub struct CrawleeOptions {
    dialect: Dialect,
    pool: Option<PoolName>,
    now: Timestamp,
    on_progress: Option<OnProgress>,
}

impl fmt::Debug for CrawleeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, pool, now, on_progress: _ } = self;
        f.debug_struct("CrawleeOptions")
            .field("dialect", dialect)
            .field("pool", pool)
            .field("now", now)
            .finish_non_exhaustive()
    }
}

impl CrawleeOptions {
    /// The defaults, for that Crawlee.
    pub fn new(dialect: Dialect) -> Self {
        let now = DateTime::<Utc>::from(std::time::SystemTime::now());
        Self { dialect, pool: None, now: now.into(), on_progress: None }
    }

    /// Which pool is written. Default: the only one there is.
    #[must_use]
    pub fn pool(mut self, name: PoolName) -> Self {
        self.pool = Some(name);
        self
    }

    /// The time that tells who has expired. Default: now.
    #[must_use]
    pub fn now(mut self, now: impl Into<Timestamp>) -> Self {
        self.now = now.into();
        self
    }

    /// Hears now and then how many sessions were written. Default: nobody does.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(u64) + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }
}

/// Writes the sessions of a pool as a state of Crawlee. It takes memory for a session. `note` is handed what could not be
/// carried over. Nobody may write to the store meanwhile: it is a [`SledReader`](crate::SledReader), an
/// [`ArchiveView`](crate::archive::ArchiveView), or a store of which no pool is open; otherwise what is in it may not be of
/// one moment.
///
/// # Errors
///
/// [`ExchangeError::Io`] where `out` fails, [`ExchangeError::Store`] where the store cannot be read,
/// [`ExchangeError::WhichPool`], [`ExchangeError::NoSuchPool`].
pub fn write(
    store: &dyn ReadStore,
    mut out: impl Write,
    options: &CrawleeOptions,
    note: &mut dyn FnMut(&Note),
) -> Result<CrawleeSummary, ExchangeError> {
    let CrawleeOptions { dialect, pool, now, on_progress } = options;
    let pool = the_pool(store, pool.as_ref())?.number;
    let (dialect, now, on_progress) = (*dialect, *now, on_progress.as_ref());
    let mut writer = Writer {
        store,
        pool,
        dialect,
        now,
        on_progress,
        sessions: SessionWriter::new(dialect, now),
        summary: CrawleeSummary::default(),
    };
    match writer.state(&mut out, note) {
        Ok(()) => Ok(writer.summary),
        Err(Failure::Io(error)) => Err(ExchangeError::io("write")(error)),
        Err(Failure::Store(error)) => Err(error.into()),
    }
}

/// The same into a new file, which only its owner may read, and which is there as a whole or not at all.
///
/// # Errors
///
/// Those of [`write()`]; [`ExchangeError::Io`] also where the file is there already.
pub fn write_file(
    store: &dyn ReadStore,
    path: impl AsRef<Path>,
    options: &CrawleeOptions,
    note: &mut dyn FnMut(&Note),
) -> Result<CrawleeSummary, ExchangeError> {
    into_file(path.as_ref(), |out| write(store, std::io::BufWriter::new(out), options, note))
}

enum Failure {
    Io(std::io::Error),
    Store(StoreError),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

struct Writer<'a> {
    store: &'a dyn ReadStore,
    pool: PoolNumber,
    dialect: Dialect,
    now: Timestamp,
    on_progress: Option<&'a OnProgress>,
    sessions: SessionWriter,
    summary: CrawleeSummary,
}

impl Writer<'_> {
    fn state(&mut self, out: &mut dyn Write, note: &mut dyn FnMut(&Note)) -> Result<(), Failure> {
        write!(out, "{{\n  \"sessions\": [")?;
        let (mut is_first, mut written) = (true, 0_u64);
        let (store, pool) = (self.store, self.pool);
        let mut failure = None;
        let visited = store.visit_sessions(pool, None, &mut |item| {
            let Ok((id, record)) = item else {
                self.summary.unreadable += 1;
                return ControlFlow::Continue(());
            };
            match self.session(id, &record, &mut is_first, out, note) {
                Ok(()) => {
                    written += 1;
                    if let Some(callback) = self.on_progress.filter(|_| written.is_multiple_of(1024)) {
                        callback(written);
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        visited.map_err(Failure::Store)?;
        let CrawleeSummary { usable, expired, retired, unreadable: _ } = self.summary;
        let retired = expired + retired;
        let counts = match self.dialect {
            Dialect::Js3 | Dialect::Js4 => {
                json!({ "usableSessionsCount": usable, "retiredSessionsCount": retired })
            }
            Dialect::Python => json!({
                // The pool's own size, which is the larger one of what it has by default and what there is.
                "maxPoolSize": (usable + retired).max(1000),
                "sessionCount": usable + retired,
                "usableSessionCount": usable,
                "retiredSessionCount": retired,
            }),
        };
        write!(out, "{}]", if is_first { "" } else { "\n  " })?;
        for (name, value) in counts.as_object().into_iter().flatten() {
            write!(out, ",\n  \"{name}\": {value}")?;
        }
        writeln!(out, "\n}}")?;
        out.flush()?;
        Ok(())
    }

    fn session(
        &mut self,
        id: SessionId,
        record: &SessionRecord,
        is_first: &mut bool,
        out: &mut dyn Write,
        note: &mut dyn FnMut(&Note),
    ) -> Result<(), Failure> {
        let payload = match self.store.payload(self.pool, &id) {
            Ok(Some(payload)) => payload,
            // Without its cookies and its proxy it would go out as somebody else.
            Ok(None) | Err(StoreError::Unreadable(_)) => {
                self.summary.unreadable += 1;
                return Ok(());
            }
            Err(error) => return Err(Failure::Store(error)),
        };
        *self.counted(record) += 1;
        let mut notes = Notes::of(id.as_str());
        let session = self.sessions.value(id, record, payload, &mut notes);
        notes.into_notes().iter().for_each(note);
        let separator = if std::mem::take(is_first) { "" } else { "," };
        write!(out, "{separator}\n    ")?;
        serde_json::to_writer(out, &session).map_err(|error| Failure::Io(error.into()))
    }

    /// What a session is counted as: what an import finds it to be.
    fn counted(&mut self, record: &SessionRecord) -> &mut u64 {
        let CrawleeSummary { usable, expired, retired, unreadable: _ } = &mut self.summary;
        let is_told_retired = self.dialect == Dialect::Js4 && record.retired.is_some();
        match record.unusable_because(self.now) {
            Some(Reason::Expired) if !is_told_retired => expired,
            None if record.retired.is_none() => usable,
            _ => retired,
        }
    }
}
