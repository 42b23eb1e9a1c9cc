//! How a store is opened.

use std::fmt;
use std::path::Path;

use super::checkpoint::{Checkpointer, Checkpoints};
use super::observe;
use super::session_store::SessionStore;
use crate::archive::ArchiveOptions;
use crate::error::{Error, Result};
use crate::session::Invalid;
use crate::store::{SledStoreOptions, Store};

/// How a store is opened: [`SledStoreOptions`], and whether it writes checkpoints.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions");
/// use session_pool::{Checkpoints, SessionPool, SessionStore, SledStoreOptions};
///
/// let store = SessionStore::builder()
///     .options(SledStoreOptions::new().cache_capacity(16 << 20))
///     .checkpoints(Some(Checkpoints { keep: 10, ..Default::default() }))
///     .open(&path)?;
/// let pool = SessionPool::builder().name("shop.example").open_in(&store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until it opens a store"]
pub struct SessionStoreBuilder {
    options: SledStoreOptions,
    checkpoints: Option<Checkpoints>,
}

impl Default for SessionStoreBuilder {
    fn default() -> Self {
        Self { options: SledStoreOptions::default(), checkpoints: Some(Checkpoints::default()) }
    }
}

impl SessionStoreBuilder {
    /// How the directory is opened. Default: the defaults of [`SledStoreOptions`].
    pub fn options(mut self, options: SledStoreOptions) -> Self {
        self.options = options;
        self
    }

    /// Whether and when it writes [checkpoints](Checkpoints). Default: every 15 minutes, the last three of them.
    pub fn checkpoints(mut self, checkpoints: Option<Checkpoints>) -> Self {
        self.checkpoints = checkpoints;
        self
    }

    /// Opens the store in the directory `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `checkpoints`; [`Error::Store`], as [`SledStoreOptions::open`]; [`Error::Thread`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<SessionStore> {
        let path = path.as_ref();
        self.check()?;
        let archives = ArchiveOptions::with_cipher(self.options.cipher());
        let store = self.options.open(path)?;
        observe::store_opened(path, store.open_report());
        Self::start(store, self.checkpoints.as_ref(), Some(path), archives)
    }

    /// A store of your own making. It writes checkpoints only where these are told their directory.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: `checkpoints`; [`Error::Store`] where it cannot be read; [`Error::Thread`].
    pub fn with_store(self, store: impl Store) -> Result<SessionStore> {
        self.check()?;
        let archives = ArchiveOptions::with_cipher(self.options.cipher());
        Self::start(store, self.checkpoints.as_ref(), None, archives)
    }

    fn check(&self) -> Result<(), Invalid> {
        self.checkpoints.as_ref().map_or(Ok(()), Checkpoints::check)
    }

    fn start(
        store: impl Store,
        checkpoints: Option<&Checkpoints>,
        path: Option<&Path>,
        archives: ArchiveOptions,
    ) -> Result<SessionStore> {
        SessionStore::start(store, archives.clone(), |committer| {
            let Some(checkpoints) = checkpoints else { return Ok(None) };
            let directory = checkpoints.directory.clone();
            let Some(directory) = directory.or_else(|| path.map(|path| path.join(Checkpoints::DIRECTORY)))
            else {
                return Ok(None);
            };
            let checkpointer = Checkpointer::start(committer, directory, checkpoints, archives);
            checkpointer.map(Some).map_err(|source| Error::Thread { source })
        })
    }
}

impl fmt::Debug for SessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStoreBuilder")
            .field("options", &self.options)
            .field("checkpoints", &self.checkpoints)
            .finish()
    }
}
