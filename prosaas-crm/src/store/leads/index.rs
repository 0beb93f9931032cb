//! The search index of leads, kept in the transaction that changes a lead.

use prosaas_core::{LeadDraft, LeadId, Result, UnixMillis};
use serde_json::json;

use super::{LEAD, identities, read_lead};
use crate::model::identity::{IdentityKind, NewIdentity};
use crate::search::Tokens;
use crate::store::db::{Json, Sql, TenantTx, args};

const FORGET: Sql = Sql::both(
    "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'lead' AND entity_id = $2",
);
const ADD: Sql = Sql::split(
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', $2, $3, value FROM json_each($4)",
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', $2, $3, value FROM jsonb_array_elements_text($4) AS value",
);

/// What a lead is found by.
pub(super) fn tokens_of<'i>(
    known: &LeadDraft,
    company: Option<&str>,
    identities: impl Iterator<Item = &'i NewIdentity>,
) -> Tokens {
    let mut tokens = Tokens::default();
    if let Some(name) = &known.name {
        tokens = tokens.name(name);
    }
    tokens = identities.fold(tokens, with_identity);
    if let Some(company) = company {
        tokens = tokens.name(company);
    }
    for text in [&known.intent, &known.notes].into_iter().flatten() {
        tokens = tokens.text(text);
    }
    tokens
}

fn with_identity(tokens: Tokens, identity: &NewIdentity) -> Tokens {
    let value = identity.expose();
    match identity.kind() {
        IdentityKind::E164 => match value.parse() {
            Ok(number) => tokens.phone(&number),
            Err(_) => tokens,
        },
        IdentityKind::Email => tokens.email(value),
        IdentityKind::WaUsername => tokens.text(value),
        IdentityKind::WaLid | IdentityKind::WaBsuid => tokens,
    }
}

/// Writes the lead's tokens anew, from what is stored now; a deleted lead has none.
pub(super) async fn refresh(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    let row = tx.fetch_one(&LEAD, args![lead.uuid()], "lead").await?;
    let lead = read_lead(&row)?;
    forget(tx, lead.id).await?;
    if lead.deleted_at.is_some() {
        return Ok(());
    }
    let identities = identities::of_lead(tx, lead.id).await?;
    let identities = identities.iter().map(|one| &one.identity);
    let tokens = tokens_of(&lead.known, lead.company.as_deref(), identities);
    add(tx, lead.id, lead.created_at, &tokens).await
}

/// A lead that is not found any more.
pub(super) async fn forget(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    tx.execute(&FORGET, args![lead.uuid()]).await.map(drop)
}

// Results come in the order of creation: an order by activity would rewrite every token at each call.
async fn add(
    tx: &mut TenantTx,
    lead: LeadId,
    created_at: UnixMillis,
    tokens: &Tokens,
) -> Result<()> {
    let tokens: Vec<_> = tokens.iter().collect();
    if tokens.is_empty() {
        return Ok(());
    }
    let values = args![lead.uuid(), created_at, Json(json!(tokens))];
    tx.execute(&ADD, values).await.map(drop)
}
