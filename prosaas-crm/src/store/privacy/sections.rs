//! What of which table belongs to a person, and how it is written into his export.

use prosaas_core::{Result, UnixMillis};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::time::Time;
use crate::store::db::{Row, Sql};

/// How a column is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    Moment,
    Document,
    /// What came with a message, without the word by which its channel finds the file.
    Media,
    /// An id, as the API prints it with this prefix.
    Id(&'static str),
}

use Kind::{Document, Flag, Id, Media, Moment, Number, Text};

/// Rows of one table, found by `$2`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// The name in the export.
    pub(super) name: &'static str,
    pub(super) sql: Sql,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// A lead itself. `$2` is the lead.
pub(super) const LEAD: Section = Section::of(
    "leads",
    Sql::both(
        "SELECT leads.*, stages.name AS stage FROM leads
     JOIN stages ON stages.tenant_id = leads.tenant_id AND stages.id = leads.stage_id
     WHERE leads.tenant_id = $1 AND leads.id = $2",
    ),
    &[
        ("id", Id("lead")),
        ("name", Text),
        ("company", Text),
        ("phone", Text),
        ("email", Text),
        ("source", Text),
        ("stage", Text),
        ("intent", Text),
        ("summary", Text),
        ("next_step", Text),
        ("notes", Text),
        ("custom", Document),
        ("merged_into", Id("lead")),
        ("active_at", Moment),
        ("created_at", Moment),
        ("updated_at", Moment),
        ("deleted_at", Moment),
    ],
);

const TASK: &[(&str, Kind)] = &[
    ("id", Id("task")),
    ("title", Text),
    ("body", Text),
    ("priority", Text),
    ("status", Text),
    ("due_at", Moment),
    ("remind_at", Moment),
    ("done_at", Moment),
    ("created_at", Moment),
    ("deleted_at", Moment),
];

const APPOINTMENT: &[(&str, Kind)] = &[
    ("id", Id("appt")),
    ("title", Text),
    ("notes", Text),
    ("place", Text),
    ("status", Text),
    ("starts_at", Moment),
    ("ends_at", Moment),
    ("remind_at", Moment),
    ("created_at", Moment),
    ("deleted_at", Moment),
];

