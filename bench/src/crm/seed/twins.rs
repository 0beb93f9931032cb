//! Whether the rows that were made up are those that the store would have written.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use prosaas_core::LeadId;
use prosaas_core::time::ManualClock;
use prosaas_crm::{CrmStore, StoreOptions};
use uuid::Uuid;

use super::super::person::Person;
use super::super::world::{Tenant, World};
use super::database::Database;

/// How many leads are compared.
const COMPARED: usize = 25;

// What is a lead's own, without ids; `$1` the business, `$2` the lead, `$3` the lead as it is printed.
const QUESTIONS: [(&str, &str); 6] = [
    (
        "leads",
        "SELECT source || '|' || coalesce(name, '-') || '|' || coalesce(company, '-') || '|'
             || coalesce(phone, '-') || '|' || coalesce(email, '-') || '|' || coalesce(intent, '-') || '|'
             || coalesce(summary, '-') || '|' || coalesce(next_step, '-') || '|' || coalesce(notes, '-') || '|'
             || CAST(custom AS TEXT) || '|' || CAST(active_at AS TEXT) || '|' || CAST(created_at AS TEXT) || '|'
             || CAST(updated_at AS TEXT) || '|' || coalesce(CAST(deleted_at AS TEXT), '-') || '|'
             || CAST(version AS TEXT) || '|' || CAST(assignee_id IS NULL AS TEXT) || '|'
             || (SELECT stages.name FROM stages WHERE stages.tenant_id = $1 AND stages.id = stage_id)
         FROM leads WHERE tenant_id = $1 AND id = $2 AND $3 <> ''",
    ),
    (
        "lead_identities",
        "SELECT kind || '|' || value || '|' || CAST(live AS TEXT) || '|' || CAST(created_at AS TEXT)
         FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 AND $3 <> '' ORDER BY 1",
    ),
    (
        "lead_tags",
        "SELECT tags.name FROM lead_tags JOIN tags ON tags.tenant_id = $1 AND tags.id = tag_id
         WHERE lead_tags.tenant_id = $1 AND lead_id = $2 AND $3 <> '' ORDER BY 1",
    ),
    (
        "search_tokens",
        "SELECT token || '|' || CAST(recency AS TEXT) FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'lead' AND entity_id = $2 AND $3 <> '' ORDER BY 1",
    ),
    (
        "timeline_events",
        "SELECT CAST(at AS TEXT) || '|' || kind || '|' || coalesce(ref_id, '-') || '|' || CAST(data AS TEXT) || '|'
             || actor_kind || '|' || coalesce(actor_id, '-')
         FROM timeline_events WHERE tenant_id = $1 AND lead_id = $2 AND $3 <> '' ORDER BY 1",
    ),
    (
        "audit_log",
        "SELECT CAST(at AS TEXT) || '|' || actor_kind || '|' || coalesce(actor_id, '-') || '|' || action || '|'
             || entity_kind || '|' || CAST(detail AS TEXT)
         FROM audit_log WHERE tenant_id = $1 AND entity_id = $3 AND $2 = $2 ORDER BY 1",
    ),
];

/// Lets the store write some of the leads once more, in the business that is empty, and compares.
pub(crate) async fn compare(
    options: &StoreOptions,
    database: &mut Database,
    world: &World,
) -> anyhow::Result<()> {
    let (Some(theirs), Some(ours)) = (world.tenants.get(1), world.tenants.last()) else {
        anyhow::bail!("there is no business to compare in");
    };
    let mut compared = 0;
    for n in 0..u64::from(theirs.leads) {
        let person = Person::of(theirs, n)?;
        if !person.events.is_empty() || compared == COMPARED {
            continue;
        }
        let twin = write(options, ours, theirs, n)
            .await
            .with_context(|| format!("lead {n}"))?;
        for (table, sql) in QUESTIONS {
            let found = database
                .of_lead(sql, of(theirs, person.id).borrowed())
                .await?;
            let expected = database.of_lead(sql, of(ours, twin).borrowed()).await?;
            ensure!(
                found == expected,
                "`{table}` of lead {n} is not what the store writes:\n{found:#?}\n{expected:#?}"
            );
            let may_be_empty = table == "lead_tags";
            ensure!(
                !found.is_empty() || may_be_empty,
                "`{table}` has no rows of lead {n}"
            );
        }
        compared += 1;
    }
    ensure!(
        compared == COMPARED,
        "only {compared} leads could be compared"
    );
    Ok(())
}

struct Keys(Uuid, Uuid, String);

impl Keys {
    fn borrowed(&self) -> (Uuid, Uuid, &str) {
        (self.0, self.1, &self.2)
    }
}

fn of(tenant: &Tenant, lead: LeadId) -> Keys {
    Keys(tenant.id.uuid(), lead.uuid(), lead.to_string())
}

/// The same lead by the store, at the same time, with the stages and tags of the other business.
async fn write(
    options: &StoreOptions,
    ours: &Tenant,
    theirs: &Tenant,
    n: u64,
) -> anyhow::Result<LeadId> {
    let as_ours = Tenant {
        stages: ours.stages.clone(),
        tags: ours.tags.clone(),
        members: ours.members.clone(),
        ..theirs.clone()
    };
    let person = Person::of(&as_ours, n)?;
    let clock = Arc::new(ManualClock::at(person.created_at));
    let store = CrmStore::open_with(options, clock).await?;
    let created = store.create_lead(&ours.scope(), person.lead).await?;
    store.close().await;
    Ok(created.lead.id)
}
