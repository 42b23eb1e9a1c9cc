//! Writers: a table for people; JSON, JSON Lines and CSV for programs.
//!
//! A row is made of columns ([`Column`]), each with one name for all formats and one place that says where its value comes from.
//! What is no list of rows is a [`document`]: JSON, or what the command writes for people.
//!
//! Whatever is shown in a table goes through [`escape`]; JSON escapes control characters itself; CSV has the values as they are.

mod cell;
mod escape;
mod rows;
mod table;
mod time;

use std::io::{self, Write};

pub(crate) use cell::{Cell, Column, style};
use clap::ValueEnum;
pub(crate) use escape::{escape, width};
pub(crate) use rows::Rows;
use serde::Serialize;
pub(crate) use time::{Zone, relative, span};

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
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
pub(crate) fn document(value: &impl Serialize, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Jsonl => serde_json::to_writer(&mut *out, value)?,
        Format::Table | Format::Json => serde_json::to_writer_pretty(&mut *out, value)?,
        Format::Csv => return rows::csv_object(&serde_json::to_value(value)?, out),
    }
    writeln!(out)
}
