//! Reading the engine's log without the engine: what can be read of a damaged one, and whether it is damaged at all.
//!
//! The engine cannot be asked. Opening takes a message with a wrong checksum for the end of its segment, and goes on with
//! the next one (`last_stage` in `pagecache/iterator.rs`); where that was the last, it fills what lies behind with zeros
//! (`pagecache/snapshot.rs`). Nothing here writes. File names in this module without a path of this crate are those of
//! sled 0.34.7.
//!
//! # The log
//!
//! One file, in segments of 512 KiB. Each begins with a header: its place in the log, and up to where the log had been
//! written by then. Then come messages, each with a checksum, the number of its segment and the page that it is about: all
//! of the page, a change of it, or its end. A page's newest state is its newest full message and the changes behind it. A
//! segment none of whose messages belongs to a newest state any more is free, and is used again for a later place in the
//! log.
//!
//! # What a crash leaves
//!
//! A process that is killed, or a power cut, leaves bad places too:
//!
//! - The tail. Buffers are written side by side, so anything may be missing there. Where it begins, the headers do not
//!   tell: what they call written has been handed to the disk (`sync_file_range`), whose cache may be volatile. So the store
//!   itself writes a mark before each sync of the file ([`MARK`]), and notes its number elsewhere when the sync is done
//!   (`witness.rs`): what stands before a mark that was witnessed, or that another one follows, was durable.
//! - A free segment that was being filled with zeros or with a later part of the log: old and new messages in it, torn
//!   ones between them, a header that is old, new or zero.
//! - Behind the last message of the log, what was there before.
//!
//! # The verdict
//!
//! So this is damage, whatever happened ([`LogImage::verdict`]):
//!
//! - A bad place, or a bad header, below the tail in a segment *that holds a part of some page's newest state*. Such a
//!   segment is not free, so nobody wrote to it since; and below the tail its messages follow each other without a hole up
//!   to its end. It need not be followed by a good message.
//! - A change below the tail of a page that is not there, or a page number below the tail that no message tells of. A
//!   page's newest state is never given up before the next one has been written, freed pages included; pages are numbered
//!   without a gap.
//!
//! - A page whose newest state is older than it is known to have been (`floors.rs`). A segment counts as holding something
//!   by what can be read: where all of that was in the bad place, it looks free; and where a whole segment is gone that
//!   held changes only, nothing in the log tells of it.
//!
//! # What is read of a damaged log
//!
//! Behind a bad message, the next good one of the same segment is looked for. A batch is left out if its end was never
//! written; and where in the tail something was never written, what follows is left out up to where the next batch
//! begins, as it may be of a batch: its first message is written last (`pin_log` in `pagecache/mod.rs`). A page whose newest full message is bad falls back to an older one that has not been overwritten; so a value
//! may be older than the one that was lost, or one that had been removed, but is always one that was written under that
//! key.
//!
//! For that, changes need care: they name a key without the prefix that all keys of the page share. That prefix changes
//! when a page is split, merged, or freed and used again, which is a full message. Where one may have been lost between a
//! full message and a change, the change only counts if it is to a key that the page has, and names so much of it that
//! no other key ends in that.

mod format;
mod page;
mod scan;
mod segment;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use format::{Kind, Message, SEGMENT, SEGMENT_HEADER, SegmentHeader, lsn};
use scan::{Item, Scanned};
use segment::{Found, Next};
pub(super) use table::Tail;
use table::{Gaps, Page, Place, Table};
pub(super) use tree::{Fault, LogTrees, Slice, Walk};

use crate::read_at::read_at;

/// What the values of the marks of syncs begin with. The rest is their number, a big-endian u64.
pub(super) const MARK: &[u8; 8] = b"\xFFmarked\xFF";

/// A place in the log, which orders what was written. The engine has it signed; it is never negative in a message.
pub(super) type Lsn = u64;

/// A part of the file that cannot be read, or that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Damage {
    /// Where in the file.
    pub(super) offset: u64,
    /// How many bytes; 0 where it is not known.
    pub(super) length: u64,
    /// What should be there.
    pub(super) what: Missing,
}

