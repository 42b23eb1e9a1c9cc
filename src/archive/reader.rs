//! Reading an archive.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::frame::{self, Frame, Frames, Kind, MAGIC, Next};
use super::{ArchiveError, ArchiveHeader, ArchiveOptions, ArchiveSummary, FORMAT};
use crate::encryption::{Cipher, from_hex};
use crate::session::{Payload, SessionId, SessionRecord};
use crate::store::{LogEntry, PoolEntry, PoolNumber, Sequence, format, schema_version};

/// One item of an archive.
#[derive(Debug, Clone, PartialEq)]
pub enum ArchiveItem {
    /// A pool.
    Pool(PoolEntry),
    /// A session.
    Session(ArchivedSession),
    /// A retirement.
    LogEntry {
        /// Its pool.
        pool: PoolNumber,
        /// Its place in the log.
        sequence: Sequence,
        /// What it says.
        entry: LogEntry,
    },
}

/// A session in an archive.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedSession {
    /// Its pool.
    pub pool: PoolNumber,
    /// Its id.
    pub id: SessionId,
    /// Its hot part.
    pub record: SessionRecord,
    /// Its cold part; `None` where the store could not read it.
    pub payload: Option<Payload>,
}

/// Reads an archive, item by item. It takes memory for one item.
///
/// It is an iterator: [`ArchiveError::Damaged`] is followed by what can be read behind it, every other error is the last
/// answer. Whoever got `None` without an error before has read all that was ever written, and nothing else: also a byte
/// behind the end is damage.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions");
/// use session_pool::archive::{ArchiveItem, ArchiveReader};
/// use session_pool::SessionPool;
///
/// let pool = SessionPool::open(&path)?;
/// pool.acquire()?.reclaim()?;
/// let mut bytes = Vec::new();
/// pool.session_store().backup(&mut bytes)?;
///
/// let reader = ArchiveReader::new(bytes.as_slice(), &Default::default())?;
/// let sessions = reader.filter(|item| matches!(item, Ok(ArchiveItem::Session(_)))).count();
/// assert_eq!(sessions, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArchiveReader<R> {
    frames: Frames<R>,
    header: ArchiveHeader,
    cipher: Option<Cipher>,
    read: ArchiveSummary,
    /// Frames lost so far: those that were damaged.
    damaged: bool,
    end: Option<ArchiveSummary>,
    is_over: bool,
}

impl ArchiveReader<File> {
    /// Opens the archive in a file.
    ///
    /// # Errors
    ///
    /// As [`ArchiveReader::new`].
    pub fn open(path: impl AsRef<Path>, options: &ArchiveOptions) -> Result<Self, ArchiveError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(ArchiveError::file("open", path))?;
        Self::new(file, options).map_err(|error| error.of_file(path))
    }
}

impl<R: Read> ArchiveReader<R> {
    /// Begins to read an archive. No buffer is needed around `input`.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Io`], [`ArchiveError::NotAnArchive`], [`ArchiveError::Damaged`] where its header is,
    /// [`ArchiveError::Newer`], [`ArchiveError::KeyNeeded`], [`ArchiveError::WrongKey`],
    /// [`ArchiveError::NotEncrypted`].
    pub fn new(mut input: R, options: &ArchiveOptions) -> Result<Self, ArchiveError> {
        let mut magic = Vec::with_capacity(MAGIC.len());
        input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(ArchiveError::io("read"))?;
        if magic != MAGIC {
            return Err(ArchiveError::NotAnArchive);
        }
        let offset = MAGIC.len() as u64;
        let mut frames = Frames::new(input, offset);
        let damaged = |rule: &str| ArchiveError::Damaged { offset, rule: rule.to_owned() };
        let body = match frames.next().map_err(ArchiveError::io("read"))? {
            Next::Frame(Frame { kind: Kind::Header, index: 0, body, .. }) => body,
            Next::End { offset, .. } => return Err(ArchiveError::CutShort { offset, items: 0 }),
            _ => return Err(damaged("its header is not whole")),
        };
        let header = read_header(&body).map_err(|rule| damaged(&rule))?;
        for (what, found, supported) in
            [("format", header.format, FORMAT), ("schema version", header.schema, schema_version())]
        {
            if found > supported {
                return Err(ArchiveError::Newer { what, found, supported });
            }
        }
        let id = from_hex(&header.id).filter(|id| id.len() == 16);
        frames.id = id.ok_or_else(|| damaged("its header has no id"))?;
        let cipher = match (&header.encrypted, &options.cipher) {
            (None, None) => None,
            (None, Some(_)) => return Err(ArchiveError::NotEncrypted),
            (Some(_), None) => return Err(ArchiveError::KeyNeeded),
            (Some(check), Some(cipher)) => {
                if !from_hex(check).is_some_and(|check| cipher.is_key_of(&check)) {
                    return Err(ArchiveError::WrongKey);
                }
                Some(cipher.clone())
            }
        };
        let read = ArchiveSummary::default();
        Ok(Self { frames, header, cipher, read, damaged: false, end: None, is_over: false })
    }

