//! Writing JSON Lines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::Path;

use super::encode::{EndLine, HeaderLine, Line};
use super::{ExchangeError, FORMAT, VERSION};
use crate::archive::{ArchiveItem, ArchiveSummary, ArchivedSession, Cut, NewFile};
use crate::session::{Payload, Timestamp};
use crate::store::{PoolName, PoolNumber, ReadStore};

/// What is exported, and how.
#[derive(Default)]
pub struct ExportOptions {
    pool: Option<PoolName>,
    is_masked: bool,
    on_progress: Option<OnProgress>,
}

/// Whoever hears how many items were written.
pub(super) type OnProgress = Box<dyn Fn(u64)>;

impl fmt::Debug for ExportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, is_masked, on_progress: _ } = self;
        f.debug_struct("ExportOptions")
            .field("pool", pool)
            .field("is_masked", is_masked)
            .finish_non_exhaustive()
    }
}

impl ExportOptions {
    /// The defaults: everything, with its secrets in clear.
    pub fn new() -> Self {
        Self::default()
    }

    /// One pool only. Default: all of them.
    #[must_use]
    pub fn pool(mut self, name: PoolName) -> Self {
        self.pool = Some(name);
        self
    }

    /// Whether secrets are masked, as by [`Payload::masked`]. What is written then is for looking at, and cannot be imported.
    /// Default: no.
    #[must_use]
    pub fn masked(mut self, masked: bool) -> Self {
        self.is_masked = masked;
        self
    }

    /// Hears now and then how many items were written. Default: nobody does.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(u64) + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }
}

/// Writes everything in a store as JSON Lines, and answers how much that was. What cannot be read is passed over and
/// counted. It takes memory for a few hundred sessions.
///
/// Nobody may write to the store meanwhile: it is a [`SledReader`](crate::SledReader), an
/// [`ArchiveView`](crate::archive::ArchiveView), or a store of which no pool is open. Of one that is in use, an archive
/// ([`SessionStore::backup`](crate::SessionStore::backup)) holds one moment, and can be exported.
///
/// # Errors
///
/// - [`ExchangeError::Io`] where `out` fails, [`ExchangeError::Store`] where the store cannot be read,
///   [`ExchangeError::NoSuchPool`].
/// - [`ExchangeError::Changed`]: a session was retired or forgotten meanwhile. What was written has no last line.
pub fn write_jsonl(
    store: &dyn ReadStore,
    out: impl Write,
    options: &ExportOptions,
) -> Result<ArchiveSummary, ExchangeError> {
    let mut cut = Cut::begin(store)?;
    if let Some(name) = &options.pool {
        let names = cut.keep_pool(name);
        if let Some(names) = names {
            return Err(ExchangeError::NoSuchPool { name: name.clone(), names });
        }
    }
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let mut writer = JsonlWriter::new(out, now.into(), options.is_masked)?;
    while let Some(page) = cut.next_page(store)? {
        for item in &page {
            writer.item(item)?;
        }
        if let Some(callback) = &options.on_progress {
            let ArchiveSummary { pools, sessions, log_entries, unreadable: _ } = writer.summary;
            callback(pools + sessions + log_entries);
        }
    }
    // A session that was retired behind the page of the log would be in it as retired, without its retirement.
    if cut.is_past(store)? {
        return Err(ExchangeError::Changed);
    }
    writer.finish(cut.unreadable())
}

/// The same into a new file, which only its owner may read, and which is there as a whole or not at all.
///
/// # Errors
///
/// Those of [`write_jsonl`]; [`ExchangeError::Io`] also where the file is there already.
pub fn write_jsonl_file(
    store: &dyn ReadStore,
    path: impl AsRef<Path>,
    options: &ExportOptions,
) -> Result<ArchiveSummary, ExchangeError> {
    into_file(path.as_ref(), |out| write_jsonl(store, out, options))
}

/// Has a file written that is there as a whole or not at all.
pub(super) fn into_file<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, ExchangeError>,
) -> Result<T, ExchangeError> {
    let mut file = NewFile::create(path)?;
    let answer = write(&mut file).map_err(|error| match error {
        ExchangeError::Io { operation, path: None, source } => ExchangeError::file(operation, path)(source),
        error => error,
    })?;
    file.finish()?;
    Ok(answer)
}

/// Writes JSON Lines, item by item: pools before what belongs to them.
#[derive(Debug)]
pub struct JsonlWriter<W> {
    out: W,
    is_masked: bool,
    pools: HashMap<PoolNumber, PoolName>,
    summary: ArchiveSummary,
    buffer: Vec<u8>,
}

impl<W: Write> JsonlWriter<W> {
    /// How many bytes are gathered before they are written.
    const BUFFER: usize = 64 << 10;

    /// Begins with the line that says what it is.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Io`].
    pub fn new(out: W, written_at: Timestamp, is_masked: bool) -> Result<Self, ExchangeError> {
        let summary = ArchiveSummary::default();
        let mut writer = Self { out, is_masked, pools: HashMap::new(), summary, buffer: Vec::new() };
        let header = HeaderLine { format: FORMAT, version: VERSION, written_at, masked: is_masked };
        writer.line(&Line::Header(header))?;
        Ok(writer)
    }

    /// Writes an item.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Io`], also where its pool was not written before.
    pub fn item(&mut self, item: &ArchiveItem) -> Result<(), ExchangeError> {
        let number = match item {
            ArchiveItem::Pool(entry) => {
                self.pools.insert(entry.number, entry.name.clone());
                self.summary.pools += 1;
                entry.number
            }
            ArchiveItem::LogEntry { pool, .. } => {
                self.summary.log_entries += 1;
                *pool
            }
            ArchiveItem::Session(session) => {
                self.summary.sessions += 1;
                session.pool
            }
        };
        let Some(name) = self.pools.get(&number).cloned() else {
            let error = std::io::Error::other(format!("pool {number} was not written before it"));
            return Err(ExchangeError::io("write an item")(error));
        };
        let item = if self.is_masked { masked(item) } else { Cow::Borrowed(item) };
        self.line(&Line::of(&name, &item))
    }

    /// Writes the last line. `unreadable`: how many items could not be read, and so are not in it.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Io`].
    pub fn finish(mut self, unreadable: u64) -> Result<ArchiveSummary, ExchangeError> {
        let summary = ArchiveSummary { unreadable, ..self.summary };
        let ArchiveSummary { pools, sessions, log_entries: retirements, unreadable } = summary;
        self.line(&Line::End(EndLine { pools, retirements, sessions, unreadable }))?;
        self.out.write_all(&self.buffer).map_err(ExchangeError::io("write"))?;
        self.out.flush().map_err(ExchangeError::io("write"))?;
        Ok(summary)
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), ExchangeError> {
        serde_json::to_writer(&mut self.buffer, line)
            .map_err(|error| ExchangeError::io("write an item")(error.into()))?;
        self.buffer.push(b'\n');
        if self.buffer.len() >= Self::BUFFER {
            self.out.write_all(&self.buffer).map_err(ExchangeError::io("write"))?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn masked(item: &ArchiveItem) -> Cow<'_, ArchiveItem> {
    match item {
        ArchiveItem::Session(session) => {
            let payload = session.payload.as_ref().map(Payload::masked);
            Cow::Owned(ArchiveItem::Session(ArchivedSession { payload, ..*session }))
        }
        other => Cow::Borrowed(other),
    }
}
