//! Identities of leads: each belongs to one live lead of a business.

use prosaas_core::{E164, Error, LeadId, Result, UnixMillis};

use super::{locked_live, read_lead};
use crate::auth::TenantScope;
use crate::model::id::IdentityId;
use crate::model::identity::{Identity, IdentityKind, NewIdentity};
use crate::model::lead::{Lead, NewLead};
use crate::model::phone::PhoneRegion;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

const OF_LEAD: Sql = Sql::both(
    "SELECT * FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
);
const OWNER: Sql = Sql::split(
    "SELECT lead_id FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND value = $3 AND live = 1",
    "SELECT lead_id FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND value = $3 AND live",
);
const LEAD_OF: Sql = Sql::split(
    "SELECT leads.* FROM lead_identities
     JOIN leads ON leads.tenant_id = lead_identities.tenant_id AND leads.id = lead_identities.lead_id
     WHERE lead_identities.tenant_id = $1 AND kind = $2 AND value = $3 AND live = 1",
    "SELECT leads.* FROM lead_identities
     JOIN leads ON leads.tenant_id = lead_identities.tenant_id AND leads.id = lead_identities.lead_id
     WHERE lead_identities.tenant_id = $1 AND kind = $2 AND value = $3 AND live",
);
// Of two transactions that claim one identity the second waits for the first, and then gets nothing.
const CLAIM: Sql = Sql::split(
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     VALUES ($1, $2, $3, $4, $5, 1, $6)
     ON CONFLICT DO NOTHING",
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     VALUES ($1, $2, $3, $4, $5, TRUE, $6)
     ON CONFLICT DO NOTHING",
);
const REMOVE: Sql =
    Sql::both("DELETE FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 AND id = $3");
const REMOVE_VALUE: Sql = Sql::both(
    "DELETE FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 AND kind = $3 AND value = $4",
);
const HIDE: Sql = Sql::split(
    "UPDATE lead_identities SET live = 0 WHERE tenant_id = $1 AND lead_id = $2",
    "UPDATE lead_identities SET live = FALSE WHERE tenant_id = $1 AND lead_id = $2",
);
const REVIVE: Sql = Sql::split(
    "UPDATE lead_identities SET live = 1 WHERE tenant_id = $1 AND lead_id = $2",
    "UPDATE lead_identities SET live = TRUE WHERE tenant_id = $1 AND lead_id = $2",
);
// The first number and address repeat in the lead's row, for lists.
const REPEAT: Sql = Sql::both(
    "UPDATE leads SET
         phone = (SELECT value FROM lead_identities
                  WHERE tenant_id = $1 AND lead_id = $2 AND kind = 'e164' ORDER BY created_at, id LIMIT 1),
         email = (SELECT value FROM lead_identities
                  WHERE tenant_id = $1 AND lead_id = $2 AND kind = 'email' ORDER BY created_at, id LIMIT 1)
     WHERE tenant_id = $1 AND id = $2",
);
const NEXT_VERSION: Sql = Sql::both(
    "UPDATE leads SET version = version + 1, updated_at = $3 WHERE tenant_id = $1 AND id = $2",
);
const COUNTRY: Sql = Sql::both("SELECT country FROM businesses WHERE tenant_id = $1");

impl CrmStore {
    /// The country whose national numbers the business writes.
    pub async fn phone_region(&self, scope: &TenantScope) -> Result<PhoneRegion> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_one(&COUNTRY, args![], "business").await?;
        row.parse("country")
    }

    /// The live lead with this identity: who is calling, who is writing.
    pub async fn lead_by_identity(
        &self,
        scope: &TenantScope,
        identity: &NewIdentity,
    ) -> Result<Option<Lead>> {
        let mut tx = self.read(scope).await?;
        lead_of(&mut tx, identity).await
    }

    /// The live lead with this number.
    pub async fn lead_by_phone(&self, scope: &TenantScope, number: &E164) -> Result<Option<Lead>> {
        self.lead_by_identity(scope, &NewIdentity::phone(number))
            .await
    }

    /// How the person is recognised, in the order in which it became known.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn lead_identities(
        &self,
        scope: &TenantScope,
        lead: LeadId,
    ) -> Result<Vec<Identity>> {
        let mut tx = self.read(scope).await?;
        super::live(&mut tx, lead).await?;
        of_lead(&mut tx, lead).await
    }

    /// Adds an identity; one the lead already has changes nothing.
    ///
    /// # Errors
    /// `Conflict` `identity-taken` when another lead has it, naming that one; `NotFound`; `Invalid`
    /// when the lead has too many.
    pub async fn add_lead_identity(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        identity: &NewIdentity,
    ) -> Result<Lead> {
        let mut tx = self.write(scope).await?;
        locked_live(&mut tx, lead).await?;
        let known = of_lead(&mut tx, lead).await?;
        if known.len() >= NewLead::MAX_IDENTITIES {
            let most = format!("expected at most {} items", NewLead::MAX_IDENTITIES);
            return Err(Error::invalid("identities", most));
        }
        if !known.iter().any(|one| one.identity == *identity) {
            // Behind those that are known: the first one is the one that lists show.
            let last = known.last().map(|one| one.created_at.plus(1));
            let at = last.map_or(self.now(), |last| last.max(self.now()));
            claim(&mut tx, at, lead, identity).await?;
            self.identities_changed(&mut tx, lead, TimelineKind::IdentityAdded, identity.kind())
                .await?;
        }
        let lead = super::live(&mut tx, lead).await?;
        tx.commit().await?;
        Ok(lead)
    }

    /// Removes an identity.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead, or the lead no such identity.
    pub async fn remove_lead_identity(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        identity: IdentityId,
    ) -> Result<Lead> {
        let mut tx = self.write(scope).await?;
        locked_live(&mut tx, lead).await?;
        let known = of_lead(&mut tx, lead).await?;
        let removed = known.into_iter().find(|one| one.id == identity);
        let removed = removed.ok_or(Error::NotFound { what: "identity" })?;
        tx.execute(&REMOVE, args![lead.uuid(), identity.uuid()])
            .await?;
        let kind = removed.identity.kind();
        self.identities_changed(&mut tx, lead, TimelineKind::IdentityRemoved, kind)
            .await?;
        let lead = super::live(&mut tx, lead).await?;
        tx.commit().await?;
        Ok(lead)
    }

    async fn identities_changed(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
        kind: TimelineKind,
        of: IdentityKind,
    ) -> Result<()> {
        let now = self.now();
        repeat(tx, lead).await?;
        tx.execute(&NEXT_VERSION, args![lead.uuid(), now]).await?;
        let data = serde_json::json!({ "kind": of.as_str() });
        timeline::append(tx, Happening::new(lead, now, kind).data(data.clone())).await?;
        super::index::refresh(tx, lead).await?;
        tx.record(
            Change::new("lead.updated", "lead", lead)
                .lead(lead)
                .detail(data),
        );
        Ok(())
    }
}

