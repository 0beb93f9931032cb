//! Reading rows back into types; what does not fit is an error that names the column, never the value.

use std::str::FromStr;

use prosaas_core::{CallId, E164, Error, LeadId, Result, TenantId, UnixMillis};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use uuid::Uuid;

/// A row of a table, read column by column.
pub(super) struct Columns<'r> {
    table: &'static str,
    row: &'r SqliteRow,
}

/// A stored value that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("column `{table}.{column}` cannot be read back")]
struct Unreadable {
    table: &'static str,
    column: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl<'r> Columns<'r> {
    pub(super) const fn of(table: &'static str, row: &'r SqliteRow) -> Self {
        Self { table, row }
    }

    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(
        &self,
        column: &'static str,
    ) -> Result<T> {
        self.row
            .try_get(column)
            .map_err(|error| self.unreadable(column, error))
    }

    /// A text that parses, such as a number or an enum's word.
    pub(super) fn parse<T: FromStr<Err = Error>>(&self, column: &'static str) -> Result<T> {
        let text: &str = self.get(column)?;
        text.parse().map_err(|error| self.unreadable(column, error))
    }

    pub(super) fn parse_optional<T: FromStr<Err = Error>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let text: Option<&str> = self.get(column)?;
        text.map(str::parse)
            .transpose()
            .map_err(|error| self.unreadable(column, error))
    }

    /// A whole number in the range of `T`.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        let number: i64 = self.get(column)?;
        T::try_from(number).map_err(|_| self.unreadable(column, "the number is out of range"))
    }

    pub(super) fn optional_number<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let number: Option<i64> = self.get(column)?;
        let number = number.map(T::try_from).transpose();
        number.map_err(|_| self.unreadable(column, "the number is out of range"))
    }

    pub(super) fn time(&self, column: &'static str) -> Result<UnixMillis> {
        Ok(UnixMillis(self.get(column)?))
    }

    pub(super) fn optional_time(&self, column: &'static str) -> Result<Option<UnixMillis>> {
        Ok(self.get::<Option<i64>>(column)?.map(UnixMillis))
    }

    pub(super) fn phone(&self, column: &'static str) -> Result<Option<E164>> {
        self.parse_optional(column)
    }

    pub(super) fn tenant(&self) -> Result<TenantId> {
        Ok(TenantId::from_uuid(self.get::<Uuid>("tenant_id")?))
    }

    pub(super) fn call(&self, column: &'static str) -> Result<CallId> {
        Ok(CallId::from_uuid(self.get::<Uuid>(column)?))
    }

    pub(super) fn lead(&self, column: &'static str) -> Result<LeadId> {
        Ok(LeadId::from_uuid(self.get::<Uuid>(column)?))
    }

    pub(super) fn unreadable(
        &self,
        column: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let table = self.table;
        Error::internal(
            "database",
            Unreadable {
                table,
                column,
                source: source.into(),
            },
        )
    }
}

/// A count as SQLite stores it; nothing real reaches the end of the range.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
