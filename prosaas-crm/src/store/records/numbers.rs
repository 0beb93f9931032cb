//! The numbers of a business, and how each is answered.

use prosaas_core::{E164, Error, Result};

use super::rows::{expect_changed, expect_version};
use crate::auth::{SystemScope, TenantScope};
use crate::model::number::{BusinessNumber, NewNumber, NumberPatch};
use crate::store::CrmStore;
use crate::store::businesses::require_free;
use crate::store::db::{Change, Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM business_numbers WHERE tenant_id = $1 AND released_at IS NULL
     ORDER BY number LIMIT 1000",
);
const ONE: Sql = Sql::both(
    "SELECT * FROM business_numbers WHERE tenant_id = $1 AND number = $2 AND released_at IS NULL",
);
const CLAIM: Sql = Sql::both(
    "INSERT INTO business_numbers (tenant_id, number, imported, label, answer_mode, ring_number, created_at)
     VALUES ($1, $2, FALSE, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, number) DO UPDATE
     SET released_at = NULL, imported = FALSE, label = excluded.label,
         answer_mode = excluded.answer_mode, ring_number = excluded.ring_number,
         version = business_numbers.version + 1",
);
const UPDATE: Sql = Sql::both(
    "UPDATE business_numbers
     SET label = $4, answer_mode = $5, ring_number = $6, ring_seconds = $7, record_calls = $8,
         max_live_calls = $9, when_full = $10, overflow_number = $11, version = version + 1
     WHERE tenant_id = $1 AND number = $2 AND version = $3 AND released_at IS NULL",
);
const RELEASE: Sql = Sql::both(
    "UPDATE business_numbers SET released_at = $4, version = version + 1
     WHERE tenant_id = $1 AND number = $2 AND version = $3 AND released_at IS NULL",
);

impl CrmStore {
    /// The business's numbers in the order of their digits.
    pub async fn numbers(&self, scope: &TenantScope) -> Result<Vec<BusinessNumber>> {
        let rows = self.look(scope).await?.fetch_all(&LIST, args![]).await?;
        rows.iter().map(read_number).collect()
    }

    /// A number of the business.
    ///
    /// # Errors
    /// `NotFound` when it is not the business's.
    pub async fn number(&self, scope: &TenantScope, number: &E164) -> Result<BusinessNumber> {
        one(&mut self.read(scope).await?, number).await
    }

    /// Claims a number that belongs to nobody, or to this business already.
    ///
    /// # Errors
    /// `Conflict` `number-taken` when another business has it; `Invalid`.
    pub async fn claim_number(
        &self,
        scope: &TenantScope,
        new: NewNumber,
    ) -> Result<BusinessNumber> {
        let new = new.checked()?;
        match self.claim(scope, &new).await {
            // PostgreSQL's ON CONFLICT looks at one index only: a second claim of the same business at the
            // same instant may break the other one. It is answered once more, now that the first is done.
            Err(Error::Conflict {
                what: "number-taken",
                ..
            }) => self.claim(scope, &new).await,
            outcome => outcome,
        }
    }

    async fn claim(&self, scope: &TenantScope, new: &NewNumber) -> Result<BusinessNumber> {
        // Whose a number is is a question to all businesses, and the answer holds for the claim: the
        // look and the row are one transaction, and the index decides between two at once.
        let mut system = self.system_write(&SystemScope::for_installation()).await?;
        require_free(&mut system, scope.tenant(), &new.number).await?;
        let mut tx = system.enter(scope).await?;
        let values = args![
            &new.number,
            new.label.as_deref().unwrap_or_default(),
            new.answer_mode.unwrap_or_default().as_str(),
            new.ring_number.clone(),
            self.now(),
        ];
        tx.execute(&CLAIM, values).await?;
        let claimed = one(&mut tx, &new.number).await?;
        note(&mut tx, "number.claimed");
        tx.commit().await?;
        Ok(claimed)
    }

    /// Changes how a number is answered, if it is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_number(
        &self,
        scope: &TenantScope,
        number: &E164,
        expected: u64,
        patch: NumberPatch,
    ) -> Result<BusinessNumber> {
        let mut tx = self.write(scope).await?;
        let before = one(&mut tx, number).await?;
        expect_version(before.version, expected)?;
        let after = patch.apply(before)?;
        let values = args![
            number,
            expected,
            after.label,
            after.answer_mode.as_str(),
            after.ring_number,
            after.ring_seconds,
            after.record_calls,
            after.max_live_calls,
            after.when_full.as_str(),
            after.overflow_number,
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let after = one(&mut tx, number).await?;
        note(&mut tx, "number.updated");
        tx.commit().await?;
        Ok(after)
    }

    /// Gives a number up. Its calls stay; another business may claim it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn release_number(
        &self,
        scope: &TenantScope,
        number: &E164,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let before = one(&mut tx, number).await?;
        expect_version(before.version, expected)?;
        let values = args![number, expected, self.now()];
        expect_changed(tx.execute(&RELEASE, values).await?)?;
        note(&mut tx, "number.released");
        tx.commit().await
    }
}

/// Names the business, not the number: phone numbers are not for the audit log.
fn note(tx: &mut TenantTx, kind: &'static str) {
    let tenant = tx.tenant();
    tx.record(Change::new(kind, "business", tenant));
}

async fn one(tx: &mut TenantTx, number: &E164) -> Result<BusinessNumber> {
    read_number(&tx.fetch_one(&ONE, args![number], "number").await?)
}

fn read_number(row: &Row) -> Result<BusinessNumber> {
    Ok(BusinessNumber {
        number: row.get("number")?,
        label: row.get("label")?,
        answer_mode: row.parse("answer_mode")?,
        ring_number: row.get("ring_number")?,
        ring_seconds: row.get("ring_seconds")?,
        record_calls: row.get("record_calls")?,
        max_live_calls: row.get("max_live_calls")?,
        when_full: row.parse("when_full")?,
        overflow_number: row.get("overflow_number")?,
        version: row.get("version")?,
    })
}
