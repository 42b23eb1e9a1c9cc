//! An id as it is given on the command line: whole, or as a narrow table shows it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::str::FromStr;

use session_pool::inspect::{self, Filter, Glob};
use session_pool::{Invalid, PoolName, ReadStore, Sequence, SessionId};

use crate::commands::Result;
use crate::errors::{NotFound, Wrong};

/// How many of those that it could be are named.
const NAMED: usize = 3;

/// What stands for a session's id.
#[derive(Debug, Clone)]
pub(crate) enum GivenId {
    Whole(SessionId),
    /// Its beginning and its end, with `…` or `*` for what is left out.
    Part(String),
}

impl FromStr for GivenId {
    type Err = Invalid;

    fn from_str(text: &str) -> std::result::Result<Self, Invalid> {
        if text.contains(['…', '*']) {
            Ok(Self::Part(text.to_owned()))
        } else {
            text.parse().map(Self::Whole)
        }
    }
}

impl GivenId {
    /// The one session that it can be, in that pool or in any.
    pub(crate) fn resolve(&self, store: &dyn ReadStore, pool: Option<&PoolName>) -> Result<SessionId> {
        let part = match self {
            Self::Whole(id) => return Ok(*id),
            Self::Part(part) => part,
        };
        let glob = Glob::new(part.replace('…', "*"));
        let mut found = kept(store, pool, &glob)?;
        if found.is_empty() {
            found = logged(store, pool, &glob)?;
        }
        let named: Vec<_> = found.iter().take(NAMED).map(SessionId::as_str).collect();
        match found.first() {
            None => Err(NotFound(format!("there is no session whose id is like {part}")).into()),
            Some(id) if found.len() == 1 => Ok(*id),
            Some(_) => {
                let more = if found.len() > NAMED { ", and others" } else { "" };
                let rule = format!("several ids are like {part}: {}{more}", named.join(", "));
                Err(Wrong(rule).into())
            }
        }
    }
}

/// Those among the sessions that are like that: as many as are needed to know whether there is one.
fn kept(store: &dyn ReadStore, pool: Option<&PoolName>, glob: &Glob) -> Result<BTreeSet<SessionId>> {
    let mut found = BTreeSet::new();
    let mut filter = Filter::default();
    (filter.pool, filter.id) = (pool.cloned(), Some(glob.clone()));
    inspect::for_each(store, &filter, &mut |item| {
        found.extend(item.ok().map(|session| session.id));
        if found.len() > NAMED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// Those among the sessions that only the log knows any more.
fn logged(store: &dyn ReadStore, pool: Option<&PoolName>, glob: &Glob) -> Result<BTreeSet<SessionId>> {
    let mut found = BTreeSet::new();
    let pools = inspect::pools(store)?;
    for entry in pools.iter().filter(|entry| pool.is_none_or(|name| *name == entry.name)) {
        store.visit_log(entry.number, Sequence::START, &mut |item| {
            found.extend(item.ok().map(|(_, entry)| entry.id).filter(|id| glob.matches(id.as_str())));
            if found.len() > NAMED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(found)
}
