//! The segments of a log: which there are, and where they lie in the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use super::Lsn;
use super::damage::{Damage, Missing};
use super::format::{self, Kind, Message, SEGMENT, SEGMENT_HEADER, SegmentHeader, lsn};
use super::segment::{self, Found};
use crate::read_at::read_at;

/// A segment of the file that has a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) offset: u64,
    pub(super) has_header: bool,
}

/// The segments of a file.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// By their number in the log.
    pub(super) slots: BTreeMap<u64, Slot>,
    /// Everything below it had been written, says a header.
    pub(super) stable_end: u64,
    pub(super) damage: Vec<Damage>,
    /// How many there are that do not tell their number.
    pub(super) nameless: usize,
    /// Where those lie that are none of the log, or one of it twice, and their CRC-32s.
    pub(super) unscanned: Vec<(u64, u32)>,
    /// The length of the file.
    pub(super) length: u64,
}

impl Segments {
    /// Whether the file ends within a segment that is not the log's last, which is whole as long as it is in use.
    pub(super) fn is_cut_short(&self) -> bool {
        let newest = self.slots.last_key_value().map(|(_, newest)| newest.offset);
        !self.length.is_multiple_of(SEGMENT as u64)
            && newest.is_none_or(|newest| newest + (SEGMENT as u64) < self.length)
    }

    /// The number of the segment that is not all there, if it has one.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let is_incomplete = |slot: &Slot| slot.offset + SEGMENT as u64 > self.length;
        self.slots.iter().find(|(_, slot)| is_incomplete(slot)).map(|(number, _)| *number)
    }
}

/// Finds out what segments there are.
pub(super) fn find_segments(file: &File, buffer: &mut [u8]) -> io::Result<Segments> {
    let length = file.metadata()?.len();
    let mut found = Segments { length, ..Segments::default() };
    let mut headless = Vec::new();
    for offset in (0..length).step_by(SEGMENT) {
        let head = read_at(file, offset, &mut buffer[..SEGMENT_HEADER])?;
        match format::segment_header(head) {
            Some(SegmentHeader { number, stable_end }) => {
                found.stable_end = found.stable_end.max(stable_end);
                // The engine refuses a log that has one twice.
                let slot = found.slots.entry(number).or_insert(Slot { offset, has_header: true });
                if slot.offset != offset {
                    found.unscanned.push((offset, crc32fast::hash(read_at(file, offset, buffer)?)));
                }
            }
            None => headless.push(offset),
        }
    }
    for offset in headless {
        let segment = read_at(file, offset, buffer)?;
        match segment::number(segment) {
            Some(number) => {
                let slot = found.slots.entry(number).or_insert(Slot { offset, has_header: false });
                if slot.offset != offset {
                    found.unscanned.push((offset, crc32fast::hash(segment)));
                }
            }
            None => {
                found.unscanned.push((offset, crc32fast::hash(segment)));
                found.nameless += 1;
                if segment.iter().any(|byte| *byte != 0) {
                    let length = segment.len() as u64;
                    found.damage.push(Damage { offset, length, what: Missing::Messages });
                }
            }
        }
    }
    Ok(found)
}

/// The segments of a log that is being written, of which the newest may not be full: their numbers, and where they lie.
pub(in super::super) fn numbers(log: &File) -> io::Result<BTreeMap<u64, u64>> {
    let mut segments = BTreeMap::new();
    for offset in (0..log.metadata()?.len()).step_by(SEGMENT) {
        let mut header = [0; SEGMENT_HEADER];
        if let Some(header) = format::segment_header(read_at(log, offset, &mut header)?) {
            segments.insert(header.number, offset);
        }
    }
    Ok(segments)
}

/// The pages that the segment at `offset` tells of, and where in it their last messages begin.
pub(in super::super) fn last_of_pages(log: &File, offset: u64, number: u64) -> io::Result<Vec<(u64, u32)>> {
    let mut buffer = vec![0; SEGMENT];
    let segment = read_at(log, offset, &mut buffer)?;
    let mut pages = BTreeMap::new();
    segment::scan(segment, number, |found| {
        if let Found::Message(at, Message { kind, page, .. }) = found
            && !matches!(kind, Kind::Canceled | Kind::Cap | Kind::Batch)
        {
            pages.insert(page, u32::try_from(at).unwrap_or_default());
        }
    });
    Ok(pages.into_iter().collect())
}

/// The place in the log that is `at` bytes into a segment; `None` where no log has it.
pub(in super::super) fn place(number: u64, at: u32) -> Option<Lsn> {
    (number < format::SEGMENTS).then(|| lsn(number, at as usize))
}
