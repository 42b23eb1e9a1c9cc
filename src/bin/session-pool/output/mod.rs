//! Writers: a table for people; JSON, JSON Lines and CSV for programs.
//!
//! A row is made of columns ([`Column`]), each with one name for all formats and one place that says where its value comes from.
//! What is no list of rows is a [`document`]: JSON, or what the command writes for people.
//!
//! Whatever is shown in a table goes through [`escape`], and so does CSV on a terminal; elsewhere it has the values as they are.
//! JSON has what is [`Harmless`], by its number.

mod cell;
mod cut;
mod escape;
mod fit;
mod grouped;
mod harmless;
mod locale;
mod percent;
mod rows;
mod table;
mod time;
mod wrap;

use std::io::{self, Write};

pub(crate) use cell::{Cell, Column, Worth, style};
use clap::ValueEnum;
pub(crate) use cut::shorten;
#[cfg(feature = "browse")]
pub(crate) use cut::{cut, cut_middle};
pub(crate) use escape::{escape, width};
pub(crate) use grouped::grouped;
pub(crate) use harmless::{Harmless, by_number};
pub(crate) use locale::has_unicode;
pub(crate) use percent::{percent, share};
pub(crate) use rows::Rows;
use serde::Serialize;
use serde_json::Value;
pub(crate) use time::{AWAY, Zone, relative, span};
pub(crate) use wrap::wrap;

use crate::context::Context;

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading: no wider than the terminal, or than COLUMNS of the environment says, in a pipe too.
    Table,
    /// One JSON value: an array of rows, or an object.
    Json,
    /// JSON Lines: one object a row.
    Jsonl,
    /// Comma-separated values, with a line of field names; what nests is JSON in its cell.
    Csv,
}

/// Writes one value that is no list of rows, in a format for programs: JSON, or a line of CSV with a line of field names before
/// it. For people, each command has its own words.
pub(crate) fn document(value: &impl Serialize, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    match context.format {
        Format::Jsonl => serde_json::to_writer(Harmless::new(out), value)?,
        Format::Table | Format::Json => serde_json::to_writer_pretty(Harmless::new(out), value)?,
        Format::Csv => return rows::csv_objects(&[serde_json::to_value(value)?], context, out),
    }
    writeln!(out)
}

/// Writes values that have the same fields: as JSON one that is alone by itself and others as an array, else a line for each.
pub(crate) fn documents(values: &[Value], context: &Context, out: &mut dyn Write) -> io::Result<()> {
    match (context.format, values) {
        (Format::Csv, values) => rows::csv_objects(values, context, out),
        (Format::Json | Format::Table, [only]) => document(only, context, out),
        (Format::Json | Format::Table, values) => document(&values, context, out),
        (Format::Jsonl, values) => values.iter().try_for_each(|value| document(value, context, out)),
    }
}
