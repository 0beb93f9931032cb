//! Everything about one person as a file: made by a job, kept for a while, gone with the person.

use prosaas_core::{LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::erase::link_request;
use super::person::Person;
use super::sections::{self, Section};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::{BatchKind, BatchState};
use crate::model::id::{BatchJobId, SubjectRequestId};
use crate::model::privacy::PersonExport;
use crate::model::time::Time;
use crate::store::CrmStore;
use crate::store::batches::Open;
use crate::store::db::{Change, Sql, TenantTx, args};

/// The size with which a part is full, in bytes; its last row may go beyond it.
const PART: usize = 256 * 1024;

const LEAD: Sql = Sql::both("SELECT 1 AS found FROM leads WHERE tenant_id = $1 AND id = $2");
const BUSINESS: Sql = Sql::both("SELECT name FROM businesses WHERE tenant_id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO person_exports (tenant_id, id, lead_id, bytes, created_at, expires_at)
     VALUES ($1, $2, $3, 0, $4, $5)",
);
const ADD_PART: Sql = Sql::both(
    "INSERT INTO person_export_parts (tenant_id, export_id, number, content) VALUES ($1, $2, $3, $4)",
);
const COMPLETE: Sql =
    Sql::both("UPDATE person_exports SET bytes = $3 WHERE tenant_id = $1 AND id = $2");
const ONE: Sql =
    Sql::both("SELECT * FROM person_exports WHERE tenant_id = $1 AND id = $2 AND expires_at > $3");
const ONE_PART: Sql = Sql::both(
    "SELECT content FROM person_export_parts WHERE tenant_id = $1 AND export_id = $2 AND number = $3",
);
const FORGET: [Sql; 2] = [
    Sql::both(
        "DELETE FROM person_export_parts WHERE tenant_id = $1 AND export_id IN (
             SELECT id FROM person_exports WHERE tenant_id = $1 AND expires_at <= $2)",
    ),
    Sql::both("DELETE FROM person_exports WHERE tenant_id = $1 AND expires_at <= $2"),
];

/// An export, as it is stored until it is made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    lead: LeadId,
}

impl CrmStore {
    /// Begins to export everything about a person: what is this lead's, and what is of every other lead with
    /// one of his identities. A request that names it is in progress from now on.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when there is no such lead or request.
    pub async fn begin_person_export(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        request: Option<SubjectRequestId>,
    ) -> Result<BatchJobId> {
        scope.require(Permission::PrivacyWrite)?;
        let mut tx = self.write(scope).await?;
        tx.require(&LEAD, args![lead.uuid()], "lead").await?;
        let spec = json!(Spec { lead });
        let id = self
            .begin_batch(&mut tx, BatchKind::PersonExport, spec, Some(1))
            .await?;
        link_request(&mut tx, request, lead, id, self.now()).await?;
        tx.record(Change::new("person.export_started", "lead", lead).without_event());
        tx.commit().await?;
        Ok(id)
    }

    /// Makes the export of a batch job, all or nothing; `scope` is the job's. What is over stays over.
    ///
    /// # Errors
    /// When the database fails: then there is no export, and the next attempt begins again.
    pub async fn run_person_export(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        let right = |_: &Open| Ok(Permission::PrivacyWrite);
        let Some((mut tx, mut open)) = self.begin_step(&asked, id, right).await? else {
            return Ok(());
        };
        let (now, spec) = (self.now(), open.spec::<Spec>()?);
        let is_there = tx.fetch_optional(&LEAD, args![spec.lead.uuid()]).await?;
        if is_there.is_none() {
            open.fail("", "not-found");
            open.end(&mut tx, now, BatchState::Failed).await?;
            return tx.commit().await;
        }
        let expires_at = now.plus(PersonExport::KEPT_MS);
        let values = args![id.uuid(), spec.lead.uuid(), now, expires_at];
        tx.execute(&ADD, values).await?;
        let bytes = write(&mut tx, id, spec.lead, now).await?;
        tx.execute(&COMPLETE, args![id.uuid(), bytes]).await?;
        open.done = 1;
        open.result = json!({ "bytes": bytes, "expires_at": Time(expires_at) });
        open.end(&mut tx, now, BatchState::Done).await?;
        tx.commit().await
    }

    /// An export that can be downloaded. Who looks is noted in the audit log.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when there is none, not yet or not any more.
    pub async fn person_export(&self, scope: &TenantScope, id: BatchJobId) -> Result<PersonExport> {
        scope.require(Permission::PrivacyWrite)?;
        let mut tx = self.write(scope).await?;
        let row = tx
            .fetch_one(&ONE, args![id.uuid(), self.now()], "export")
            .await?;
        let export = PersonExport {
            id,
            bytes: row.get("bytes")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        };
        let lead: LeadId = row.id("lead_id")?;
        tx.record(Change::new("person.export_downloaded", "lead", lead).without_event());
        tx.commit().await?;
        Ok(export)
    }

