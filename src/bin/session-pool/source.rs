//! What commands look into.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use session_pool::archive::ArchiveReader;
use session_pool::inspect::{self, Opened};
use session_pool::{SledReader, SledStore, SledStoreOptions, StoreError, StoreReport, Timestamp};

use crate::commands::Result;
use crate::context::{Context, note};
use crate::errors::Wrong;
use crate::output::relative;
use crate::progress::Progress;

/// What a command looks into. Nothing of it is changed.
#[derive(Args)]
pub(crate) struct Source {
    /// A store's directory, or an archive.
    #[arg(value_name = "STORE")]
    pub(crate) path: PathBuf,
    /// Look into the newest whole checkpoint in the store's directory. A crawler may have the store open meanwhile.
    #[arg(long)]
    pub(crate) checkpoint: bool,
}

impl Source {
    /// Opens it for reading.
    pub(crate) fn open(&self, context: &Context) -> Result<Opened> {
        if self.checkpoint {
            return Ok(open_checkpoint(&self.path, context)?.1);
        }
        open(&self.path, context)
    }
}

/// Opens a store or an archive for reading.
pub(crate) fn open(path: &Path, context: &Context) -> Result<Opened> {
    let progress = Progress::new("reading");
    let options = context.keys.reading()?;
    let options = options.on_progress(move |done, total| progress.set(done, total));
    inspect::open(path, &options).map_err(|error| match error {
        session_pool::Error::Store(error @ StoreError::InUse { .. }) => {
            InUse { newest: newest(path, context), error, now: context.now }.into()
        }
        // Errors of stores say where.
        session_pool::Error::Archive(_) => At { path: path.to_owned(), error }.into(),
        error => error.into(),
    })
}

/// Opens the newest checkpoint that is whole, and answers which file that is.
pub(crate) fn open_checkpoint(store: &Path, context: &Context) -> Result<(PathBuf, Opened)> {
    if store.is_file() {
        let what = "is a file, and --checkpoint is for a store's directory";
        return Err(
            Wrong(format!("{} {what}: without it, an archive is looked into", store.display())).into()
        );
    }
    for path in inspect::checkpoints(store)? {
        match open(&path, context) {
            Ok(opened) => {
                if let Opened::Archive(archive) = &opened {
                    let written = relative(archive.header().created_at, context.now);
                    note(&format!("this is the checkpoint {}, written {written}", path.display()));
                }
                return Ok((path, opened));
            }
            // Of the others, the same would be said.
            Err(error) if is_of_a_key(&*error) => return Err(error),
            Err(error) => note(&format!("passed over: {error}")),
        }
    }
    Err(NoCheckpoint(store.to_owned()).into())
}

/// Whether the key is what is wrong.
fn is_of_a_key(error: &(dyn Error + 'static)) -> bool {
    use session_pool::archive::ArchiveError::{KeyNeeded, NotEncrypted, WrongKey};
    let Some(At { error: session_pool::Error::Archive(error), .. }) = error.downcast_ref() else {
        return false;
    };
    matches!(error, KeyNeeded | NotEncrypted | WrongKey)
}

/// The newest checkpoint of a store that looks whole, and when it was written.
fn newest(store: &Path, context: &Context) -> Option<(PathBuf, Timestamp)> {
    let options = context.keys.archive().ok()?;
    let written = |path: &Path| Some(ArchiveReader::open(path, &options).ok()?.header().created_at);
    let checkpoints = inspect::checkpoints(store).unwrap_or_default();
    checkpoints.into_iter().find_map(|path| written(&path).map(|at| (path, at)))
}

/// Somebody has the store open; what can be looked into all the same.
#[derive(Debug)]
pub(crate) struct InUse {
    newest: Option<(PathBuf, Timestamp)>,
    error: StoreError,
    now: Timestamp,
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((path, written)) = &self.newest else {
            return write!(f, "{}; it has no checkpoint that could be looked into instead", self.error);
        };
        write!(
            f,
            "{}; its newest checkpoint is {}, written {}: session-pool {}",
            self.error,
            path.display(),
            relative(*written, self.now),
            of_checkpoint(std::env::args_os().skip(1))
        )
    }
}

impl Error for InUse {}

/// The arguments as a shell takes them, to look into the checkpoint instead.
fn of_checkpoint(arguments: impl Iterator<Item = OsString>) -> String {
    let mut arguments: Vec<String> = arguments.map(|argument| quoted(&argument.to_string_lossy())).collect();
    // Behind `--` are no options.
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.insert(end, "--checkpoint".to_owned());
    arguments.join(" ")
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,~".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// There is nothing to look into.
#[derive(Debug)]
pub(crate) struct NoCheckpoint(PathBuf);

impl fmt::Display for NoCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no whole checkpoint in {}", self.0.join("checkpoints").display())
    }
}

impl Error for NoCheckpoint {}

/// What is wrong with a file whose error does not name it.
#[derive(Debug)]
pub(crate) struct At {
    pub(crate) path: PathBuf,
    pub(crate) error: session_pool::Error,
}

/// An error of an archive, with its name.
pub(crate) fn of_archive(path: &Path, error: session_pool::Error) -> Box<dyn Error> {
    match error {
        error @ session_pool::Error::Archive(_) => At { path: path.to_owned(), error }.into(),
        error => error.into(),
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            session_pool::Error::Archive(session_pool::archive::ArchiveError::Io { .. }) => self.error.fmt(f),
            error => write!(f, "{}: {error}", self.path.display()),
        }
    }
}

impl Error for At {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Opens a store for reading, also one that is about to be changed: not before that is agreed to, is it opened for writing.
pub(crate) fn read_store(path: &Path, context: &Context) -> Result<SledReader> {
    let progress = Progress::new("reading");
    let options = context.keys.reading()?.on_progress(move |done, total| progress.set(done, total));
    Ok(SledReader::open(path, &options)?)
}

/// Opens a store for writing, and says on stderr what had to be done for that.
pub(crate) fn open_store(path: &Path, context: &Context) -> Result<SledStore> {
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

#[cfg(test)]
mod tests {
    use super::{of_checkpoint, quoted};

    #[test]
    fn a_command_that_is_offered_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("/data/sessions-1"), "/data/sessions-1");
        assert_eq!(quoted("it's $HOME; rm"), r"'it'\''s $HOME; rm'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn the_option_that_is_offered_stands_where_options_are_taken() {
        let offered = |arguments: &[&str]| of_checkpoint(arguments.iter().map(|argument| (*argument).into()));
        assert_eq!(offered(&["list", "a b", "--utc"]), "list 'a b' --utc --checkpoint");
        assert_eq!(offered(&["list", "--utc", "--", "-x"]), "list --utc --checkpoint -- -x");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_offered_as_far_as_it_is() {
        use std::os::unix::ffi::OsStringExt;
        let path = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
        assert_eq!(of_checkpoint(std::iter::once(path)), "'caf\u{fffd}' --checkpoint");
    }
}
