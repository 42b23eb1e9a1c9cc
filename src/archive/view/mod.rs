//! An archive that is looked into as a store is.

mod sessions;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sessions::{Kept, Sessions};

use super::frame::{self, Kind};
use super::reader::{self, decode_log_entry, decode_pool, decode_session};
use super::{ArchiveError, ArchiveHeader, ArchiveOptions, ArchiveReader};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};
use crate::store::{
    LogEntry, PoolEntry, PoolNumber, ReadOptions, ReadStore, Sequence, StoreError, Unreadable, Visitor,
};

/// An archive in a file, looked into as a store is: with everything in [`inspect`](crate::inspect).
///
/// It is read once, to its end; records and log are kept in memory, some 100 bytes a session, and payloads are read from the
/// file when they are asked for. It has no indexes that could be wrong: what they say follows from the sessions.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions.archive");
/// # let pool = session_pool::SessionPool::builder().open_in_memory()?;
/// # pool.acquire()?.reclaim()?;
/// # pool.session_store().backup_to(&path)?;
/// use session_pool::archive::ArchiveView;
/// use session_pool::{ReadOptions, inspect};
///
/// let archive = ArchiveView::open(&path, &ReadOptions::new())?;
/// println!("as of {}", archive.header().created_at);
/// assert!(inspect::check(&archive)?.is_sound());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArchiveView {
    file: File,
    path: PathBuf,
    header: ArchiveHeader,
    id: Vec<u8>,
    cipher: Option<Cipher>,
    /// In the order of their numbers.
    pools: Vec<PoolEntry>,
    sessions: Sessions,
    /// In the order of pools and places.
    log: Vec<(PoolNumber, Sequence, LogEntry)>,
    unreadable: u64,
    damage: Vec<String>,
}

/// After so many frames it tells how far it has come.
const PROGRESS: u32 = 1024;

/// What a frame holds.
enum Item {
    Pool(PoolEntry),
    Session,
    Log((PoolNumber, Sequence, LogEntry)),
}

impl ArchiveView {
    /// How many places of damage are named.
    pub const MAX_DAMAGE: usize = 1000;

    /// Opens the archive in a file, and reads it to its end.
    ///
    /// # Errors
    ///
    /// - [`ArchiveError::Io`]; [`ArchiveError::NotAnArchive`]; [`ArchiveError::Newer`].
    /// - [`ArchiveError::KeyNeeded`], [`ArchiveError::WrongKey`], [`ArchiveError::NotEncrypted`]: the key does not fit.
    /// - [`ArchiveError::Damaged`], [`ArchiveError::CutShort`], unless
    ///   [`allow_damaged`](ReadOptions::allow_damaged) is given; where its header is damaged, in any case.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, ArchiveError> {
        let path = path.as_ref();
        let read = |error: ArchiveError| error.of_file(path);
        let file = File::open(path).map_err(ArchiveError::file("open", path))?;
        let length = file.metadata().map_err(ArchiveError::file("look at", path))?.len();
        let input = file.try_clone().map_err(ArchiveError::file("open", path))?;
        let mut reader =
            ArchiveReader::new(input, &ArchiveOptions::with_cipher(options.cipher())).map_err(read)?;
        let (mut pools, mut log, mut damage) = (Vec::new(), Vec::new(), Vec::new());
        let sessions = std::cell::RefCell::new(Sessions::default());
        let decode = |frame: &frame::Frame, body: &[u8]| match frame.kind {
            Kind::Pool => decode_pool(body).map(Item::Pool),
            Kind::LogEntry => decode_log_entry(body).map(Item::Log),
            Kind::Session => {
                if frame.index.is_multiple_of(PROGRESS) {
                    options.progress(frame.offset, length);
                }
                let session = decode_session(body)?;
                let place = (frame.index, frame.offset);
                sessions.borrow_mut().push(session.pool, &session.id, session.record, place)?;
                Ok(Item::Session)
            }
            Kind::Header | Kind::End => Err("a second header".to_owned()),
        };
        while let Some(item) = reader.next_with(decode) {
            match item {
                Ok(Item::Pool(pool)) => pools.push(pool),
                Ok(Item::Session) => {}
                Ok(Item::Log(entry)) => log.push(entry),
                Err(error @ (ArchiveError::Damaged { .. } | ArchiveError::CutShort { .. }))
                    if options.allows_damaged() =>
                {
                    if damage.len() < Self::MAX_DAMAGE {
                        damage.push(error.to_string());
                    }
                }
                Err(error) => return Err(read(error)),
            }
        }
        let mut sessions = sessions.into_inner();
        sessions.sort();
        pools.sort_by_key(|pool| pool.number);
        log.sort_by_key(|(pool, sequence, _)| (*pool, *sequence));
        log.shrink_to_fit();
        let header = reader.header().clone();
        let unreadable = reader.summary().map_or(0, |summary| summary.unreadable);
        let (id, cipher) = reader.into_keys();
        let path = path.to_owned();
        Ok(Self { file, path, header, id, cipher, pools, sessions, log, unreadable, damage })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself: when it was written, for instance.
    pub fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// How many items of the store could not be read when it was written, and so are not in it.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// What was passed over because it is damaged or cut off: where and why. At most [`ArchiveView::MAX_DAMAGE`] of it.
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    fn payload_of(&self, kept: &Kept<'_>) -> io::Result<Result<Option<Payload>, String>> {
        let kind = Kind::Session;
        let body = frame::body_at(&self.file, &self.id, kind, kept.index, kept.offset)?;
        Ok(body.ok_or_else(|| "it is not there any more".to_owned()).and_then(|body| {
            let body = reader::open(kind, kept.index, &body, &self.id, self.cipher.as_ref())?;
            decode_session(&body)?.payload()
        }))
    }

