//! The rows that a lead is, in every table, as the store writes them.

use prosaas_core::{CallId, LeadId, UnixMillis};
use prosaas_crm::model::id::{DealId, NoteId, TaskId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::person::{Event, EventKind, Person, v7};
use super::super::random::Random;
use super::super::words;
use super::super::world::Tenant;
use super::database::{Cell, Table};

const LEADS: Table = Table {
    name: "leads",
    columns: &[
        "tenant_id",
        "id",
        "source",
        "stage_id",
        "assignee_id",
        "name",
        "company",
        "phone",
        "email",
        "intent",
        "summary",
        "next_step",
        "notes",
        "custom",
        "active_at",
        "created_at",
        "updated_at",
    ],
};
const IDENTITIES: Table = Table {
    name: "lead_identities",
    columns: &[
        "tenant_id",
        "id",
        "lead_id",
        "kind",
        "value",
        "live",
        "created_at",
    ],
};
const TAGS: Table = Table {
    name: "lead_tags",
    columns: &["tenant_id", "lead_id", "tag_id"],
};
const TIMELINE: Table = Table {
    name: "timeline_events",
    columns: &[
        "tenant_id",
        "id",
        "lead_id",
        "at",
        "kind",
        "ref_id",
        "data",
        "actor_kind",
    ],
};
const AUDIT: Table = Table {
    name: "audit_log",
    columns: &[
        "tenant_id",
        "id",
        "at",
        "actor_kind",
        "action",
        "entity_kind",
        "entity_id",
        "detail",
    ],
};
const NOTES: Table = Table {
    name: "notes",
    columns: &[
        "tenant_id",
        "id",
        "lead_id",
        "body",
        "actor_kind",
        "created_at",
        "updated_at",
    ],
};
const TASKS: Table = Table {
    name: "tasks",
    columns: &[
        "tenant_id",
        "id",
        "lead_id",
        "assignee_id",
        "title",
        "priority",
        "status",
        "due_at",
        "done_at",
        "actor_kind",
        "created_at",
        "updated_at",
    ],
};
const DEALS: Table = Table {
    name: "deals",
    columns: &[
        "tenant_id",
        "id",
        "lead_id",
        "pipeline_id",
        "stage_id",
        "assignee_id",
        "title",
        "amount",
        "currency",
        "created_at",
        "updated_at",
    ],
};
const CALLS: Table = Table {
    name: "calls",
    columns: &[
        "tenant_id",
        "id",
        "call_sid",
        "direction",
        "caller_number",
        "business_number",
        "started_at",
        "status",
        "status_rank",
        "carrier_ended_at",
        "end_reason",
        "ended_at",
        "after_stream",
        "answered_by",
        "summary",
        "created_at",
        "updated_at",
    ],
};
const CALL_LEADS: Table = Table {
    name: "call_leads",
    columns: &["tenant_id", "call_id", "lead_id"],
};
/// The index of the search.
pub(crate) const TOKENS: Table = Table {
    name: "search_tokens",
    columns: &["tenant_id", "token", "recency", "entity_kind", "entity_id"],
};
/// Every table that rows go to, those that others refer to first.
pub(crate) const TABLES: [Table; 11] = [
    LEADS, IDENTITIES, TAGS, CALLS, CALL_LEADS, NOTES, TASKS, DEALS, TIMELINE, AUDIT, TOKENS,
];

/// The actor of everything: the application that embeds the store.
const ACTOR: &str = "host";

/// Rows that wait to be written, by table in the order of [`TABLES`], without those of the search.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    tables: [Vec<Vec<Cell>>; 10],
}

impl Batch {
    /// The rows of each table.
    pub(crate) fn into_tables(self) -> impl Iterator<Item = (Table, Vec<Vec<Cell>>)> {
        TABLES.into_iter().zip(self.tables)
    }