/// What hangs on a lead. `$2` is the lead.
pub(super) const OF_LEAD: [Section; 10] = [
    Section::of(
        "identities",
        Sql::both(
            "SELECT * FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
        ),
        &[
            ("id", Id("ident")),
            ("kind", Text),
            ("value", Text),
            ("created_at", Moment),
        ],
    ),
    Section::of(
        "tags",
        Sql::both(
            "SELECT tags.id, tags.name FROM lead_tags
         JOIN tags ON tags.tenant_id = lead_tags.tenant_id AND tags.id = lead_tags.tag_id
         WHERE lead_tags.tenant_id = $1 AND lead_tags.lead_id = $2 ORDER BY tags.name",
        ),
        &[("id", Id("tag")), ("name", Text)],
    ),
    Section::of(
        "notes",
        Sql::both(
            "SELECT * FROM notes WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
        ),
        &[
            ("id", Id("note")),
            ("body", Text),
            ("created_at", Moment),
            ("deleted_at", Moment),
        ],
    ),
    Section::of(
        "tasks",
        Sql::both(
            "SELECT * FROM tasks WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
        ),
        TASK,
    ),
    Section::of(
        "appointments",
        Sql::both(
            "SELECT * FROM appointments WHERE tenant_id = $1 AND lead_id = $2 ORDER BY starts_at, id",
        ),
        APPOINTMENT,
    ),
    Section::of(
        "deals",
        Sql::both(
            "SELECT deals.*, pipelines.name AS pipeline, deal_stages.name AS stage FROM deals
         JOIN pipelines ON pipelines.tenant_id = deals.tenant_id AND pipelines.id = deals.pipeline_id
         JOIN deal_stages ON deal_stages.tenant_id = deals.tenant_id AND deal_stages.id = deals.stage_id
         WHERE deals.tenant_id = $1 AND deals.lead_id = $2 ORDER BY deals.created_at, deals.id",
        ),
        &[
            ("id", Id("deal")),
            ("title", Text),
            ("pipeline", Text),
            ("stage", Text),
            ("amount", Number),
            ("currency", Text),
            ("expected_close_at", Moment),
            ("closed_at", Moment),
            ("created_at", Moment),
            ("deleted_at", Moment),
        ],
    ),
    Section::of(
        "payments",
        Sql::both(
            "SELECT * FROM payments WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
        ),
        &[
            ("id", Id("pay")),
            ("deal_id", Id("deal")),
            ("amount", Number),
            ("currency", Text),
            ("description", Text),
            ("status", Text),
            ("method", Text),
            ("provider", Text),
            ("link_url", Text),
            ("allocation_number", Text),
            ("paid_at", Moment),
            ("created_at", Moment),
            ("deleted_at", Moment),
        ],
    ),
    Section::of(
        "consents",
        Sql::both(
            "SELECT * FROM consents WHERE tenant_id = $1 AND lead_id = $2 ORDER BY created_at, id",
        ),
        &[
            ("id", Id("cons")),
            ("channel", Text),
            ("purpose", Text),
            ("given", Flag),
            ("source", Text),
            ("evidence", Text),
            ("created_at", Moment),
        ],
    ),
    Section::of(
        "timeline",
        Sql::both(
            "SELECT * FROM timeline_events WHERE tenant_id = $1 AND lead_id = $2 ORDER BY at, id",
        ),
        &[
            ("id", Id("tl")),
            ("at", Moment),
            ("kind", Text),
            ("ref_id", Text),
            ("data", Document),
        ],
    ),
    Section::of(
        "requests",
        Sql::both(
            "SELECT * FROM data_subject_requests WHERE tenant_id = $1 AND lead_id = $2
         ORDER BY created_at, id",
        ),
        &[
            ("id", Id("dsr")),
            ("kind", Text),
            ("status", Text),
            ("subject", Text),
            ("contact", Text),
            ("note", Text),
            ("created_at", Moment),
            ("received_at", Moment),
            ("due_at", Moment),
            ("handled_at", Moment),
        ],
    ),
];

/// A call itself. `$2` is the call.
pub(super) const CALL: Section = Section::of(
    "calls",
    Sql::both("SELECT * FROM calls WHERE tenant_id = $1 AND id = $2"),
    &[
        ("id", Id("call")),
        ("direction", Text),
        ("caller_number", Text),
        ("business_number", Text),
        ("status", Text),
        ("started_at", Moment),
        ("ended_at", Moment),
        ("end_reason", Text),
        ("answered_by", Text),
        ("summary", Text),
        ("intent", Text),
        ("urgent", Flag),
        ("settled_at", Moment),
        ("settled_how", Text),
        ("settled_reason", Text),
        ("reply_id", Id("msg")),
        ("replied_at", Moment),
    ],
);

/// What hangs on a call. `$2` is the call.
pub(super) const OF_CALL: [Section; 5] = [
    Section::of(
        "transcript",
        Sql::both(
            "SELECT * FROM transcript_lines WHERE tenant_id = $1 AND call_id = $2 ORDER BY seq",
        ),
        &[
            ("speaker", Text),
            ("at_ms", Number),
            ("text", Text),
            ("interrupted", Flag),
        ],
    ),
    Section::of(
        "recordings",
        Sql::both(
            "SELECT * FROM recordings WHERE tenant_id = $1 AND call_id = $2 ORDER BY created_at",
        ),
        &[
            ("recording_sid", Text),
            ("state", Text),
            ("duration_ms", Number),
            ("is_voicemail", Flag),
            ("created_at", Moment),
        ],
    ),
    Section::of(
        "promises",
        Sql::both(
            "SELECT * FROM promises WHERE tenant_id = $1 AND call_id = $2 ORDER BY created_at, id",
        ),
        &[
            ("id", Id("prom")),
            ("what", Text),
            ("who", Text),
            ("due_at", Moment),
            ("said_at_ms", Number),
            ("status", Text),
            ("created_at", Moment),
        ],
    ),
    Section::of(
        "tasks",
        Sql::both(
            "SELECT * FROM tasks WHERE tenant_id = $1 AND call_id = $2 AND lead_id IS NULL
         ORDER BY created_at, id",
        ),
        TASK,
    ),
    Section::of(
        "appointments",
        Sql::both(
            "SELECT * FROM appointments WHERE tenant_id = $1 AND call_id = $2 AND lead_id IS NULL
         ORDER BY starts_at, id",
        ),
        APPOINTMENT,
    ),
];

