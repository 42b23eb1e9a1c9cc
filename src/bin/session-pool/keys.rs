//! The keys that a store and archives are encrypted with.

use clap::Args;
use session_pool::SledStoreOptions;
use session_pool::archive::ArchiveOptions;
use session_pool::recovery::RecoveryOptions;

use crate::commands::Result;

/// Where the keys are.
#[derive(Args, Default)]
pub(crate) struct Keys {
    /// The file with the key that the store or archive is encrypted with: 64 hexadecimal digits.
    #[cfg(feature = "encryption")]
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<std::path::PathBuf>,
    /// The file with the key that a new store is encrypted with (`restore`, `repair`). Without it, it is in clear.
    #[cfg(feature = "encryption")]
    #[arg(long, global = true, value_name = "FILE")]
    new_key_file: Option<std::path::PathBuf>,
}

#[cfg(feature = "encryption")]
impl Keys {
    fn read(file: Option<&std::path::PathBuf>) -> Result<Option<session_pool::EncryptionKey>> {
        let Some(file) = file else { return Ok(None) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some(text.parse()?))
    }

    pub(crate) fn store(&self, options: SledStoreOptions) -> Result<SledStoreOptions> {
        let key = Self::read(self.key_file.as_ref())?;
        Ok(match key {
            Some(key) => options.encryption_key(&key),
            None => options,
        })
    }

    pub(crate) fn archive(&self) -> Result<ArchiveOptions> {
        let key = Self::read(self.key_file.as_ref())?;
        Ok(key.map_or_else(ArchiveOptions::new, |key| ArchiveOptions::new().encryption_key(&key)))
    }

    pub(crate) fn recovery(&self) -> Result<RecoveryOptions> {
        let options = RecoveryOptions::new().read_with(self.archive()?);
        Ok(match Self::read(self.new_key_file.as_ref())? {
            Some(key) => options.write_with(SledStoreOptions::new().encryption_key(&key)),
            None => options,
        })
    }
}

#[cfg(not(feature = "encryption"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature, they read a file")]
impl Keys {
    pub(crate) fn store(&self, options: SledStoreOptions) -> Result<SledStoreOptions> {
        Ok(options)
    }

    pub(crate) fn archive(&self) -> Result<ArchiveOptions> {
        Ok(ArchiveOptions::new())
    }

    pub(crate) fn recovery(&self) -> Result<RecoveryOptions> {
        Ok(RecoveryOptions::new())
    }
}
