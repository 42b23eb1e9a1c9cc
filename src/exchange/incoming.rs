//! Sessions that come in, whatever they come from.

use std::io::BufRead;

use super::crawlee::{self, Reading};
use super::note::{Note, Notes};
use super::{ExchangeError, ImportFormat, ImportOptions, Input, JsonlReader, Place};
use crate::archive::{ArchiveItem, ArchivedSession};
use crate::session::{Payload, Retired, SessionId, SessionRecord, Timestamp};
use crate::store::{PoolEntry, PoolNumber};

/// A session that is brought in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Brought {
    pub(super) id: SessionId,
    pub(super) record: SessionRecord,
    pub(super) payload: Payload,
}

/// Who is handed each session with its place and what could not be carried over.
pub(super) type Take<'a> = dyn FnMut(Place, Brought, Vec<Note>) -> Result<(), ExchangeError> + 'a;

/// Goes through the sessions of an input, and answers what of the rest is not carried over.
pub(super) fn for_each(
    input: &mut Input,
    format: ImportFormat,
    options: &ImportOptions,
    take: &mut Take<'_>,
) -> Result<Vec<Note>, ExchangeError> {
    let now = options.now;
    match format {
        ImportFormat::Jsonl => for_each_line(input.rewound()?, options, take),
        ImportFormat::Crawlee(dialect) => {
            let reading = Reading { dialect, now, rename_ids: options.rename_ids };
            let rest = crawlee::visit(input.rewound()?, &mut |index, raw| {
                let (brought, mut notes) = crawlee::read_session(&reading, index, raw)?;
                let (brought, more) = not_ahead(brought, now);
                notes.extend(more);
                take(Place::Session(index, Some(brought.id.to_string())), brought, notes)
            })?;
            Ok(crawlee::read_file_fields(dialect, rest))
        }
    }
}

fn for_each_line(
    input: &mut dyn BufRead,
    options: &ImportOptions,
    take: &mut Take<'_>,
) -> Result<Vec<Note>, ExchangeError> {
    let mut reader = JsonlReader::new(input)?.edited(options.is_edited);
    if reader.is_masked() {
        return Err(ExchangeError::Masked);
    }
    let mut wanted: Option<PoolNumber> = None;
    let mut names = Vec::new();
    let mut notes = Notes::default();
    while let Some(item) = reader.next() {
        match item? {
            ArchiveItem::Pool(entry) => {
                let ever = entry.retired_ever();
                let PoolEntry { number, name, .. } = entry;
                if options.from_pool.as_ref().is_none_or(|from| *from == name) {
                    wanted = Some(number);
                    if ever > 0 {
                        let were = if ever == 1 { "retirement there was" } else { "retirements there were" };
                        let log =
                            format!("{ever} {were}: those that come in retired get entries of their own");
                        notes.dropped(format!("the log of pool {name}"), log);
                    }
                }
                names.push(name);
            }
            ArchiveItem::Session(session) if options.from_pool.is_none() || wanted == Some(session.pool) => {
                let at = Place::Line(reader.line());
                let ArchivedSession { pool: _, id, record, payload } = session;
                let Some(payload) = payload else {
                    let rule = format!(
                        "the cookies, user data, proxy and fingerprint of session {id} are missing: they could not be \
                         read when it was exported"
                    );
                    return Err(ExchangeError::Disagrees { at, rule });
                };
                let (brought, notes) = not_ahead(Brought { id, record, payload }, options.now);
                take(at, brought, notes)?;
            }
            ArchiveItem::Session(_) | ArchiveItem::LogEntry { .. } => {}
        }
    }
    if let Some(name) = options.from_pool.as_ref().filter(|_| wanted.is_none()) {
        return Err(ExchangeError::NoSuchPool { name: name.clone(), names });
    }
    if let Some(unreadable) = reader.unreadable().filter(|count| *count > 0) {
        notes.dropped(
            "unreadable",
            format!("{unreadable} items, which could not be read when it was exported"),
        );
    }
    Ok(notes.into_notes())
}

/// A pool goes by the newest time that it finds in its store (T-3): what comes from a clock that is ahead counts as now.
fn not_ahead(mut brought: Brought, now: Timestamp) -> (Brought, Vec<Note>) {
    let mut notes = Notes::of(brought.id.as_str());
    let SessionRecord { created_at, last_used_at, retired, .. } = &mut brought.record;
    let mut back = |field: &str, time: &mut Timestamp| {
        if *time > now {
            notes.changed(field, *time, format_args!("{now}, since it lies ahead of the clock"));
            *time = now;
        }
    };
    back("created_at", created_at);
    if let Some(time) = last_used_at {
        back("last_used_at", time);
    }
    if let Some(Retired { at, .. }) = retired {
        back("retired.at", at);
    }
    (brought, notes.into_notes())
}
