//! The entries of a page, put together from its messages.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use super::format::{self, Kind, SEGMENT};
use super::table::{Page, Place};
use super::{Damage, LogImage, Lsn, Missing};
use crate::read_at::read_at;

/// More than the engine ever wrote to a file of its own for us.
const LONGEST_BLOB: u64 = 64 << 20;

/// Gets the message that set an entry, its key and its value.
pub(super) type EntryVisitor<'v> = dyn FnMut(Lsn, &[u8], &[u8]) + 'v;

/// So many bytes at the end of a key are those of one key only: generated ids have as many that are random.
const SURE_LENGTH: usize = 16;

/// A page of a tree. The leaves of a tree stand in a chain, in the order of their keys.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Leaf),
    Index(Index),
}

/// Which keys a page may have: those from `low` on, and before `high` unless that is empty; and which page goes on there.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) low: Vec<u8>,
    pub(super) high: Vec<u8>,
    pub(super) next: Option<u64>,
}

impl Bounds {
    pub(super) fn are_below(&self, key: &[u8]) -> bool {
        !self.high.is_empty() && key >= self.high.as_slice()
    }
}

/// A page of entries.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) bounds: Bounds,
    prefix: usize,
    /// Keys, whole, and values.
    bytes: Vec<u8>,
    /// In the order of their keys.
    entries: Vec<LeafEntry>,
}

#[derive(Debug)]
struct LeafEntry {
    lsn: Lsn,
    key: Range<u32>,
    value: Range<u32>,
}

/// A page of other pages.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) bounds: Bounds,
    prefix: usize,
    /// The keys that the pages begin with, without the prefix, and the pages.
    children: Vec<(Vec<u8>, u64)>,
    /// The child that is being merged into the one before it; what it has may be there already.
    merging_child: u64,
}

enum Link<'b> {
    Set(&'b [u8], &'b [u8]),
    Remove(&'b [u8]),
    Merging(u64),
    Merged,
    /// A page is being merged into the one before it.
    Cap,
}

