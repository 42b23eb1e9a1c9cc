//! Writing an archive.

use std::io::Write;
use std::path::Path;

use super::frame::{self, Kind, MAGIC};
use super::{
    ArchiveError, ArchiveHeader, ArchiveItem, ArchiveSummary, ArchivedSession, Cut, FORMAT, NewFile,
};
#[cfg(feature = "encryption")]
use crate::encryption::EncryptionKey;
use crate::encryption::{Cipher, to_hex};
use crate::session::Timestamp;
use crate::store::{ReadStore, format, schema_version};

/// How an archive is written or read.
#[derive(Debug, Clone, Default)]
pub struct ArchiveOptions {
    pub(super) cipher: Option<Cipher>,
}

impl ArchiveOptions {
    /// The defaults: in clear.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key that it is encrypted with. Default: none, it is in clear.
    #[cfg(feature = "encryption")]
    #[must_use]
    pub fn encryption_key(mut self, key: &EncryptionKey) -> Self {
        self.cipher = Some(Cipher::new(key));
        self
    }

    pub(crate) fn cipher(&self) -> Option<Cipher> {
        self.cipher.clone()
    }

    pub(crate) fn with_cipher(cipher: Option<Cipher>) -> Self {
        Self { cipher }
    }
}

/// Writes everything in a store that no pool has open as an archive, and answers how much that was.
///
/// Of a store that is open, [`SessionStore::backup`](crate::SessionStore::backup) does.
///
/// # Errors
///
/// [`ArchiveError::Io`] where `out` fails, [`ArchiveError::Store`] where the store cannot be read. What is merely
/// unreadable is passed over and counted.
pub fn write(
    store: &dyn ReadStore,
    out: impl Write,
    options: &ArchiveOptions,
) -> Result<ArchiveSummary, ArchiveError> {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let mut writer = ArchiveWriter::new(out, now.into(), options)?;
    let mut cut = Cut::begin(store)?;
    while let Some(page) = cut.next_page(store)? {
        for item in &page {
            writer.item(item)?;
        }
    }
    Ok(writer.finish(cut.unreadable())?.1)
}

/// The same into a new file: it is there as a whole and durable, or not at all, and readable for its owner only.
///
/// # Errors
///
/// As [`write`](fn@write); [`ArchiveError::Io`] too where there is something at `path` already.
pub fn write_to(
    store: &dyn ReadStore,
    path: impl AsRef<Path>,
    options: &ArchiveOptions,
) -> Result<ArchiveSummary, ArchiveError> {
    let path = path.as_ref();
    let mut file = NewFile::create(path)?;
    let summary = write(store, &mut file, options).map_err(|error| error.of_file(path))?;
    file.finish()?;
    Ok(summary)
}

/// Writes an archive, item by item.
pub(crate) struct ArchiveWriter<W> {
    out: W,
    id: [u8; 16],
    cipher: Option<Cipher>,
    next_index: u32,
    summary: ArchiveSummary,
    body: Vec<u8>,
    bytes: Vec<u8>,
}

impl<W: Write> ArchiveWriter<W> {
    /// How many bytes are gathered before they are written.
    const BUFFER: usize = 64 << 10;

    pub(crate) fn new(out: W, created_at: Timestamp, options: &ArchiveOptions) -> Result<Self, ArchiveError> {
        let uuid = uuid::Uuid::now_v7();
        let cipher = options.cipher.clone();
        let header = ArchiveHeader {
            format: FORMAT,
            schema: schema_version(),
            id: uuid.simple().to_string(),
            created_at,
            encrypted: cipher.as_ref().map(|cipher| to_hex(&cipher.key_check())),
        };
        let mut writer = Self {
            out,
            id: uuid.into_bytes(),
            cipher,
            next_index: 0,
            summary: ArchiveSummary::default(),
            body: Vec::new(),
            bytes: MAGIC.to_vec(),
        };
        writer.json(Kind::Header, &header)?;
        Ok(writer)
    }

    pub(crate) fn item(&mut self, item: &ArchiveItem) -> Result<(), ArchiveError> {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let (kind, encoded) = match item {
            ArchiveItem::Pool(entry) => {
                self.summary.pools += 1;
                body.extend_from_slice(&entry.number.0.to_le_bytes());
                (Kind::Pool, format::encode_pool(entry, &mut body))
            }
            ArchiveItem::Session(session) => {
                self.summary.sessions += 1;
                (Kind::Session, encode_session(session, &mut body))
            }
            ArchiveItem::LogEntry { pool, sequence, entry } => {
                self.summary.log_entries += 1;
                body.extend_from_slice(&pool.0.to_le_bytes());
                body.extend_from_slice(&sequence.0.to_le_bytes());
                (Kind::LogEntry, format::encode_log_entry(entry, &mut body))
            }
        };
        encoded.map_err(|rule| ArchiveError::io("write")(std::io::Error::other(rule)))?;
        if let Some(cipher) = &self.cipher {
            body = cipher.seal(&frame::place(&self.id, kind, self.next_index), &body);
        }
        self.frame(kind, &body)?;
        self.body = body;
        Ok(())
    }

    /// Ends the archive, and hands back what it was written to.
    pub(crate) fn finish(mut self, unreadable: u64) -> Result<(W, ArchiveSummary), ArchiveError> {
        let summary = ArchiveSummary { unreadable, ..self.summary };
        self.json(Kind::End, &summary)?;
        self.out.write_all(&self.bytes).map_err(ArchiveError::io("write"))?;
        self.out.flush().map_err(ArchiveError::io("write"))?;
        Ok((self.out, summary))
    }

    fn json(&mut self, kind: Kind, value: &impl serde::Serialize) -> Result<(), ArchiveError> {
        let body = serde_json::to_vec(value).map_err(|error| ArchiveError::io("write")(error.into()))?;
        self.frame(kind, &body)
    }

    fn frame(&mut self, kind: Kind, body: &[u8]) -> Result<(), ArchiveError> {
        // The first frame tells the id, so its own checksum is without it.
        let id: &[u8] = if kind == Kind::Header { &[] } else { &self.id };
        frame::write(id, kind, self.next_index, body, &mut self.bytes).map_err(ArchiveError::io("write"))?;
        let next = self.next_index.checked_add(1);
        self.next_index = next.ok_or_else(|| {
            ArchiveError::io("write")(std::io::Error::other("it has more items than an archive can hold"))
        })?;
        if self.bytes.len() >= Self::BUFFER {
            self.out.write_all(&self.bytes).map_err(ArchiveError::io("write"))?;
            self.bytes.clear();
        }
        Ok(())
    }
}

fn encode_session(session: &ArchivedSession, body: &mut Vec<u8>) -> Result<(), String> {
    let ArchivedSession { pool, id, record, payload } = session;
    body.extend_from_slice(&pool.0.to_le_bytes());
    let text = id.as_str().as_bytes();
    body.push(u8::try_from(text.len()).map_err(|error| error.to_string())?);
    body.extend_from_slice(text);
    let at = body.len();
    body.extend_from_slice(&[0; 4]);
    format::encode_record(record, body)?;
    let length = u32::try_from(body.len() - at - 4).map_err(|error| error.to_string())?;
    body[at..at + 4].copy_from_slice(&length.to_le_bytes());
    payload.as_ref().map_or(Ok(()), |payload| format::encode_payload(payload, body))
}
