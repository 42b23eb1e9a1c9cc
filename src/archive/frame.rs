//! Frames: what an archive is made of.

use std::fs::File;
use std::io::{self, Read};

use crate::read_at::read_at;
use crate::session::MAX_PAYLOAD_LENGTH;

pub(super) const MAGIC: [u8; 8] = *b"\x89SPA\r\n\x1a\n";

/// More than any body may have, so that a damaged length cannot make reading take memory without end.
pub(super) const MAX_BODY: usize = 2 * MAX_PAYLOAD_LENGTH + (64 << 10);

/// How many bytes are summed at most to find frames behind bad ones, in a whole archive, beside as many as its whole frames
/// have: bytes that were made for it could have each position look like a frame of the greatest length. What is behind that is
/// given up.
const SEARCH: usize = 256 << 20;

const HEAD: usize = 13;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = b'H',
    Pool = b'P',
    Session = b'S',
    LogEntry = b'L',
    End = b'E',
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Header, Self::Pool, Self::Session, Self::LogEntry, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A frame that was read and whose checksum is right.
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) index: u32,
    pub(super) body: Vec<u8>,
    /// Where it begins in the archive.
    pub(super) offset: u64,
}

/// What authenticates where a sealed body belongs.
pub(super) fn place(id: &[u8], kind: Kind, index: u32) -> Vec<u8> {
    [id, &[kind as u8], &index.to_le_bytes()].concat()
}

/// Appends a frame to `out`.
pub(super) fn write(id: &[u8], kind: Kind, index: u32, body: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY);
    let length = length.ok_or_else(|| io::Error::other("an item is larger than an archive can hold"))?;
    let (index, length) = (index.to_le_bytes(), length.to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(&index);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(id, kind as u8, index, length, body).to_le_bytes());
    out.extend_from_slice(body);
    Ok(())
}

