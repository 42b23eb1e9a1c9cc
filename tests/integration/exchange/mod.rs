//! Bringing sessions in, and taking them away.

mod crawlee;
mod import;
mod jsonl;
#[cfg(feature = "cli")]
mod said_to_be;
mod there_and_back;
#[cfg(feature = "cli")]
mod told;
#[cfg(feature = "cli")]
mod tool;

use std::path::Path;

use session_pool::exchange::{ExportOptions, JsonlReader, write_jsonl};
use session_pool::{ReadStore, SledStore, SledStoreOptions};

fn jsonl_of(store: &dyn ReadStore) -> Vec<u8> {
    let mut text = Vec::new();
    write_jsonl(store, &mut text, &ExportOptions::new()).unwrap();
    text
}

/// Every item of an export, or the errors in it.
fn errors_of(text: &[u8]) -> Vec<String> {
    match JsonlReader::new(text) {
        Ok(reader) => reader.filter_map(Result::err).map(|error| error.to_string()).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn open(path: &Path) -> SledStore {
    SledStoreOptions::new().create(false).open(path).unwrap()
}
