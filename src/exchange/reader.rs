//! Reading JSON Lines.

use std::collections::HashMap;
use std::io::BufRead;

use serde_json::Value;

use super::decode::{self, End};
use super::exact::{LOST, first_beyond, first_lost};
use super::fields::{Fields, Wrong, boolean, time, whole_u64};
use super::lines::{Lines, NoLine};
use super::strict::Strict;
use super::{ExchangeError, FORMAT, Place, VERSION};
use crate::archive::ArchiveItem;
use crate::session::Timestamp;
use crate::store::{PoolName, PoolNumber};

/// Reads JSON Lines, item by item. It takes memory for one line and for the pools.
///
/// It is an iterator: a line that is not as it should be is an error that names it, and is followed by what comes behind
/// it. An error of reading, [`ExchangeError::TooLong`], [`ExchangeError::CutShort`], and [`ExchangeError::Disagrees`] of a line
/// behind the last one, are the last answer. Whoever got `None` without an error before has read all that was ever written.
///
/// ```
/// # let store = session_pool::MemoryStore::new();
/// # let mut bytes = Vec::new();
/// use session_pool::exchange::{ExportOptions, JsonlReader, write_jsonl};
///
/// write_jsonl(&store, &mut bytes, &ExportOptions::new())?;
/// for item in JsonlReader::new(bytes.as_slice())? {
///     println!("{:?}", item?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonlReader<R> {
    lines: Lines<R>,
    written_at: Timestamp,
    is_masked: bool,
    /// The pools there were so far, and the lines that they were in.
    pools: HashMap<PoolName, (PoolNumber, u64)>,
    numbers: HashMap<PoolNumber, u64>,
    /// How much was read; `None` once a line was not as it should be, so that the numbers at the end mean nothing.
    read: Option<End>,
    end: Option<End>,
    /// Whether the last line need not be there, nor agree.
    is_edited: bool,
    is_over: bool,
}

