//! Whoever adds a table or a column says whether it is a person's: it stands in an export, or here with the
//! reason why not.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prosaas_core::UnixMillis;
use prosaas_core::time::ManualClock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};

use super::sections::{self, Section};
use crate::store::CrmStore;

/// Tables of which nothing is written, and why.
const TABLES: [(&str, &str); 49] = [
    ("acting_sessions", "administrators"),
    ("api_keys", "the business's own"),
    ("audit_log", "what members did; erasure empties its details"),
    ("batch_jobs", "what members asked for, by ids"),
    ("business_numbers", "the business's own"),
    ("business_secrets", "the business's own"),
    ("businesses", "the business itself; the file names it"),
    ("calendar_feeds", "members"),
    ("call_leads", "a link: the calls stand in the file"),
    ("canned_replies", "the business's own"),
    (
        "custom_fields",
        "the business's own; the values are the lead's",
    ),
    ("deal_stages", "the business's own; the deal has its name"),
    ("erasures", "hashes that lead to nobody"),
    ("events", "ids of what happened, for a few days"),
    ("holidays", "the business's own"),
    (
        "idempotency_keys",
        "answers for a day; erasure empties them",
    ),
    ("import_keys", "hashes, while a file is tried"),
    ("import_parts", "rows on their way to leads"),
    ("imports", "which file: nothing of its people"),
    ("jobs", "work on ids"),
    ("knowledge", "the business's own"),
    ("known_devices", "users"),
    (
        "lead_duplicates",
        "a guess that two leads are one: the other may be somebody else",
    ),
    ("lead_merges", "what both leads of a merge show in the file"),
    ("login_attempts", "users"),
    ("memberships", "members"),
    ("monthly_spendings", "what the business pays"),
    ("one_time_tokens", "users"),
    ("passkey_ceremonies", "users"),
    ("passkeys", "users"),
    ("person_export_parts", "the file itself"),
    ("person_exports", "the file itself"),
    ("pipelines", "the business's own; the deal has its name"),
    ("push_keys", "the installation's own"),
    ("push_subscriptions", "members"),
    ("recovery_codes", "users"),
    ("search_tokens", "made of what the file shows"),
    ("sessions", "users"),
    (
        "spendings",
        "what the business pays; ids, of calls and messages that may be gone",
    ),
    ("stages", "the business's own; the lead has its name"),
    ("stream_tokens", "hashes, for a minute"),
    ("system_audit", "administrators"),
    ("tags", "the business's own; the lead has their names"),
    ("transfer_targets", "the business's own"),
    ("undo_tokens", "ids, for a while"),
    ("users", "users"),
    ("wa_links", "the business's own"),
    (
        "webhook_deliveries",
        "ids, for a while; erasure removes them",
    ),
    ("webhooks", "the business's own"),
];

/// Columns that are nobody's wherever they stand: whose row it is, who of the business wrote it, and the
/// bookkeeping of changes.
const EVERYWHERE: [&str; 6] = [
    "tenant_id",
    "actor_kind",
    "actor_id",
    "assignee_id",
    "updated_at",
    "version",
];

/// Columns of tables that are written, and why they are not.
const COLUMNS: [(&str, &[&str], &str); 15] = [
    (
        "appointments",
        &["lead_id", "call_id"],
        "where it stands in the file",
    ),
    (
        "appointments",
        &["calendar_id"],
        "a member's, or the business's own",
    ),
    (
        "calls",
        &[
            "input_text",
            "input_audio",
            "input_image",
            "cached_text",
            "cached_audio",
            "cached_image",
            "output_text",
            "output_audio",
            "billed_ms",
            "cost_micro_usd",
            "carrier_cost_micro_usd",
        ],
        "what the business pays",
    ),
    (
        "calls",
        &[
            "call_sid",
            "status_rank",
            "status_sequence",
            "carrier_ended_at",
            "after_stream",
            "dial_number",
            "created_at",
            "summarized_at",
            "alerted_at",
            "announcement_version",
            "served_by",
            "hold_lines",
            "reconnects",
            "verdict",
            "quality",
        ],
        "how the call was handled",
    ),
    ("consents", &["lead_id"], "where it stands in the file"),
    (
        "conversations",
        &["lead_id"],
        "a link: the leads stand in the file",
    ),
    ("conversations", &["unread"], "what members have not read"),
    (
        "conversation_peers",
        &["channel", "conversation_id"],
        "where it stands in the file",
    ),
    (
        "data_subject_requests",
        &["lead_id", "batch_id", "handled_kind", "handled_id"],
        "where it stands in the file, and who handled it",
    ),
    (
        "deals",
        &["lead_id", "pipeline_id", "stage_id"],
        "where it stands, and names in their place",
    ),
    (
        "leads",
        &["stage_id", "import_id", "deleted_by"],
        "a name in its place, and which work of members brought or removed it",
    ),
    (
        "messages",
        &["conversation_id", "status_rank", "created_at", "handed_at"],
        "where it stands; how far it came stands there",
    ),
    (
        "messages",
        &["claim_digest", "claim_sent"],
        "whether it was handed to Meta",
    ),
    (
        "payments",
        &["lead_id", "provider_ref"],
        "where it stands, and the provider's bookkeeping",
    ),
    (
        "recordings",
        &[
            "call_id", "path", "bytes", "line_seq", "heard_at", "told_at",
        ],
        "where it stands, where the file lies, and how it was handled",
    ),
];

