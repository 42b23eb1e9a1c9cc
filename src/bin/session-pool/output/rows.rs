//! Rows of one kind, written as they come.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::table::Table;
use super::{Column, Format};
use crate::context::Context;

/// Rows of one kind, written as they come, in the format that was asked for.
pub(crate) struct Rows<'a, T> {
    columns: Vec<Column<T>>,
    context: &'a Context,
    writer: Writer<'a>,
    written: usize,
}

enum Writer<'a> {
    Table(Table<'a>),
    Json(&'a mut dyn Write),
    Jsonl(&'a mut dyn Write),
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
}

impl<'a, T> Rows<'a, T> {
    pub(crate) fn new(
        columns: Vec<Column<T>>,
        context: &'a Context,
        out: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let writer = match context.format {
            Format::Table => Writer::Table(Table::new(&columns, context, out)),
            Format::Json => {
                write!(out, "[")?;
                Writer::Json(out)
            }
            Format::Jsonl => Writer::Jsonl(out),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(columns.iter().map(|column| column.field)).map_err(io_error)?;
                Writer::Csv(Box::new(writer))
            }
        };
        Ok(Self { columns, context, writer, written: 0 })
    }

    pub(crate) fn row(&mut self, row: &T) -> io::Result<()> {
        let fields = Fields { columns: &self.columns, row };
        match &mut self.writer {
            Writer::Table(table) => table.row(self.columns.iter().map(|column| {
                let text = super::escape(&(column.cell)(row).for_people(self.context));
                (text, column.style.map(|style| style(row)))
            }))?,
            Writer::Json(out) => {
                write!(out, "{}", if self.written == 0 { "\n" } else { ",\n" })?;
                serde_json::to_writer(&mut **out, &fields)?;
            }
            Writer::Jsonl(out) => {
                serde_json::to_writer(&mut **out, &fields)?;
                writeln!(out)?;
            }
            Writer::Csv(writer) => {
                for column in &self.columns {
                    writer.write_field((column.cell)(row).for_csv().as_bytes()).map_err(io_error)?;
                }
                writer.write_record(None::<&[u8]>).map_err(io_error)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Without it, the last rows may be missing.
    pub(crate) fn end(self) -> io::Result<()> {
        match self.writer {
            Writer::Table(table) => table.end(),
            Writer::Json(out) if self.written == 0 => writeln!(out, "]"),
            Writer::Json(out) => writeln!(out, "\n]"),
            Writer::Jsonl(_) => Ok(()),
            Writer::Csv(mut writer) => writer.flush(),
        }
    }
}

/// The fields of a row, in the order of the columns.
struct Fields<'a, T> {
    columns: &'a [Column<T>],
    row: &'a T,
}

impl<T> Serialize for Fields<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for column in self.columns {
            map.serialize_entry(column.field, &(column.cell)(self.row))?;
        }
        map.end()
    }
}

/// An object as one line below the names of its fields.
pub(super) fn csv_object(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    let fields = value.as_object().into_iter().flatten();
    let (names, cells): (Vec<&str>, Vec<String>) = fields
        .map(|(name, value)| match value {
            Value::Null => (name.as_str(), String::new()),
            Value::String(text) => (name.as_str(), text.clone()),
            other => (name.as_str(), other.to_string()),
        })
        .unzip();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(names).map_err(io_error)?;
    writer.write_record(cells).map_err(io_error)?;
    writer.flush()
}

/// The error of the stream below: whether it is a closed pipe must not get lost.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}
