//! Businesses as the installation's administrators keep them: created, suspended, removed and restored.

use std::collections::HashMap;

use prosaas_core::{E164, Error, Result, TenantId, UnixMillis};
use serde_json::json;
use uuid::Uuid;

use super::CrmStore;
use super::accounts::Invited;
use super::businesses::require_free;
use super::db::{Row, Sql, SystemTx, args};
use crate::auth::{Role, SystemScope, TenantScope};
use crate::model::business::{check_business, default_business};
use crate::model::installation::{
    BusinessStatus, InstalledBusiness, InstalledBusinessPatch, NewBusiness, checked_numbers,
};
use crate::model::user::NewUser;

const LIST: Sql = Sql::both(
    "/* across tenants: the installation's list */
     SELECT businesses.*,
            (SELECT count(*) FROM memberships
             WHERE memberships.tenant_id = businesses.tenant_id AND memberships.status <> 'removed') AS members
     FROM businesses
     WHERE (created_at, tenant_id) < ($1, $2)
       AND ($3 IS NULL OR $3 = (CASE WHEN deleted_at IS NOT NULL THEN 'deleted' ELSE status END))
     ORDER BY created_at DESC, tenant_id DESC LIMIT $4",
);
const ONE: Sql = Sql::both(
    "/* across tenants: the installation looks at a business */
     SELECT businesses.*,
            (SELECT count(*) FROM memberships
             WHERE memberships.tenant_id = businesses.tenant_id AND memberships.status <> 'removed') AS members
     FROM businesses WHERE tenant_id = $1",
);
// A removed business shows the numbers it had when it was removed.
const NUMBERS: Sql = Sql::both(
    "/* across tenants: the installation's list */
     SELECT business_numbers.tenant_id, business_numbers.number
     FROM business_numbers
     JOIN businesses ON businesses.tenant_id = business_numbers.tenant_id
     WHERE businesses.created_at >= $1 AND businesses.created_at <= $2
       AND (business_numbers.released_at IS NULL OR business_numbers.released_at = businesses.deleted_at)
     ORDER BY business_numbers.number",
);
const UPDATE: Sql = Sql::both(
    "/* across tenants: the installation changes a business */
     UPDATE businesses SET name = $3, status = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND version = $2 AND deleted_at IS NULL",
);
const RESTORE: Sql = Sql::both(
    "/* across tenants: the installation takes a business back */
     UPDATE businesses SET deleted_at = NULL, updated_at = $2, version = version + 1
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL",
);

impl CrmStore {
    /// Businesses, the newest first, removed ones among them.
    pub async fn installed_businesses(
        &self,
        scope: &SystemScope,
        status: Option<BusinessStatus>,
        after: Option<(UnixMillis, TenantId)>,
        limit: u32,
    ) -> Result<Vec<InstalledBusiness>> {
        let mut tx = self.system_read(scope).await?;
        let (at, id) = after.map_or((UnixMillis(i64::MAX), Uuid::max()), |(at, id)| {
            (at, id.uuid())
        });
        let values = args![at, id, status.map(BusinessStatus::as_str), limit];
        let rows = tx.fetch_all(&LIST, values).await?;
        with_numbers(&mut tx, &rows).await
    }

    /// A business, also a removed one.
    ///
    /// # Errors
    /// `NotFound` when there is none such.
    pub async fn installed_business(
        &self,
        scope: &SystemScope,
        id: TenantId,
    ) -> Result<InstalledBusiness> {
        one(&mut self.system_read(scope).await?, id).await
    }

    /// Creates a business with its numbers, and invites its first owner.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `number-taken`.
    pub async fn create_business(
        &self,
        scope: &SystemScope,
        new: NewBusiness,
    ) -> Result<(InstalledBusiness, Option<Invited>)> {
        let id = TenantId::mint(self.now());
        let business = default_business(id, &new.name, new.language);
        check_business(&business)?;
        let mut tx = self.system_write(scope).await?;
        for number in &new.numbers {
            require_free(&mut tx, id, number).await?;
        }
        self.insert_business(&mut tx, &business).await?;
        let invited = match &new.owner {
            Some(owner) => Some(self.invite(&mut tx, id, owner, Role::Owner).await?),
            None => None,
        };
        let detail =
            json!({ "numbers": new.numbers.len(), "owner": invited.as_ref().map(|i| i.user) });
        tx.audit("business.created", Some(id.to_string()), detail)
            .await?;
        let mut tx = tx.enter(&TenantScope::for_operator(id)).await?;
        self.fill_new_business(&mut tx, &business).await?;
        for number in &new.numbers {
            self.give_number(&mut tx, number, false).await?;
        }
        tx.commit().await?;
        Ok((self.installed_business(scope, id).await?, invited))
    }

