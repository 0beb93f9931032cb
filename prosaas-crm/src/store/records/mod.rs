//! What every kind of record does alike: being found, and going to the trash, back and away for good.

mod appointments;
mod consents;
mod deals;
#[cfg(feature = "auth")]
mod feeds;
mod knowledge;
mod lists;
mod notes;
mod numbers;
mod payments;
mod pipelines;
mod promises;
mod replies;
mod rows;
pub(crate) mod settings;
pub(super) mod setup;
mod tasks;
pub(crate) mod timeline;
#[cfg(all(feature = "auth", feature = "webhooks"))]
mod webhooks;

#[cfg(all(feature = "auth", feature = "webhooks"))]
pub(crate) use webhooks::place_of as webhook_place;

use std::fmt::Display;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use uuid::Uuid;

pub(super) use consents::consent_in_force;
pub(super) use rows::{below, expect_changed, expect_version, require_member};

use super::CrmStore;
use super::db::{Change, Row, Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::time::Time;

/// A kind of record: one table, found by id.
trait Record: Sized + Send + Sync {
    /// Its id.
    type Id: Copy + Display + Into<Uuid> + Send + Sync;
    /// The word for it in events and errors.
    const NAME: &'static str;
    /// Finds one by `$2`, its id.
    const ONE: Sql;

    fn read(row: &Row) -> Result<Self>;
    fn id(&self) -> Self::Id;
    fn version(&self) -> u64;
    /// The lead that it is about, whose page shows it.
    fn lead(&self) -> Option<LeadId> {
        None
    }
    /// When it went to the trash; never, for a kind that does not go there.
    fn deleted_at(&self) -> Option<Time> {
        None
    }
}

/// A kind of record that goes to the trash before it goes away.
trait Trashable: Record {
    /// Sets `deleted_at` to `$4` and `updated_at` to `$5` of the one with id `$2` and version `$3`.
    const MARK: Sql;
    /// Deletes the one with id `$2` and version `$3`.
    const PURGE: Sql;
    /// The kinds of the events: deleted, restored, purged.
    const KINDS: [&'static str; 3];
}

/// A record, in the trash or not.
async fn any<R: Record>(tx: &mut TenantTx, id: R::Id) -> Result<R> {
    let id: Uuid = id.into();
    R::read(&tx.fetch_one(&R::ONE, args![id], R::NAME).await?)
}

/// A record that is not in the trash.
async fn live<R: Record>(tx: &mut TenantTx, id: R::Id) -> Result<R> {
    let record: R = any(tx, id).await?;
    match record.deleted_at() {
        None => Ok(record),
        Some(_) => Err(Error::NotFound { what: R::NAME }),
    }
}

/// [`live`], at the version that a change was made for.
async fn at_version<R: Record>(tx: &mut TenantTx, id: R::Id, expected: u64) -> Result<R> {
    let record: R = live(tx, id).await?;
    expect_version(record.version(), expected)?;
    Ok(record)
}

/// Tells the audit log, the consoles and whoever looks at the lead.
fn record_change<R: Record>(tx: &mut TenantTx, kind: &'static str, record: &R) {
    let change = Change::new(kind, R::NAME, record.id());
    tx.record(match record.lead() {
        Some(lead) => change.lead(lead),
        None => change,
    });
}

impl CrmStore {
    /// One record that is not in the trash.
    async fn find<R: Record>(&self, scope: &TenantScope, id: R::Id) -> Result<R> {
        live(&mut self.read(scope).await?, id).await
    }

    /// Puts a record into the trash.
    async fn discard<R: Trashable>(
        &self,
        scope: &TenantScope,
        id: R::Id,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let record: R = at_version(&mut tx, id, expected).await?;
        let now = self.now();
        let id: Uuid = id.into();
        let rows = tx
            .execute(&R::MARK, args![id, expected, Some(now), now])
            .await?;
        expect_changed(rows)?;
        record_change(&mut tx, R::KINDS[0], &record);
        tx.commit().await
    }

    /// Takes a record back out of the trash, within a transaction that looked whether it may come back.
    async fn take_back<R: Trashable>(&self, tx: &mut TenantTx, record: &R) -> Result<R> {
        let id: Uuid = record.id().into();
        let none = None::<UnixMillis>;
        let values = args![id, record.version(), none, self.now()];
        expect_changed(tx.execute(&R::MARK, values).await?)?;
        let record: R = any(tx, record.id()).await?;
        record_change(tx, R::KINDS[1], &record);
        Ok(record)
    }

    /// Takes a record back out of the trash; one that is not in it stays as it is.
    async fn restore<R: Trashable>(&self, scope: &TenantScope, id: R::Id) -> Result<R> {
        let mut tx = self.write(scope).await?;
        let record: R = any(&mut tx, id).await?;
        if record.deleted_at().is_none() {
            return Ok(record);
        }
        let record = self.take_back(&mut tx, &record).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// Removes a record of the trash for good.
    async fn purge<R: Trashable>(&self, scope: &TenantScope, id: R::Id) -> Result<()> {
        let tx = self.write(scope).await?;
        self.purge_in::<R>(tx, id).await
    }

    /// [`CrmStore::purge`] in a transaction that released what refers to the record; ends it.
    async fn purge_in<R: Trashable>(&self, mut tx: TenantTx, id: R::Id) -> Result<()> {
        let record: R = any(&mut tx, id).await?;
        if record.deleted_at().is_none() {
            return Err(Error::NotFound { what: R::NAME });
        }
        self.remove(&mut tx, &R::PURGE, &record).await?;
        record_change(&mut tx, R::KINDS[2], &record);
        tx.commit().await
    }

    /// Deletes the row of a record that was just read.
    async fn remove<R: Record>(
        &self,
        tx: &mut TenantTx,
        statement: &Sql,
        record: &R,
    ) -> Result<()> {
        let id: Uuid = record.id().into();
        let rows = tx.execute(statement, args![id, record.version()]).await?;
        expect_changed(rows)
    }
}

/// A moment that may be missing.
fn time(row: &Row, column: &'static str) -> Result<Option<Time>> {
    let at: Option<UnixMillis> = row.get(column)?;
    Ok(at.map(Time::from))
}

/// A moment.
fn moment(row: &Row, column: &'static str) -> Result<Time> {
    row.get::<UnixMillis>(column).map(Time::from)
}
