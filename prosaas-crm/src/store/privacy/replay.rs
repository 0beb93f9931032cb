//! After a restore: what was erased since the backup was written is erased again.

use std::collections::{BTreeMap, HashMap};

use prosaas_core::{CallId, LeadId, Result, TenantId, UnixMillis};
use uuid::Uuid;

use super::person::Person;
use super::tombstones::{self, ErasureKey};
use crate::auth::{SystemScope, TenantScope};
use crate::model::id::ConversationId;
use crate::model::privacy::Tombstone;
use crate::store::CrmStore;
use crate::store::db::{Sql, args};

/// Rows looked at in one statement.
const AT_ONCE: u32 = 1_000;

const ALL: Sql = Sql::both(
    "/* across tenants: the operator replays erasures after a restore */
     SELECT tenant_id, value_hash, erased_at FROM erasures",
);
const TENANTS: Sql = Sql::both(
    "/* across tenants: the operator replays erasures after a restore */
     SELECT tenant_id FROM businesses",
);
const LEADS: Sql = Sql::both(
    "SELECT id, created_at FROM leads WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
);
const IDENTITIES: Sql = Sql::both(
    "SELECT lead_identities.id, lead_identities.lead_id, lead_identities.kind, lead_identities.value,
            leads.created_at
     FROM lead_identities JOIN leads
         ON leads.tenant_id = lead_identities.tenant_id AND leads.id = lead_identities.lead_id
     WHERE lead_identities.tenant_id = $1 AND lead_identities.id > $2
     ORDER BY lead_identities.id LIMIT $3",
);
const CALLS: Sql = Sql::both(
    "SELECT id, caller_number, started_at FROM calls WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
);
const CONVERSATIONS: Sql = Sql::both(
    "SELECT id, created_at FROM conversations WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
);

/// The tombstones of one business: hash and moment.
type Graves = HashMap<[u8; 32], UnixMillis>;

/// What of a business has to be erased again, by the moment of the erasure.
#[derive(Debug, Default)]
struct Found {
    leads: BTreeMap<LeadId, UnixMillis>,
    calls: BTreeMap<CallId, UnixMillis>,
    conversations: BTreeMap<ConversationId, UnixMillis>,
}

impl CrmStore {
    /// Every tombstone in the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tombstones(&self, scope: &SystemScope) -> Result<Vec<Tombstone>> {
        let tx = self.system_look(scope).await?;
        let mut known = Vec::new();
        for row in tx.fetch_all(&ALL, args![]).await? {
            let hash: Vec<u8> = row.get("value_hash")?;
            if let Ok(hash) = hash.try_into() {
                known.push(Tombstone {
                    tenant: row.id("tenant_id")?,
                    hash,
                    erased_at: row.get("erased_at")?,
                });
            }
        }
        Ok(known)
    }

    /// Erases again what these tombstones, and those in the database, stand for; what has come since the
    /// erasure stays. Returns how many leads, calls and conversations that were.
    ///
    /// # Errors
    /// When the database fails; what is erased by then stays so, and another run does the rest.
    pub async fn replay_erasures(
        &self,
        scope: &SystemScope,
        key: &ErasureKey,
        kept: &[Tombstone],
    ) -> Result<u64> {
        let mut graves: BTreeMap<TenantId, Graves> = BTreeMap::new();
        let known = self.tombstones(scope).await?;
        for stone in known.iter().chain(kept) {
            let at = graves.entry(stone.tenant).or_default();
            let at = at.entry(stone.hash).or_insert(stone.erased_at);
            *at = (*at).max(stone.erased_at);
        }
        let mut tx = self.system_read(scope).await?;
        let rows = tx.fetch_all(&TENANTS, args![]).await?;
        drop(tx);
        let mut erased = 0;
        for row in &rows {
            let tenant: TenantId = row.id("tenant_id")?;
            if let Some(graves) = graves.get(&tenant) {
                let scope = TenantScope::for_operator(tenant);
                erased += self.replay_in(&scope, key, graves).await?;
            }
        }
        Ok(erased)
    }

    async fn replay_in(
        &self,
        scope: &TenantScope,
        key: &ErasureKey,
        graves: &Graves,
    ) -> Result<u64> {
        let found = self.find_erased(scope, key, graves).await?;
        let mut erased = 0;
        let now = self.now();
        let mut tx = self.write(scope).await?;
        for (hash, at) in graves {
            tombstones::store(&mut tx, &[*hash], *at).await?;
        }
        tx.commit().await?;
        for (lead, until) in found.leads {
            let mut tx = self.write(scope).await?;
            let person = Person::find(&mut tx, [lead], until).await?;
            self.erase(&mut tx, now, &person).await?;
            tx.commit().await?;
            erased += (person.leads.len() + person.calls.len() + person.conversations.len()) as u64;
        }
        let mut rest = Person::default();
        rest.calls.extend(found.calls.keys());
        rest.conversations.extend(found.conversations.keys());
        let mut tx = self.write(scope).await?;
        self.erase(&mut tx, now, &rest).await?;
        tx.commit().await?;
        self.forget_answers(scope).await?;
        Ok(erased + (rest.calls.len() + rest.conversations.len()) as u64)
    }

    async fn find_erased(
        &self,
        scope: &TenantScope,
        key: &ErasureKey,
        graves: &Graves,
    ) -> Result<Found> {
        let tenant = scope.tenant();
        let mut found = Found::default();
        let erased = |hash: [u8; 32], came_at: UnixMillis| {
            graves.get(&hash).copied().filter(|at| came_at <= *at)
        };
        for (sql, table) in [
            (&LEADS, "leads"),
            (&IDENTITIES, "identities"),
            (&CALLS, "calls"),
            (&CONVERSATIONS, "conversations"),
        ] {
            let mut after = Uuid::nil();
            loop {
                let tx = self.look(scope).await?;
                let rows = tx.fetch_all(sql, args![after, AT_ONCE]).await?;
                let Some(last) = rows.last() else { break };
                after = last.get("id")?;
                for row in &rows {
                    match table {
                        "leads" => {
                            let lead: LeadId = row.id("id")?;
                            if let Some(at) =
                                erased(key.lead(tenant, lead)?, row.get("created_at")?)
                            {
                                found.leads.insert(lead, at);
                            }
                        }
                        "identities" => {
                            let (kind, value): (String, String) =
                                (row.get("kind")?, row.get("value")?);
                            let hash = key.hash(tenant, &kind, &value)?;
                            if let Some(at) = erased(hash, row.get("created_at")?) {
                                found.leads.insert(row.id("lead_id")?, at);
                            }
                        }
                        "calls" => {
                            let call: CallId = row.id("id")?;
                            let came_at = row.get("started_at")?;
                            let caller: Option<String> = row.get("caller_number")?;
                            let mut hashes = vec![key.call(tenant, call)?];
                            if let Some(caller) = &caller {
                                hashes.push(key.hash(tenant, "e164", caller)?);
                            }
                            let at = hashes.into_iter().find_map(|hash| erased(hash, came_at));
                            // A call that is in no one's name any more was erased before the backup.
                            if let (Some(at), Some(_)) = (at, caller) {
                                found.calls.insert(call, at);
                            }
                        }
                        _ => {
                            let id: ConversationId = row.id("id")?;
                            let hash = key.hash(tenant, "conversation", &id.to_string())?;
                            if let Some(at) = erased(hash, row.get("created_at")?) {
                                found.conversations.insert(id, at);
                            }
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}