    fn add(&mut self, table: Table, row: Vec<Cell>) {
        let place = TABLES.iter().position(|one| one.name == table.name);
        debug_assert_eq!(row.len(), table.columns.len(), "{}", table.name);
        if let Some(rows) = place.and_then(|place| self.tables.get_mut(place)) {
            rows.push(row);
        }
    }

    /// A lead with everything around it.
    pub(crate) fn add_person(&mut self, tenant: &Tenant, n: u64, person: &Person) {
        let mut writer = Writer {
            batch: self,
            tenant,
            person,
            random: Random::of(!tenant.number, n),
        };
        writer.lead();
        for event in &person.events {
            writer.event(event, n);
        }
    }
}

struct Writer<'a> {
    batch: &'a mut Batch,
    tenant: &'a Tenant,
    person: &'a Person,
    random: Random,
}

impl Writer<'_> {
    fn lead(&mut self) {
        let Person {
            id,
            created_at,
            lead,
            phones,
            email,
            ..
        } = self.person;
        let known = &lead.known;
        let source = json!({ "source": lead.source.as_str() });
        self.add(
            LEADS,
            [
                id.uuid().into(),
                lead.source.as_str().into(),
                lead.stage.map(Uuid::from).into(),
                lead.assignee.map(Uuid::from).into(),
                known.name.clone().into(),
                lead.company.clone().into(),
                phones.first().map(|phone| phone.expose().to_owned()).into(),
                email.clone().into(),
                known.intent.clone().into(),
                known.summary.clone().into(),
                known.next_step.clone().into(),
                known.notes.clone().into(),
                json_cell(&Value::Object(lead.custom.clone())),
                self.person.active_at().into(),
                (*created_at).into(),
                (*created_at).into(),
            ],
        );
        for (identity, order) in lead.identities.iter().zip(0..) {
            let at = created_at.plus(order);
            let own = v7(at, &mut self.random);
            self.add(
                IDENTITIES,
                [
                    own.into(),
                    id.uuid().into(),
                    identity.kind().as_str().into(),
                    identity.expose().into(),
                    Cell::Truth(true),
                    at.into(),
                ],
            );
        }
        for tag in &lead.tags {
            self.add(TAGS, [id.uuid().into(), tag.uuid().into()]);
        }
        self.happened(*created_at, "lead.created", Cell::Null, &source);
        self.audited(
            *created_at,
            "lead.created",
            ("lead", id.to_string()),
            &source,
        );
    }

    fn event(&mut self, event: &Event, n: u64) {
        match event.kind {
            EventKind::Call => self.call(event.at, n),
            EventKind::Note => self.note(event.at),
            EventKind::Task => self.task(event.at),
            EventKind::Deal => self.deal(event.at),
        }
    }

    fn call(&mut self, at: UnixMillis, n: u64) {
        let call = CallId::from_uuid(v7(at, &mut self.random));
        let end = at.plus(90_000);
        let caller = self
            .person
            .phones
            .first()
            .map(|phone| phone.expose().to_owned());
        let sid = format!(
            "CA{:08x}{:08x}{:016x}",
            self.tenant.number,
            n,
            self.random.next()
        );
        let summary = self
            .random
            .percent(70)
            .then(|| words::summary(&mut self.random));
        self.add(
            CALLS,
            [
                call.uuid().into(),
                sid.as_str().into(),
                "inbound".into(),
                caller.into(),
                self.tenant.called.expose().into(),
                at.into(),
                "completed".into(),
                Cell::Integer(4),
                end.into(),
                "caller_hung_up".into(),
                end.into(),
                "hang_up".into(),
                "agent".into(),
                summary.into(),
                at.into(),
                end.into(),
            ],
        );
        self.add(
            CALL_LEADS,
            [call.uuid().into(), self.person.id.uuid().into()],
        );
        let ended = json!({ "end": "caller_hung_up", "answered_by": "agent" });
        self.happened(
            at,
            "call.started",
            call.to_string().as_str().into(),
            &json!({}),
        );
        self.happened(at, "call.ended", call.to_string().as_str().into(), &ended);
    }

    fn note(&mut self, at: UnixMillis) {
        let note = NoteId::from_uuid(v7(at, &mut self.random));
        let body = words::note(&mut self.random);
        self.add(
            NOTES,
            [
                note.uuid().into(),
                self.person.id.uuid().into(),
                body.as_str().into(),
                ACTOR.into(),
                at.into(),
                at.into(),
            ],
        );
        self.happened(
            at,
            "note.added",
            note.to_string().as_str().into(),
            &json!({}),
        );
        self.audited(at, "note.created", ("note", note.to_string()), &json!({}));
    }

    fn task(&mut self, at: UnixMillis) {
        let task = TaskId::from_uuid(v7(at, &mut self.random));
        let title = words::step(&mut self.random);
        let is_done = self.random.percent(85);
        let due = at.plus(self.random.below(2_000_000_000) as i64);
        self.add(
            TASKS,
            [
                task.uuid().into(),
                self.person.id.uuid().into(),
                self.person.lead.assignee.map(Uuid::from).into(),
                title.as_str().into(),
                "normal".into(),
                if is_done { "done" } else { "open" }.into(),
                due.into(),
                if is_done { due.into() } else { Cell::Null },
                ACTOR.into(),
                at.into(),
                at.into(),
            ],
        );
        self.happened(
            at,
            "task.created",
            task.to_string().as_str().into(),
            &json!({}),
        );
        self.audited(at, "task.created", ("task", task.to_string()), &json!({}));
    }

    fn deal(&mut self, at: UnixMillis) {
        let deal = DealId::from_uuid(v7(at, &mut self.random));
        let stage = self.random.pick(&self.tenant.deal_stages);
        let amount = self.random.below(10_000) as i64 * 100;
        let title = words::wish(&mut self.random);
        self.add(
            DEALS,
            [
                deal.uuid().into(),
                self.person.id.uuid().into(),
                self.tenant.pipeline.into(),
                stage.into(),
                self.person.lead.assignee.map(Uuid::from).into(),
                title.as_str().into(),
                Cell::Integer(amount),
                "ILS".into(),
                at.into(),
                at.into(),
            ],
        );
        let stage = prosaas_crm::model::id::DealStageId::from_uuid(stage);
        let data = json!({ "stage_id": stage, "value": { "amount": amount, "currency": "ILS" } });
        self.happened(at, "deal.created", deal.to_string().as_str().into(), &data);
        self.audited(at, "deal.created", ("deal", deal.to_string()), &json!({}));
    }

    fn happened(&mut self, at: UnixMillis, kind: &str, about: Cell, data: &Value) {
        let own = v7(at, &mut self.random);
        let lead: LeadId = self.person.id;
        self.add(
            TIMELINE,
            [
                own.into(),
                lead.uuid().into(),
                at.into(),
                kind.into(),
                about,
                json_cell(data),
                ACTOR.into(),
            ],
        );
    }

    fn audited(
        &mut self,
        at: UnixMillis,
        action: &str,
        (kind, id): (&str, String),
        detail: &Value,
    ) {
        let own = v7(at, &mut self.random);
        self.add(
            AUDIT,
            [
                own.into(),
                at.into(),
                ACTOR.into(),
                action.into(),
                kind.into(),
                Cell::Text(id),
                json_cell(detail),
            ],
        );
    }

    fn add<const N: usize>(&mut self, table: Table, cells: [Cell; N]) {
        let mut row = Vec::with_capacity(N + 1);
        row.push(Cell::Id(self.tenant.id.uuid()));
        row.extend(cells);
        self.batch.add(table, row);
    }
}

impl From<Uuid> for Cell {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<UnixMillis> for Cell {
    fn from(at: UnixMillis) -> Self {
        Self::Integer(at.0)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

fn json_cell(value: &Value) -> Cell {
    Cell::Text(value.to_string())
}
