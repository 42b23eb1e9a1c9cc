//! What could not be carried over from or to another program: told, and kept in a file where asked for.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use session_pool::exchange::Note;

use crate::commands::Result;
use crate::context::note;
use crate::errors::Wrong;

/// Where it is told.
#[derive(Args, Default)]
pub(crate) struct ReportArguments {
    /// Write all that could not be carried over into this new file, one JSON object a line: `session`, `cookie`, `field`,
    /// `fate` (`dropped`, `changed` or `assumed`) and what it was.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Gathers notes: the first of them as they are, all of them by what they are about. Where they are never told, since what
/// they are about failed, their file is removed.
pub(crate) struct Notes {
    file: Option<(PathBuf, BufWriter<File>)>,
    failure: Option<io::Error>,
    first: Vec<Note>,
    kinds: BTreeMap<(&'static str, bool, String), Kind>,
    pub(crate) count: u64,
}

struct Kind {
    count: u64,
    example: Note,
}

/// How many are told one by one. Where there are more, they are told by kinds.
const TOLD: usize = 20;

fn cannot_create(path: &Path, error: &io::Error) -> Box<dyn Error> {
    let text = format!("cannot create the report {}: {error}", path.display());
    if error.kind() == io::ErrorKind::AlreadyExists { Wrong(text).into() } else { text.into() }
}

impl Notes {
    pub(crate) fn new(arguments: &ReportArguments) -> Result<Self> {
        let file = match &arguments.report {
            None => None,
            Some(path) => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = options.open(path).map_err(|error| cannot_create(path, &error))?;
                Some((path.clone(), BufWriter::new(file)))
            }
        };
        Ok(Self { file, failure: None, first: Vec::new(), kinds: BTreeMap::new(), count: 0 })
    }

    pub(crate) fn take(&mut self, note: &Note) {
        self.count += 1;
        if let Some((_, file)) = &mut self.file
            && self.failure.is_none()
        {
            let written = serde_json::to_writer(&mut *file, note).map_err(io::Error::from);
            self.failure = written.and_then(|()| file.write_all(b"\n")).err();
        }
        if self.first.len() <= TOLD {
            self.first.push(note.clone());
        }
        let key = (note.fate.as_str(), note.cookie.is_some(), note.field.clone());
        self.kinds.entry(key).or_insert_with(|| Kind { count: 0, example: note.clone() }).count += 1;
    }

    /// Tells them on stderr.
    pub(crate) fn tell(mut self) -> Result {
        let (file, failure) = (self.file.take(), self.failure.take());
        let Self { first, kinds, count, .. } = &self;
        if first.len() <= TOLD {
            for told in first {
                note(&told.to_string());
            }
        } else {
            note(&format!("{count} things could not be carried over as they were:"));
            for ((fate, of_cookie, field), Kind { count, example }) in kinds {
                let of = if *of_cookie { "of cookies " } else { "" };
                note(&format!("{of}{field} {fate}, {count} times; {example}"));
            }
        }
        match file {
            None if first.len() > TOLD => note("--report FILE has each of them"),
            None => {}
            Some((path, mut file)) => {
                let flushed = failure.map_or(Ok(()), Err).and_then(|()| file.flush());
                flushed.map_err(|error| format!("cannot write the report {}: {error}", path.display()))?;
                note(&format!("{}: {count} notes", path.display()));
            }
        }
        Ok(())
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        if let Some((path, _)) = self.file.take() {
            // Nobody is left to hear of an error: what it is about failed, and that is told.
            let _ = std::fs::remove_file(path);
        }
    }
}