impl<R: BufRead> JsonlReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Unknown`], [`ExchangeError::Newer`], [`ExchangeError::NotJson`], [`ExchangeError::Field`] where its
    /// first line is none that says what follows; [`ExchangeError::Io`].
    pub fn new(input: R) -> Result<Self, ExchangeError> {
        let mut lines = Lines::of(input);
        let unknown = |rule: &str| ExchangeError::Unknown { rule: rule.to_owned() };
        if !lines.advance().map_err(|no_line| error_of(no_line, 1))? {
            return Err(unknown("it is empty"));
        }
        let at = Place::Line(lines.number());
        let mut fields = parse(lines.line(), &at)?;
        let field = |wrong: Wrong| ExchangeError::field(at.clone(), wrong);
        let is_header = fields.take("kind").is_some_and(|kind| kind == "header")
            && fields.take("format").is_some_and(|format| format == FORMAT);
        if !is_header {
            return Err(unknown("its first line does not say that it is an export of session-pool"));
        }
        let found = fields.required("version", whole_u64).map_err(field)?;
        if found > VERSION || found == 0 {
            return Err(ExchangeError::Newer { found, supported: VERSION });
        }
        let written_at = fields.required("written_at", time).map_err(field)?;
        let is_masked = fields.required("masked", boolean).map_err(field)?;
        fields.finish().map_err(field)?;
        Ok(Self {
            lines,
            written_at,
            is_masked,
            pools: HashMap::new(),
            numbers: HashMap::new(),
            read: Some(End::default()),
            end: None,
            is_edited: false,
            is_over: false,
        })
    }

    /// Says that lines may have been taken out or added since it was written: the last line, which tells how many there
    /// are, need not be there nor agree. Default: it has to.
    #[must_use]
    pub fn edited(mut self, edited: bool) -> Self {
        self.is_edited = edited;
        self
    }

    /// When it was written.
    pub fn written_at(&self) -> Timestamp {
        self.written_at
    }

    /// Whether its secrets are masked.
    pub fn is_masked(&self) -> bool {
        self.is_masked
    }

    /// The line that the last answer is from, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// How many items could not be read when it was written; `None` before its last line.
    pub fn unreadable(&self) -> Option<u64> {
        self.end.map(|end| end.unreadable)
    }

    fn read(&mut self) -> Result<Option<ArchiveItem>, ExchangeError> {
        loop {
            let behind = self.lines.number() + 1;
            if !self.lines.advance().map_err(|no_line| error_of(no_line, behind))? {
                return self.end_of_file().map(|()| None);
            }
            let at = Place::Line(self.lines.number());
            if self.end.is_some() && !self.is_edited {
                self.is_over = true;
                let rule = "something follows what says to be the last line".to_owned();
                return Err(ExchangeError::Disagrees { at, rule });
            }
            match self.item(&at) {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => {}
                Err(error) => {
                    self.read = None;
                    return Err(error);
                }
            }
        }
    }

    /// The item in a line; `None` where it is the last line.
    fn item(&mut self, at: &Place) -> Result<Option<ArchiveItem>, ExchangeError> {
        let mut fields = parse(self.lines.line(), at)?;
        let field = |wrong: Wrong| ExchangeError::field(at.clone(), wrong);
        let kind = fields.text("kind").map_err(field)?;
        match kind.as_str() {
            "pool" => {
                let entry = decode::pool(fields).map_err(field)?;
                let line = self.lines.number();
                let former = self.pools.get(&entry.name).map(|(_, line)| *line);
                if let Some(former) = former.or_else(|| self.numbers.get(&entry.number).copied()) {
                    let rule = format!(
                        "the pool {} has the name or the number of that in line {former}",
                        entry.name
                    );
                    return Err(ExchangeError::Disagrees { at: at.clone(), rule });
                }
                self.pools.insert(entry.name.clone(), (entry.number, line));
                self.numbers.insert(entry.number, line);
                self.count(|read| &mut read.pools);
                Ok(Some(ArchiveItem::Pool(entry)))
            }
            "retirement" => {
                let pool = self.pool_of(&mut fields).map_err(field)?;
                let (sequence, entry) = decode::retirement(fields).map_err(field)?;
                self.count(|read| &mut read.retirements);
                Ok(Some(ArchiveItem::LogEntry { pool, sequence, entry }))
            }
            "session" => {
                let pool = self.pool_of(&mut fields).map_err(field)?;
                let session = decode::session(pool, fields).map_err(field)?;
                if let Some(payload) = &session.payload {
                    payload.check().map_err(|invalid| ExchangeError::invalid(at.clone(), invalid))?;
                }
                self.count(|read| &mut read.sessions);
                Ok(Some(ArchiveItem::Session(session)))
            }
            "end" => {
                self.end = Some(decode::end(fields).map_err(field)?);
                Ok(None)
            }
            _ => {
                let rule = "must be pool, retirement, session or end";
                Err(field(Wrong::new("kind", &Value::String(kind), rule)))
            }
        }
    }

    fn count(&mut self, field: impl FnOnce(&mut End) -> &mut u64) {
        if let Some(read) = &mut self.read {
            *field(read) += 1;
        }
    }

    fn pool_of(&self, fields: &mut Fields) -> Result<PoolNumber, Wrong> {
        let name: PoolName = fields.parsed("pool")?;
        match self.pools.get(&name) {
            Some((number, _)) => Ok(*number),
            None => {
                let rule = "must be a pool that is described by a line before";
                Err(Wrong::new("pool", &name.as_str().into(), rule))
            }
        }
    }

    fn end_of_file(&mut self) -> Result<(), ExchangeError> {
        self.is_over = true;
        if self.is_edited {
            return Ok(());
        }
        let at = Place::Line(self.lines.number());
        let Some(end) = self.end else {
            let rule = "the last line, which says that it is, is missing: the file is cut short".to_owned();
            return Err(ExchangeError::CutShort { at, rule });
        };
        if let Some(End { pools, retirements, sessions, unreadable: _ }) = self.read
            && (pools, retirements, sessions) != (end.pools, end.retirements, end.sessions)
        {
            let rule = format!(
                "it says that there are {} pools, {} retirements and {} sessions, and there are {pools}, \
                 {retirements} and {sessions}: lines are missing, or were added",
                end.pools, end.retirements, end.sessions
            );
            return Err(ExchangeError::CutShort { at, rule });
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for JsonlReader<R> {
    type Item = Result<ArchiveItem, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read();
        self.is_over |= matches!(
            &next,
            Ok(None)
                | Err(ExchangeError::Io { .. }
                    | ExchangeError::TooLong { .. }
                    | ExchangeError::CutShort { .. })
        );
        next.transpose()
    }
}

fn error_of(no_line: NoLine, line: u64) -> ExchangeError {
    match no_line {
        NoLine::Io(source) => ExchangeError::io("read")(source),
        NoLine::TooLong => ExchangeError::TooLong { at: Place::Line(line) },
    }
}

/// The fields of a line.
fn parse(line: &[u8], at: &Place) -> Result<Fields, ExchangeError> {
    let text = std::str::from_utf8(line).map_err(|error| ExchangeError::NotJson {
        at: at.clone(),
        column: error.valid_up_to() + 1,
        rule: "this is no UTF-8 text".to_owned(),
    })?;
    let lost = |offset| ExchangeError::NotJson { at: at.clone(), column: offset + 1, rule: LOST.to_owned() };
    let Strict(value) = serde_json::from_str(text).map_err(|error| {
        if let Some(offset) = first_beyond(text, &error) {
            return lost(offset);
        }
        let text = error.to_string();
        // Its own place is within the line.
        let rule = text.split(" at line ").next().unwrap_or_default();
        ExchangeError::NotJson {
            at: at.clone(),
            column: error.column(),
            rule: format!("this is no JSON: {rule}"),
        }
    })?;
    if let Some(offset) = first_lost(text) {
        return Err(lost(offset));
    }
    Fields::of("", value).map_err(|wrong| ExchangeError::field(at.clone(), wrong))
}
