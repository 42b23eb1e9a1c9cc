//! The content of one file on a disk that loses its power: what is durable, what is not yet, and what may become of that.

use std::borrow::Cow;
use std::collections::HashMap;

use fastrand::Rng;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'t> {
    Write(usize, &'t [u8]),
    Length(usize),
}

impl Change<'_> {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(length, 0),
            Self::Write(offset, data) => {
                if bytes.len() < offset + data.len() {
                    bytes.resize(offset + data.len(), 0);
                }
                bytes[offset..offset + data.len()].copy_from_slice(data);
            }
        }
    }

    fn length_after(self, length: usize) -> usize {
        match self {
            Self::Length(length) => length,
            Self::Write(offset, data) => length.max(offset + data.len()),
        }
    }
}

/// What becomes of the changes to a file that were not durable when the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Survival {
    Nothing,
    Everything,
    /// Each change or not, whatever came before.
    EachChange,
    /// Each page as it was at some time since the last sync, and the length too.
    EachPage,
    /// All up to a change of which some sectors are written.
    Torn,
    /// The length but not the data: zeros.
    LengthOnly,
    /// The data as far as the old length goes.
    DataOnly,
}

impl Survival {
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Everything,
        Self::EachChange,
        Self::EachPage,
        Self::Torn,
        Self::LengthOnly,
        Self::DataOnly,
    ];

    pub(super) fn random(random: &mut Rng) -> Self {
        Self::ALL[random.usize(..Self::ALL.len())]
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Content<'t> {
    durable: Vec<u8>,
    pending: Vec<Change<'t>>,
}

impl<'t> Content<'t> {
    /// What was there when the power came.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes, pending: Vec::new() }
    }

    pub(super) fn change(&mut self, change: Change<'t>) {
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What a program reads that runs now.
    pub(super) fn current(&self) -> Cow<'_, [u8]> {
        self.after_first(self.pending.len())
    }

    fn after_first(&self, changes: usize) -> Cow<'_, [u8]> {
        let mut bytes = Cow::Borrowed(&self.durable[..]);
        for change in &self.pending[..changes] {
            change.apply(bytes.to_mut());
        }
        bytes
    }

    fn length_after_first(&self, changes: usize) -> usize {
        let length = self.durable.len();
        self.pending[..changes].iter().fold(length, |length, change| change.length_after(length))
    }

    /// What is found after the power comes back.
    pub(super) fn after_cut(&self, survival: Survival, random: &mut Rng) -> Cow<'_, [u8]> {
        let all = self.pending.len();
        match survival {
            Survival::Nothing => self.after_first(0),
            Survival::Everything => self.current(),
            Survival::EachChange => {
                let mut bytes = self.durable.clone();
                for change in &self.pending {
                    if random.bool() {
                        change.apply(&mut bytes);
                    }
                }
                bytes.into()
            }
            Survival::EachPage => self.each_page(random).into(),
            Survival::Torn if all == 0 => self.after_first(0),
            Survival::Torn => self.torn(random.usize(..all), random).into(),
            Survival::LengthOnly => {
                let mut bytes = self.durable.clone();
                bytes.resize(self.length_after_first(all), 0);
                bytes.into()
            }
            Survival::DataOnly => {
                let mut bytes = self.durable.clone();
                for change in &self.pending {
                    if matches!(change, Change::Write(..)) {
                        change.apply(&mut bytes);
                    }
                }
                bytes.truncate(self.durable.len());
                bytes.into()
            }
        }
    }

    /// The cache of the system writes pages when it pleases, in any order, and the length on its own.
    fn each_page(&self, random: &mut Rng) -> Vec<u8> {
        let all = self.pending.len();
        let some = |random: &mut Rng| match random.u8(..4) {
            0 => 0,
            1 => all,
            _ => random.usize(..=all),
        };
        let length = self.length_after_first(some(random));
        let mut bytes = self.durable.clone();
        let mut written: HashMap<usize, usize> = HashMap::new();
        for (index, change) in self.pending.iter().enumerate() {
            let (mut at, end) = match change {
                Change::Write(offset, data) => (*offset, offset + data.len()),
                Change::Length(length) => (*length, bytes.len()),
            };
            bytes.resize(bytes.len().max(end), 0);
            while at < end {
                let page = at / PAGE;
                let next = end.min((page + 1) * PAGE);
                if index < *written.entry(page).or_insert_with(|| some(random)) {
                    match change {
                        Change::Write(offset, data) => {
                            bytes[at..next].copy_from_slice(&data[at - offset..next - offset]);
                        }
                        Change::Length(_) => bytes[at..next].fill(0),
                    }
                }
                at = next;
            }
        }
        bytes.resize(length, 0);
        bytes
    }

    fn torn(&self, at: usize, random: &mut Rng) -> Vec<u8> {
        let mut bytes = self.after_first(at).into_owned();
        if let Change::Write(offset, data) = self.pending[at] {
            // Where a sector begins, somewhere in it.
            let cut = (offset + random.usize(..=data.len())) / SECTOR * SECTOR;
            let cut = cut.saturating_sub(offset).min(data.len());
            let kept = if random.bool() {
                Change::Write(offset, &data[..cut])
            } else {
                Change::Write(offset + cut, &data[cut..])
            };
            kept.apply(&mut bytes);
        }
        bytes
    }
}