/// What should be in a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    /// A segment's header.
    Header,
    /// Messages.
    Messages,
    /// Nothing; but a page that this message changes is missing elsewhere.
    PageOfLink,
    /// Page numbers that no message tells of; where they would be is not known.
    Pages,
    /// The newest state of a page, in a segment that is there.
    State,
    /// The newest state of a page, in a segment that is not. The offset is one in the log.
    Segment,
    /// A message that could be read before, or whose body is in a file that cannot be read.
    Body,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, length, what } = self;
        match what {
            Missing::Header => write!(f, "the header of the segment at byte {offset}"),
            Missing::Messages => write!(f, "{length} bytes from byte {offset} on"),
            Missing::PageOfLink => write!(f, "the page that the change at byte {offset} is about"),
            Missing::Pages => write!(f, "pages of which nothing is there"),
            Missing::State => {
                write!(f, "the newest state of a page, which was in the segment at byte {offset}")
            }
            Missing::Segment => write!(f, "the segment with what the log had at its byte {offset}"),
            Missing::Body => write!(f, "what the message at byte {offset} holds"),
        }
    }
}

/// What is in a log, by place: the values themselves stay on disk.
#[derive(Debug)]
pub(super) struct LogImage {
    file: File,
    blobs: PathBuf,
    table: Table,
    gaps: Gaps,
    damage: Vec<Damage>,
    verdict: Option<Damage>,
    /// Up to where it is certain that everything had been durable.
    certain_end: u64,
    /// Where the last message ends.
    end: u64,
    /// The segments: their numbers, and where they lie.
    segments: BTreeMap<u64, u64>,
    last_mark: u64,
    /// The CRC-32 of each 512 KiB of the file.
    checksums: Vec<u32>,
    length: u64,
}

/// How the last one to write the log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All had been written and made durable.
    Closed,
    /// It was killed, or its power was cut, or nobody knows. The mark of that number, and those before it, were durable.
    Somehow { witnessed: u64 },
}

/// What the store writes into the log before each sync of the file: see [`MARK`]. The numbers, and where they stand.
#[derive(Debug, Default)]
struct Marks(Vec<(u64, u64)>);

impl Marks {
    fn last(&self) -> u64 {
        self.0.iter().map(|(number, _)| *number).max().unwrap_or_default()
    }

    /// Where the last mark stands that was durable: one that was witnessed, or that another one follows, which was
    /// written after its sync.
    fn durable_end(&self, witnessed: u64) -> u64 {
        let durable = witnessed.max(self.last().saturating_sub(1));
        let ends = self.0.iter().filter(|(number, _)| *number <= durable).map(|(_, lsn)| *lsn);
        ends.max().unwrap_or_default()
    }
}

/// The number of the mark that a change sets; `None` where it sets something else.
fn mark_of(link: &[u8]) -> Option<u64> {
    let (before, number) = link.split_last_chunk::<8>()?;
    before.ends_with(MARK).then(|| u64::from_be_bytes(*number))
}

/// A segment of the file that has a number.
#[derive(Debug, Clone, Copy)]
struct Slot {
    offset: u64,
    has_header: bool,
}

/// A bad place in one of them.
#[derive(Debug, Clone, Copy)]
struct Bad {
    slot: Slot,
    number: u64,
    at: usize,
    end: usize,
    next: Next,
}

impl LogImage {
    /// Reads the log in the file at `path`, which nobody writes to meanwhile, for whoever wants to know what can be salvaged.
    ///
    /// # Errors
    ///
    /// The disk's. Bytes that make no sense are no error.
    pub(super) fn read(path: &Path, how: Ended) -> io::Result<Self> {
        Self::read_with(path, how, Tail::Salvaged, &|_, _| {})
    }

    /// The same; says what becomes of the tail, and tells how many bytes of how many were read.
    pub(super) fn read_with(
        path: &Path,
        how: Ended,
        tail: Tail,
        progress: &dyn Fn(u64, u64),
    ) -> io::Result<Self> {
        let segments = find_segments(&File::open(path)?, &mut vec![0; SEGMENT])?;
        let image = Self::build(path, &segments, segments.stable_end, how, tail, progress)?;
        // What is known to have been durable is torn by nothing: less of it need be left out.
        let certain = image.certain_end;
        let is_cut = image.table.cut_at.is_some_and(|cut| cut < certain);
        if certain > segments.stable_end && (is_cut || !image.damage.is_empty()) {
            return Self::build(path, &segments, certain, how, tail, progress);
        }
        Ok(image)
    }

