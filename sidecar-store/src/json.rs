//! JSON text of columns and of statement parameters.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sidecar_core::StoreError;

use crate::error::Result;

/// Serializes the value of a column.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(serialize_error)
}

/// Serializes rows as the one parameter of a statement. Replaces NUL in texts by U+FFFD, because PostgreSQL rejects it and
/// SQLite truncates at it.
pub(crate) fn rows_to_json(rows: &impl Serialize) -> Result<String> {
    let mut text = Vec::with_capacity(4096);
    rows.serialize(&mut serde_json::Serializer::with_formatter(&mut text, ReplaceNul)).map_err(serialize_error)?;
    String::from_utf8(text).map_err(|error| StoreError::broken("JSON is not UTF-8").with_source(error))
}

/// Maps the parse error of a stored column.
pub(crate) fn parse_error(column: &'static str) -> impl Fn(serde_json::Error) -> StoreError {
    move |error| StoreError::broken(format!("cannot parse {column} in the database")).with_source(error)
}

fn serialize_error(error: serde_json::Error) -> StoreError {
    StoreError::broken("cannot serialize a value as JSON").with_source(error)
}

struct ReplaceNul;

impl Formatter for ReplaceNul {
    fn write_char_escape<W: io::Write + ?Sized>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) => writer.write_all("\u{FFFD}".as_bytes()),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}
