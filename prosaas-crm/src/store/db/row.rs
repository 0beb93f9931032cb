//! Reading rows back into types; what does not fit is an error that names the column, never the value.

use std::str::FromStr;

use prosaas_core::{E164, Error, MicroUsd, Result, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row as _;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgRow;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A row of a result, with the statement it came from.
#[derive(Debug)]
pub(crate) struct Row {
    row: AnyRow,
    statement: &'static str,
}

pub(super) enum AnyRow {
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow),
}

/// Only that there is a row: its values are somebody's data.
impl std::fmt::Debug for AnyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyRow")
    }
}

/// A stored value that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("column `{column}` cannot be read back from `{statement}`")]
struct Unreadable {
    column: &'static str,
    statement: String,
    source: Source,
}

/// `Option<$type>` from the column of whichever row it is.
macro_rules! read {
    ($row:expr, $column:expr, $type:ty) => {
        match &$row.row {
            #[cfg(feature = "postgres")]
            AnyRow::Postgres(row) => row
                .try_get::<Option<$type>, _>($column)
                .map_err(Source::from),
            #[cfg(feature = "sqlite")]
            AnyRow::Sqlite(row) => row
                .try_get::<Option<$type>, _>($column)
                .map_err(Source::from),
        }
    };
}

impl Row {
    pub(super) const fn new(row: AnyRow, statement: &'static str) -> Self {
        Self { row, statement }
    }

    /// A value; `Option<_>` where the column may be NULL.
    pub(crate) fn get<T: FromColumn>(&self, column: &'static str) -> Result<T> {
        T::from_column(self, column).map_err(|source| self.unreadable(column, source))
    }

    /// A typed id.
    pub(crate) fn id<T: From<Uuid>>(&self, column: &'static str) -> Result<T> {
        self.get::<Uuid>(column).map(T::from)
    }

    /// A typed id that may be missing.
    pub(crate) fn optional_id<T: From<Uuid>>(&self, column: &'static str) -> Result<Option<T>> {
        Ok(self.get::<Option<Uuid>>(column)?.map(T::from))
    }

    /// A text that parses, such as an enum's word.
    pub(crate) fn parse<T: FromStr<Err = Error>>(&self, column: &'static str) -> Result<T> {
        let text: String = self.get(column)?;
        text.parse()
            .map_err(|error: Error| self.unreadable(column, error))
    }

    /// A text that parses, or NULL.
    pub(crate) fn parse_optional<T: FromStr<Err = Error>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let text: Option<String> = self.get(column)?;
        let parsed = text.as_deref().map(str::parse).transpose();
        parsed.map_err(|error: Error| self.unreadable(column, error))
    }

    /// A JSON column as a type of ours.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let value: Value = self.get(column)?;
        serde_json::from_value(value).map_err(|error| self.unreadable(column, error))
    }

    /// The error for a value that was read and makes no sense.
    pub(crate) fn unreadable(&self, column: &'static str, source: impl Into<Source>) -> Error {
        let words: Vec<&str> = self.statement.split_whitespace().collect();
        let statement = words.join(" ").chars().take(120).collect();
        let source = source.into();
        let unreadable = Unreadable {
            column,
            statement,
            source,
        };
        Error::internal("database", unreadable)
    }
}

/// What a column can be read as.
pub(crate) trait FromColumn: Sized {
    fn from_column(row: &Row, column: &'static str) -> Result<Self, Source>;
}

/// A single value that may be NULL in the database.
pub(crate) trait Scalar: Sized {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source>;
}

impl<T: Scalar> FromColumn for T {
    fn from_column(row: &Row, column: &'static str) -> Result<Self, Source> {
        Self::read(row, column)?.ok_or_else(|| "it is NULL".into())
    }
}

impl<T: Scalar> FromColumn for Option<T> {
    fn from_column(row: &Row, column: &'static str) -> Result<Self, Source> {
        T::read(row, column)
    }
}

macro_rules! native {
    ($($type:ty),+) => {$(
        impl Scalar for $type {
            fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
                read!(row, column, $type)
            }
        }
    )+};
}

native!(bool, f64, String, Uuid, Vec<u8>);

impl Scalar for i64 {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        match &row.row {
            // A literal in a SELECT list is an `int4` there; columns and counts are `int8`.
            #[cfg(feature = "postgres")]
            AnyRow::Postgres(row) => row
                .try_get::<Option<Self>, _>(column)
                .or_else(|error| match row.try_get::<Option<i32>, _>(column) {
                    Ok(small) => Ok(small.map(Self::from)),
                    Err(_) => Err(error),
                })
                .map_err(Source::from),
            #[cfg(feature = "sqlite")]
            AnyRow::Sqlite(row) => row.try_get(column).map_err(Source::from),
        }
    }
}

macro_rules! ranged {
    ($($type:ty),+) => {$(
        impl Scalar for $type {
            fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
                let number = i64::read(row, column)?.map(Self::try_from).transpose();
                number.map_err(|_| "the number is out of range".into())
            }
        }
    )+};
}

ranged!(i32, u8, u16, u32, u64, usize);

impl Scalar for UnixMillis {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        Ok(i64::read(row, column)?.map(Self))
    }
}

impl Scalar for MicroUsd {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        Ok(i64::read(row, column)?.map(Self))
    }
}

impl Scalar for E164 {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        let text = String::read(row, column)?;
        Ok(text.as_deref().map(Self::parse).transpose()?)
    }
}

impl<const N: usize> Scalar for [u8; N] {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        let bytes = Vec::<u8>::read(row, column)?
            .map(Self::try_from)
            .transpose();
        bytes.map_err(|_| "the number of bytes is wrong".into())
    }
}

impl Scalar for Value {
    fn read(row: &Row, column: &'static str) -> Result<Option<Self>, Source> {
        match &row.row {
            #[cfg(feature = "postgres")]
            AnyRow::Postgres(row) => row.try_get(column).map_err(Source::from),
            #[cfg(feature = "sqlite")]
            AnyRow::Sqlite(row) => {
                let text = row.try_get::<Option<&str>, _>(column)?;
                Ok(text.map(serde_json::from_str).transpose()?)
            }
        }
    }
}