    /// Invites another owner into a business, such as one whose owners have all gone.
    ///
    /// # Errors
    /// `NotFound` when there is no such business; `Conflict` `already-member`.
    pub async fn invite_owner(
        &self,
        scope: &SystemScope,
        id: TenantId,
        owner: &NewUser,
    ) -> Result<Invited> {
        let mut tx = self.system_write(scope).await?;
        let invited = self.invite(&mut tx, id, owner, Role::Owner).await?;
        let detail = json!({ "user": invited.user });
        tx.audit("business.owner_invited", Some(id.to_string()), detail)
            .await?;
        tx.commit().await?;
        Ok(invited)
    }

    /// Changes a business that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`, also when it was removed; `Conflict` `version-conflict`.
    pub async fn update_installed_business(
        &self,
        scope: &SystemScope,
        id: TenantId,
        expected: u64,
        patch: InstalledBusinessPatch,
    ) -> Result<InstalledBusiness> {
        let mut tx = self.system_write(scope).await?;
        let before = live(&mut tx, id, expected).await?;
        let (name, status) = patch.apply(&before)?;
        let values = args![id.uuid(), expected, name, status.as_str(), self.now()];
        if tx.execute(&UPDATE, values).await? == 0 {
            return Err(changed_meanwhile());
        }
        let action = match (before.status == status, status) {
            (true, _) => "business.updated",
            (false, BusinessStatus::Suspended) => "business.suspended",
            (false, _) => "business.activated",
        };
        tx.audit(action, Some(id.to_string()), json!({})).await?;
        let after = one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Removes a business that is still at version `expected`; see [`CrmStore::delete_business`].
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_installed_business(
        &self,
        scope: &SystemScope,
        id: TenantId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.system_write(scope).await?;
        live(&mut tx, id, expected).await?;
        self.remove_business(tx, id).await
    }

    /// Takes a removed business back together with these numbers, or not at all. One that is not removed
    /// stays as it is: asking twice is answered twice.
    ///
    /// # Errors
    /// `NotFound` when there is none such; `Conflict` `number-taken` when another business has one of
    /// the numbers by now.
    pub async fn restore_with_numbers(
        &self,
        scope: &SystemScope,
        id: TenantId,
        numbers: Vec<E164>,
    ) -> Result<InstalledBusiness> {
        let numbers = checked_numbers(numbers)?;
        let mut tx = self.system_write(scope).await?;
        if tx.execute(&RESTORE, args![id.uuid(), self.now()]).await? == 0 {
            drop(tx);
            return self.installed_business(scope, id).await;
        }
        for number in &numbers {
            require_free(&mut tx, id, number).await?;
        }
        let detail = json!({ "numbers": numbers.len() });
        tx.audit("business.restored", Some(id.to_string()), detail)
            .await?;
        let mut tx = tx.enter(&TenantScope::for_operator(id)).await?;
        for number in &numbers {
            self.give_number(&mut tx, number, false).await?;
        }
        tx.commit().await?;
        self.installed_business(scope, id).await
    }
}

/// The business, if it was not removed and is at this version.
async fn live(tx: &mut SystemTx, id: TenantId, expected: u64) -> Result<InstalledBusiness> {
    let business = one(tx, id).await?;
    if business.deleted_at.is_some() {
        return Err(Error::NotFound { what: "business" });
    }
    if business.version != expected {
        return Err(changed_meanwhile());
    }
    Ok(business)
}

fn changed_meanwhile() -> Error {
    Error::Conflict {
        what: "version-conflict",
        detail: "the business was changed meanwhile".to_owned(),
    }
}

async fn one(tx: &mut SystemTx, id: TenantId) -> Result<InstalledBusiness> {
    let row = tx.fetch_one(&ONE, args![id.uuid()], "business").await?;
    let mut found = with_numbers(tx, &[row]).await?;
    found.pop().ok_or(Error::NotFound { what: "business" })
}

/// The businesses of these rows, which are in order of time, with their numbers.
async fn with_numbers(tx: &mut SystemTx, rows: &[Row]) -> Result<Vec<InstalledBusiness>> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(Vec::new());
    };
    let newest: UnixMillis = first.get("created_at")?;
    let oldest: UnixMillis = last.get("created_at")?;
    let mut numbers: HashMap<TenantId, Vec<E164>> = HashMap::new();
    for row in tx.fetch_all(&NUMBERS, args![oldest, newest]).await? {
        let of = numbers.entry(row.id("tenant_id")?).or_default();
        of.push(row.get("number")?);
    }
    let read = |row: &Row| {
        let id = row.id("tenant_id")?;
        let deleted_at: Option<UnixMillis> = row.get("deleted_at")?;
        let status = match deleted_at {
            Some(_) => BusinessStatus::Deleted,
            None => row.parse("status")?,
        };
        Ok(InstalledBusiness {
            id,
            name: row.get("name")?,
            language: row.parse("language")?,
            status,
            numbers: numbers.remove(&id).unwrap_or_default(),
            members: row.get("members")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            deleted_at,
            version: row.get("version")?,
        })
    };
    rows.iter().map(read).collect()
}