    #[expect(clippy::too_many_lines, reason = "one pass, and what follows from it")]
    fn build(
        path: &Path,
        segments: &Segments,
        stable_end: u64,
        how: Ended,
        tail: Tail,
        progress: &dyn Fn(u64, u64),
    ) -> io::Result<Self> {
        let file = File::open(path)?;
        let blobs = path.with_file_name("blobs");
        let Segments { slots, stable_end: _, damage, nameless, unscanned } = segments;
        let (mut damage, nameless) = (damage.clone(), *nameless);
        let mut marks = Marks::default();

        // The last of the file is whole, unless it is the log's last.
        let length = file.metadata()?.len();
        let is_cut = !length.is_multiple_of(SEGMENT as u64)
            && slots.last_key_value().is_none_or(|(_, last)| last.offset + (SEGMENT as u64) < length);

        let mut checksums: BTreeMap<u64, u32> = unscanned.iter().copied().collect();
        let mut table = Table::new(tail);
        let mut bad = Vec::new();
        let mut end = 0_u64;
        let in_order: Vec<(u64, Slot)> = slots.iter().map(|(number, slot)| (*number, *slot)).collect();
        let places: Vec<(u64, u64)> = in_order.iter().map(|(number, slot)| (*number, slot.offset)).collect();
        scan::in_order(&file, &places, |at, scanned| {
            let (number, slot) = in_order[at];
            progress(at as u64 * SEGMENT as u64, length);
            let Scanned { items, marks: found, checksum } = scanned;
            checksums.insert(slot.offset, checksum);
            marks.0.extend(found.into_iter().map(|(mark, at)| (mark, lsn(number, at as usize))));
            let start = lsn(number, 0);
            if start > stable_end && start > end.next_multiple_of(SEGMENT as u64) {
                table.tear(end, start);
            }
            for item in items {
                match item {
                    Item::Message { at, size, kind, page } => {
                        let lsn = lsn(number, at as usize);
                        table.add(page, Place { lsn, offset: slot.offset + u64::from(at), size, kind });
                        end = lsn + u64::from(size);
                    }
                    Item::Batch { at, size, last } => {
                        let lsn = lsn(number, at as usize);
                        table.begin(lsn, last);
                        end = lsn + u64::from(size);
                    }
                    Item::Bad { at, end, next } => {
                        let (at, end) = (at as usize, end as usize);
                        if matches!(next, Next::Nothing | Next::Found) && lsn(number, end) > stable_end {
                            table.tear(lsn(number, at), lsn(number, end));
                        }
                        bad.push(Bad { slot, number, at, end, next });
                    }
                }
            }
        })?;
        table.finish(end);
        let certain_end = match how {
            Ended::Closed => end,
            Ended::Somehow { witnessed } => marks.durable_end(witnessed),
        };
        let last_mark = marks.last();

        // A segment that holds a part of a page's newest state is not free.
        let in_use: HashSet<u64> = table
            .pages
            .values()
            .flat_map(Page::places)
            .map(|place| place.offset - place.offset % SEGMENT as u64)
            .collect();
        let mut verdict: Vec<Damage> = missing_pages(&table, certain_end).collect();
        for (number, slot) in slots.iter().filter(|(_, slot)| !slot.has_header) {
            if in_use.contains(&slot.offset) {
                let header =
                    Damage { offset: slot.offset, length: SEGMENT_HEADER as u64, what: Missing::Header };
                damage.push(header);
                if lsn(*number, 0) < certain_end {
                    verdict.push(header);
                }
            }
        }
        let mut gaps = table.left_out.clone();
        for bad in bad.iter().filter(|bad| in_use.contains(&bad.slot.offset)) {
            let start = lsn(bad.number, bad.at);
            let place = Damage {
                offset: bad.slot.offset + bad.at as u64,
                length: (bad.end - bad.at) as u64,
                what: Missing::Messages,
            };
            if bad.next != Next::Link {
                gaps.push(start);
            }
            if bad.next != Next::Nothing || start < stable_end.max(certain_end) {
                damage.push(place);
            }
            if start < certain_end {
                verdict.push(place);
            }
        }
        damage.extend(missing_pages(&table, u64::MAX));
        damage.sort_unstable();
        damage.dedup();
        // A segment below the tail that is missing was free, unless there is damage, and what is left of it may be there
        // without a number, or behind the end of the file.
        let may_be_lost = !damage.is_empty()
            && (nameless > 0 || is_cut || damage.iter().any(|damage| damage.what != Missing::Messages));
        let from = if may_be_lost { 0 } else { stable_end / SEGMENT as u64 };
        gaps.extend(table::missing(slots.keys().copied(), from));
        if !damage.is_empty() {
            gaps.extend(bad.iter().filter(|bad| bad.next != Next::Link).map(|bad| lsn(bad.number, bad.at)));
        }
        let verdict = verdict.into_iter().min();
        let segments = slots.iter().map(|(number, slot)| (*number, slot.offset)).collect();
        Ok(Self {
            file,
            blobs,
            table,
            gaps: Gaps::of(gaps),
            damage,
            verdict,
            certain_end,
            end,
            segments,
            last_mark,
            checksums: checksums.into_values().collect(),
            length,
        })
    }

