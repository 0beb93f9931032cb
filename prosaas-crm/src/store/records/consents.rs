//! The ledger of consents: rows are added, never changed.

use prosaas_core::{LeadId, Result};

use super::rows::{below, require_lead};
use super::timeline::{Happening, append};
use super::{Record, any, moment, record_change};
use crate::auth::TenantScope;
use crate::model::consent::{Consent, ConsentChannel, ConsentFilter, ConsentPurpose, NewConsent};
use crate::model::id::ConsentId;
use crate::model::page::Page;
use crate::model::timeline::TimelineKind;
use crate::rules::consent;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM consents
     WHERE tenant_id = $1 AND lead_id = $2 AND (created_at, id) < ($3, $4)
     ORDER BY created_at DESC, id DESC LIMIT $5",
);
const NEWEST: Sql = Sql::both(
    "SELECT * FROM consents
     WHERE tenant_id = $1 AND lead_id = $2 AND channel = $3 AND purpose = $4
     ORDER BY created_at DESC, id DESC LIMIT 1",
);
const ADD: Sql = Sql::both(
    "INSERT INTO consents (tenant_id, id, lead_id, channel, purpose, given, source, evidence, actor_kind,
                           actor_id, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);

impl CrmStore {
    /// Writes a consent or its withdrawal into the ledger.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such lead.
    pub async fn add_consent(&self, scope: &TenantScope, new: NewConsent) -> Result<Consent> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        // The newest entry holds, so no two of a kind may have one time: the lock and the look give
        // each its own.
        tx.lock_business().await?;
        require_lead(&mut tx, Some(new.lead_id)).await?;
        let about = (new.purpose, new.channel);
        let before = newest(&mut tx, new.lead_id, about).await?;
        let after_it = before.map(|entry| entry.created_at.millis().plus(1));
        let now = after_it.map_or(self.now(), |after| after.max(self.now()));
        let actor = tx.actor();
        let id = ConsentId::mint(now);
        let values = args![
            id.uuid(),
            new.lead_id.uuid(),
            new.channel.as_str(),
            new.purpose.as_str(),
            new.given,
            new.source,
            new.evidence.unwrap_or_default(),
            actor.kind(),
            actor.id(),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let consent: Consent = any(&mut tx, id).await?;
        let (kind, happened) = if consent.given {
            ("consent.given", TimelineKind::ConsentGiven)
        } else {
            ("consent.withdrawn", TimelineKind::ConsentWithdrawn)
        };
        record_change(&mut tx, kind, &consent);
        let data = serde_json::json!({ "channel": consent.channel, "purpose": consent.purpose });
        let happening = Happening::new(consent.lead_id, now, happened);
        append(&mut tx, happening.about(id).data(data)).await?;
        tx.commit().await?;
        Ok(consent)
    }

    /// One entry of the ledger.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn consent(&self, scope: &TenantScope, id: ConsentId) -> Result<Consent> {
        self.find(scope, id).await
    }

    /// The ledger of a lead, the newest entry first.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn consents(
        &self,
        scope: &TenantScope,
        filter: &ConsentFilter,
        page: Page<ConsentId>,
    ) -> Result<Vec<Consent>> {
        let mut tx = self.read(scope).await?;
        require_lead(&mut tx, Some(filter.lead_id)).await?;
        let (at, id) = below(&page);
        let values = args![filter.lead_id.uuid(), at, id, page.capped_limit()];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(Consent::read).collect()
    }

    /// Passes when the lead may be reached on a channel for a purpose.
    ///
    /// # Errors
    /// `Conflict` `consent-missing`; `NotFound` when the business has no such lead.
    pub async fn require_consent(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        (purpose, channel): (ConsentPurpose, ConsentChannel),
    ) -> Result<()> {
        consent_in_force(&mut self.read(scope).await?, lead, (purpose, channel)).await
    }
}

/// [`CrmStore::require_consent`] within the transaction that sends.
pub(crate) async fn consent_in_force(
    tx: &mut TenantTx,
    lead: LeadId,
    (purpose, channel): (ConsentPurpose, ConsentChannel),
) -> Result<()> {
    require_lead(tx, Some(lead)).await?;
    let newest = newest(tx, lead, (purpose, channel)).await?;
    consent::require_consent(purpose, channel, newest.as_slice())
}

async fn newest(
    tx: &mut TenantTx,
    lead: LeadId,
    (purpose, channel): (ConsentPurpose, ConsentChannel),
) -> Result<Option<Consent>> {
    let values = args![lead.uuid(), channel.as_str(), purpose.as_str()];
    let row = tx.fetch_optional(&NEWEST, values).await?;
    row.as_ref().map(Consent::read).transpose()
}

impl Record for Consent {
    type Id = ConsentId;
    const NAME: &'static str = "consent";
    const ONE: Sql = Sql::both("SELECT * FROM consents WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.id("lead_id")?,
            channel: row.parse("channel")?,
            purpose: row.parse("purpose")?,
            given: row.get("given")?,
            source: row.get("source")?,
            evidence: row.get("evidence")?,
            actor_kind: row.get("actor_kind")?,
            actor_id: row.get("actor_id")?,
            created_at: moment(row, "created_at")?,
        })
    }

    fn id(&self) -> ConsentId {
        self.id
    }

    /// It never changes.
    fn version(&self) -> u64 {
        1
    }

    fn lead(&self) -> Option<LeadId> {
        Some(self.lead_id)
    }
}
