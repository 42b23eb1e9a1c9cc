//! Where the engine ends when it goes through a log.
//!
//! It starts from its snapshot, which says where each page was when the log reached up to there, and goes through the log
//! twice (`raw_segment_iter_from` in `pagecache/iterator.rs`). First from the start of one segment on: the one that holds
//! the last byte that any header calls written, or the one that the snapshot reaches into, whichever is later. There the
//! first message that is not whole ends the log, and so does the first segment that is missing; where that segment itself
//! is missing, the log has no end at all, and everything behind the snapshot is lost. Then from the snapshot up to that
//! end: there a bad message only ends its segment, and a batch that goes beyond the end is left out with all that follows.
//! What lies behind the end is filled with zeros.
//!
//! So a bad place in a segment that nothing needs any more can cost the engine what was durable behind it. It does not
//! where the snapshot reaches further: then that segment is not read again. This tells whether the engine gets as far as
//! it must, and else where a snapshot that is made for it should reach to.

use super::Lsn;
use super::format::{LONGEST_HEAD, SEGMENT, SEGMENT_HEADER, lsn};
use super::segments::Segments;

/// The rule that a log is ended by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// From here on a bad place ends it.
    bad_from: Lsn,
    /// None of the segments from this one on may be missing.
    whole_from: u64,
    /// Whether the engine keeps to that with the snapshot that it has.
    pub(super) is_the_engines: bool,
}

impl Ending {
    /// The engine's own, with a snapshot that reaches up to `snapshot`.
    pub(super) fn of_engine(segments: &Segments, snapshot: Lsn) -> Self {
        let segment = SEGMENT as u64;
        let reached = snapshot / segment;
        let first = reached.max(segments.stable_end.saturating_sub(1) / segment);
        // A snapshot can reach up to where a segment would begin that was never written.
        let is_behind_all =
            snapshot.is_multiple_of(segment) && segments.slots.range(reached..).next().is_none();
        let is_found = segments.slots.get(&first).is_some_and(|slot| slot.has_header);
        // Of a segment that ends with the file, it takes a message that would end behind that for the end of all.
        let is_incomplete = segments.incomplete().is_some_and(|number| (reached..first).contains(&number));
        Self {
            bad_from: lsn(first, 0),
            whole_from: snapshot.max(segments.stable_end).div_ceil(segment),
            is_the_engines: (is_found || is_behind_all) && !is_incomplete,
        }
    }

    /// What it must be where that would lose something: what was durable, up to `certain`, is ended by nothing.
    pub(super) fn behind(self, certain: Lsn) -> Self {
        let whole_from = self.whole_from.max(certain.div_ceil(SEGMENT as u64));
        Self { bad_from: certain, whole_from, is_the_engines: false }
    }

    pub(super) fn is_ended_by_bad_place(&self, at: Lsn) -> bool {
        at >= self.bad_from
    }

    /// Whether the log ends before segment `number`, which follows segment `last` in it.
    pub(super) fn is_ended_before(&self, number: u64, last: Option<u64>, has_header: bool) -> bool {
        let expected = last.map_or(0, |last| last + 1).max(self.whole_from);
        number > expected || !has_header && lsn(number, 0) >= self.bad_from
    }

    /// Whether that is a bad place which the engine passes over, with all that follows in its segment: a hole in what was not
    /// durable, though a header calls it written.
    pub(super) fn is_passed_over(&self, at: Lsn, certain: Lsn) -> bool {
        (certain..self.bad_from).contains(&at)
    }
}

/// Up to where a snapshot reaches that says that the log ends at `end`, and the number of the segment that goes on there,
/// if there is room left in it.
pub(super) fn tip(end: Lsn) -> (Lsn, Option<u64>) {
    let segment = SEGMENT as u64;
    let (number, progress) = (end / segment, end % segment);
    match progress {
        0 => (end, None),
        _ if progress + LONGEST_HEAD as u64 >= segment => (lsn(number + 1, 0), None),
        _ => (end.max(lsn(number, SEGMENT_HEADER)), Some(number)),
    }
}
