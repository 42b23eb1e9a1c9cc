//! `migrate`: a store, to the newest schema version.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use session_pool::SledStoreOptions;
use session_pool::maintenance::{MigrationPlan, migrate};

use super::Result;
use crate::consent::{Consent, counted};
use crate::context::Context;
use crate::output::{Format, document, escape};
use crate::progress::Progress;

/// Brings a store to the newest schema version.
///
/// A crawler does so by itself when it opens the store; this does it at a time of your own. Older versions of the crawler refuse
/// the store afterwards. Where it is ended in the middle, it goes on where it was the next time.
///
/// Example: session-pool migrate sessions --dry-run
#[derive(Args)]
pub(crate) struct Migrate {
    /// The store's directory. No crawler may have it open.
    store: PathBuf,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// What was done, or would be.
#[derive(Serialize)]
struct Report<'a> {
    store: String,
    /// Whether it was done, rather than told.
    done: bool,
    #[serde(flatten)]
    plan: &'a MigrationPlan,
}

impl Migrate {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, dry_run, consent } = self;
        let plan = MigrationPlan::new(&store, &context.keys.reading()?)?;
        let done = !dry_run && !plan.is_empty();
        if done {
            let MigrationPlan { from, to, .. } = plan;
            let records = counted(plan.records(), "record");
            consent.ask(|| {
                let what = format!("from schema version {from} to {to}, {records} to be rewritten");
                Ok(vec![format!("{}: {what}; older versions refuse it afterwards.", store.display())])
            })?;
            let (bar, total) = (Progress::new("migrating"), plan.records());
            let options =
                SledStoreOptions::new().on_migration(move |progress| bar.set(progress.records, total));
            migrate(&store, context.keys.store(options)?)?;
        }
        if context.format != Format::Table {
            let report = Report { store: store.display().to_string(), done, plan: &plan };
            return Ok(document(&report, context, out)?);
        }
        let name = escape(&store.display().to_string());
        let MigrationPlan { from, to, .. } = plan;
        for step in &plan.steps {
            let records = counted(step.records, "record");
            writeln!(out, "version {}, {}: {records} to be rewritten", step.version, step.name)?;
        }
        let what = match (plan.is_empty(), done) {
            (true, _) => format!("has schema version {to}, the newest: there is nothing to do"),
            (false, true) => format!("was brought from schema version {from} to {to}"),
            (false, false) => format!("would be brought from schema version {from} to {to}"),
        };
        writeln!(out, "{name}: {what}")?;
        Ok(())
    }
}
