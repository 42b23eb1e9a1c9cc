//! The marks of syncs: they tell what of the log was durable.

use std::io;

use super::LogImage;

/// What the values of the marks of syncs begin with. The rest is their number, a big-endian u64.
pub(in super::super) const MARK: &[u8; 8] = b"\xFFmarked\xFF";

/// What the store writes into the log before each sync of the file: see [`MARK`]. The numbers, and where they stand.
#[derive(Debug, Default)]
pub(super) struct Marks(pub(super) Vec<(u64, u64)>);

impl Marks {
    pub(super) fn last(&self) -> u64 {
        self.0.iter().map(|(number, _)| *number).max().unwrap_or_default()
    }

    /// Where the last mark stands that was durable: one that was witnessed, or that another one follows, which was
    /// written after its sync.
    pub(super) fn durable_end(&self, witnessed: u64) -> u64 {
        let durable = witnessed.max(self.last().saturating_sub(1));
        let ends = self.0.iter().filter(|(number, _)| *number <= durable).map(|(_, lsn)| *lsn);
        ends.max().unwrap_or_default()
    }
}

/// The number of the mark that a change sets; `None` where it sets something else.
pub(super) fn mark_of(link: &[u8]) -> Option<u64> {
    let (before, number) = link.split_last_chunk::<8>()?;
    before.ends_with(MARK).then(|| u64::from_be_bytes(*number))
}

impl LogImage {
    /// The number of the last sync that is marked in it; 0 where none is.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(in super::super) fn last_mark(&self) -> io::Result<u64> {
        // Where its page has just been written as a whole, no message tells of the mark alone.
        let mut last = self.last_mark;
        self.visit_entries(&mut |_, _, value| {
            if let Some((MARK, number)) = value.split_first_chunk::<8>()
                && let Ok(number) = number.try_into()
            {
                last = last.max(u64::from_be_bytes(number));
            }
        })?;
        Ok(last)
    }
}