pub(super) async fn of_lead(tx: &mut TenantTx, lead: LeadId) -> Result<Vec<Identity>> {
    let rows = tx.fetch_all(&OF_LEAD, args![lead.uuid()]).await?;
    rows.iter().map(read_identity).collect()
}

pub(super) async fn lead_of(tx: &mut TenantTx, identity: &NewIdentity) -> Result<Option<Lead>> {
    let values = args![identity.kind().as_str(), identity.expose()];
    let row = tx.fetch_optional(&LEAD_OF, values).await?;
    row.as_ref().map(read_lead).transpose()
}

/// Gives the lead an identity that no live lead has. Those known `at` an earlier time come first.
///
/// # Errors
/// `Conflict` `identity-taken`, naming the lead that has it.
pub(super) async fn claim(
    tx: &mut TenantTx,
    at: UnixMillis,
    lead: LeadId,
    identity: &NewIdentity,
) -> Result<()> {
    match try_claim(tx, at, lead, identity).await? {
        None => Ok(()),
        Some(owner) => Err(taken(owner)),
    }
}

/// [`claim`] that says who has it, if somebody has.
pub(super) async fn try_claim(
    tx: &mut TenantTx,
    at: UnixMillis,
    lead: LeadId,
    identity: &NewIdentity,
) -> Result<Option<LeadId>> {
    let (kind, value) = (identity.kind().as_str(), identity.expose());
    let id = IdentityId::mint(at).uuid();
    let values = args![id, lead.uuid(), kind, value, at];
    if tx.execute(&CLAIM, values).await? == 1 {
        return Ok(None);
    }
    let owner = tx.fetch_one(&OWNER, args![kind, value], "identity").await?;
    owner.id("lead_id").map(Some)
}

/// The conflict of an identity that another lead has. The API offers to merge with the one it names.
pub(super) fn taken(owner: LeadId) -> Error {
    Error::Conflict {
        what: "identity-taken",
        detail: format!("another lead has it: {owner}"),
    }
}

/// The lead does not have it any more.
pub(super) async fn give_up(tx: &mut TenantTx, lead: LeadId, identity: &NewIdentity) -> Result<()> {
    let values = args![lead.uuid(), identity.kind().as_str(), identity.expose()];
    tx.execute(&REMOVE_VALUE, values).await.map(drop)
}

/// A deleted lead's identities may be taken by others.
pub(super) async fn hide(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    tx.execute(&HIDE, args![lead.uuid()]).await.map(drop)
}

/// They are the lead's again.
///
/// # Errors
/// `Conflict` `identity-taken` when one has been taken meanwhile.
pub(super) async fn revive(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    for one in of_lead(tx, lead).await? {
        if let Some(owner) = lead_of(tx, &one.identity).await?
            && owner.id != lead
        {
            return Err(taken(owner.id));
        }
    }
    tx.execute(&REVIVE, args![lead.uuid()]).await.map(drop)
}

/// Repeats the first number and address in the lead's row.
pub(super) async fn repeat(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    tx.execute(&REPEAT, args![lead.uuid()]).await.map(drop)
}

fn read_identity(row: &Row) -> Result<Identity> {
    let kind: IdentityKind = row.parse("kind")?;
    let value: String = row.get("value")?;
    Ok(Identity {
        id: row.id("id")?,
        lead: row.id("lead_id")?,
        // Not parsed as somebody's writing is: a carrier's number need not be one that people can dial.
        identity: NewIdentity::stored(kind, value),
        created_at: row.get("created_at")?,
    })
}
