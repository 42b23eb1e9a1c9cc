//! What is wrong with a log, and whether a crash explains it.

use std::collections::BTreeMap;
use std::fmt;

use super::format::SEGMENT;
use super::table::{Page, Table};
use super::{LogImage, Lsn};

/// A part of the file that cannot be read, or that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Damage {
    /// Where in the file.
    pub(in super::super) offset: u64,
    /// How many bytes; 0 where it is not known.
    pub(in super::super) length: u64,
    /// What should be there.
    pub(in super::super) what: Missing,
}

/// What should be in a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Missing {
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

impl LogImage {
    /// Judges a store that was not closed properly: damage that no crash and no power cut explains, and that the engine
    /// would pass over in silence.
    pub(in super::super) fn verdict(&self) -> Option<Damage> {
        self.verdict
    }

    /// The first page whose newest state is older than its floor, of those that were durable.
    pub(in super::super) fn below(&self, floors: &BTreeMap<u64, Lsn>) -> Option<Damage> {
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

/// Changes without a page and page numbers without a message, as far as the log tells below `end`.
pub(super) fn missing_pages(table: &Table, end: u64) -> impl Iterator<Item = Damage> {
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