    fn log_of(&self, pool: PoolNumber, after: Sequence) -> &[(PoolNumber, Sequence, LogEntry)] {
        let range = |behind: (PoolNumber, Sequence)| {
            self.log.partition_point(|(pool, sequence, _)| (*pool, *sequence) <= behind)
        };
        &self.log[range((pool, after))..range((pool, Sequence(u64::MAX)))]
    }
}

fn unreadable(item: &'static str, kept: &Kept<'_>) -> impl FnOnce(String) -> Unreadable {
    let (pool, key) = (Some(kept.pool), kept.id_bytes().to_vec());
    move |rule| Unreadable { item, pool, key, rule }
}

impl fmt::Debug for ArchiveView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveView")
            .field("path", &self.path)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl ReadStore for ArchiveView {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        for pool in &self.pools {
            if visit(Ok(pool.clone())).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let Some(kept) = self.sessions.get(pool, id) else { return Ok(None) };
        Ok(Some(kept.read().map_err(unreadable("session", &kept))?.1))
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        let Some(kept) = self.sessions.get(pool, id) else { return Ok(None) };
        let payload = self.payload_of(&kept).map_err(StoreError::io("read", &self.path))?;
        Ok(payload.map_err(unreadable("payload", &kept))?)
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        Ok(self.sessions.get(pool, id).is_some())
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        for kept in self.sessions.of_pool(pool, None).filter(|kept| kept.is_in(state)) {
            if visit(kept.read().map_err(unreadable("session", &kept))).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        for kept in self.sessions.of_pool(pool, after) {
            if visit(kept.read().map_err(unreadable("session", &kept))).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        let mut next = self.sessions.all().next();
        while let Some(pool) = next.map(|kept| kept.pool) {
            for state in State::ALL {
                for kept in self.sessions.of_pool(pool, None).filter(|kept| kept.is_in(state)) {
                    let entry = kept.id().map(|id| (pool, state, id));
                    if visit(entry.map_err(unreadable("session", &kept))).is_break() {
                        return Ok(());
                    }
                }
            }
            next = pool.0.checked_add(1).and_then(|next| self.sessions.first_from(PoolNumber(next)));
        }
        Ok(())
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        let live = self.sessions.all().filter(|kept| kept.is_in(State::Live));
        let mut expiring: Vec<_> = live
            .filter_map(|kept| {
                let (id, record) = kept.read().ok()?;
                let at = record.expires_at;
                ((after < at || after == Timestamp::MIN) && at <= until).then_some((at, kept.pool, id))
            })
            .collect();
        expiring.sort_unstable();
        for entry in expiring {
            if visit(Ok(entry)) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        for (_, sequence, entry) in self.log_of(pool, after) {
            if visit(Ok((*sequence, *entry))).is_break() {
                break;
            }
        }
        Ok(())
    }
}
