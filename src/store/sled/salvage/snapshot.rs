//! The engine's snapshot, made from its log.
//!
//! A snapshot lists where each page's newest state lies, and up to where in the log that is so. The engine can read its
//! log without one, but not always all of it: from a log of which an earlier start freed the segment that the newest
//! header calls the last written one, it starts with an empty database (`ending.rs`). So where the snapshot is damaged or
//! gone, or one that reaches further is needed for the engine to get to the end of the log, it gets one that says what it
//! would have said.

use super::format::{Kind, SEGMENT};
use super::table::{Page, Place};
use super::{LogImage, ending};

impl LogImage {
    /// The snapshot's name and content; `None` where the log is not whole up to its end.
    pub(in super::super) fn snapshot(&self) -> Option<(String, Vec<u8>)> {
        if self.verdict.is_some() || self.segments.is_empty() {
            return None;
        }
        let (stable, segment) = ending::tip(self.end);
        let active = match segment {
            Some(segment) => Some(*self.segments.get(&segment)?),
            None => None,
        };
        let mut content = Vec::new();
        // Numbers that may be missing are stored one higher (`serialization.rs`).
        content.extend_from_slice(&(i64::try_from(stable).ok()? + 1).to_le_bytes());
        number(active.map_or(0, |offset| offset + 1), &mut content);
        let pages = self.table.pages.len() as u64;
        for page in 0..pages {
            match self.table.pages.get(&page)? {
                Page::Present { base, links } => {
                    content.push(u8::try_from(links.len() + 1).ok()?);
                    for place in std::iter::once(base).chain(links) {
                        position(place, &mut content)?;
                        number(u64::from(place.size), &mut content);
                    }
                }
                Page::Free(place) => {
                    content.push(0);
                    position(place, &mut content)?;
                }
                Page::Dangling(_) => return None,
            }
        }
        let (length, checksum) = (content.len() as u64, crc32fast::hash(&content));
        content.extend_from_slice(&length.to_le_bytes());
        content.extend_from_slice(&checksum.to_le_bytes());
        Some((format!("snap.{stable:016X}"), content))
    }

    /// The segments behind the one that the log ends in: the engine would take them for a part of it where their headers
    /// call something written that is not there.
    pub(in super::super) fn behind_end(&self) -> impl Iterator<Item = u64> {
        let last = self.end.saturating_sub(1) / SEGMENT as u64;
        self.segments.range(last + 1..).map(|(_, offset)| *offset)
    }
}

/// Where a message lies; `None` for one whose body lies in a file of its own, which we never let be written.
fn position(place: &Place, out: &mut Vec<u8>) -> Option<()> {
    if matches!(place.kind, Kind::Node { in_blob: true } | Kind::Link { in_blob: true }) {
        return None;
    }
    out.extend_from_slice(&i64::try_from(place.lsn).ok()?.to_le_bytes());
    out.push(0);
    number(place.offset, out);
    Some(())
}

/// The engine's numbers of variable length (`serialization.rs`).
fn number(number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_le_bytes();
    let low = |number: u64| number.to_le_bytes()[0];
    match number {
        0..=240 => out.push(bytes[0]),
        241..=2287 => out.extend([low((number - 240) / 256 + 241), low((number - 240) % 256)]),
        2288..=67823 => out.extend([249, low((number - 2288) / 256), low((number - 2288) % 256)]),
        _ => {
            let length = 8 - (number.leading_zeros() / 8) as usize;
            let length = length.max(3);
            out.push(low(247 + length as u64));
            out.extend_from_slice(&bytes[..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format;
    use super::number;

    #[test]
    fn numbers_read_back() {
        for shift in 0..64 {
            for near in [-1_i64, 0, 1, 7] {
                let value = (1_u64 << shift).wrapping_add_signed(near);
                let mut bytes = Vec::new();
                number(value, &mut bytes);
                bytes.extend([0; 9]);
                assert_eq!(format::number(&bytes).map(|(value, _)| value), Some(value));
            }
        }
        for value in (0..70_000).chain([0xFF_FFFF, 0x100_0000]) {
            let mut bytes = Vec::new();
            number(value, &mut bytes);
            assert_eq!(format::number(&bytes).map(|(value, rest)| (value, rest.len())), Some((value, 0)));
        }
    }
}
