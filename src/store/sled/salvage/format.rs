//! Messages and the headers of segments, as they lie in the file.
//!
//! All of it is read out of bytes that may be anything: no length is believed before it was held against what is there.

use std::ops::Range;

/// The length of a segment: the engine's default, which it is always opened with (`config.rs`).
pub(super) const SEGMENT: usize = 512 << 10;

/// The length of a segment's header (`pagecache/constants.rs`).
pub(super) const SEGMENT_HEADER: usize = 20;

/// No message begins nearer to the end of a segment (`valid_entry_offset` in `pagecache/iterator.rs`).
pub(super) const LONGEST_HEAD: usize = 32;

/// More segments than any log has, so that a log sequence number never overflows.
pub(super) const SEGMENTS: u64 = 1 << 40;

/// What is flipped in the numbers of a segment's header (`pagecache/logger.rs`).
const FLIPPED: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// The log sequence number of the byte at `at` of segment `number`.
pub(super) const fn lsn(number: u64, at: usize) -> u64 {
    number * SEGMENT as u64 + at as u64
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Which segment of the log it is, counted from 0.
    pub(super) number: u64,
    /// Everything below this log sequence number had been written when the segment was begun.
    pub(super) stable_end: u64,
}

/// Reads the header of a segment; `None` where there is none that is whole.
pub(super) fn segment_header(segment: &[u8]) -> Option<SegmentHeader> {
    let header = segment.first_chunk::<SEGMENT_HEADER>()?;
    let (crc, numbers) = header.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*crc) != !crc32fast::hash(numbers) && !cfg!(fuzzing) {
        return None;
    }
    let (base, rest) = numbers.split_first_chunk::<8>()?;
    let base = u64::from_le_bytes(*base) ^ FLIPPED;
    // It is -1 where nothing had been written yet.
    let stable_end = (u64::from_le_bytes(*rest.first_chunk::<8>()?) ^ FLIPPED).wrapping_add(1);
    let number = base / SEGMENT as u64;
    let is_sane = base.is_multiple_of(SEGMENT as u64) && number < SEGMENTS && stable_end <= base;
    is_sane.then_some(SegmentHeader { number, stable_end })
}

/// The header of a segment before which nothing had been written.
#[cfg(test)]
pub(super) fn header_of(number: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[4..12].copy_from_slice(&(lsn(number, 0) ^ FLIPPED).to_le_bytes());
    header[12..].copy_from_slice(&(u64::MAX ^ FLIPPED).to_le_bytes());
    let checksum = !crc32fast::hash(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// What a message is for (`MessageKind` in `pagecache/mod.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: its writer gave up.
    Canceled,
    /// Fills a segment to its end.
    Cap,
    /// Begins a batch, and says where it ends.
    Batch,
    /// A page is no more.
    Free,
    /// All of a page that is no node of a tree: the names of the trees, or the counter of ids.
    Other,
    /// All of a page.
    Node { in_blob: bool },
    /// A change of a page.
    Link { in_blob: bool },
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Canceled,
            2 => Self::Cap,
            3 => Self::Batch,
            4 => Self::Free,
            5..=7 => Self::Other,
            8 | 9 => Self::Node { in_blob: code == 9 },
            10 | 11 => Self::Link { in_blob: code == 11 },
            _ => return None,
        })
    }

    /// The code of a kind whose body lies in a file of its own.
    pub(super) fn blob_code(self) -> Option<u8> {
        match self {
            Self::Node { in_blob: true } => Some(9),
            Self::Link { in_blob: true } => Some(11),
            _ => None,
        }
    }
}

/// A message that is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// The segment that it was written for.
    pub(super) number: u64,
    pub(super) page: u64,
    head: usize,
    body: usize,
}

impl Message {
    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.head + self.body
    }

    /// Where its body is, counted from its start.
    pub(super) fn body(&self) -> Range<usize> {
        self.head..self.size()
    }
}

/// Reads what stands at the start of `bytes` if it could be the head of a message with all of its body behind it; its
/// checksum is the caller's business.
pub(super) fn head(bytes: &[u8]) -> Option<Message> {
    let (_, rest) = bytes.split_first_chunk::<4>()?;
    let (code, rest) = rest.split_first()?;
    let kind = Kind::of(*code)?;
    let (body, rest) = number(rest)?;
    let (number_, rest) = number(rest)?;
    let (page, rest) = number(rest)?;
    let body = usize::try_from(body).ok().filter(|body| *body <= rest.len())?;
    let head = bytes.len() - rest.len();
    (number_ < SEGMENTS).then_some(Message { kind, number: number_, page, head, body })
}

/// Whether the checksum of the message at the start of `bytes` is right, of which [`head`] gave the head.
pub(super) fn is_whole(bytes: &[u8], message: &Message) -> bool {
    let (Some(head), Some(body)) = (bytes.get(..message.head), bytes.get(message.body())) else {
        return false;
    };
    // First the body, then the head behind the checksum (`calculate_message_crc32` in `lib.rs`).
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(&head[4..]);
    cfg!(fuzzing) || head.first_chunk::<4>().is_some_and(|crc| u32::from_le_bytes(*crc) == !hasher.finalize())
}

/// Cuts a number of variable length off the front (`impl Serialize for u64` in `serialization.rs`).
pub(super) fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let next = |count| {
        let (head, tail) = rest.split_at_checked(count)?;
        let mut bytes = [0; 8];
        bytes[..count].copy_from_slice(head);
        Some((bytes, tail))
    };
    Some(match *first {
        small @ 0..=240 => (u64::from(small), rest),
        high @ 241..=248 => {
            let ([low, ..], rest) = next(1)?;
            (240 + 256 * (u64::from(high) - 241) + u64::from(low), rest)
        }
        249 => {
            let ([high, low, ..], rest) = next(2)?;
            (2288 + 256 * u64::from(high) + u64::from(low), rest)
        }
        length @ 250..=255 => {
            let (bytes, rest) = next(usize::from(length - 247))?;
            (u64::from_le_bytes(bytes), rest)
        }
    })
}

/// Cuts bytes with their length before them off the front.
pub(super) fn bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}