/// A conversation itself. `$2` is the conversation.
pub(super) const CONVERSATION: Section = Section::of(
    "conversations",
    Sql::both("SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2"),
    &[
        ("id", Id("conv")),
        ("channel", Text),
        ("peer", Text),
        ("peer_name", Text),
        ("status", Text),
        ("close_reason", Text),
        ("snoozed_until", Moment),
        ("agent_paused", Flag),
        ("paused_reason", Text),
        ("last_message_at", Moment),
        ("last_inbound_at", Moment),
        ("created_at", Moment),
        ("deleted_at", Moment),
    ],
);

/// What hangs on a conversation. `$2` is the conversation.
pub(super) const OF_CONVERSATION: [Section; 2] = [
    Section::of(
        "names",
        Sql::both(
            "SELECT * FROM conversation_peers WHERE tenant_id = $1 AND conversation_id = $2
         ORDER BY created_at, kind, value",
        ),
        &[("kind", Text), ("value", Text), ("created_at", Moment)],
    ),
    Section::of(
        "messages",
        Sql::both(
            "SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY at, id",
        ),
        &[
            ("id", Id("msg")),
            ("external_id", Text),
            ("quoted_id", Text),
            ("answers_id", Id("msg")),
            ("call_id", Id("call")),
            ("direction", Text),
            ("kind", Text),
            ("body", Text),
            ("media", Media),
            ("file_state", Text),
            ("transcript_state", Text),
            ("template", Document),
            ("purpose", Text),
            ("first_contact", Flag),
            ("status", Text),
            ("failure_code", Text),
            ("failure", Text),
            ("at", Moment),
            ("sent_at", Moment),
            ("delivered_at", Moment),
            ("read_at", Moment),
            ("edited_at", Moment),
            ("revoked_at", Moment),
        ],
    ),
];

/// What the business keeps from calling. `$2` is a number of the person.
pub(super) const BLOCK: Section = Section::of(
    "blocks",
    Sql::both("SELECT * FROM block_list WHERE tenant_id = $1 AND kind = 'number' AND value = $2"),
    &[
        ("id", Id("block")),
        ("kind", Text),
        ("value", Text),
        ("reason", Text),
        ("created_at", Moment),
    ],
);

impl Section {
    const fn of(name: &'static str, sql: Sql, columns: &'static [(&'static str, Kind)]) -> Self {
        Self { name, sql, columns }
    }

    /// A row as it is written; what is not known is left out.
    pub(super) fn fields(&self, row: &Row) -> Result<Map<String, Value>> {
        let mut fields = Map::new();
        for &(column, kind) in self.columns {
            let value = match kind {
                Text => row.get::<Option<String>>(column)?.map(Value::from),
                Number => row.get::<Option<i64>>(column)?.map(Value::from),
                Flag => row.get::<Option<bool>>(column)?.map(Value::from),
                Moment => row
                    .get::<Option<UnixMillis>>(column)?
                    .map(|at| json!(Time(at))),
                Document => row.get::<Option<Value>>(column)?,
                Media => row.get::<Option<Value>>(column)?.map(without_handle),
                Id(prefix) => row
                    .get::<Option<Uuid>>(column)?
                    .map(|id| json!(format!("{prefix}_{}", id.simple()))),
            };
            if let Some(value) = value {
                fields.insert(column.to_owned(), value);
            }
        }
        Ok(fields)
    }
}

fn without_handle(mut media: Value) -> Value {
    if let Value::Object(fields) = &mut media {
        fields.remove("handle");
    }
    media
}
