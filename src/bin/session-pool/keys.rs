//! The keys that a store and archives are encrypted with.

use clap::Args;
use session_pool::archive::ArchiveOptions;
use session_pool::recovery::RecoveryOptions;
use session_pool::{ReadOptions, SledStoreOptions};

use crate::commands::Result;
#[cfg(feature = "encryption")]
use crate::errors::{BadFile, plain};

/// Where the keys are.
#[derive(Args, Default)]
pub(crate) struct Keys {
    /// The file with the key that the store or archive is encrypted with: 64 hexadecimal digits, as `openssl rand -hex 32`
    /// makes them.
    #[cfg(feature = "encryption")]
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<std::path::PathBuf>,
}

/// What a new store is encrypted with.
#[derive(Args, Default)]
pub(crate) struct NewKeys {
    /// The file with the key that the new store is encrypted with. Default: that of `--key-file`.
    #[cfg(feature = "encryption")]
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<std::path::PathBuf>,
    /// Leave the new store in clear, also where what it is made of is encrypted.
    #[cfg(feature = "encryption")]
    #[arg(long, conflicts_with = "new_key_file")]
    in_clear: bool,
}

/// What the second of two stores is encrypted with.
#[derive(Args, Default)]
pub(crate) struct OtherKey {
    /// The file with the key that B is encrypted with. Default: that of `--key-file`, which a side in clear does not need.
    #[cfg(feature = "encryption")]
    #[arg(long, value_name = "FILE")]
    other_key_file: Option<std::path::PathBuf>,
}

#[cfg(feature = "encryption")]
impl OtherKey {
    /// The key to open the second one with.
    pub(crate) fn or(&self, keys: &Keys) -> Keys {
        Keys { key_file: self.other_key_file.as_ref().or(keys.key_file.as_ref()).cloned() }
    }

    /// What there is to say of a key that is not that of the second one.
    pub(crate) fn wrong(&self, keys: &Keys) -> String {
        match &self.other_key_file {
            Some(file) => {
                format!(" than that of --other-key-file {}", crate::source::quoted(&file.to_string_lossy()))
            }
            None => format!(" than that of{}: --other-key-file FILE gives the one of B", keys.arguments()),
        }
    }
}

#[cfg(not(feature = "encryption"))]
#[expect(clippy::unused_self, reason = "with the feature, there is a key")]
impl OtherKey {
    pub(crate) fn or(&self, _keys: &Keys) -> Keys {
        Keys::default()
    }

    pub(crate) fn wrong(&self, _keys: &Keys) -> String {
        String::new()
    }
}

#[cfg(feature = "encryption")]
impl Keys {
    fn read(file: Option<&std::path::PathBuf>) -> Result<Option<session_pool::EncryptionKey>> {
        let Some(file) = file else { return Ok(None) };
        let bad = |why: &str| BadFile(format!("the key file {}: {why}", file.display()));
        let rule = "must hold 64 hexadecimal digits: `openssl rand -hex 32` makes a key";
        let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => bad(rule),
            _ => bad(&plain(&error)),
        })?;
        Ok(Some(text.parse().map_err(|_: session_pool::Invalid| bad(rule))?))
    }

    /// What names the key on a command line.
    pub(crate) fn arguments(&self) -> String {
        let quoted = |file: &std::path::PathBuf| crate::source::quoted(&file.to_string_lossy());
        self.key_file.as_ref().map_or_else(String::new, |file| format!(" --key-file {}", quoted(file)))
    }

    /// How the key that is needed is given.
    #[expect(clippy::unused_self, reason = "without the feature, there is nothing to give")]
    pub(crate) fn needed(&self) -> String {
        ": --key-file FILE".to_owned()
    }

    pub(crate) fn store(&self, options: SledStoreOptions) -> Result<SledStoreOptions> {
        let key = Self::read(self.key_file.as_ref())?;
        Ok(match key {
            Some(key) => options.encryption_key(&key),
            None => options,
        })
    }

    pub(crate) fn reading(&self) -> Result<ReadOptions> {
        let key = Self::read(self.key_file.as_ref())?;
        Ok(key.map_or_else(ReadOptions::new, |key| ReadOptions::new().encryption_key(&key)))
    }

    pub(crate) fn archive(&self) -> Result<ArchiveOptions> {
        let key = Self::read(self.key_file.as_ref())?;
        Ok(key.map_or_else(ArchiveOptions::new, |key| ArchiveOptions::new().encryption_key(&key)))
    }

    pub(crate) fn recovery(&self, new: &NewKeys) -> Result<RecoveryOptions> {
        let options = RecoveryOptions::new().read_with(self.archive()?);
        let file = new.new_key_file.as_ref().or(self.key_file.as_ref()).filter(|_| !new.in_clear);
        Ok(match Self::read(file)? {
            Some(key) => options.write_with(SledStoreOptions::new().encryption_key(&key)),
            None => options,
        })
    }
}

#[cfg(not(feature = "encryption"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature, they read a file")]
impl Keys {
    pub(crate) fn arguments(&self) -> String {
        String::new()
    }

    pub(crate) fn needed(&self) -> String {
        ", and this session-pool was built without the feature `encryption`".to_owned()
    }

    pub(crate) fn store(&self, options: SledStoreOptions) -> Result<SledStoreOptions> {
        Ok(options)
    }

    pub(crate) fn reading(&self) -> Result<ReadOptions> {
        Ok(ReadOptions::new())
    }

    pub(crate) fn archive(&self) -> Result<ArchiveOptions> {
        Ok(ArchiveOptions::new())
    }

    pub(crate) fn recovery(&self, _new: &NewKeys) -> Result<RecoveryOptions> {
        Ok(RecoveryOptions::new())
    }
}
