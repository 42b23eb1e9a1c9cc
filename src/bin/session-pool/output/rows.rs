//! Rows of one kind, written as they come.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::table::Table;
use super::{Column, Format, Harmless, escape};
use crate::context::Context;

/// Rows of one kind, written as they come, in the format that was asked for.
pub(crate) struct Rows<'a, T> {
    columns: Vec<Column<T>>,
    context: &'a Context,
    writer: Writer<'a>,
    written: u64,
    /// Since when there are rows that may not have been shown yet.
    waiting_since: Option<Instant>,
}

/// How long rows may wait for others before they are shown.
const PATIENCE: Duration = Duration::from_millis(100);

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
        Self::with_cure("--format jsonl has all", columns, context, out)
    }

    /// `cure`: what can be done where a terminal is too narrow for all columns.
    pub(crate) fn with_cure(
        cure: &'static str,
        columns: Vec<Column<T>>,
        context: &'a Context,
        out: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let writer = match context.format {
            Format::Table => Writer::Table(Table::new(&columns, cure, context, out)),
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
        Ok(Self { columns, context, writer, written: 0, waiting_since: None })
    }

    pub(crate) fn row(&mut self, row: &T) -> io::Result<()> {
        let fields = Fields { columns: &self.columns, row };
        match &mut self.writer {
            Writer::Table(table) => table.row(self.columns.iter().map(|column| {
                let text = escape(&(column.cell)(row).for_people(self.context));
                (text, column.style.map(|style| style(row)))
            }))?,
            Writer::Json(out) => {
                write!(out, "{}", if self.written == 0 { "\n" } else { ",\n" })?;
                serde_json::to_writer(Harmless::new(*out), &fields)?;
            }
            Writer::Jsonl(out) => {
                serde_json::to_writer(Harmless::new(*out), &fields)?;
                writeln!(out)?;
            }
            Writer::Csv(writer) => {
                for column in &self.columns {
                    let cell = (column.cell)(row);
                    writer
                        .write_field(csv_text(cell.for_csv(), self.context).as_bytes())
                        .map_err(io_error)?;
                }
                writer.write_record(None::<&[u8]>).map_err(io_error)?;
            }
        }
        self.written += 1;
        self.waiting_since.get_or_insert_with(Instant::now);
        self.show_waiting()
    }

    /// Shows what there is, where it has waited for long. Each row does so; whoever finds none for a while does it too.
    pub(crate) fn show_waiting(&mut self) -> io::Result<()> {
        if self.waiting_since.is_none_or(|since| since.elapsed() < PATIENCE) {
            return Ok(());
        }
        match &mut self.writer {
            Writer::Table(table) => table.flush()?,
            Writer::Json(out) | Writer::Jsonl(out) => out.flush()?,
            Writer::Csv(writer) => writer.flush()?,
        }
        self.waiting_since = None;
        Ok(())
    }

    /// How many there were so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
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

/// Objects, a line each, below the names of their fields.
pub(super) fn csv_objects(values: &[Value], context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for (at, value) in values.iter().enumerate() {
        let fields = || value.as_object().into_iter().flatten();
        if at == 0 {
            writer.write_record(fields().map(|(name, _)| name)).map_err(io_error)?;
        }
        let cells = fields().map(|(_, value)| match value {
            Value::Null => String::new(),
            Value::String(text) => csv_text(text.into(), context).into_owned(),
            other => csv_text(other.to_string().into(), context).into_owned(),
        });
        writer.write_record(cells).map_err(io_error)?;
    }
    writer.flush()
}

/// A text as it is for programs, and escaped for people before a terminal.
fn csv_text<'t>(text: Cow<'t, str>, context: &Context) -> Cow<'t, str> {
    if context.is_terminal { escape(&text).into() } else { text }
}

/// The error of the stream below: whether it is a closed pipe must not get lost.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Cell, Zone};

    #[test]
    fn a_row_is_not_kept_back_where_the_next_is_long_in_coming() {
        let context = Context {
            format: Format::Table,
            keys: crate::keys::Keys::default(),
            has_colours: false,
            is_terminal: false,
            width: None,
            zone: Zone::Utc,
            now: session_pool::Timestamp::MIN,
        };
        let mut shown = Vec::new();
        let mut out = io::BufWriter::new(&mut shown);
        let columns = vec![Column::new("name", |name: &String| Cell::text(name.as_str()))];
        let mut rows = Rows::new(columns, &context, &mut out).unwrap();
        rows.row(&"first".to_owned()).unwrap();
        std::thread::sleep(PATIENCE);
        rows.show_waiting().unwrap();
        rows.row(&"second".to_owned()).unwrap();
        drop(rows);
        assert_eq!(String::from_utf8_lossy(out.get_ref()), "NAME\nfirst\n");
    }
}