impl LogImage {
    /// Visits what each page has: the message that set it, its key and its value. Where two pages have a key, the newer
    /// message is right. Which tree an entry is of, its key and value tell.
    ///
    /// Answers what could be read when the image was made, and cannot be now.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(in super::super) fn visit_entries(&self, visit: &mut EntryVisitor<'_>) -> io::Result<Vec<Damage>> {
        let nodes = self.table.pages.iter().filter_map(|(number, page)| match page {
            Page::Present { base, links } if matches!(base.kind, Kind::Node { .. }) => {
                Some((*number, *base, links))
            }
            _ => None,
        });
        let mut pages: Vec<_> = nodes.collect();
        pages.sort_unstable_by_key(|(_, base, _)| base.offset);
        let mut damage = Vec::new();
        let mut buffer = Vec::new();
        for (number, base, links) in pages {
            let mut lost = |place: &Place| {
                damage.push(Damage {
                    offset: place.offset,
                    length: u64::from(place.size),
                    what: Missing::Body,
                });
            };
            if let Some(Node::Leaf(leaf)) = self.node(number, &base, links, &mut buffer, &mut lost)? {
                leaf.entries().for_each(|(lsn, key, value)| visit(lsn, key, value));
            }
        }
        damage.sort_unstable();
        Ok(damage)
    }

    /// Puts a node together from its messages. Those that cannot be read, or that are not about it, are `lost`.
    pub(super) fn node(
        &self,
        number: u64,
        base: &Place,
        links: &[Place],
        buffer: &mut Vec<u8>,
        lost: &mut dyn FnMut(&Place),
    ) -> io::Result<Option<Node>> {
        let Some(mut node) = self.body(number, base, buffer)?.and_then(|body| node(body, base.lsn)) else {
            lost(base);
            return Ok(None);
        };
        for place in links {
            let is_sure = !self.gaps.lie_between(base.lsn, place.lsn);
            let link = self.body(number, place, buffer)?.and_then(link);
            let is_applied = link.is_some_and(|link| match &mut node {
                Node::Leaf(leaf) => leaf.apply(&link, place.lsn, is_sure),
                Node::Index(index) => index.apply(&link),
            });
            if !is_applied {
                lost(place);
            }
        }
        Ok(Some(node))
    }

    /// The body of a message of page `page`; `None` where it is not what it was.
    pub(super) fn body<'b>(
        &self,
        page: u64,
        place: &Place,
        buffer: &'b mut Vec<u8>,
    ) -> io::Result<Option<&'b [u8]>> {
        buffer.resize(place.size(), 0);
        let bytes = read_at(&self.file, place.offset, buffer)?;
        let message = format::head(bytes).filter(|message| {
            let number = place.lsn / SEGMENT as u64;
            (message.kind, message.page, message.number, message.size())
                == (place.kind, page, number, place.size())
                && format::is_whole(bytes, message)
        });
        let Some(message) = message else { return Ok(None) };
        let Some(code) = place.kind.blob_code() else { return Ok(buffer.get(message.body())) };
        let id =
            buffer.get(message.body()).and_then(<[u8]>::first_chunk::<8>).map(|id| i64::from_le_bytes(*id));
        let Some(id) = id else { return Ok(None) };
        match File::open(self.blobs.join(id.to_string())) {
            Ok(file) => {
                buffer.clear();
                file.take(LONGEST_BLOB).read_to_end(buffer)?;
                Ok(blob(code, buffer))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a file in `blobs` holds: a checksum, the kind of the message, then its body (`pagecache/blob_io.rs`).
fn blob(code: u8, bytes: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, body) = rest.split_first()?;
    (*kind == code && u32::from_le_bytes(*crc) == crc32fast::hash(rest)).then_some(body)
}

/// Reads a node (`impl Serialize for Node` and `for Data` in `serialization.rs`).
fn node(bytes: &[u8], lsn: Lsn) -> Option<Node> {
    let (next, rest) = format::number(bytes)?;
    let (merging_child, rest) = format::number(rest)?;
    let (_is_merging, rest) = rest.split_first()?;
    let (prefix, rest) = rest.split_first()?;
    let (low, rest) = format::bytes(rest)?;
    let (high, rest) = format::bytes(rest)?;
    let (kind, rest) = rest.split_first()?;
    let (count, mut rest) = format::number(rest)?;
    let prefix = usize::from(*prefix);
    let shared = low.get(..prefix)?;
    let bounds = Bounds { low: low.to_vec(), high: high.to_vec(), next: (next != 0).then_some(next) };
    let mut keys = Vec::new();
    for _ in 0..count {
        let key;
        (key, rest) = format::bytes(rest)?;
        keys.push(key);
    }
    match kind {
        0 => {
            // Short keys with a long prefix would take more memory than any page the engine wrote.
            let length = keys.len().checked_mul(prefix)?.checked_add(bytes.len())?;
            if length as u64 > LONGEST_BLOB {
                return None;
            }
            let mut leaf = Leaf {
                bounds,
                prefix,
                bytes: Vec::with_capacity(length),
                entries: Vec::with_capacity(keys.len()),
            };
            for key in keys {
                let value;
                (value, rest) = format::bytes(rest)?;
                let entry = leaf.keep(lsn, &[shared, key], value)?;
                leaf.entries.push(entry);
            }
            // What the engine wrote is in order; its readers count on that.
            leaf.entries().is_sorted_by(|(_, a, _), (_, b, _)| a < b).then_some(Node::Leaf(leaf))
        }
        1 => {
            let mut children = Vec::with_capacity(keys.len());
            for key in keys {
                let child;
                (child, rest) = format::number(rest)?;
                children.push((key.to_vec(), child));
            }
            Some(Node::Index(Index { bounds, prefix, children, merging_child }))
        }
        _ => None,
    }
}

/// Reads a change (`impl Serialize for Link` in `serialization.rs`).
fn link(bytes: &[u8]) -> Option<Link<'_>> {
    let (kind, rest) = bytes.split_first()?;
    Some(match kind {
        0 => {
            let (key, rest) = format::bytes(rest)?;
            Link::Set(key, format::bytes(rest)?.0)
        }
        1 => Link::Remove(format::bytes(rest)?.0),
        2 => Link::Merging(format::number(rest)?.0),
        3 => Link::Merged,
        4 => Link::Cap,
        _ => return None,
    })
}

