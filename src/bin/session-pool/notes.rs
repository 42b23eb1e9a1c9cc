//! What could not be carried over from or to another program: told, and kept in a file where asked for.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use session_pool::exchange::Note;

use crate::commands::Result;
use crate::consent::counted;
use crate::context::note;
use crate::errors::{Wrong, plain};

/// Where it is told.
#[derive(Args, Default)]
pub(crate) struct ReportArguments {
    /// Write all that could not be carried over into this new file, one JSON object a line: `session`, `cookie`, `field`,
    /// `fate` (`dropped`, `changed` or `assumed`) and what it was. It does not stay where nothing was carried over.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// How many kinds are told, each in a line: where every session has fields of its own, all would be too many to read, and to
/// keep in memory.
const MOST_KINDS: usize = 40;

/// Gathers notes by what they are about. Unless it is kept, since what they are about is done, their file is removed.
pub(crate) struct Notes {
    file: Option<(PathBuf, BufWriter<File>)>,
    failure: Option<io::Error>,
    /// In the order in which they came up.
    kinds: Vec<Kind>,
    places: HashMap<Key, usize>,
    /// How many are of other kinds.
    others: u64,
    pub(crate) count: u64,
}

/// What a note is about: its fate, whether it is about a cookie, the field in any item of a list.
type Key = (&'static str, bool, String);

/// Notes that differ in nothing but the session, the cookie and the value.
struct Kind {
    count: u64,
    sessions: u64,
    last_session: Option<String>,
    example: Note,
}

fn cannot_create(path: &Path, error: &io::Error) -> Box<dyn Error> {
    let why = match error.kind() {
        io::ErrorKind::AlreadyExists => "there is something already, and it is left as it is".to_owned(),
        _ => plain(error),
    };
    let text = format!("cannot create the report {}: {why}", path.display());
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
        let (kinds, places) = (Vec::new(), HashMap::new());
        Ok(Self { file, failure: None, kinds, places, others: 0, count: 0 })
    }

    pub(crate) fn take(&mut self, note: &Note) {
        self.count += 1;
        if let Some((_, file)) = &mut self.file
            && self.failure.is_none()
        {
            let written = serde_json::to_writer(&mut *file, note).map_err(io::Error::from);
            self.failure = written.and_then(|()| file.write_all(b"\n")).err();
        }
        let key = (note.fate.as_str(), note.cookie.is_some(), in_any_item(&note.field));
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.kinds.len() == MOST_KINDS => {
                self.others += 1;
                return;
            }
            None => self.kinds.len(),
        };
        if place == self.kinds.len() {
            self.places.insert(key, place);
            self.kinds.push(Kind { count: 0, sessions: 0, last_session: None, example: note.clone() });
        }
        let kind = &mut self.kinds[place];
        // They come session by session.
        if kind.count == 0 || kind.last_session != note.session {
            kind.sessions += 1;
            kind.last_session.clone_from(&note.session);
        }
        kind.count += 1;
    }

    /// Tells them on stderr, those of a kind in one line, and that they are in their file.
    pub(crate) fn tell(&mut self) -> Result {
        for kind in &self.kinds {
            note(&kind.to_string());
        }
        if self.others > 0 {
            note(&format!("and {} of other kinds", counted(self.others, "note")));
        }
        let failure = self.failure.take();
        match &mut self.file {
            None if self.others > 0 || self.kinds.iter().any(|kind| kind.count > 1) => {
                note("--report FILE has each of them");
            }
            None => {}
            Some((path, file)) => {
                let flushed = failure.map_or(Ok(()), Err).and_then(|()| file.flush());
                flushed.map_err(|error| {
                    format!("cannot write the report {}: {}", path.display(), plain(&error))
                })?;
                note(&format!("{}: {}", path.display(), counted(self.count, "note")));
            }
        }
        Ok(())
    }

    /// Keeps the file: they are told, and what they are about is done.
    pub(crate) fn keep(mut self) {
        self.file = None;
    }

    /// Tells them where all is done.
    pub(crate) fn tell_and_keep(mut self) -> Result {
        self.tell()?;
        self.keep();
        Ok(())
    }
}

/// The name of a field with `..` for the place in each list that it is in: `user_data.ids[..]`.
fn in_any_item(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut parts = field.split('[');
    name.extend(parts.next());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let rest = &part[digits..];
        name.push('[');
        name.push_str(if digits > 0 && rest.starts_with(']') { ".." } else { &part[..digits] });
        name.push_str(rest);
    }
    name
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, sessions: of, last_session: _, example } = self;
        if *count == 1 {
            return example.fmt(f);
        }
        let sessions = counted(*of, "session");
        let id = example.session.as_deref().unwrap_or_default();
        match &example.cookie {
            Some(cookie) => {
                let cookies = counted(*count, "cookie");
                write!(f, "{cookies} of {sessions}, {cookie} in session {id} for one: ")?;
            }
            None if count > of => {
                let field = &example.field;
                write!(f, "{} of {sessions}, {field} in session {id} for one: ", counted(*count, "value"))?;
            }
            None => write!(f, "{sessions}, {id} for one: ")?,
        }
        let mut what = example.clone();
        (what.session, what.cookie, what.field) = (None, None, in_any_item(&example.field));
        what.fmt(f)
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
