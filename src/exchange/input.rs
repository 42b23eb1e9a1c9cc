//! What is imported, and what it is.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use serde_json::Value;

use super::crawlee::{self, Dialect};
use super::{ExchangeError, FORMAT};
use crate::archive;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportFormat {
    /// JSON Lines, as [`write_jsonl`](super::write_jsonl) writes them.
    Jsonl,
    /// The state of a session pool of Crawlee.
    Crawlee(Dialect),
}

impl fmt::Display for ImportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jsonl => f.pad("JSON Lines"),
            Self::Crawlee(dialect) => fmt::Display::fmt(dialect, f),
        }
    }
}

trait Source: BufRead + Seek {}
impl<T: BufRead + Seek> Source for T {}

/// Something that is imported. It is read more than once.
pub struct Input {
    source: Box<dyn Source>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

impl Input {
    /// A file.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ExchangeError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(ExchangeError::file("open", path))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            return Err(ExchangeError::file("read", path)(error));
        }
        Ok(Self { source: Box::new(BufReader::with_capacity(64 << 10, file)) })
    }

    /// Bytes in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { source: Box::new(Cursor::new(bytes)) }
    }

    /// Anything that can be read from its beginning again.
    pub fn new(source: impl BufRead + Seek + 'static) -> Self {
        Self { source: Box::new(source) }
    }

    /// What it is, by its beginning and, for a state of Crawlee, by its fields.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Unknown`], [`ExchangeError::UnknownDialect`], [`ExchangeError::NotJson`] where it is nothing that is
    /// known; [`ExchangeError::Io`].
    pub fn format(&mut self) -> Result<ImportFormat, ExchangeError> {
        if looks_like_jsonl(self.rewound()?.fill_buf().map_err(ExchangeError::io("read"))?)? {
            return Ok(ImportFormat::Jsonl);
        }
        crawlee::detect(self.rewound()?).map(ImportFormat::Crawlee)
    }

    /// Which Crawlee it is from.
    ///
    /// # Errors
    ///
    /// Those of [`Input::format`]; [`ExchangeError::OtherFormat`] where it is JSON Lines.
    pub fn dialect(&mut self) -> Result<Dialect, ExchangeError> {
        if self.begins_as_jsonl()? {
            return Err(ExchangeError::OtherFormat { found: ImportFormat::Jsonl, asked: None });
        }
        crawlee::detect(self.rewound()?)
    }

    /// Whether it may be what it is said to be. What is read as another Crawlee's loses what only its own one has a name for,
    /// its cookies among it; only JS 3 and JS 4 agree in all that JS 3 knows, and what nothing tells of JS 4 may be read as that.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::OtherFormat`] where it certainly is something else; [`ExchangeError::Io`].
    pub fn check_format(&mut self, asked: ImportFormat) -> Result<(), ExchangeError> {
        let found = if self.begins_as_jsonl()? {
            ImportFormat::Jsonl
        } else {
            match crawlee::detect(self.rewound()?) {
                Ok(dialect) => ImportFormat::Crawlee(dialect),
                Err(error @ ExchangeError::Io { .. }) => return Err(error),
                // What is wrong with it, whoever reads it tells.
                Err(_) => return Ok(()),
            }
        };
        let js_4_of_js_3 = (ImportFormat::Crawlee(Dialect::Js3), ImportFormat::Crawlee(Dialect::Js4));
        if found == asked || (found, asked) == js_4_of_js_3 {
            return Ok(());
        }
        Err(ExchangeError::OtherFormat { found, asked: Some(asked) })
    }

    fn begins_as_jsonl(&mut self) -> Result<bool, ExchangeError> {
        let beginning = self.rewound()?.fill_buf().map_err(ExchangeError::io("read"))?;
        Ok(looks_like_jsonl(beginning).unwrap_or(false))
    }

    /// From its beginning.
    pub(super) fn rewound(&mut self) -> Result<&mut dyn BufRead, ExchangeError> {
        self.source.rewind().map_err(ExchangeError::io("read"))?;
        Ok(&mut self.source)
    }
}

/// Whether something begins as an export of this crate does: with a line that says so.
///
/// # Errors
///
/// [`ExchangeError::Unknown`] where it begins as something else that is known: an archive, or nothing.
pub fn looks_like_jsonl(beginning: &[u8]) -> Result<bool, ExchangeError> {
    let unknown = |rule: &str| ExchangeError::Unknown { rule: rule.to_owned() };
    if beginning.is_empty() {
        return Err(unknown("it is empty"));
    }
    if archive::is_archive(beginning) {
        return Err(unknown("it is an archive, of which restoring makes a store"));
    }
    let line = beginning.split(|byte| *byte == b'\n').find(|line| !line.iter().all(u8::is_ascii_whitespace));
    let header: Option<Value> = line.and_then(|line| serde_json::from_slice(line).ok());
    Ok(header.is_some_and(|header| header["format"] == FORMAT || header["kind"] == "header"))
}
