//! Archives being written of a store that goes on changing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Committer;
use crate::archive::{ArchiveItem, Cut};
use crate::store::{Batch, StoreError};

/// The cuts that are being read.
#[derive(Default)]
pub(super) struct Cuts {
    open: Vec<(u64, Cut)>,
    last_number: u64,
}

/// A cut that is being read. Dropping it ends it.
pub(crate) struct OpenCut {
    committer: Arc<Committer>,
    number: u64,
}

impl Committer {
    /// Writes a batch. Every cut that is being read first takes what it changes.
    pub(super) fn write(&self, batch: &Batch, cuts: &mut Cuts) -> Result<(), StoreError> {
        for (_, cut) in &mut cuts.open {
            cut.before(batch, &*self.store);
        }
        self.store.commit(batch)?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The store as it is now, to be read while it goes on changing.
    pub(crate) fn begin_cut(self: &Arc<Self>) -> Result<OpenCut, StoreError> {
        let mut cuts = self.writing.lock();
        let cut = Cut::begin(&*self.store)?;
        cuts.last_number += 1;
        let number = cuts.last_number;
        cuts.open.push((number, cut));
        Ok(OpenCut { committer: Arc::clone(self), number })
    }

    /// How many batches have been written.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl OpenCut {
    fn with<T>(&self, run: impl FnOnce(&mut Cut) -> T) -> Option<T> {
        let mut cuts = self.committer.writing.lock();
        cuts.open.iter_mut().find(|(number, _)| *number == self.number).map(|(_, cut)| run(cut))
    }

    /// The next items; `None` at the end.
    pub(crate) fn next_page(&self) -> Result<Option<Vec<ArchiveItem>>, StoreError> {
        self.with(|cut| cut.next_page(&*self.committer.store)).unwrap_or(Ok(None))
    }

    pub(crate) fn unreadable(&self) -> u64 {
        self.with(|cut| cut.unreadable()).unwrap_or_default()
    }

    /// How many bytes wait for the next page because they were changed.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.with(|cut| cut.waiting_bytes()).unwrap_or_default()
    }
}

impl Drop for OpenCut {
    fn drop(&mut self) {
        self.committer.writing.lock().open.retain(|(number, _)| *number != self.number);
    }
}
