//! The entries of a page, put together from its messages.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use super::format::{self, Kind, SEGMENT};
use super::table::{Page, Place};
use super::{Damage, LogImage, Lsn, Missing};

/// More than the engine ever wrote to a file of its own for us.
const LONGEST_BLOB: u64 = 64 << 20;

/// Gets the message that set an entry, its key and its value.
pub(super) type EntryVisitor<'v> = dyn FnMut(Lsn, &[u8], &[u8]) + 'v;

/// So many bytes at the end of a key are those of one key only: generated ids have as many that are random.
const SURE_LENGTH: usize = 16;

/// A page of entries.
struct Leaf {
    prefix: Vec<u8>,
    /// Its first possible key, and the first behind it; empty where there is no bound.
    low: Vec<u8>,
    high: Vec<u8>,
    /// By the whole key.
    entries: BTreeMap<Vec<u8>, (Lsn, Vec<u8>)>,
}

enum Node {
    Leaf(Leaf),
    /// It points to other pages.
    Index,
}

enum Link<'b> {
    Set(&'b [u8], &'b [u8]),
    Remove(&'b [u8]),
    Other,
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
            let lost = |place: &Place| Damage {
                offset: place.offset,
                length: place.size as u64,
                what: Missing::Body,
            };
            let body = self.body(number, &base, &mut buffer)?;
            let mut leaf = match body.and_then(|body| node(body, base.lsn)) {
                Some(Node::Leaf(leaf)) => leaf,
                Some(Node::Index) => continue,
                None => {
                    damage.push(lost(&base));
                    continue;
                }
            };
            for place in links {
                let is_sure = !self.gaps.lie_between(base.lsn, place.lsn);
                let body = self.body(number, place, &mut buffer)?;
                if !body.and_then(link).is_some_and(|link| leaf.apply(&link, place.lsn, is_sure)) {
                    damage.push(lost(place));
                }
            }
            for (key, (lsn, value)) in &leaf.entries {
                visit(*lsn, key, value);
            }
        }
        damage.sort_unstable();
        Ok(damage)
    }

    /// The body of a message of page `page`; `None` where it is not what it was.
    fn body<'b>(&self, page: u64, place: &Place, buffer: &'b mut Vec<u8>) -> io::Result<Option<&'b [u8]>> {
        buffer.resize(place.size, 0);
        let bytes = super::read_at(&self.file, place.offset, buffer)?;
        let message = format::head(bytes).filter(|message| {
            let number = place.lsn / SEGMENT as u64;
            (message.kind, message.page, message.number, message.size())
                == (place.kind, page, number, place.size)
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
    let (_next, rest) = format::number(bytes)?;
    let (_merging_child, rest) = format::number(rest)?;
    let (_is_merging, rest) = rest.split_first()?;
    let (prefix, rest) = rest.split_first()?;
    let (low, rest) = format::bytes(rest)?;
    let (high, rest) = format::bytes(rest)?;
    let (kind, rest) = rest.split_first()?;
    let (count, mut rest) = format::number(rest)?;
    match kind {
        0 => {}
        1 => return Some(Node::Index),
        _ => return None,
    }
    let prefix = low.get(..usize::from(*prefix))?.to_vec();
    let mut keys = Vec::new();
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let key;
        (key, rest) = format::bytes(rest)?;
        keys.push([&prefix, key].concat());
    }
    for key in keys {
        let value;
        (value, rest) = format::bytes(rest)?;
        entries.insert(key, (lsn, value.to_vec()));
    }
    Some(Node::Leaf(Leaf { prefix, low: low.to_vec(), high: high.to_vec(), entries }))
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
        2..=4 => Link::Other,
        _ => return None,
    })
}

impl Leaf {
    /// Applies a change; answers whether it could be one of this page. Where it is not sure that the page has the prefix
    /// that it had when the change was written, the page must have its key.
    fn apply(&mut self, link: &Link<'_>, lsn: Lsn, is_sure: bool) -> bool {
        let (key, value) = match link {
            Link::Set(key, value) => (*key, Some(*value)),
            Link::Remove(key) => (*key, None),
            Link::Other => return true,
        };
        let is_long = key.len() >= SURE_LENGTH;
        let key = [&self.prefix, key].concat();
        let is_inside = self.low <= key && (self.high.is_empty() || key < self.high);
        if !is_inside || !(is_sure || is_long && self.entries.contains_key(&key)) {
            return false;
        }
        match value {
            Some(value) => drop(self.entries.insert(key, (lsn, value.to_vec()))),
            None => drop(self.entries.remove(&key)),
        }
        true
    }
}
