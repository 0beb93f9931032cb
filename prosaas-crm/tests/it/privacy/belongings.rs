//! What hangs on a person, one thing of every kind: whoever adds a table of persons adds a row of it here.

use std::collections::BTreeSet;

use prosaas_core::message::{
    Author, ChatAddress, ChatParty, DisplayName, InboundBody, InboundMedia, InboundMessage,
    MediaKind,
};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{CallId, LeadId, WhatsAppInbox as _};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::call_list::{NewSettlement, SettledHow};
use prosaas_crm::model::conversation::{ConversationFilter, ConversationPatch, ConversationStatus};
use prosaas_crm::model::id::DealStageId;
use prosaas_crm::model::lead::LeadPatch;
use prosaas_crm::model::patch::{Patch, Replace};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{LID, NAME, SECRET};

/// Tables in which no word of a person stands. A table that is neither here nor planted fails the test.
pub(super) const WORDLESS: [&str; 46] = [
    // People and things of the business and of the installation.
    "acting_sessions",
    "api_keys",
    "business_numbers",
    "business_secrets",
    "businesses",
    "calendar_feeds",
    "canned_replies",
    "custom_fields",
    "deal_stages",
    "holidays",
    "knowledge",
    "known_devices",
    "login_attempts",
    "memberships",
    "monthly_spendings",
    "one_time_tokens",
    "passkey_ceremonies",
    "passkeys",
    "pipelines",
    "push_keys",
    "push_subscriptions",
    "recovery_codes",
    "sessions",
    "spendings",
    "stages",
    "system_audit",
    "tags",
    "transfer_targets",
    "users",
    "wa_links",
    "webhooks",
    // Ids, times and hashes.
    "call_leads",
    "erasures",
    "events",
    "import_keys",
    "imports",
    "lead_duplicates",
    "lead_tags",
    "person_exports",
    "stream_tokens",
    "undo_tokens",
    "webhook_deliveries",
    // Made by work on ids, with ids in it.
    "batch_jobs",
    "timeline_events",
    "lead_merges",
    "import_parts",
];

fn new<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Hangs one thing of every kind on a lead and on a call of his.
pub(super) async fn hang(store: &CrmStore, ours: &TenantScope, lead: LeadId, call: CallId) {
    let said = format!("{NAME} said {SECRET}");
    let tag = store
        .add_tag(ours, new(json!({ "name": "regulars" })))
        .await;
    let version = store.get_lead(ours, lead).await.unwrap().version;
    let tagged = LeadPatch {
        tags: Replace(Some(vec![tag.unwrap().id])),
        ..LeadPatch::default()
    };
    store
        .update_lead(ours, lead, version, &tagged)
        .await
        .unwrap();
    for about in [json!({ "lead_id": lead }), json!({ "call_id": call })] {
        let mut task = json!({ "title": said, "body": said });
        let mut appointment = json!({
            "title": said, "notes": said, "place": said,
            "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T09:30:00Z",
        });
        for (name, id) in about.as_object().unwrap() {
            task[name] = id.clone();
            appointment[name] = id.clone();
            if name == "call_id" {
                appointment["starts_at"] = json!("2026-12-01T08:00:00Z");
                appointment["ends_at"] = json!("2026-12-01T08:30:00Z");
            }
        }
        store.create_task(ours, new(task)).await.unwrap();
        store
            .book_appointment(ours, new(appointment))
            .await
            .unwrap();
    }
    let stage = deal_stage(store, ours).await;
    let value = json!({ "amount": 45_000, "currency": "ILS" });
    let deal = json!({ "lead_id": lead, "stage_id": stage, "title": said, "value": value });
    let deal = store.create_deal(ours, new(deal)).await.unwrap();
    let payment = json!({
        "lead_id": lead, "deal_id": deal.id, "value": value, "description": said, "method": "cash",
    });
    store.add_payment(ours, new(payment)).await.unwrap();
    let consent = json!({
        "lead_id": lead, "channel": "whatsapp", "purpose": "marketing", "given": true,
        "source": "web form", "evidence": said,
    });
    store.add_consent(ours, new(consent)).await.unwrap();
    let promise = json!({ "call_id": call, "what": said, "who": NAME, "said_at_ms": 1_000 });
    store.add_promise(ours, new(promise)).await.unwrap();
    let dismissed = NewSettlement {
        how: SettledHow::Dismissed,
        reason: Some(said),
    };
    let settled = store.settle_call(ours, call, dismissed).await.unwrap();
    assert!(settled.settled.is_some(), "the caller did not wait");
}

/// Closes the person's conversation, with a reason.
pub(super) async fn close_conversation(store: &CrmStore, ours: &TenantScope) {
    let all = ConversationFilter::default();
    let conversation = &store.conversations(ours, all, None, 9).await.unwrap()[0];
    let closed = ConversationPatch {
        status: Replace(Some(ConversationStatus::Closed)),
        close_reason: Patch::Set(format!("{NAME} said {SECRET}")),
        ..ConversationPatch::default()
    };
    store
        .update_conversation(ours, conversation.id, conversation.version, closed)
        .await
        .unwrap();
}

async fn deal_stage(store: &CrmStore, ours: &TenantScope) -> DealStageId {
    let pipeline = new(json!({ "name": "Canaries" }));
    let pipeline = store.add_pipeline(ours, pipeline).await.unwrap();
    let stage = new(json!({ "name": "first", "kind": "open" }));
    store
        .add_deal_stage(ours, pipeline.id, stage)
        .await
        .unwrap()
        .id
}

/// A picture, as WhatsApp announces it.
pub(super) async fn send_picture(store: &CrmStore, ours: &TenantScope) {
    let message = InboundMessage {
        id: "3EB0PICTURE".to_owned(),
        party: ChatParty {
            address: ChatAddress(LID.to_owned()),
            aliases: Vec::new(),
            name: DisplayName::new(NAME),
        },
        author: Author::Customer,
        body: InboundBody::Media(InboundMedia {
            kind: MediaKind::Image,
            mime_type: "image/jpeg".to_owned(),
            file_name: Some(format!("{SECRET}.jpg")),
            caption: Some(SECRET.to_owned()),
            bytes: Some(7),
            handle: format!("handle-{SECRET}"),
        }),
        quoted: None,
        sent_at: store.now(),
        delayed: false,
    };
    let message = WhatsAppEvent::Message(message);
    store.accept(ours.tenant(), message).await.unwrap();
}

/// The tables of a backup, and those of them of which `traces` tell something.
pub(super) fn unplanted(file: &[u8], traces: &[String]) -> Vec<String> {
    let text = std::str::from_utf8(file).unwrap();
    let tables = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["table"]["name"].as_str().map(str::to_owned)
    });
    let is_planted = |table: &String| {
        let start = format!("{{\"table\":{{\"name\":\"{table}\"");
        traces.iter().any(|trace| trace.starts_with(&start))
    };
    let tables: BTreeSet<String> = tables.filter(|table| !is_planted(table)).collect();
    tables.into_iter().collect()
}
