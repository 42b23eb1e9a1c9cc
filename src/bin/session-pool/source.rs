//! What commands look into.

use std::path::PathBuf;

use clap::Args;
use session_pool::{ReadStore, SledStore, SledStoreOptions, StoreReport};

use crate::commands::Result;
use crate::context::{Context, note};

/// What a command looks into.
#[derive(Args)]
pub(crate) struct Source {
    /// The store's directory.
    #[arg(value_name = "STORE")]
    pub(crate) path: PathBuf,
}

impl Source {
    /// Opens it for reading.
    pub(crate) fn open(&self, context: &Context) -> Result<Box<dyn ReadStore>> {
        Ok(Box::new(open_store(&self.path, context)?))
    }
}

/// Opens a store for writing, and says on stderr what had to be done for that.
pub(crate) fn open_store(path: &std::path::Path, context: &Context) -> Result<SledStore> {
    let store = context.keys.store(SledStoreOptions::new().create(false))?.open(path)?;
    let StoreReport { healed, made_private, not_private, migrated_from, .. } = store.open_report();
    for healed in healed {
        let file = healed.file.display();
        match &healed.set_aside {
            Some(place) => note(&format!("{file}: {}; it is kept as {}", healed.why, place.display())),
            None => note(&format!("{file}: {}; it was made anew", healed.why)),
        }
    }
    for path in made_private {
        note(&format!("{}: others could read it, and no longer can", path.display()));
    }
    for path in not_private {
        note(&format!("{}: others can read it, and its mode could not be changed", path.display()));
    }
    if let Some(version) = migrated_from {
        note(&format!("the store was migrated from schema version {version}"));
    }
    Ok(store)
}