fn slice(bytes: &[u8], range: &Range<u32>) -> Range<usize> {
    let range = range.start as usize..range.end as usize;
    debug_assert!(range.end <= bytes.len());
    range
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn key(&self, at: usize) -> &[u8] {
        &self.bytes[slice(&self.bytes, &self.entries[at].key)]
    }

    pub(super) fn value(&self, at: usize) -> &[u8] {
        &self.bytes[slice(&self.bytes, &self.entries[at].value)]
    }

    fn entries(&self) -> impl Iterator<Item = (Lsn, &[u8], &[u8])> {
        self.entries.iter().enumerate().map(|(at, entry)| (entry.lsn, self.key(at), self.value(at)))
    }

    /// Where the key is, or would be.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| self.bytes[slice(&self.bytes, &entry.key)].cmp(key))
    }

    /// Keeps the bytes of an entry; `None` where there are too many.
    fn keep(&mut self, lsn: Lsn, key: &[&[u8]], value: &[u8]) -> Option<LeafEntry> {
        let mut keep = |parts: &[&[u8]]| {
            let start = u32::try_from(self.bytes.len()).ok()?;
            for part in parts {
                self.bytes.extend_from_slice(part);
            }
            Some(start..u32::try_from(self.bytes.len()).ok()?)
        };
        Some(LeafEntry { lsn, key: keep(key)?, value: keep(&[value])? })
    }

    /// Applies a change; answers whether it could be one of this page. Where it is not sure that the page has the prefix
    /// that it had when the change was written, the page must have its key.
    fn apply(&mut self, link: &Link<'_>, lsn: Lsn, is_sure: bool) -> bool {
        let (key, value) = match link {
            Link::Set(key, value) => (*key, Some(*value)),
            Link::Remove(key) => (*key, None),
            Link::Merging(_) | Link::Merged | Link::Cap => return true,
        };
        let is_long = key.len() >= SURE_LENGTH;
        let key = [&self.bounds.low[..self.prefix], key].concat();
        let is_inside = self.bounds.low <= key && !self.bounds.are_below(&key);
        let found = self.find(&key);
        if !is_inside || !(is_sure || is_long && found.is_ok()) {
            return false;
        }
        match (found, value) {
            (Ok(at), Some(value)) => match self.keep(lsn, &[&key], value) {
                Some(entry) => self.entries[at] = entry,
                None => return false,
            },
            (Err(at), Some(value)) => match self.keep(lsn, &[&key], value) {
                Some(entry) => self.entries.insert(at, entry),
                None => return false,
            },
            (Ok(at), None) => drop(self.entries.remove(at)),
            (Err(_), None) => {}
        }
        true
    }
}

impl Index {
    /// The page that has the key, or stands before the one that has it; `None` where there is none.
    pub(super) fn child(&self, key: &[u8]) -> Option<u64> {
        let key = key.get(self.prefix..).unwrap_or_default();
        let behind = self.children.partition_point(|(low, _)| low.as_slice() <= key);
        let mut before = self.children[..behind].iter().rev().map(|(_, child)| *child);
        before.find(|child| *child != self.merging_child)
    }

    fn apply(&mut self, link: &Link<'_>) -> bool {
        match link {
            Link::Merging(child) => self.merging_child = *child,
            Link::Merged => {
                self.children.retain(|(_, child)| *child != self.merging_child);
                self.merging_child = 0;
            }
            Link::Cap => {}
            Link::Set(..) | Link::Remove(_) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leaf of so many entries whose keys are nothing but the prefix that they share.
    fn leaf_of(count: u32, prefix: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, prefix, prefix];
        bytes.extend(std::iter::repeat_n(b'k', prefix.into()));
        bytes.extend([0, 0, 251]);
        bytes.extend(count.to_le_bytes());
        bytes.extend(std::iter::repeat_n(0, 2 * count as usize));
        bytes
    }

    #[test]
    fn a_leaf_that_would_take_more_memory_than_any_that_was_written_is_none() {
        let count = u32::try_from(LONGEST_BLOB / 200).unwrap();
        assert!(node(&leaf_of(1, 200), 7).is_some());
        assert!(node(&leaf_of(count, 200), 7).is_none());
    }
}
