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
//! # Where the log ends
//!
//! The engine ends it at the first thing that is not whole, from a place on that depends on its snapshot (`ending.rs`). For
//! it, and for whoever reads a store as it would, the log ends there too ([`Tail::Cut`]), but never before what was durable.
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

mod build;
mod damage;
mod ending;
mod format;
mod marks;
mod page;
mod scan;
mod segment;
mod segments;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

pub(super) use damage::{Damage, Missing};
pub(super) use marks::MARK;
pub(super) use segments::{last_of_pages, numbers, place};
use table::{Gaps, Table};
pub(super) use tree::{Fault, LogTrees, Slice, Walk};

/// A place in the log, which orders what was written. The engine has it signed; it is never negative in a message.
pub(super) type Lsn = u64;

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
    certain_end: Lsn,
    /// Where the log ends: behind its last message, or where it was cut.
    end: Lsn,
    is_as_the_engine: bool,
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

/// What becomes of that which stands in the tail of the log behind something that was never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// What is whole is taken: for whoever brings back what can be brought back.
    Salvaged,
    /// The log ends there, as for an engine that has a snapshot of it which reaches up to that place; 0 where it has none.
    /// What was durable is all there, also where the engine would need another snapshot to get to it
    /// ([`LogImage::is_as_the_engine`]).
    Cut { snapshot: Lsn },
}

impl LogImage {
    /// The length of the file, and the CRC-32 of each 512 KiB of it.
    pub(super) fn checksums(&self) -> (u64, &[u32]) {
        (self.length, &self.checksums)
    }

    /// What could not be read, in the order of the file, as far as it is known that something was there.
    pub(super) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Whether the engine, with the snapshot that it has, would go on with what is in here.
    pub(super) fn is_as_the_engine(&self) -> bool {
        self.is_as_the_engine
    }
}

/// The header of a segment.
#[cfg(test)]
pub(super) fn header_of(number: u64) -> [u8; format::SEGMENT_HEADER] {
    format::header_of(number)
}
