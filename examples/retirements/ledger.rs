//! What was done about each retirement, and how far that has come: one line each, in one file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use session_pool::{BoxError, Retirement, Sequence};

/// A line a retirement: its sequence, its reason, its session. What is done and how far it has come is one write, so that a
/// crash comes before both or after both. Whoever does something elsewhere (a mail, another database) writes the cursor
/// after that, and does it in a way that may happen twice.
pub(crate) struct Ledger {
    lines: Vec<String>,
    cursor: Sequence,
    file: File,
}

impl Ledger {
    /// Reads what an earlier run has written. A line that a crash cut short never was.
    pub(crate) fn open(path: &Path) -> Result<Self, BoxError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let lines: Vec<String> = text[..whole].lines().map(str::to_owned).collect();
        let cursor = match lines.last() {
            Some(line) => Sequence(line.split(' ').next().unwrap_or_default().parse()?),
            None => Sequence::START,
        };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(whole as u64)?;
        Ok(Self { lines, cursor, file })
    }

    /// The last one that is written.
    pub(crate) fn cursor(&self) -> Sequence {
        self.cursor
    }

    /// Writes the next one, durably.
    pub(crate) fn write(&mut self, retirement: &Retirement) -> io::Result<()> {
        let line = line(retirement);
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()?;
        self.lines.push(line);
        self.cursor = retirement.sequence;
        Ok(())
    }

    /// How many there are of each reason.
    pub(crate) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for reason in self.lines.iter().filter_map(|line| line.split(' ').nth(1)) {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }

    /// Whether each retirement of the log is written once, in its place.
    pub(crate) fn check(&self, logged: &[Retirement]) -> Result<(), BoxError> {
        if self.lines.iter().ne(logged.iter().map(line).collect::<Vec<_>>().iter()) {
            return Err("one is written twice, or lost".into());
        }
        Ok(())
    }
}

fn line(retirement: &Retirement) -> String {
    let Retirement { sequence, reason, id, .. } = retirement;
    format!("{sequence} {reason} {id}")
}
