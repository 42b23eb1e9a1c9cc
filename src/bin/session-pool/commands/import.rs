//! `import`: sessions from a file.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use session_pool::exchange::crawlee::Dialect;
use session_pool::exchange::{
    CheckedImport, ExchangeError, ImportFormat, ImportOptions, Imported, Input, Place, check_export,
    import_store, looks_like_jsonl,
};
use session_pool::{MemoryStore, PoolName, SledReader, SledStoreOptions, StoreError};

use super::{Result, sessions_of};
use crate::consent::{Consent, counted, log_entries as entries};
use crate::context::Context;
use crate::counting::CountingInput;
use crate::errors::{BadFile, NotFound, Wrong, plain};
use crate::notes::{Notes, ReportArguments};
use crate::output::{Format, document, escape};
use crate::progress::Progress;
use crate::source::{open_store, read_store};

/// Brings sessions in: from JSON Lines that `export` wrote, or from a state file of Crawlee.
///
/// JSON Lines become a new store that is the same, or, with --into-pool, their sessions come into a pool, also one of a store
/// that is there already. A state of Crawlee goes into the pool `default` of a new store where no other one is named.
/// Everything is checked before anything is written, and where the store is there, it asks. What cannot be carried over is
/// told on stderr, before it asks: what is of a kind in one line, and of each session with --report.
///
/// Example: session-pool import state.json sessions --into-pool shop.example
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Import {
    /// The file; `-`: stdin.
    file: PathBuf,
    /// The store's directory: a new one, or with --into-pool one that is there.
    store: PathBuf,
    /// What the file is. Default: told by what is in it. Where it certainly is something else, it is refused: of what is read
    /// as another one's state, the logins are lost.
    #[arg(long, value_enum)]
    from: Option<Origin>,
    /// Bring the sessions into this pool, beside what is in it; retired ones get new entries in its log.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    into_pool: Option<PoolName>,
    /// Take those of this pool of the file only.
    #[arg(long, value_name = "NAME", requires = "into_pool", allow_hyphen_values = true)]
    from_pool: Option<PoolName>,
    /// Give sessions of Crawlee whose ids do not fit (1 to 50 characters of A-Z a-z 0-9 . _ ~) new ones; the old ones are
    /// kept in their user data, as `crawlee_id`.
    #[arg(long)]
    rename_ids: bool,
    /// Pass over sessions whose ids are in the pool already, instead of refusing them.
    #[arg(long, requires = "into_pool")]
    skip_existing: bool,
    /// The JSON Lines were edited since: the last line need not be there, nor agree with the others.
    #[arg(long)]
    edited: bool,
    /// Check everything, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    report: ReportArguments,
    #[command(flatten)]
    consent: Consent,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    /// JSON Lines that `export` wrote.
    Jsonl,
    /// A state file of Crawlee, whichever one.
    Crawlee,
    /// A state file of Crawlee JS 3, or of the Apify SDK.
    CrawleeJs,
    /// A state file of Crawlee JS 4.
    #[value(name = "crawlee-js-4")]
    CrawleeJs4,
    /// A state file of Crawlee Python.
    CrawleePython,
}

/// What a file was found to be.
enum Opened {
    /// An export that becomes a new store: read once, from wherever it comes.
    Export(Box<dyn BufRead>),
    /// Sessions for a pool.
    Sessions(Input),
}

/// How much tells what something is.
const BEGINNING: u64 = 64 << 10;
/// How much is taken from stdin where it has to be read more than once.
const MAX_STDIN: u64 = 256 << 20;

