//! Going through all segments of a log once, several at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::format::{Kind, Message, SEGMENT};
use super::marks::mark_of;
use super::segment::{self, Found, Next};
use crate::read_at::read_at;

/// Beyond that the disk is what it waits for.
const MOST_THREADS: usize = 4;
/// How many segments that were gone through may wait for each thread's next one.
const WAITING: usize = 2;

/// Something that was found in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    Message {
        at: u32,
        size: u32,
        kind: Kind,
        page: u64,
    },
    /// A batch begins, which ends with the byte `last` of the log.
    Batch {
        at: u32,
        size: u32,
        last: u64,
    },
    Bad {
        at: u32,
        end: u32,
        next: Next,
    },
}

/// What was found in a segment.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) items: Vec<Item>,
    /// The numbers of the marks of syncs, and where they stand.
    pub(super) marks: Vec<(u64, u32)>,
    /// The CRC-32 of all of it, messages or not.
    pub(super) checksum: u32,
}

/// Goes through segments, of which each is given by its number in the log and its place in the file, and hands over what is in
/// them, in that order.
pub(super) fn in_order(
    file: &File,
    segments: &[(u64, u64)],
    mut take: impl FnMut(usize, Scanned),
) -> io::Result<()> {
    let threads =
        thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(segments.len());
    if threads < 2 {
        let mut buffer = vec![0; SEGMENT];
        for (at, segment) in segments.iter().enumerate() {
            take(at, scan(file, *segment, &mut buffer)?);
        }
        return Ok(());
    }
    let next = AtomicUsize::new(0);
    let (send, receive) = crossbeam_channel::bounded(threads * WAITING);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                let mut buffer = vec![0; SEGMENT];
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(segment) = segments.get(at) else { break };
                    if send.send((at, scan(file, *segment, &mut buffer))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut early, mut expected) = (BTreeMap::new(), 0);
        // Where one fails, the receiver goes, and with it the others.
        for (at, scanned) in receive {
            early.insert(at, scanned?);
            while let Some(scanned) = early.remove(&expected) {
                take(expected, scanned);
                expected += 1;
            }
        }
        Ok(())
    })
}

fn scan(file: &File, (number, offset): (u64, u64), buffer: &mut [u8]) -> io::Result<Scanned> {
    let segment = read_at(file, offset, buffer)?;
    let mut scanned = Scanned { checksum: crc32fast::hash(segment), ..Scanned::default() };
    segment::scan(segment, number, |found| {
        scanned.items.push(match found {
            Found::Message(at, message) if message.kind == Kind::Batch => {
                let last = last_of_batch(&segment[at..], &message);
                Item::Batch { at: narrow(at), size: narrow(message.size()), last }
            }
            Found::Message(at, message) => {
                if matches!(message.kind, Kind::Link { in_blob: false }) {
                    let mark = mark_of(segment[at..].get(message.body()).unwrap_or_default());
                    scanned.marks.extend(mark.map(|mark| (mark, narrow(at))));
                }
                let Message { kind, page, .. } = message;
                Item::Message { at: narrow(at), size: narrow(message.size()), kind, page }
            }
            Found::Bad { at, end, next } => Item::Bad { at: narrow(at), end: narrow(end), next },
        });
    });
    Ok(scanned)
}

/// Places in a segment fit into 32 bits.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The last byte of the batch that `message` begins, which stands at the start of `bytes`.
fn last_of_batch(bytes: &[u8], message: &Message) -> u64 {
    let last = bytes.get(message.body()).and_then(<[u8]>::first_chunk::<8>);
    last.map_or(0, |last| u64::try_from(i64::from_le_bytes(*last)).unwrap_or(0))
}
