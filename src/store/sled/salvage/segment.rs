//! Going through one segment, message by message, past what is bad.

use super::format::{self, Kind, LONGEST_HEAD, Message, SEGMENT, SEGMENT_HEADER};

/// How many bytes are summed at most to find the next message of one segment behind a bad place: bytes that were made for
/// it could have each position look like a message as long as the segment.
const SEARCH: usize = 64 << 20;

/// What is found on the way through a segment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A message.
    Message(usize, Message),
    /// From here to there nothing can be read.
    Bad { at: usize, end: usize, next: Next },
}

/// What comes behind a bad place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// No message of the same segment.
    Nothing,
    /// One that was found by searching for it.
    Found,
    /// One that stands where the bad message says that it ends. It had been written, then; what was never written does
    /// not look so.
    InPlace,
    /// The same, and what is bad has the form of a change to its last byte: it was no full message of a page.
    Link,
}

/// Goes through the messages of `segment`, which is segment `number` of the log.
pub(super) fn scan(segment: &[u8], number: u64, mut visit: impl FnMut(Found)) {
    let mut at = SEGMENT_HEADER;
    let mut search = SEARCH;
    // What is nearer to the end is zeros.
    while at + LONGEST_HEAD <= SEGMENT {
        match read(segment, at, Some(number), &mut { usize::MAX }) {
            Some(message) => {
                visit(Found::Message(at, message));
                if message.kind == Kind::Cap {
                    return;
                }
                at += message.size();
            }
            None => {
                let (next, end) = next(segment, at, number, &mut search);
                visit(Found::Bad { at, end, next });
                if next == Next::Nothing {
                    return;
                }
                at = end;
            }
        }
    }
}

/// The number that a segment's own messages say it has; its header is bad.
pub(super) fn number(segment: &[u8]) -> Option<u64> {
    let mut search = SEARCH;
    positions(segment, SEGMENT_HEADER).find_map(|at| read(segment, at, None, &mut search)).map(|m| m.number)
}

/// The next message behind the bad place at `at`, and where it begins, or the segment's end.
fn next(segment: &[u8], at: usize, number: u64, search: &mut usize) -> (Next, usize) {
    // The length of a bad message may be good. What lies in its body is skipped so: it might be a message's image.
    let behind = segment.get(at..).and_then(format::head).filter(|message| message.number == number);
    let behind = behind.map(|message| at + message.size());
    if let Some(behind) = behind.filter(|behind| read(segment, *behind, Some(number), search).is_some()) {
        let is_link = format::head(&segment[at..])
            .filter(|message| matches!(message.kind, Kind::Link { in_blob: false }))
            .and_then(|message| segment[at..].get(message.body()))
            .is_some_and(has_form_of_link);
        return (if is_link { Next::Link } else { Next::InPlace }, behind);
    }
    match positions(segment, at + 1).find(|at| read(segment, *at, Some(number), search).is_some()) {
        Some(next) => (Next::Found, next),
        None => (Next::Nothing, segment.len().max(at)),
    }
}

fn has_form_of_link(body: &[u8]) -> bool {
    let rest = match body.split_first() {
        Some((0, rest)) => format::bytes(rest).and_then(|(_key, rest)| format::bytes(rest)),
        Some((1, rest)) => format::bytes(rest),
        _ => None,
    };
    rest.is_some_and(|(_, rest)| rest.is_empty())
}

/// Where a message may begin.
fn positions(segment: &[u8], from: usize) -> std::ops::Range<usize> {
    from..segment.len().min(SEGMENT - LONGEST_HEAD + 1)
}

fn read(segment: &[u8], at: usize, number: Option<u64>, search: &mut usize) -> Option<Message> {
    if at + LONGEST_HEAD > SEGMENT {
        return None;
    }
    let bytes = segment.get(at..)?;
    let message = format::head(bytes)?;
    if number.is_some_and(|number| message.number != number) {
        return None;
    }
    *search = search.checked_sub(message.size())?;
    format::is_whole(bytes, &message).then_some(message)
}
