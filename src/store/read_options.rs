//! How a store or an archive is opened for reading.

use std::fmt;
use std::sync::Arc;

use crate::encryption::Cipher;

type OnProgress = dyn Fn(u64, u64) + Send + Sync;

/// How a store or an archive is opened for reading, by [`inspect::open`](crate::inspect::open) for instance.
#[derive(Clone, Default)]
pub struct ReadOptions {
    cipher: Option<Cipher>,
    allow_damaged: bool,
    on_progress: Option<Arc<OnProgress>>,
}

impl ReadOptions {
    /// The defaults: no key, whole archives only.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key that the store or the archive is encrypted with. Default: none, it is in clear.
    #[cfg(feature = "encryption")]
    #[must_use]
    pub fn encryption_key(mut self, key: &crate::encryption::EncryptionKey) -> Self {
        self.cipher = Some(Cipher::new(key));
        self
    }

    /// Whether an archive that is damaged or cut short is opened too, with what can be read of it. Default: no. A damaged
    /// store is never opened: [`repair`](crate::recovery::repair) makes a new one of it.
    #[must_use]
    pub fn allow_damaged(mut self, allow: bool) -> Self {
        self.allow_damaged = allow;
        self
    }

    /// Hears how far reading has come: how many bytes of how many. Default: nobody does. It is called often, by the thread
    /// that opens.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }

    pub(crate) fn cipher(&self) -> Option<Cipher> {
        self.cipher.clone()
    }

    pub(crate) fn allows_damaged(&self) -> bool {
        self.allow_damaged
    }

    pub(crate) fn progress(&self, done: u64, total: u64) {
        if let Some(callback) = &self.on_progress {
            callback(done, total);
        }
    }
}

impl fmt::Debug for ReadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cipher, allow_damaged, on_progress: _ } = self;
        f.debug_struct("ReadOptions")
            .field("cipher", cipher)
            .field("allow_damaged", allow_damaged)
            .finish_non_exhaustive()
    }
}
