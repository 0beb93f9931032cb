//! Payments: what was asked for and what came.

use prosaas_core::{Error, LeadId, Result};
use serde_json::json;

use super::deals::money;
use super::rows::{below, expect_changed, require_lead, set_anew};
use super::timeline::{Happening, append};
use super::{Record, Trashable, any, at_version, live, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::deal::Deal;
use crate::model::id::{DealId, PaymentId};
use crate::model::page::Page;
use crate::model::payment::{
    NewPayment, Payment, PaymentFilter, PaymentMethod, PaymentPatch, PaymentStatus,
};
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::payment::PaymentLink;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM payments
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR lead_id = $6) AND ($7 IS NULL OR deal_id = $7)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM payments
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR lead_id = $6) AND ($7 IS NULL OR deal_id = $7)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const ADD: Sql = Sql::both(
    "INSERT INTO payments (tenant_id, id, lead_id, deal_id, amount, currency, description, status, method,
                           allocation_number, paid_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE payments
     SET deal_id = $4, description = $5, status = $6, provider = $7, provider_ref = $8, link_url = $9,
         allocation_number = $10, paid_at = $11, updated_at = $12, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const BY_REFERENCE: Sql = Sql::both(
    "SELECT * FROM payments WHERE tenant_id = $1 AND provider = $2 AND provider_ref = $3",
);

impl CrmStore {
    /// Asks for a payment by link, which [`CrmStore::attach_link`] gives it, or records one that came.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such lead or deal.
    pub async fn add_payment(&self, scope: &TenantScope, new: NewPayment) -> Result<Payment> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        require_lead(&mut tx, Some(new.lead_id)).await?;
        require_deal(&mut tx, new.deal_id, new.lead_id).await?;
        let now = self.now();
        let id = PaymentId::mint(now);
        let (status, paid_at, happened) = if new.method == PaymentMethod::Link {
            (PaymentStatus::Pending, None, TimelineKind::PaymentRequested)
        } else {
            let paid_at = new.paid_at.map_or(now, Time::millis);
            (
                PaymentStatus::Paid,
                Some(paid_at),
                TimelineKind::PaymentReceived,
            )
        };
        let values = args![
            id.uuid(),
            new.lead_id.uuid(),
            new.deal_id.map(DealId::uuid),
            new.value.amount,
            new.value.currency.as_str(),
            new.description.unwrap_or_default(),
            status.as_str(),
            new.method.as_str(),
            new.allocation_number,
            paid_at,
            now,
        ];
        tx.execute(&ADD, values).await?;
        let payment: Payment = any(&mut tx, id).await?;
        self.note_payment(&mut tx, &payment, "payment.created", Some(happened))
            .await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// Gives a payment its provider's link.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `link-exists` when it has one, `payment-settled` when it is not pending.
    pub async fn attach_link(
        &self,
        scope: &TenantScope,
        id: PaymentId,
        link: PaymentLink,
    ) -> Result<Payment> {
        let mut tx = self.write(scope).await?;
        let mut payment: Payment = live(&mut tx, id).await?;
        if payment.link_url.is_some() {
            return Err(conflict("link-exists", "the payment has a link already"));
        }
        if payment.status != PaymentStatus::Pending || payment.method != PaymentMethod::Link {
            return Err(conflict("payment-settled", "it does not wait for a link"));
        }
        payment.provider = Some(link.provider);
        payment.provider_ref = Some(link.reference);
        payment.link_url = Some(link.url);
        let payment = self.store_payment(&mut tx, payment).await?;
        self.note_payment(&mut tx, &payment, "payment.updated", None)
            .await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// What a provider reported about one of its links. Reported twice, it changes nothing the second
    /// time.
    ///
    /// # Errors
    /// `NotFound` when no payment has this reference; `Conflict` `payment-settled`.
    pub async fn settle_payment(
        &self,
        scope: &TenantScope,
        (provider, reference): (&str, &str),
        status: PaymentStatus,
    ) -> Result<Payment> {
        let mut tx = self.write(scope).await?;
        let row = tx.fetch_one(&BY_REFERENCE, args![provider, reference], "payment");
        let before = Payment::read(&row.await?)?;
        if before.status == status {
            return Ok(before);
        }
        let patch = PaymentPatch {
            status: Some(status).into(),
            ..PaymentPatch::default()
        };
        let after = self.change_payment(&mut tx, before, patch).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// A payment.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn payment(&self, scope: &TenantScope, id: PaymentId) -> Result<Payment> {
        self.find(scope, id).await
    }

    /// Payments, the newest first.
    pub async fn payments(
        &self,
        scope: &TenantScope,
        filter: &PaymentFilter,
        page: Page<PaymentId>,
    ) -> Result<Vec<Payment>> {
        let is_trash = filter.deleted.unwrap_or_default();
        let statement = if is_trash { &TRASH } else { &LIST };
        let (at, id) = below(&page);
        let values = args![
            at,
            id,
            page.capped_limit(),
            filter.status.map(PaymentStatus::as_str),
            filter.lead_id.map(LeadId::uuid),
            filter.deal_id.map(DealId::uuid),
        ];
        let rows = self.look(scope).await?.fetch_all(statement, values).await?;
        rows.iter().map(Payment::read).collect()
    }

    /// Changes a payment that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`, also for what it newly refers to; `Conflict` `version-conflict` or
    /// `payment-settled`.
    pub async fn update_payment(
        &self,
        scope: &TenantScope,
        id: PaymentId,
        expected: u64,
        patch: PaymentPatch,
    ) -> Result<Payment> {
        let mut tx = self.write(scope).await?;
        let before: Payment = at_version(&mut tx, id, expected).await?;
        let after = self.change_payment(&mut tx, before, patch).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Puts a payment into the trash.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_payment(
        &self,
        scope: &TenantScope,
        id: PaymentId,
        expected: u64,
    ) -> Result<()> {
        self.discard::<Payment>(scope, id, expected).await
    }

    /// Takes a payment back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn restore_payment(&self, scope: &TenantScope, id: PaymentId) -> Result<Payment> {
        self.restore(scope, id).await
    }

    /// Removes a payment of the trash for good.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_payment(&self, scope: &TenantScope, id: PaymentId) -> Result<()> {
        self.purge::<Payment>(scope, id).await
    }

    async fn change_payment(
        &self,
        tx: &mut TenantTx,
        before: Payment,
        patch: PaymentPatch,
    ) -> Result<Payment> {
        let (status, deal) = (before.status, before.deal_id);
        let mut after = patch.apply(before)?;
        require_deal(tx, set_anew(deal, after.deal_id), after.lead_id).await?;
        let happened = match after.status {
            PaymentStatus::Paid => Some(TimelineKind::PaymentReceived),
            PaymentStatus::Refunded => Some(TimelineKind::PaymentRefunded),
            _ => None,
        };
        if after.status == PaymentStatus::Paid && after.paid_at.is_none() {
            after.paid_at = Some(self.now().into());
        }
        let after = self.store_payment(tx, after).await?;
        let happened = happened.filter(|_| status != after.status);
        let kind = match happened {
            Some(TimelineKind::PaymentReceived) => "payment.paid",
            Some(TimelineKind::PaymentRefunded) => "payment.refunded",
            _ => "payment.updated",
        };
        self.note_payment(tx, &after, kind, happened).await?;
        Ok(after)
    }

    async fn store_payment(&self, tx: &mut TenantTx, payment: Payment) -> Result<Payment> {
        let values = args![
            payment.id.uuid(),
            payment.version,
            payment.deal_id.map(DealId::uuid),
            payment.description,
            payment.status.as_str(),
            payment.provider,
            payment.provider_ref,
            payment.link_url,
            payment.allocation_number,
            payment.paid_at.map(Time::millis),
            self.now(),
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        any(tx, payment.id).await
    }

    async fn note_payment(
        &self,
        tx: &mut TenantTx,
        payment: &Payment,
        kind: &'static str,
        happened: Option<TimelineKind>,
    ) -> Result<()> {
        record_change(tx, kind, payment);
        let Some(happened) = happened else {
            return Ok(());
        };
        let data = json!({ "value": payment.value, "method": payment.method });
        let happening = Happening::new(payment.lead_id, self.now(), happened);
        append(tx, happening.about(payment.id).data(data)).await
    }
}

/// Passes when the deal is there and with this lead.
async fn require_deal(tx: &mut TenantTx, deal: Option<DealId>, lead: LeadId) -> Result<()> {
    let Some(deal) = deal else { return Ok(()) };
    let deal: Deal = live(tx, deal).await?;
    if deal.lead_id == lead {
        return Ok(());
    }
    Err(Error::invalid(
        "deal_id",
        "expected a deal with the same lead",
    ))
}

fn conflict(what: &'static str, detail: &str) -> Error {
    let detail = detail.to_owned();
    Error::Conflict { what, detail }
}

impl Record for Payment {
    type Id = PaymentId;
    const NAME: &'static str = "payment";
    const ONE: Sql = Sql::both("SELECT * FROM payments WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.id("lead_id")?,
            deal_id: row.optional_id("deal_id")?,
            value: money(row)?,
            description: row.get("description")?,
            status: row.parse("status")?,
            method: row.parse("method")?,
            provider: row.get("provider")?,
            provider_ref: row.get("provider_ref")?,
            link_url: row.get("link_url")?,
            allocation_number: row.get("allocation_number")?,
            paid_at: time(row, "paid_at")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> PaymentId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn lead(&self) -> Option<LeadId> {
        Some(self.lead_id)
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}

impl Trashable for Payment {
    const MARK: Sql = Sql::both(
        "UPDATE payments SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM payments WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = ["payment.deleted", "payment.restored", "payment.purged"];
}
