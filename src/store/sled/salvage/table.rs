//! Where the newest state of each page lies.

use std::collections::HashMap;
use std::mem;

use super::format::{Kind, lsn};

/// Where a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) lsn: u64,
    pub(super) offset: u64,
    /// A message lies in one segment.
    pub(super) size: u32,
    pub(super) kind: Kind,
}

impl Place {
    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    fn end(&self) -> u64 {
        self.lsn.saturating_add(u64::from(self.size))
    }
}

/// What the log says of a page.
#[derive(Debug)]
pub(super) enum Page {
    /// All of it, and the changes since.
    Present { base: Place, links: Vec<Place> },
    /// It is no more.
    Free(Place),
    /// Changes of something that was not found.
    Dangling(Vec<Place>),
}

impl Page {
    /// The messages that its state is made of.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        let (base, links) = match self {
            Self::Present { base, links } => (Some(base), links.as_slice()),
            Self::Free(place) => (Some(place), [].as_slice()),
            Self::Dangling(links) => (None, links.as_slice()),
        };
        base.into_iter().chain(links)
    }
}

/// The pages, as the messages that were applied so far leave them. Messages come in the order of their log sequence
/// numbers.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) pages: HashMap<u64, Page, foldhash::fast::FixedState>,
    /// Where the log was ended.
    pub(super) cut_at: Option<u64>,
    /// A batch whose end has not been seen yet, and may never have been written.
    held: Option<Held>,
    /// Where batches began that were left out.
    pub(super) left_out: Vec<u64>,
}

#[derive(Debug)]
struct Held {
    first: u64,
    last: u64,
    /// Whether a part of it was never written.
    is_torn: bool,
    messages: Vec<(u64, Place)>,
}

impl Table {
    /// A batch begins at `first` whose last byte is `last`. One of them is open at a time (`concurrency_control.rs`).
    pub(super) fn begin(&mut self, first: u64, last: u64) {
        self.release();
        if self.cut_at.is_some() {
            return;
        }
        self.held = Some(Held { first, last, is_torn: false, messages: Vec::new() });
    }

    /// The log ends at `at`, or with the batch that is open: nothing is taken any more.
    pub(super) fn cut(&mut self, at: u64) {
        if self.cut_at.is_some() {
            return;
        }
        match self.held.take_if(|held| held.last >= at) {
            Some(held) => self.cut_at = Some(held.first),
            None => {
                self.release();
                self.cut_at = Some(at);
            }
        }
    }

    /// From `from` to `end` something was never written. A batch may have begun there, so what follows is left out up to
    /// where the next one begins.
    pub(super) fn tear(&mut self, from: u64, end: u64) {
        let held = self.held.get_or_insert_with(|| Held {
            first: from,
            last: u64::MAX,
            is_torn: true,
            messages: Vec::new(),
        });
        held.is_torn = true;
        if held.last < end {
            held.last = u64::MAX;
        }
    }

    /// A message comes.
    pub(super) fn add(&mut self, page: u64, place: Place) {
        match &mut self.held {
            _ if self.cut_at.is_some() => {}
            None => self.apply(page, place),
            Some(held) => {
                held.messages.push((page, place));
                if place.end() > held.last {
                    self.release();
                }
            }
        }
    }

    /// The batch that is open ends: it is applied, or left out.
    fn release(&mut self) {
        let Some(held) = self.held.take() else { return };
        if held.is_torn {
            self.left_out.push(held.first);
            return;
        }
        for (page, place) in held.messages {
            self.apply(page, place);
        }
    }

    /// No more messages come, and the last that could be read ended before `end`. A batch that goes on beyond is left out,
    /// or the log `is_cut` there.
    pub(super) fn finish(&mut self, end: u64, is_cut: bool) {
        if is_cut && self.held.as_ref().is_some_and(|held| held.last >= end) {
            self.cut(end);
        }
        if let Some(held) = &mut self.held {
            held.is_torn |= held.last >= end;
        }
        self.release();
    }

    /// As `Snapshot::apply` does (`pagecache/snapshot.rs`), but a change whose page is missing is kept.
    fn apply(&mut self, page: u64, place: Place) {
        match place.kind {
            Kind::Canceled | Kind::Cap | Kind::Batch => {}
            Kind::Free => drop(self.pages.insert(page, Page::Free(place))),
            Kind::Other | Kind::Node { .. } => match self.pages.entry(page).or_insert(Page::Free(place)) {
                // What its changes took is good for the next ones.
                Page::Present { base, links } => {
                    *base = place;
                    links.clear();
                }
                page => drop(mem::replace(page, Page::Present { base: place, links: Vec::new() })),
            },
            Kind::Link { .. } => match self.pages.get_mut(&page) {
                Some(Page::Present { links, .. } | Page::Dangling(links)) => links.push(place),
                Some(Page::Free(_)) | None => {
                    self.pages.insert(page, Page::Dangling(vec![place]));
                }
            },
        }
    }
}

/// Stretches of the log of which nothing is known: a page may have been rewritten there.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    starts: Vec<u64>,
}

impl Gaps {
    pub(super) fn of(mut starts: Vec<u64>) -> Self {
        starts.sort_unstable();
        Self { starts }
    }

    /// Whether one of them lies between two messages.
    pub(super) fn lie_between(&self, from: u64, to: u64) -> bool {
        let first = self.starts.partition_point(|start| *start <= from);
        self.starts.get(first).is_some_and(|start| *start < to)
    }
}

/// The starts of the runs of segments that are missing between `numbers`, which are sorted, from segment `from` on.
pub(super) fn missing(numbers: impl Iterator<Item = u64>, from: u64) -> Vec<u64> {
    let mut next = 0;
    let mut starts = Vec::new();
    for number in numbers {
        if number > next && number > from {
            starts.push(lsn(next.max(from), 0));
        }
        next = number.saturating_add(1);
    }
    starts
}