    /// What it says of itself.
    pub fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// How much it holds, once it has been read to its end; `None` before, and where it is cut short.
    pub fn summary(&self) -> Option<ArchiveSummary> {
        self.end
    }

    /// The id that binds its frames together, and what opens them.
    pub(super) fn into_keys(self) -> (Vec<u8>, Option<Cipher>) {
        (self.frames.id, self.cipher)
    }

    /// The next item, as `decode` makes it from a frame and its body in clear; `None` at the end, and behind an error other
    /// than [`ArchiveError::Damaged`].
    pub(super) fn next_with<T>(
        &mut self,
        decode: impl Fn(&Frame, &[u8]) -> Result<T, String>,
    ) -> Option<Result<T, ArchiveError>> {
        if self.is_over {
            return None;
        }
        let next = self.read(decode);
        self.is_over |= !matches!(&next, Ok(Some(_)) | Err(ArchiveError::Damaged { .. }));
        next.transpose()
    }

    fn read<T>(
        &mut self,
        decode: impl Fn(&Frame, &[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, ArchiveError> {
        loop {
            match self.frames.next().map_err(ArchiveError::io("read"))? {
                Next::Frame(Frame { offset, .. })
                | Next::Damage { offset }
                | Next::End { offset, has_rest: true }
                    if self.end.is_some() =>
                {
                    // Whatever it is, nothing of it belongs here.
                    self.is_over = true;
                    let rule = "something follows its end".to_owned();
                    return Err(ArchiveError::Damaged { offset, rule });
                }
                Next::Frame(Frame { kind: Kind::End, body, offset, .. }) => self.end_with(&body, offset)?,
                Next::Frame(frame) => return self.decode(&frame, decode).map(Some),
                Next::Damage { offset } => {
                    self.damaged = true;
                    let rule = "a frame is not whole, or its checksum is wrong".to_owned();
                    return Err(ArchiveError::Damaged { offset, rule });
                }
                Next::End { offset, .. } => {
                    self.is_over = true;
                    let items = self.read.pools + self.read.sessions + self.read.log_entries;
                    return if self.end.is_some() {
                        Ok(None)
                    } else {
                        Err(ArchiveError::CutShort { offset, items })
                    };
                }
            }
        }
    }

    fn end_with(&mut self, body: &[u8], offset: u64) -> Result<(), ArchiveError> {
        let damaged = |rule: String| ArchiveError::Damaged { offset, rule };
        let end: ArchiveSummary = serde_json::from_slice(body)
            .map_err(|error| damaged(format!("its last frame is not as it should be: {error}")))?;
        self.end = Some(end);
        let ArchiveSummary { pools, sessions, log_entries, unreadable: _ } = self.read;
        if !self.damaged && (pools, sessions, log_entries) != (end.pools, end.sessions, end.log_entries) {
            return Err(damaged("it holds fewer items than its end says".to_owned()));
        }
        Ok(())
    }

    fn decode<T>(
        &mut self,
        frame: &Frame,
        decode: impl Fn(&Frame, &[u8]) -> Result<T, String>,
    ) -> Result<T, ArchiveError> {
        let item = open(frame.kind, frame.index, &frame.body, &self.frames.id, self.cipher.as_ref())
            .and_then(|body| decode(frame, &body));
        match (&item, frame.kind) {
            (Ok(_), Kind::Pool) => self.read.pools += 1,
            (Ok(_), Kind::Session) => self.read.sessions += 1,
            (Ok(_), Kind::LogEntry) => self.read.log_entries += 1,
            _ => self.damaged = true,
        }
        item.map_err(|rule| ArchiveError::Damaged { offset: frame.offset, rule })
    }
}

impl<R: Read> Iterator for ArchiveReader<R> {
    type Item = Result<ArchiveItem, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(|frame, body| match frame.kind {
            Kind::Pool => decode_pool(body).map(ArchiveItem::Pool),
            Kind::Session => decode_session(body)?.read().map(ArchiveItem::Session),
            Kind::LogEntry => decode_log_entry(body).map(|(pool, sequence, entry)| ArchiveItem::LogEntry {
                pool,
                sequence,
                entry,
            }),
            Kind::Header | Kind::End => Err("a second header".to_owned()),
        })
    }
}

/// The body of a frame in clear.
pub(super) fn open<'b>(
    kind: Kind,
    index: u32,
    body: &'b [u8],
    id: &[u8],
    cipher: Option<&Cipher>,
) -> Result<Cow<'b, [u8]>, String> {
    match cipher {
        None => Ok(body.into()),
        Some(cipher) => match cipher.open(&frame::place(id, kind, index), body) {
            Ok(body) => Ok(body.into()),
            Err(_) => Err("an encrypted item is not what was written".to_owned()),
        },
    }
}