fn checksum(id: &[u8], kind: u8, index: [u8; 4], length: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [id, &[kind], &index, &length, body] {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The body of the frame at `offset`; `None` where none of that kind and index is there.
pub(super) fn body_at(
    file: &File,
    id: &[u8],
    kind: Kind,
    index: u32,
    offset: u64,
) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    if read_at(file, offset, &mut head)?.len() < HEAD {
        return Ok(None);
    }
    let [found, i0, i1, i2, i3, l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let (number, length) = ([i0, i1, i2, i3], [l0, l1, l2, l3]);
    let body = u32::from_le_bytes(length) as usize;
    if Kind::of(found) != Some(kind) || u32::from_le_bytes(number) != index || body > MAX_BODY {
        return Ok(None);
    }
    let mut bytes = vec![0; body];
    let is_there = read_at(file, offset + HEAD as u64, &mut bytes)?.len() == body;
    let is_whole = checksum(id, found, number, length, &bytes) == u32::from_le_bytes([c0, c1, c2, c3]);
    Ok((is_there && is_whole).then_some(bytes))
}

/// What comes next in an archive.
pub(super) enum Next {
    Frame(Frame),
    /// Bytes that are no frame, up to the next one, or to the end.
    Damage {
        offset: u64,
    },
    /// There is no further frame.
    End {
        offset: u64,
        /// Whether something is there all the same.
        has_rest: bool,
    },
}

/// Reads frames, and finds the next whole one behind damage.
pub(super) struct Frames<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where in the buffer the next frame begins.
    at: usize,
    /// Where the buffer begins in the archive.
    base: u64,
    is_over: bool,
    pub(super) id: Vec<u8>,
    next_index: u32,
    /// How many bytes may still be summed to find frames.
    search: usize,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R, offset: u64) -> Self {
        let (buffer, id) = (Vec::new(), Vec::new());
        Self { input, buffer, at: 0, base: offset, is_over: false, id, next_index: 0, search: SEARCH }
    }

    fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The next frame, or what is in its place.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        if let Some(frame) = self.frame()? {
            self.search = self.search.saturating_add(HEAD + frame.body.len());
            return Ok(Next::Frame(frame));
        }
        let offset = self.offset();
        let has_rest = self.fill(1)?;
        // Byte by byte to the next whole frame.
        while self.search > 0 && self.fill(HEAD)? {
            self.at += 1;
            if let Some(frame) = self.frame()? {
                // Read again by the next call.
                self.at -= HEAD + frame.body.len();
                self.next_index = frame.index;
                return Ok(Next::Damage { offset });
            }
        }
        self.at = self.buffer.len();
        self.is_over = true;
        Ok(Next::End { offset, has_rest })
    }

    /// The frame that begins here; `None`, and nothing is taken, where none does.
    fn frame(&mut self) -> io::Result<Option<Frame>> {
        if !self.fill(HEAD)? {
            return Ok(None);
        }
        let head: [u8; HEAD] = std::array::from_fn(|byte| self.buffer[self.at + byte]);
        let [kind, i0, i1, i2, i3, l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let Some(kind) = Kind::of(kind) else { return Ok(None) };
        let (index, length) = ([i0, i1, i2, i3], [l0, l1, l2, l3]);
        let body = u32::from_le_bytes(length) as usize;
        let number = u32::from_le_bytes(index);
        if body > MAX_BODY || number < self.next_index || !self.fill(HEAD + body)? {
            return Ok(None);
        }
        let from = self.at + HEAD;
        let body = &self.buffer[from..from + body];
        let expected = u32::from_le_bytes([c0, c1, c2, c3]);
        if checksum(&self.id, kind as u8, index, length, body) != expected && !cfg!(fuzzing) {
            self.search = self.search.saturating_sub(body.len());
            return Ok(None);
        }
        let frame = Frame { kind, index: number, body: body.to_vec(), offset: self.offset() };
        self.at = from + frame.body.len();
        self.next_index = number.saturating_add(1);
        Ok(Some(frame))
    }

    /// Sees to it that so many bytes are in the buffer from here; answers whether there are so many.
    fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        /// How much is read in one go, and how much may lie behind before it is let go.
        const CHUNK: usize = 64 << 10;
        while self.buffer.len() - self.at < bytes && !self.is_over {
            if self.at >= CHUNK {
                self.buffer.drain(..self.at);
                self.base += self.at as u64;
                self.at = 0;
            }
            let wanted = CHUNK.max(bytes - (self.buffer.len() - self.at)) as u64;
            let read = self.input.by_ref().take(wanted).read_to_end(&mut self.buffer)?;
            self.is_over = read == 0;
        }
        Ok(self.buffer.len() - self.at >= bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Damage in which many positions look like the beginning of a frame that is as long as the rest, each time before a whole
    /// one.
    #[test]
    fn what_searching_costs_is_bounded_for_an_archive_and_not_for_each_damage() {
        const DAMAGES: usize = 40;
        let whole = |index: usize| {
            let mut bytes = Vec::new();
            write(b"id", Kind::Session, u32::try_from(index).unwrap(), b"body", &mut bytes).unwrap();
            bytes
        };
        let mut input = Vec::new();
        for index in 0..DAMAGES {
            let mut head = vec![Kind::Session as u8];
            head.extend(u32::MAX.to_le_bytes());
            head.extend((4_u32 << 20).to_le_bytes());
            head.extend([0; 4]);
            input.extend(head.repeat(20));
            input.extend(whole(index));
        }
        input.resize(input.len() + (5 << 20), 0);
        let mut frames = Frames::new(input.as_slice(), 0);
        frames.id = b"id".to_vec();
        let mut found = 0;
        loop {
            match frames.next().unwrap() {
                Next::Frame(_) => found += 1,
                Next::Damage { .. } => {}
                Next::End { .. } => break,
            }
        }
        // Each damage has 80 MiB summed.
        assert_eq!(found, 3);
    }
}
