//! Reading a log: what its segments hold becomes places of pages, and what is wrong with it shows.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;

use super::damage::{Damage, Missing, missing_pages};
use super::ending::Ending;
use super::format::{SEGMENT, SEGMENT_HEADER, lsn};
use super::marks::Marks;
use super::scan::{self, Item, Scanned};
use super::segment::Next;
use super::segments::{Segments, Slot, find_segments};
use super::table::{self, Gaps, Page, Place, Table};
use super::{Ended, LogImage, Tail};

/// A bad place in a segment.
#[derive(Debug, Clone, Copy)]
struct Bad {
    slot: Slot,
    number: u64,
    at: usize,
    end: usize,
    next: Next,
}

impl Bad {
    fn start(&self) -> u64 {
        lsn(self.number, self.at)
    }

    fn damage(&self) -> Damage {
        Damage {
            offset: self.slot.offset + self.at as u64,
            length: (self.end - self.at) as u64,
            what: Missing::Messages,
        }
    }
}

/// What becomes of the tail.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// What is whole is taken, but for what may be of a batch of which something above that place was never written.
    TornAbove(u64),
    /// It ends where that says.
    Cut(Ending),
}

/// What going through the segments gathers.
#[derive(Debug)]
struct Gathered<'s> {
    segments: &'s Segments,
    rule: Rule,
    table: Table,
    marks: Marks,
    bad: Vec<Bad>,
    checksums: BTreeMap<u64, u32>,
    /// Where the last message ends.
    end: u64,
    /// The last segment.
    last: Option<u64>,
}

impl LogImage {
    /// Reads the log in the file at `path`, which nobody writes to meanwhile, for whoever wants to know what can be salvaged.
    ///
    /// # Errors
    ///
    /// The disk's. Bytes that make no sense are no error.
    pub(in super::super) fn read(path: &Path, how: Ended) -> io::Result<Self> {
        Self::read_with(path, how, Tail::Salvaged, &|_, _| {})
    }

    /// The same; says what becomes of the tail, and tells how many bytes of how many were read.
    pub(in super::super) fn read_with(
        path: &Path,
        how: Ended,
        tail: Tail,
        progress: &dyn Fn(u64, u64),
    ) -> io::Result<Self> {
        let segments = find_segments(&File::open(path)?, &mut vec![0; SEGMENT])?;
        let build = |rule, snapshot| Self::build(path, &segments, rule, how, snapshot, progress);
        match tail {
            Tail::Salvaged => {
                let image = build(Rule::TornAbove(segments.stable_end), 0)?;
                // What is known to have been durable is torn by nothing: less of it need be left out.
                let certain = image.certain_end;
                if certain > segments.stable_end && !image.damage.is_empty() {
                    return build(Rule::TornAbove(certain), 0);
                }
                Ok(image)
            }
            Tail::Cut { snapshot } => {
                let ending = Ending::of_engine(&segments, snapshot);
                let image = build(Rule::Cut(ending), snapshot)?;
                if image.table.cut_at.is_some_and(|cut| cut < image.certain_end) {
                    return build(Rule::Cut(ending.behind(image.certain_end)), snapshot);
                }
                Ok(image)
            }
        }
    }

    fn build(
        path: &Path,
        segments: &Segments,
        rule: Rule,
        how: Ended,
        snapshot: u64,
        progress: &dyn Fn(u64, u64),
    ) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut gathered = Gathered::new(segments, rule);
        gathered.go_through(&file, progress)?;
        let Gathered { mut table, marks, bad, checksums, end, .. } = gathered;
        table.finish(end, matches!(rule, Rule::Cut(_)));
        let end = table.cut_at.unwrap_or(end);
        let certain_end = match how {
            Ended::Closed => end,
            Ended::Somehow { witnessed } => marks.durable_end(witnessed).max(snapshot),
        };

        // A segment that holds a part of a page's newest state is not free.
        let in_use: HashSet<u64> = table
            .pages
            .values()
            .flat_map(Page::places)
            .map(|place| place.offset - place.offset % SEGMENT as u64)
            .collect();
        let bad_in_use = || bad.iter().filter(|bad| in_use.contains(&bad.slot.offset));
        let headless = segments.slots.iter().filter(|(_, slot)| !slot.has_header);
        let headless: Vec<_> = headless.filter(|(_, slot)| in_use.contains(&slot.offset)).collect();
        let no_header = |slot: &Slot| Damage {
            offset: slot.offset,
            length: SEGMENT_HEADER as u64,
            what: Missing::Header,
        };

        let mut verdict: Vec<Damage> = missing_pages(&table, certain_end).collect();
        let certain = headless.iter().filter(|(number, _)| lsn(**number, 0) < certain_end);
        verdict.extend(certain.map(|(_, slot)| no_header(slot)));
        verdict.extend(bad_in_use().filter(|bad| bad.start() < certain_end).map(Bad::damage));

