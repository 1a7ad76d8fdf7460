//! One value as both engines hold it: read from either, written for PostgreSQL, and the same bytes for a digest.

use aws_lc_rs::digest::Context;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::encode::{Encode, IsNull};
use sqlx::postgres::{PgArgumentBuffer, PgRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Row as _};

use crate::postgres::native;
use crate::store::StoreError;

/// What a column holds, and so how each engine writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// INTEGER; smallint.
    Small,
    /// INTEGER; integer.
    Integer,
    /// INTEGER; bigint.
    Long,
    /// TEXT; text.
    Text,
    /// BLOB; bytea.
    Bytes,
    /// BLOB of 16 bytes; uuid.
    Uuid,
    /// INTEGER, microseconds since 1970; timestamptz.
    Instant,
    /// TEXT, ISO 8601; date.
    Day,
    /// TEXT, JSON; jsonb.
    Document,
    /// TEXT, a JSON list of texts; text[].
    List,
}

/// A value in the form that SQLite has; JSON in the one form that has no choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

const CORRUPT: StoreError = StoreError::Corrupt("value");

impl Cell {
    /// Reads a value of SQLite.
    pub(super) fn of_sqlite(row: &SqliteRow, at: usize, kind: Kind) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::Small | Kind::Integer | Kind::Long | Kind::Instant => number(row.try_get_unchecked(at)?),
            Kind::Text | Kind::Day => text(row.try_get_unchecked(at)?),
            Kind::Bytes | Kind::Uuid => bytes(row.try_get_unchecked(at)?),
            Kind::Document | Kind::List => match row.try_get_unchecked::<Option<&str>, _>(at)? {
                Some(document) => {
                    Self::Text(canonical(&serde_json::from_str(document).map_err(|_| CORRUPT)?))
                }
                None => Self::Null,
            },
        })
    }

    /// Reads a value of PostgreSQL.
    pub(super) fn of_postgres(row: &PgRow, at: usize, kind: Kind) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::Small => number(row.try_get::<Option<i16>, _>(at)?.map(i64::from)),
            Kind::Integer => number(row.try_get::<Option<i32>, _>(at)?.map(i64::from)),
            Kind::Long => number(row.try_get(at)?),
            Kind::Text => text(row.try_get(at)?),
            Kind::Bytes => bytes(row.try_get(at)?),
            Kind::Uuid => bytes(
                row.try_get::<Option<uuid::Uuid>, _>(at)?
                    .map(|id| id.as_bytes().to_vec()),
            ),
            Kind::Instant => number(
                row.try_get::<Option<native::Instant>, _>(at)?
                    .map(|instant| instant.0.as_microsecond()),
            ),
            Kind::Day => text(
                row.try_get::<Option<native::Day>, _>(at)?
                    .map(|day| day.0.to_string()),
            ),
            Kind::Document => text(
                row.try_get::<Option<Value>, _>(at)?
                    .map(|document| canonical(&document)),
            ),
            Kind::List => text(
                row.try_get::<Option<Vec<String>>, _>(at)?
                    .map(|list| canonical(&Value::from(list))),
            ),
        })
    }

    /// Adds the value in PostgreSQL's binary form, its length before it.
    pub(super) fn write(&self, kind: Kind, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let mut value = PgArgumentBuffer::default();
        match (kind, self) {
            (_, Self::Null) => {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                return Ok(());
            }
            (Kind::Small, Self::Number(number)) => {
                encode(i16::try_from(*number).map_err(|_| CORRUPT)?, &mut value)?;
            }
            (Kind::Integer, Self::Number(number)) => {
                encode(i32::try_from(*number).map_err(|_| CORRUPT)?, &mut value)?;
            }
            (Kind::Long, Self::Number(number)) => encode(*number, &mut value)?,
            (Kind::Instant, Self::Number(at)) => {
                let at = Timestamp::from_microsecond(*at).map_err(|_| CORRUPT)?;
                encode(native::Instant(at), &mut value)?;
            }
            (Kind::Text, Self::Text(text)) => encode(text.as_str(), &mut value)?,
            (Kind::Day, Self::Text(day)) => {
                encode(native::Day(day.parse().map_err(|_| CORRUPT)?), &mut value)?;
            }
            (Kind::Document, Self::Text(document)) => {
                // jsonb's binary form: its version, then the text.
                value.push(1);
                value.extend_from_slice(document.as_bytes());
            }
            (Kind::List, Self::Text(list)) => {
                let list: Vec<String> = serde_json::from_str(list).map_err(|_| CORRUPT)?;
                write_list(&list, &mut value)?;
            }
            (Kind::Bytes, Self::Bytes(bytes)) => value.extend_from_slice(bytes),
            (Kind::Uuid, Self::Bytes(id)) => {
                encode(uuid::Uuid::from_slice(id).map_err(|_| CORRUPT)?, &mut value)?;
            }
            _ => return Err(CORRUPT),
        }
        out.extend_from_slice(&length(value.len())?);
        out.extend_from_slice(&value);
        Ok(())
    }

    /// Adds the value to a digest, so that no two rows of values give the same bytes.
    pub(super) fn digest(&self, into: &mut Context) {
        let (mark, bytes) = match self {
            Self::Null => (b'0', &[][..]),
            Self::Number(number) => (b'n', &number.to_be_bytes()[..]),
            Self::Text(text) => (b't', text.as_bytes()),
            Self::Bytes(bytes) => (b'b', bytes.as_slice()),
        };
        into.update(&[mark]);
        into.update(&(bytes.len() as u64).to_be_bytes());
        into.update(bytes);
    }
}