impl Import {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let refused = |error| refused(error, &self);
        let mut options = ImportOptions::new()
            .rename_ids(self.rename_ids)
            .skip_existing(self.skip_existing)
            .edited(self.edited)
            .now(context.now);
        if let Some(name) = &self.from_pool {
            options = options.from_pool(name.clone());
        }
        let store = self.look(context)?;
        let (mut notes, mut count) = (Notes::new(&self.report)?, 0);
        let imported = match self.open()? {
            // Nothing is left out of it, and the report says so.
            Opened::Export(input) if self.dry_run => {
                let checked = check_export(input, &options).map_err(refused)?;
                notes.tell_and_keep().map(|()| checked)?
            }
            Opened::Export(input) => {
                let write = context.keys.store(SledStoreOptions::new())?;
                let imported = import_store(input, &self.store, &options, write).map_err(refused)?;
                notes.tell_and_keep().map(|()| imported)?
            }
            Opened::Sessions(mut input) => {
                if let Some(format) = self.format(&mut input).map_err(refused)? {
                    options = options.format(format);
                }
                let checked = CheckedImport::check(input, &options, &mut |note| notes.take(note));
                count = notes.count;
                self.write(checked.map_err(refused)?, store, notes, context)?
            }
        };
        tell(&imported, &self.store, self.dry_run, count, context, out)
    }

    /// What the file is said to be.
    fn format(&self, input: &mut Input) -> std::result::Result<Option<ImportFormat>, ExchangeError> {
        Ok(match self.from {
            None => None,
            Some(Origin::Jsonl) => Some(ImportFormat::Jsonl),
            Some(Origin::Crawlee) => Some(ImportFormat::Crawlee(input.dialect()?)),
            Some(Origin::CrawleeJs) => Some(ImportFormat::Crawlee(Dialect::Js3)),
            Some(Origin::CrawleeJs4) => Some(ImportFormat::Crawlee(Dialect::Js4)),
            Some(Origin::CrawleePython) => Some(ImportFormat::Crawlee(Dialect::Python)),
        })
    }

    /// The store that sessions are to come into, where there is one. Whether it may be written is told before any work is done.
    fn look(&self, context: &Context) -> Result<Option<SledReader>> {
        if self.into_pool.is_none() && !self.dry_run {
            // Whoever makes the new store looks by itself.
            return Ok(None);
        }
        let found = match read_store(&self.store, context) {
            Ok(store) => store,
            Err(error) => {
                return match error.downcast_ref() {
                    Some(StoreError::NotFound { .. }) => Ok(None),
                    None | Some(StoreError::Io { .. }) => Err(error),
                    Some(_) if self.into_pool.is_some() => Err(error),
                    Some(_) => Err(self.in_the_way()),
                };
            }
        };
        if self.into_pool.is_none() {
            return Err(self.in_the_way());
        }
        // What is read from stdin can be read once, and no answer from it.
        if !self.dry_run && self.file == Path::new("-") {
            self.consent.can_be_had()?;
        }
        Ok(Some(found))
    }

    fn in_the_way(&self) -> Box<dyn Error> {
        refused(StoreError::AlreadyExists { path: self.store.clone() }.into(), self)
    }

    fn open(&self) -> Result<Opened> {
        let name = self.name();
        let cannot_read = |error: io::Error| BadFile(format!("cannot read {name}: {}", plain(&error)));
        let progress = Progress::new("importing");
        let mut beginning = Vec::new();
        if self.file == Path::new("-") {
            io::stdin().lock().take(BEGINNING).read_to_end(&mut beginning).map_err(cannot_read)?;
            if self.becomes_store(&beginning)? {
                self.is_jsonl(Input::from_bytes(beginning.clone()))?;
                let input = Cursor::new(beginning).chain(io::stdin());
                return Ok(Opened::Export(Box::new(BufReader::new(input))));
            }
            let rest = MAX_STDIN + 1 - beginning.len() as u64;
            io::stdin().lock().take(rest).read_to_end(&mut beginning).map_err(cannot_read)?;
            if beginning.len() as u64 > MAX_STDIN {
                return Err(
                    BadFile(format!("{name}: it has more than {MAX_STDIN} bytes: give a file")).into()
                );
            }
            return Ok(Opened::Sessions(Input::from_bytes(beginning)));
        }
        let mut file = File::open(&self.file).map_err(cannot_read)?;
        let length = file.metadata().map_err(cannot_read)?.len();
        (&mut file).take(BEGINNING).read_to_end(&mut beginning).map_err(cannot_read)?;
        file.rewind().map_err(cannot_read)?;
        let input = BufReader::with_capacity(256 << 10, file);
        Ok(if self.becomes_store(&beginning)? {
            self.is_jsonl(Input::open(&self.file)?)?;
            Opened::Export(Box::new(CountingInput::new(input, length, 1, progress)))
        } else {
            // Looked at to tell what it is, then checked, then written.
            Opened::Sessions(Input::new(CountingInput::new(input, length, 3, progress)))
        })
    }

    /// Whether something that begins so becomes a new store that is the same.
    ///
    /// # Errors
    ///
    /// [`Wrong`] where an option is given that does nothing for it.
    fn becomes_store(&self, beginning: &[u8]) -> Result<bool> {
        let is_jsonl = match self.from {
            Some(from) => from == Origin::Jsonl,
            None => looks_like_jsonl(beginning).map_err(|error| refused(error, self))?,
        };
        if is_jsonl && self.rename_ids {
            let why = "--rename-ids is for states of Crawlee: in JSON Lines, all ids fit";
            return Err(Wrong(why.to_owned()).into());
        }
        if !is_jsonl && self.edited {
            return Err(
                Wrong("--edited is for JSON Lines: a state of Crawlee has no last line".to_owned()).into()
            );
        }
        Ok(is_jsonl && self.into_pool.is_none())
    }

    /// Whether what is said to be JSON Lines is not something else, as far as that can be seen of it.
    fn is_jsonl(&self, mut input: Input) -> Result {
        input.check_format(ImportFormat::Jsonl).map_err(|error| refused(error, self))
    }

    fn write(
        &self,
        checked: CheckedImport,
        store: Option<SledReader>,
        mut notes: Notes,
        context: &Context,
    ) -> Result<Imported> {
        let refused = |error| refused(error, self);
        let pool = self.into_pool.clone().unwrap_or_default();
        let Some(store) = store else {
            let imported = if self.dry_run {
                checked.would_import(&MemoryStore::new(), &pool)
            } else {
                let write = context.keys.store(SledStoreOptions::new())?;
                checked.into_new_store(&self.store, &pool, write)
            };
            let imported = imported.map_err(refused)?;
            return notes.tell_and_keep().map(|()| imported);
        };
        let would_be = checked.would_import(&store, &pool).map_err(refused)?;
        let is_empty = would_be.pools + would_be.live + would_be.retired == 0;
        if !self.dry_run && !is_empty {
            self.consent.can_be_had()?;
        }
        // Whoever is asked is to know what will be lost.
        notes.tell()?;
        if self.dry_run || is_empty {
            notes.keep();
            return Ok(would_be);
        }
        self.consent.ask(|| Ok(vec![self.summary(&would_be, &pool)]))?;
        // It is read by whoever writes it now.
        drop(store);
        let imported = checked.into_pool(&open_store(&self.store, context)?, &pool).map_err(refused)?;
        notes.keep();
        Ok(imported)
    }

    /// What is about to be done, for people.
    fn summary(&self, would_be: &Imported, pool: &PoolName) -> String {
        let Imported { pools, live, expired, retired, skipped, .. } = *would_be;
        let new = if pools > 0 { ", which is created," } else { "" };
        let skipped = if skipped > 0 { format!("; {skipped} more are there already") } else { String::new() };
        let (store, sessions) = (self.store.display(), sessions_of(live - expired, expired, retired));
        format!("{store}: into the pool {pool}{new} come {sessions}{skipped}.")
    }

    /// How messages call the file.
    fn name(&self) -> String {
        if self.file == Path::new("-") { "stdin".to_owned() } else { self.file.display().to_string() }
    }
}