        let (mut damage, mut gaps) = (Vec::new(), Vec::new());
        let mut is_as_the_engine = true;
        match rule {
            Rule::Cut(ending) => {
                let passes_over = bad_in_use().any(|bad| ending.is_passed_over(bad.start(), certain_end));
                is_as_the_engine = ending.is_the_engines && !passes_over;
                // Where it is a segment's start, the one before had room left.
                if end < certain_end && !certain_end.is_multiple_of(SEGMENT as u64) {
                    verdict.push(Damage { offset: end, length: 0, what: Missing::Segment });
                }
            }
            Rule::TornAbove(torn_from) => {
                damage.clone_from(&segments.damage);
                damage.extend(headless.iter().map(|(_, slot)| no_header(slot)));
                damage.extend(missing_pages(&table, u64::MAX));
                let is_damage =
                    |bad: &&Bad| bad.next != Next::Nothing || bad.start() < torn_from.max(certain_end);
                damage.extend(bad_in_use().filter(is_damage).map(Bad::damage));
                damage.sort_unstable();
                damage.dedup();
                gaps.clone_from(&table.left_out);
                let unclear = |bad: &&Bad| bad.next != Next::Link;
                gaps.extend(bad_in_use().filter(unclear).map(Bad::start));
                if !damage.is_empty() {
                    gaps.extend(bad.iter().filter(unclear).map(Bad::start));
                }
                // A segment below the tail that is missing was free, unless there is damage, and what is left of it may
                // be there without a number, or behind the end of the file.
                let may_be_lost = !damage.is_empty()
                    && (segments.nameless > 0
                        || segments.is_cut_short()
                        || damage.iter().any(|damage| damage.what != Missing::Messages));
                let from = if may_be_lost { 0 } else { torn_from / SEGMENT as u64 };
                gaps.extend(table::missing(segments.slots.keys().copied(), from));
            }
        }
        Ok(Self {
            file,
            blobs: path.with_file_name("blobs"),
            table,
            gaps: Gaps::of(gaps),
            damage,
            verdict: verdict.into_iter().min(),
            certain_end,
            end,
            is_as_the_engine,
            segments: segments.slots.iter().map(|(number, slot)| (*number, slot.offset)).collect(),
            last_mark: marks.last(),
            checksums: checksums.into_values().collect(),
            length: segments.length,
        })
    }
}

impl<'s> Gathered<'s> {
    fn new(segments: &'s Segments, rule: Rule) -> Self {
        Self {
            segments,
            rule,
            table: Table::default(),
            marks: Marks::default(),
            bad: Vec::new(),
            checksums: segments.unscanned.iter().copied().collect(),
            end: 0,
            last: None,
        }
    }

    fn go_through(&mut self, file: &File, progress: &dyn Fn(u64, u64)) -> io::Result<()> {
        let in_order: Vec<(u64, Slot)> =
            self.segments.slots.iter().map(|(number, slot)| (*number, *slot)).collect();
        let places: Vec<(u64, u64)> = in_order.iter().map(|(number, slot)| (*number, slot.offset)).collect();
        scan::in_order(file, &places, |at, scanned| {
            let (number, slot) = in_order[at];
            progress(at as u64 * SEGMENT as u64, self.segments.length);
            self.begin(number, slot);
            self.take(number, slot, scanned);
        })
    }

    fn begin(&mut self, number: u64, slot: Slot) {
        let start = lsn(number, 0);
        match self.rule {
            Rule::TornAbove(torn_from) => {
                if start > torn_from && start > self.end.next_multiple_of(SEGMENT as u64) {
                    self.table.tear(self.end, start);
                }
            }
            Rule::Cut(ending) => {
                if ending.is_ended_before(number, self.last, slot.has_header) {
                    self.table.cut(self.end);
                }
            }
        }
        self.last = Some(number);
    }

    fn take(&mut self, number: u64, slot: Slot, scanned: Scanned) {
        let Scanned { items, marks, checksum } = scanned;
        self.checksums.insert(slot.offset, checksum);
        self.marks.0.extend(marks.into_iter().map(|(mark, at)| (mark, lsn(number, at as usize))));
        for item in items {
            match item {
                Item::Message { at, size, kind, page } => {
                    let lsn = lsn(number, at as usize);
                    self.table.add(page, Place { lsn, offset: slot.offset + u64::from(at), size, kind });
                    self.end = lsn + u64::from(size);
                }
                Item::Batch { at, size, last } => {
                    let lsn = lsn(number, at as usize);
                    self.table.begin(lsn, last);
                    self.end = lsn + u64::from(size);
                }
                Item::Bad { at, end, next } => {
                    let bad = Bad { slot, number, at: at as usize, end: end as usize, next };
                    self.end_at(&bad);
                    self.bad.push(bad);
                }
            }
        }
    }

    /// Ends the log at a bad place, if it is one that does that.
    fn end_at(&mut self, bad: &Bad) {
        let end = lsn(bad.number, bad.end);
        match self.rule {
            Rule::TornAbove(torn_from) => {
                if matches!(bad.next, Next::Nothing | Next::Found) && end > torn_from {
                    self.table.tear(bad.start(), end);
                }
            }
            Rule::Cut(ending) => {
                if ending.is_ended_by_bad_place(bad.start()) {
                    self.table.cut(bad.start());
                }
            }
        }
    }
}