    /// A part of an export, the first one with the number 1; `None` behind the last one.
    ///
    /// # Errors
    /// `Forbidden` without the right.
    pub async fn person_export_part(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        number: u64,
    ) -> Result<Option<Vec<u8>>> {
        scope.require(Permission::PrivacyWrite)?;
        let tx = self.look(scope).await?;
        let row = tx
            .fetch_optional(&ONE_PART, args![id.uuid(), number])
            .await?;
        row.map(|row| row.get("content")).transpose()
    }

    /// Removes exports that have expired by this time.
    pub async fn forget_person_exports(&self, scope: &TenantScope, now: UnixMillis) -> Result<()> {
        let mut tx = self.write(scope).await?;
        for sql in &FORGET {
            tx.execute(sql, args![now]).await?;
        }
        tx.commit().await
    }
}

/// Writes the file into its parts; returns how long it is.
async fn write(
    tx: &mut TenantTx,
    export: BatchJobId,
    lead: LeadId,
    now: UnixMillis,
) -> Result<u64> {
    let person = Person::find(tx, [lead], now).await?;
    let business: String = tx
        .fetch_one(&BUSINESS, args![], "business")
        .await?
        .get("name")?;
    let mut file = File::of(export);
    let about = json!({ "business": business, "exported_at": Time(now), "lead_id": lead });
    file.text("{\"about\":");
    file.value(&about);
    let leads = person.leads.iter().map(|id| id.uuid());
    file.entities(tx, &sections::LEAD, &sections::OF_LEAD, leads)
        .await?;
    let calls = person.calls.iter().map(|id| id.uuid());
    file.entities(tx, &sections::CALL, &sections::OF_CALL, calls)
        .await?;
    let conversations = person.conversations.iter().map(|id| id.uuid());
    let (one, of_it) = (&sections::CONVERSATION, &sections::OF_CONVERSATION);
    file.entities(tx, one, of_it, conversations).await?;
    file.blocks(tx, &person).await?;
    file.text("}\n");
    file.flush(tx).await?;
    Ok(file.bytes)
}

/// A file under construction: holds what hangs on one lead, call or conversation at most, and one part.
struct File {
    export: BatchJobId,
    parts: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

impl File {
    const fn of(export: BatchJobId) -> Self {
        Self {
            export,
            parts: 0,
            bytes: 0,
            buffer: Vec::new(),
        }
    }

    fn text(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        self.text(&value.to_string());
    }

    /// `,"name":[...]` of things with what hangs on them.
    async fn entities(
        &mut self,
        tx: &mut TenantTx,
        one: &Section,
        of_it: &[Section],
        ids: impl Iterator<Item = Uuid> + Send,
    ) -> Result<()> {
        self.text(&format!(",\"{}\":[", one.name));
        let mut separator = "";
        for id in ids {
            let Some(row) = tx.fetch_optional(&one.sql, args![id]).await? else {
                continue;
            };
            let mut entity = one.fields(&row)?;
            for section in of_it {
                let rows = tx.fetch_all(&section.sql, args![id]).await?;
                let rows = rows
                    .iter()
                    .map(|row| section.fields(row).map(Value::Object));
                let rows: Vec<_> = rows.collect::<Result<_>>()?;
                entity.insert(section.name.to_owned(), Value::Array(rows));
            }
            self.text(separator);
            separator = ",";
            self.value(&Value::Object(entity));
            if self.buffer.len() >= PART {
                self.flush(tx).await?;
            }
        }
        self.text("]");
        Ok(())
    }

    /// `,"blocks":[...]`: what keeps one of the person's numbers from calling.
    async fn blocks(&mut self, tx: &mut TenantTx, person: &Person) -> Result<()> {
        let mut blocks = Vec::new();
        for number in person.numbers() {
            for row in tx.fetch_all(&sections::BLOCK.sql, args![number]).await? {
                blocks.push(Value::Object(sections::BLOCK.fields(&row)?));
            }
        }
        self.text(&format!(",\"{}\":", sections::BLOCK.name));
        self.value(&Value::Array(blocks));
        Ok(())
    }

    /// Stores what was written since the last time.
    async fn flush(&mut self, tx: &mut TenantTx) -> Result<()> {
        for part in std::mem::take(&mut self.buffer).chunks(PART) {
            self.parts += 1;
            self.bytes += part.len() as u64;
            let values = args![self.export.uuid(), self.parts, part];
            tx.execute(&ADD_PART, values).await?;
        }
        Ok(())
    }
}