fn read_header(body: &[u8]) -> Result<ArchiveHeader, String> {
    /// What every version has said so far, and will.
    #[derive(serde::Deserialize)]
    struct Versions {
        format: u32,
        schema: u32,
    }
    let versions: Versions =
        serde_json::from_slice(body).map_err(|error| format!("its header tells no version: {error}"))?;
    match serde_json::from_slice(body) {
        Ok(header) => Ok(header),
        // Its version is what it is refused for.
        Err(_) if versions.format > FORMAT => Ok(ArchiveHeader {
            format: versions.format,
            schema: versions.schema,
            id: String::new(),
            created_at: crate::session::Timestamp::MIN,
            encrypted: None,
        }),
        Err(error) => Err(format!("its header is not as it should be: {error}")),
    }
}

fn cut<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (part, rest) = bytes.split_at_checked(length).ok_or("an item is too short")?;
    *bytes = rest;
    Ok(part)
}

fn cut_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    let (part, rest) = bytes.split_first_chunk::<N>().ok_or("an item is too short")?;
    *bytes = rest;
    Ok(*part)
}

fn cut_pool(bytes: &mut &[u8]) -> Result<PoolNumber, String> {
    cut_array(bytes).map(|bytes| PoolNumber(u32::from_le_bytes(bytes)))
}

pub(super) fn decode_pool(mut body: &[u8]) -> Result<PoolEntry, String> {
    let number = cut_pool(&mut body)?;
    format::decode_pool(number, body)
}

/// A session whose parts are still the bytes that they are stored as.
pub(super) struct StoredSession<'b> {
    pub(super) pool: PoolNumber,
    pub(super) id: SessionId,
    pub(super) record: &'b [u8],
    /// Empty where the store could not read it.
    pub(super) payload: &'b [u8],
}

impl StoredSession<'_> {
    fn read(&self) -> Result<ArchivedSession, String> {
        let Self { pool, id, record, payload: _ } = *self;
        Ok(ArchivedSession { pool, id, record: format::decode_record(record)?, payload: self.payload()? })
    }

    pub(super) fn payload(&self) -> Result<Option<Payload>, String> {
        if self.payload.is_empty() { Ok(None) } else { format::decode_payload(self.payload).map(Some) }
    }
}

pub(super) fn decode_session(mut body: &[u8]) -> Result<StoredSession<'_>, String> {
    let pool = cut_pool(&mut body)?;
    let [length] = cut_array(&mut body)?;
    let id = SessionId::from_bytes(cut(&mut body, length.into())?).map_err(|error| error.to_string())?;
    let length = u32::from_le_bytes(cut_array(&mut body)?) as usize;
    Ok(StoredSession { pool, id, record: cut(&mut body, length)?, payload: body })
}

pub(super) fn decode_log_entry(mut body: &[u8]) -> Result<(PoolNumber, Sequence, LogEntry), String> {
    let pool = cut_pool(&mut body)?;
    let sequence = Sequence(u64::from_le_bytes(cut_array(&mut body)?));
    format::decode_log_entry(body).map(|entry| (pool, sequence, entry))
}