    /// The length of the file, and the CRC-32 of each 512 KiB of it.
    pub(super) fn checksums(&self) -> (u64, &[u32]) {
        (self.length, &self.checksums)
    }

    /// What could not be read, in the order of the file, as far as it is known that something was there.
    pub(super) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The number of the last sync that a message tells of as its mark alone; 0 where none does.
    pub(super) fn last_marked(&self) -> u64 {
        self.last_mark
    }

    /// The number of the last sync that is marked in it; 0 where none is.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(super) fn last_mark(&self) -> io::Result<u64> {
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

    /// Judges a store that was not closed properly: damage that no crash and no power cut explains, and that the engine
    /// would pass over in silence.
    pub(super) fn verdict(&self) -> Option<Damage> {
        self.verdict
    }

    /// The first page whose newest state is older than its floor, of those that were durable.
    pub(super) fn below(&self, floors: &BTreeMap<u64, Lsn>) -> Option<Damage> {
        let is_below = |page: &u64, floor: Lsn| {
            let places = self.table.pages.get(page).into_iter().flat_map(Page::places);
            floor < self.certain_end && places.map(|place| place.lsn).max() < Some(floor)
        };
        let (_, floor) = floors.iter().find(|(page, floor)| is_below(page, **floor))?;
        Some(match self.segments.get(&(floor / SEGMENT as u64)) {
            Some(offset) => Damage { offset: *offset, length: SEGMENT as u64, what: Missing::State },
            None => Damage { offset: *floor, length: 0, what: Missing::Segment },
        })
    }
}

/// The segments of a log that is being written, of which the newest may not be full: their numbers, and where they lie.
pub(super) fn numbers(log: &File) -> io::Result<BTreeMap<u64, u64>> {
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
pub(super) fn last_of_pages(log: &File, offset: u64, number: u64) -> io::Result<Vec<(u64, u32)>> {
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
pub(super) fn place(number: u64, at: u32) -> Option<Lsn> {
    (number < format::SEGMENTS).then(|| lsn(number, at as usize))
}

/// Changes without a page and page numbers without a message, as far as the log tells below `end`.
fn missing_pages(table: &Table, end: u64) -> impl Iterator<Item = Damage> {
    let links = table.pages.values().filter_map(move |page| match page {
        Page::Dangling(links) => links.first().filter(|first| first.lsn < end),
        _ => None,
    });
    let links = links.map(|link| Damage {
        offset: link.offset,
        length: u64::from(link.size),
        what: Missing::PageOfLink,
    });
    let known = table.pages.iter().filter(|(_, page)| page.places().any(|place| place.lsn < end));
    let highest = known.map(|(number, _)| *number).max();
    let has_hole = highest.is_some_and(|highest| {
        let found = table.pages.keys().filter(|number| **number <= highest).count();
        (found as u64) <= highest
    });
    links.chain(has_hole.then_some(Damage { offset: 0, length: 0, what: Missing::Pages }))
}

/// The last byte of the batch that `message` begins, which stands at the start of `bytes`.
fn last_of_batch(bytes: &[u8], message: &Message) -> u64 {
    let last = bytes.get(message.body()).and_then(<[u8]>::first_chunk::<8>);
    last.map_or(0, |last| u64::try_from(i64::from_le_bytes(*last)).unwrap_or(0))
}

struct Segments {
    /// By their number in the log.
    slots: BTreeMap<u64, Slot>,
    stable_end: u64,
    damage: Vec<Damage>,
    /// How many there are that do not tell their number.
    nameless: usize,
    /// Where those lie that are none of the log, or one of it twice, and their CRC-32s.
    unscanned: Vec<(u64, u32)>,
}

/// Finds out what segments there are.
fn find_segments(file: &File, buffer: &mut [u8]) -> io::Result<Segments> {
    let length = file.metadata()?.len();
    let mut found = Segments {
        slots: BTreeMap::new(),
        stable_end: 0,
        damage: Vec::new(),
        nameless: 0,
        unscanned: Vec::new(),
    };
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

/// The header of a segment.
#[cfg(test)]
pub(super) fn header_of(number: u64) -> [u8; SEGMENT_HEADER] {
    format::header_of(number)
}