/// More of them, whose row hangs on one thing by one id.
const LINKS: [(&str, &[&str]); 8] = [
    ("lead_identities", &["lead_id", "live"]),
    ("lead_tags", &["lead_id", "tag_id"]),
    ("notes", &["lead_id"]),
    ("promises", &["call_id", "lead_id"]),
    ("tasks", &["lead_id", "call_id"]),
    ("timeline_events", &["lead_id"]),
    ("transcript_lines", &["call_id", "seq"]),
    ("block_list", &[]),
];

/// Every section of the file.
fn sections() -> impl Iterator<Item = Section> {
    [
        sections::LEAD,
        sections::CALL,
        sections::CONVERSATION,
        sections::BLOCK,
    ]
    .into_iter()
    .chain(sections::OF_LEAD)
    .chain(sections::OF_CALL)
    .chain(sections::OF_CONVERSATION)
}

/// The table that a section reads: the first that its statement names.
fn table(section: &Section) -> String {
    let text = format!("{:?}", section.sql);
    let (_, after) = text.split_once("FROM ").unwrap();
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    after.chars().take_while(|c| word(*c)).collect()
}

/// The columns of every table.
async fn schema() -> BTreeMap<String, BTreeSet<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let clock = Arc::new(ManualClock::at(UnixMillis(1)));
    let store = CrmStore::open(file.to_str().unwrap(), clock).await.unwrap();
    store.close().await;
    let options = SqliteConnectOptions::new().filename(&file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(
        "SELECT tables.name AS t, columns.name AS c
         FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT GLOB 'sqlite_*'
           AND tables.name NOT GLOB '_sqlx_*'",
    );
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows.fetch_all(&mut connection).await.unwrap() {
        found.entry(row.get("t")).or_default().insert(row.get("c"));
    }
    found
}

#[tokio::test]
async fn every_column_is_in_the_export_of_a_person_or_has_a_reason_not_to_be() {
    let schema = schema().await;
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in sections() {
        let columns = written.entry(table(&section)).or_default();
        columns.extend(section.columns.iter().map(|(name, _)| (*name).to_owned()));
    }
    let explained = COLUMNS.iter().map(|(table, columns, _)| (*table, *columns));
    let explained: Vec<_> = explained.chain(LINKS).collect();
    let mut findings = Vec::new();
    for (table, columns) in &schema {
        let is_explained = TABLES.iter().any(|(name, _)| name == table);
        let Some(in_file) = written.get(table) else {
            if !is_explained {
                findings.push(format!("`{table}` is in no export of a person: say why"));
            }
            continue;
        };
        if is_explained {
            findings.push(format!("`{table}` is written, and said not to be"));
        }
        for column in columns.difference(in_file) {
            let of_table = explained.iter().filter(|(name, _)| name == table);
            let mut known = of_table.flat_map(|(_, columns)| *columns);
            if !EVERYWHERE.contains(&column.as_str()) && !known.any(|name| name == column) {
                findings.push(format!(
                    "`{table}.{column}` is in no export of a person: say why"
                ));
            }
        }
    }
    // Reasons for what is not there would hide the next thing of that name.
    for (table, _) in TABLES {
        if !schema.contains_key(table) {
            findings.push(format!("`{table}` is no table"));
        }
    }
    for (table, columns) in explained {
        for column in columns {
            let is_there = schema.get(table).is_some_and(|of| of.contains(*column));
            if !is_there || written.get(table).is_some_and(|of| of.contains(*column)) {
                findings.push(format!("`{table}.{column}` needs no reason"));
            }
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
}