/// The error, with the file's name where it is about what is in it, and with what can be done about it.
fn refused(error: ExchangeError, import: &Import) -> Box<dyn Error> {
    let is_id = |field: &str| field == "id" && !import.rename_ids;
    let hint = match &error {
        ExchangeError::AlreadyThere { .. } => {
            return Wrong(format!("{error}: --skip-existing passes over them")).into();
        }
        ExchangeError::Store(StoreError::AlreadyExists { .. }) => {
            return Wrong(format!(
                "{error}; with --into-pool NAME, sessions come into a store that is there"
            ))
            .into();
        }
        ExchangeError::NoSuchPool { .. } => {
            return NotFound(format!("{}: {error}", import.name())).into();
        }
        ExchangeError::Store(_) | ExchangeError::Io { .. } => return error.into(),
        ExchangeError::Field { at: Place::Session(..), field, .. } if is_id(field) => {
            "; --rename-ids gives it another one"
        }
        ExchangeError::UnknownDialect { .. } if import.from.is_none() => "; --from can say what it is",
        ExchangeError::CutShort { .. } => "; where it was edited: --edited",
        ExchangeError::Disagrees { .. } if import.into_pool.is_none() => {
            "; sessions that were picked out come into a pool with --into-pool NAME"
        }
        ExchangeError::Newer { .. } => ": upgrade session-pool",
        ExchangeError::OtherFormat { found, .. } => from(*found),
        _ => "",
    };
    BadFile(format!("{}: {error}{hint}", import.name())).into()
}

/// The option for what a file was found to be.
fn from(found: ImportFormat) -> &'static str {
    match found {
        ImportFormat::Crawlee(Dialect::Js3) => ": --from crawlee-js, or --from crawlee, which finds out",
        ImportFormat::Crawlee(Dialect::Js4) => ": --from crawlee-js-4, or --from crawlee, which finds out",
        ImportFormat::Crawlee(Dialect::Python) => {
            ": --from crawlee-python, or --from crawlee, which finds out"
        }
        ImportFormat::Jsonl => ": --from jsonl",
        // Without the option, it is told by what is in it.
        _ => "",
    }
}

fn tell(
    imported: &Imported,
    store: &Path,
    dry_run: bool,
    notes: u64,
    context: &Context,
    out: &mut dyn Write,
) -> Result {
    let Imported { pools, live, expired, retired, log_entries, skipped, unreadable, .. } = *imported;
    let usable = live - expired;
    if context.format != Format::Table {
        let told = json!({
            "store": store.display().to_string(), "dry_run": dry_run, "pools": pools, "usable": usable, "expired": expired,
            "live": live, "retired": retired, "log_entries": log_entries, "skipped": skipped, "unreadable": unreadable,
            "notes": notes,
        });
        return Ok(document(&told, context, out)?);
    }
    let store = escape(&store.display().to_string());
    let would = if dry_run { "would be imported: " } else { "" };
    let skipped = if skipped > 0 { format!("; {skipped} were there already") } else { String::new() };
    let missing = match unreadable {
        0 => String::new(),
        count => format!("; {count} items are missing, which could not be read when it was exported"),
    };
    let (pools, sessions) = (counted(pools, "new pool"), sessions_of(usable, expired, retired));
    writeln!(out, "{store}: {would}{pools}, {sessions}; {}{skipped}{missing}", entries(log_entries))?;
    Ok(())
}
