//! The durable log behind the broadcast.

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Retirement;
use crate::error::Result;
use crate::store::{PoolName, PoolNumber, ReadStore, Sequence, StoreError};

/// Retirements as the log has them, oldest first: an iterator that reads on as it goes.
///
/// An entry that cannot be read is answered as [`Error::Store`](crate::Error::Store), and the next one is read all the
/// same. After a failure of the engine it ends.
pub struct RetirementLog {
    store: Arc<dyn ReadStore>,
    pool: PoolName,
    number: PoolNumber,
    after: Sequence,
    page: VecDeque<Result<Retirement>>,
    is_done: bool,
}

impl RetirementLog {
    /// How many entries are read at a time.
    const PAGE: usize = 256;

    pub(crate) fn new(
        store: Arc<dyn ReadStore>,
        pool: PoolName,
        number: PoolNumber,
        after: Sequence,
    ) -> Self {
        Self { store, pool, number, after, page: VecDeque::new(), is_done: false }
    }

    fn read_page(&mut self) {
        let mut read = 0;
        let (pool, page, after) = (&self.pool, &mut self.page, &mut self.after);
        let visited = self.store.visit_log(self.number, *after, &mut |item| {
            read += 1;
            match item {
                Ok((sequence, entry)) => {
                    *after = sequence;
                    page.push_back(Ok(Retirement::new(pool.clone(), sequence, entry)));
                }
                Err(unreadable) => {
                    // Its key says where it stands.
                    *after = unreadable.log_sequence().unwrap_or(after.next());
                    page.push_back(Err(StoreError::from(unreadable).into()));
                }
            }
            if read < Self::PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.is_done = read < Self::PAGE || visited.is_err();
        if let Err(error) = visited {
            self.page.push_back(Err(error.into()));
        }
    }
}

impl Iterator for RetirementLog {
    type Item = Result<Retirement>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.is_done {
            self.read_page();
        }
        self.page.pop_front()
    }
}

impl fmt::Debug for RetirementLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetirementLog")
            .field("pool", &self.pool)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}
