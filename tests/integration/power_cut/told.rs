//! What was told: the lines that the process wrote to [`ACKS`](super::disk::ACKS), each after a call had returned.

use std::collections::HashMap;
use std::fmt::Write as _;

use session_pool::SessionId;

/// The pools of the workload whose every acknowledgement is told.
pub(super) const IMMEDIATE: &str = "immediate";
pub(super) const BUFFERED: &str = "buffered";
pub(super) const IMPORTED: &str = "imported";

/// Something to tell of a session.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    Created,
    /// One use of it was counted.
    Used,
    Retired,
    /// It rests until then, in milliseconds.
    Rests(i64),
    /// This version of its user data is about to be written. All others are told after the fact.
    Tries(u64),
    /// This version of its user data was written.
    Wrote(u64),
}

impl Line {
    pub(super) fn append(self, text: &mut String, pool: &str, id: &SessionId) {
        let (word, number) = match self {
            Self::Created => ("created", 0),
            Self::Used => ("used", 0),
            Self::Retired => ("retired", 0),
            Self::Rests(until) => ("rests", until),
            Self::Tries(version) => ("tries", version.cast_signed()),
            Self::Wrote(version) => ("wrote", version.cast_signed()),
        };
        writeln!(text, "{word} {pool} {id} {number}").unwrap();
    }
}

/// What is known of a session.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether anything of it was acknowledged: it must be there.
    pub(super) is_told: bool,
    pub(super) uses: u32,
    pub(super) is_retired: bool,
    pub(super) rests_until: i64,
    pub(super) tried: u64,
    pub(super) wrote: u64,
}

/// All that was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether the store had been opened.
    pub(super) is_opened: bool,
    pub(super) sessions: HashMap<(String, SessionId), Known>,
    /// How many lines there are.
    pub(super) lines: usize,
}

impl Told {
    pub(super) fn read(acks: &[u8]) -> Self {
        let mut told = Self::default();
        for line in std::str::from_utf8(acks).unwrap().lines() {
            told.lines += 1;
            if line == "opened" {
                told.is_opened = true;
                continue;
            }
            let words: Vec<&str> = line.split(' ').collect();
            let [word, pool, id, number] = words[..] else { panic!("{line:?}") };
            let known = told.sessions.entry((pool.to_owned(), id.parse().unwrap())).or_default();
            let number: i64 = number.parse().unwrap();
            known.is_told |= word != "tries";
            match word {
                "created" => {}
                "used" => known.uses += 1,
                "retired" => known.is_retired = true,
                "rests" => known.rests_until = known.rests_until.max(number),
                "tries" => known.tried = known.tried.max(number.cast_unsigned()),
                "wrote" => known.wrote = known.wrote.max(number.cast_unsigned()),
                _ => panic!("{line:?}"),
            }
        }
        told
    }

    /// The highest number that made a version of any user data.
    pub(super) fn highest_number(&self) -> u64 {
        self.sessions.values().map(|known| known.tried / 2).max().unwrap_or_default()
    }
}

/// Makes a version of it: the numbers count up, and say which texts are huge, of several hundred kilobytes.
pub(super) fn version_of(number: u64, is_huge: bool) -> u64 {
    number * 2 + u64::from(is_huge)
}

/// The text of a version of a session's user data, which no mixture of versions or of sessions looks like: it repeats
/// who it is of, in pieces of an odd length, so that also parts of it that changed places would show.
pub(super) fn text_of(id: &SessionId, version: u64) -> String {
    let mut piece = format!("{id}:{version:08}|");
    if piece.len().is_multiple_of(2) {
        piece.push('|');
    }
    let mut random = fastrand::Rng::with_seed(version);
    let length = match random.u8(..10) {
        _ if version == version_of(version / 2, true) => random.usize(200_000..900_000),
        0..6 => random.usize(..300),
        6..8 => random.usize(3_000..20_000),
        _ => random.usize(20_000..200_000),
    };
    piece.repeat(1 + length / piece.len())
}