fn number(value: Option<i64>) -> Cell {
    value.map_or(Cell::Null, Cell::Number)
}

fn text(value: Option<String>) -> Cell {
    value.map_or(Cell::Null, Cell::Text)
}

fn bytes(value: Option<Vec<u8>>) -> Cell {
    value.map_or(Cell::Null, Cell::Bytes)
}

/// JSON without spaces, the names of every object in order: jsonb has an order of its own.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(canonical).collect();
            format!("[{}]", values.join(","))
        }
        plain => plain.to_string(),
    }
}

/// A value as PostgreSQL's own binary form has it. One that is not null says so.
fn encode<'q, T: Encode<'q, Postgres>>(value: T, buffer: &mut PgArgumentBuffer) -> Result<(), StoreError> {
    match value.encode_by_ref(buffer) {
        Ok(IsNull::No) => Ok(()),
        Ok(IsNull::Yes) | Err(_) => Err(CORRUPT),
    }
}

/// A text[] of one dimension, or of none when it is empty. Written here: the driver's own way writes a type's number
/// that only a statement's preparation fills in.
fn write_list(list: &[String], buffer: &mut Vec<u8>) -> Result<(), StoreError> {
    const TEXT: u32 = 25;
    let dimensions = i32::from(!list.is_empty());
    buffer.extend_from_slice(&dimensions.to_be_bytes());
    buffer.extend_from_slice(&0_i32.to_be_bytes());
    buffer.extend_from_slice(&TEXT.to_be_bytes());
    if list.is_empty() {
        return Ok(());
    }
    buffer.extend_from_slice(&length(list.len())?);
    buffer.extend_from_slice(&1_i32.to_be_bytes());
    for text in list {
        buffer.extend_from_slice(&length(text.len())?);
        buffer.extend_from_slice(text.as_bytes());
    }
    Ok(())
}

fn length(of: usize) -> Result<[u8; 4], StoreError> {
    Ok(i32::try_from(of).map_err(|_| CORRUPT)?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_one_form() {
        let one: Value =
            serde_json::from_str(r#"{"b": [1, {"z": null, "a": "\u00e9"}], "aa": true}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"aa":true,"b":[1,{"a":"é","z":null}]}"#).unwrap();
        assert_eq!(canonical(&one), r#"{"aa":true,"b":[1,{"a":"é","z":null}]}"#);
        assert_eq!(canonical(&one), canonical(&other));
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let mut out = Vec::new();
        for (cell, kind) in [
            (Cell::Text("x".into()), Kind::Day),
            (Cell::Text("x".into()), Kind::Long),
            (Cell::Number(1 << 40), Kind::Integer),
            (Cell::Bytes(vec![1; 15]), Kind::Uuid),
            (Cell::Text("{}".into()), Kind::List),
        ] {
            assert!(cell.write(kind, &mut out).is_err(), "{cell:?}");
        }
        assert!(Cell::Text("2026-11-24".into()).write(Kind::Day, &mut out).is_ok());
        assert_eq!(out, [0, 0, 0, 4, 0, 0, 0x26, 0x60]);
    }
}
