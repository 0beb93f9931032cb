//! Who a person is in a business: every lead, identity, call and conversation that is his.

use std::collections::BTreeSet;

use prosaas_core::{CallId, LeadId, Result, UnixMillis};

use crate::model::id::ConversationId;
use crate::store::db::{Sql, TenantTx, args};

const FAMILY: Sql = Sql::both(
    "SELECT id FROM leads
     WHERE tenant_id = $1 AND created_at <= $3 AND (merged_into = $2
        OR id IN (SELECT merged_into FROM leads WHERE tenant_id = $1 AND id = $2))",
);
const EXISTS: Sql =
    Sql::both("SELECT 1 AS found FROM leads WHERE tenant_id = $1 AND id = $2 AND created_at <= $3");
const IDENTITIES: Sql =
    Sql::both("SELECT kind, value FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2");
// Leads from before there were identities repeat a number without having it.
const SHOWN: Sql = Sql::both("SELECT phone, email FROM leads WHERE tenant_id = $1 AND id = $2");
const WITH_IDENTITY: Sql = Sql::both(
    "SELECT lead_id AS id FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND value = $3
       AND lead_id IN (SELECT id FROM leads WHERE tenant_id = $1 AND created_at <= $4)",
);
const SHOWING: Sql = Sql::both(
    "SELECT id FROM leads WHERE tenant_id = $1 AND created_at <= $3 AND (phone = $2 OR email = $2)",
);
const CALLS_OF_LEAD: Sql =
    Sql::both("SELECT call_id AS id FROM call_leads WHERE tenant_id = $1 AND lead_id = $2");
const CALLS_FROM: Sql = Sql::both(
    "SELECT id FROM calls WHERE tenant_id = $1 AND caller_number = $2 AND started_at <= $3",
);
const CONVERSATIONS_OF_LEAD: Sql =
    Sql::both("SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2");
const CONVERSATIONS_WITH: Sql = Sql::both(
    "SELECT id FROM conversations WHERE tenant_id = $1 AND peer = $2 AND created_at <= $3",
);
// By the names that the channel gave: a conversation is his although its address says nothing of him.
const CONVERSATIONS_NAMED: Sql = Sql::both(
    "SELECT conversations.id FROM conversation_peers
     JOIN conversations ON conversations.tenant_id = conversation_peers.tenant_id
                       AND conversations.id = conversation_peers.conversation_id
     WHERE conversation_peers.tenant_id = $1 AND conversation_peers.kind = $2
       AND conversation_peers.value = $3 AND conversations.created_at <= $4",
);
const NAMES_OF_CONVERSATION: Sql = Sql::both(
    "SELECT kind, value FROM conversation_peers
     WHERE tenant_id = $1 AND conversation_id = $2 AND kind <> 'address'",
);

/// A person.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) leads: BTreeSet<LeadId>,
    /// Kind and value.
    pub(super) identities: BTreeSet<(String, String)>,
    pub(super) calls: BTreeSet<CallId>,
    pub(super) conversations: BTreeSet<ConversationId>,
}

impl Person {
    /// Everybody that these leads are, as far as it came to be until a moment: leads that share an identity
    /// with them, live or in the trash, or were merged with them, and what came from their identities.
    pub(super) async fn find(
        tx: &mut TenantTx,
        leads: impl IntoIterator<Item = LeadId>,
        until: UnixMillis,
    ) -> Result<Self> {
        let mut person = Self::default();
        let mut open: Vec<LeadId> = leads.into_iter().collect();
        while let Some(lead) = open.pop() {
            let values = args![lead.uuid(), until];
            let is_there = tx.fetch_optional(&EXISTS, values).await?.is_some();
            if !is_there || !person.leads.insert(lead) {
                continue;
            }
            open.extend(ids::<LeadId>(tx, &FAMILY, args![lead.uuid(), until]).await?);
            person.learn(tx, lead).await?;
            for (kind, value) in person.identities.clone() {
                let values = args![&kind, &value, until];
                open.extend(ids::<LeadId>(tx, &WITH_IDENTITY, values).await?);
                open.extend(ids::<LeadId>(tx, &SHOWING, args![&value, until]).await?);
            }
            open.retain(|lead| !person.leads.contains(lead));
        }
        for lead in person.leads.clone() {
            let of_lead = args![lead.uuid()];
            person
                .calls
                .extend(ids::<CallId>(tx, &CALLS_OF_LEAD, of_lead.clone()).await?);
            person
                .conversations
                .extend(ids::<ConversationId>(tx, &CONVERSATIONS_OF_LEAD, of_lead).await?);
        }
        for (kind, value) in person.identities.clone() {
            let named = args![&kind, &value, until];
            let named = ids::<ConversationId>(tx, &CONVERSATIONS_NAMED, named).await?;
            person.conversations.extend(named);
            let from = args![&value, until];
            person
                .calls
                .extend(ids::<CallId>(tx, &CALLS_FROM, from.clone()).await?);
            person
                .conversations
                .extend(ids::<ConversationId>(tx, &CONVERSATIONS_WITH, from).await?);
        }
        // Names that the channel gave and no lead has: they are remembered as his as well.
        for conversation in person.conversations.clone() {
            let of = args![conversation.uuid()];
            for row in tx.fetch_all(&NAMES_OF_CONVERSATION, of).await? {
                person
                    .identities
                    .insert((row.get("kind")?, row.get("value")?));
            }
        }
        Ok(person)
    }

    /// His telephone numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &String> {
        let numbers = self.identities.iter().filter(|(kind, _)| kind == "e164");
        numbers.map(|(_, value)| value)
    }

    async fn learn(&mut self, tx: &mut TenantTx, lead: LeadId) -> Result<()> {
        for row in tx.fetch_all(&IDENTITIES, args![lead.uuid()]).await? {
            self.identities
                .insert((row.get("kind")?, row.get("value")?));
        }
        let row = tx.fetch_one(&SHOWN, args![lead.uuid()], "lead").await?;
        for (kind, column) in [("e164", "phone"), ("email", "email")] {
            if let Some(value) = row.get::<Option<String>>(column)? {
                self.identities.insert((kind.to_owned(), value));
            }
        }
        Ok(())
    }
}

async fn ids<T: From<uuid::Uuid>>(
    tx: &mut TenantTx,
    sql: &Sql,
    values: crate::store::db::Args,
) -> Result<Vec<T>> {
    let rows = tx.fetch_all(sql, values).await?;
    rows.iter().map(|row| row.id("id")).collect()
}
