//! What the document cannot say: where a thing of each kind comes from, and what must be done before an
//! operation can succeed. Whoever adds an operation adds his lines here.

use std::pin::Pin;

use prosaas_core::testkit::samples::new_call;
use prosaas_core::{CallSid, RecordingSid};
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::{CallStore as _, Page, PhoneStore as _, RecordingState, RecordingUpdate};

use super::world::Thing;

type Made = Pin<Box<dyn Future<Output = Thing> + Send>>;

/// Where a thing comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// An operation that answers with its `id`, called by the owner with the document's example.
    Operation(&'static str),
    /// The store: nobody makes it over the API.
    Store(fn(ApiState, TenantScope) -> Made),
    /// Rows of the schema, where neither makes it by itself; see [`super::place::Place::spell`].
    Rows(&'static [&'static str]),
}

/// By the prefix of its ids, in an order in which each needs only what stands above it.
pub(super) const SOURCES: &[(&str, Source)] = &[
    (
        "user",
        Source::Rows(&[
            "INSERT INTO users (id, email, name, status, created_at, updated_at)
             VALUES ({id}, '{digits}@example.com', 'Noa', 'active', 1, 1)",
            "INSERT INTO memberships (tenant_id, user_id, role, status, created_at, updated_at)
             VALUES ({tenant}, {id}, 'agent', 'active', 1, 1)",
        ]),
    ),
    ("key", Source::Operation("create_api_key")),
    (
        "stage",
        Source::Rows(&["INSERT INTO stages (tenant_id, id, name, kind, position, created_at, updated_at)
             VALUES ({tenant}, {id}, 'another', 'open', 99, 1, 1)"]),
    ),
    (
        "tag",
        Source::Rows(&["INSERT INTO tags (tenant_id, id, name, created_at, updated_at)
             VALUES ({tenant}, {id}, 'urgent', 1, 1)"]),
    ),
    (
        "lead",
        Source::Rows(&[
            "INSERT INTO leads (tenant_id, id, source, stage_id, active_at, created_at, updated_at)
             SELECT {tenant}, {id}, 'manual', id, 1, 1, 1 FROM stages WHERE tenant_id = {tenant} ORDER BY position LIMIT 1",
            // Another one, to be merged with.
            "INSERT INTO leads (tenant_id, id, source, stage_id, active_at, created_at, updated_at)
             SELECT {tenant}, {second}, 'manual', id, 1, 1, 1
             FROM stages WHERE tenant_id = {tenant} ORDER BY position LIMIT 1",
            "INSERT INTO lead_duplicates (tenant_id, lead_id, other_id, reason, found_at)
             VALUES ({tenant}, {id}, {second}, 'name', 1)",
        ]),
    ),
    (
        "ident",
        Source::Rows(&["INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
             SELECT {tenant}, {id}, id, 'email', 'known@example.com', {yes}, 1 FROM leads
             WHERE tenant_id = {tenant} ORDER BY id LIMIT 1"]),
    ),
    (
        "merge",
        Source::Rows(&["INSERT INTO lead_merges (tenant_id, id, winner_id, loser_id, snapshot, actor_kind, merged_at)
             SELECT {tenant}, {id}, id, {second}, '{\"moved\":[],\"tags\":[],\"filled\":[]}', 'user',
                    1750000000000
             FROM leads WHERE tenant_id = {tenant} ORDER BY id LIMIT 1"]),
    ),
    (
        "undo",
        Source::Rows(&["INSERT INTO undo_tokens (tenant_id, id, what, expires_at)
             VALUES ({tenant}, {id}, '{\"kind\":\"deleted\",\"leads\":[]}', 9999999999999)"]),
    ),
    (
        "batch",
        Source::Rows(&[
            "INSERT INTO batch_jobs (tenant_id, id, kind, spec, state, actor_kind, created_at, updated_at)
             VALUES ({tenant}, {id}, 'leads.import', '{\"dry_run\":false,\"parts\":0}', 'queued', 'host', 1, 1)",
            // A lead that it threw away.
            "INSERT INTO leads (tenant_id, id, source, stage_id, active_at, created_at, updated_at, deleted_at, deleted_by)
             SELECT {tenant}, {thrown}, 'manual', id, 1, 1, 1, 1, {id}
             FROM stages WHERE tenant_id = {tenant} ORDER BY position LIMIT 1",
            // And one that it brought in.
            "INSERT INTO imports (tenant_id, id, created_at) VALUES ({tenant}, {id}, 1)",
            "INSERT INTO leads (tenant_id, id, source, stage_id, active_at, created_at, updated_at, import_id)
             SELECT {tenant}, {brought}, 'import', id, 1, 1, 1, {id}
             FROM stages WHERE tenant_id = {tenant} ORDER BY position LIMIT 1",
            // And the export of a person.
            "INSERT INTO person_exports (tenant_id, id, lead_id, bytes, created_at, expires_at)
             VALUES ({tenant}, {id}, {brought}, 2, 1, 9999999999999)",
            "INSERT INTO person_export_parts (tenant_id, export_id, number, content) VALUES ({tenant}, {id}, 1, {object})",
        ]),
    ),
    ("dsr", Source::Operation("create_subject_request")),
    ("call", Source::Store(call)),
    ("RE", Source::Store(recording)),
    ("block", Source::Operation("create_block")),
    ("hol", Source::Operation("create_holiday")),
    ("know", Source::Operation("create_knowledge")),
    ("reply", Source::Operation("create_wa_reply")),
    ("field", Source::Operation("create_custom_field")),
    ("pipe", Source::Operation("create_pipeline")),
    ("dstage", Source::Operation("create_deal_stage")),
    ("deal", Source::Operation("create_deal")),
    ("note", Source::Operation("create_note")),
    ("task", Source::Operation("create_task")),
    ("appt", Source::Operation("create_appointment")),
    ("pay", Source::Operation("create_payment")),
    ("prom", Source::Operation("create_promise")),
    ("cons", Source::Operation("create_consent")),
    (
        "conv",
        Source::Rows(&["INSERT INTO conversations (tenant_id, id, channel, peer, status, last_message_at, last_inbound_at,
                                        created_at, updated_at)
             VALUES ({tenant}, {id}, 'whatsapp', '888000222@lid', 'open', 1, 1, 1, 1)"]),
    ),
    ("msg", Source::Operation("create_message")),
    ("push", Source::Operation("create_push_subscription")),
    ("hook", Source::Operation("create_webhook")),
    (
        "dlv",
        Source::Rows(&["INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, kind, payload, state, created_at)
             SELECT {tenant}, {id}, id, 'lead.created', '{}', 'dead', 1 FROM webhooks WHERE tenant_id = {tenant}"]),
    ),
];

/// What an operation needs beside the document's example.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    /// Operations that the owner does before, with the same things.
    pub(super) before: &'static [&'static str],
    /// Parts of the path that are no ids.
    pub(super) path: &'static [(&'static str, &'static str)],
    /// The query with its `?`; `{lead}` becomes the lead's id, and so every prefix.
    pub(super) query: &'static str,
    /// Another body than the example; ids of a known prefix become those of the things.
    pub(super) body: Option<&'static str>,
    /// A body that is not JSON: its content type and text.
    pub(super) content: Option<(&'static str, &'static str)>,
    /// Who is refused by a rule although his role would let him: name of the actor, status.
    pub(super) refused: &'static [(&'static str, u16)],
    /// The test in which it succeeds, when it takes a secret that nobody can write down before.
    pub(super) elsewhere: &'static str,
}

const PLAIN: Recipe = Recipe {
    before: &[],
    path: &[],
    query: "",
    body: None,
    content: None,
    refused: &[],
    elsewhere: "",
};

/// What only the owner of the cast has, such as a session of his.
const OWNERS: &[(&str, u16)] = &[
    ("Viewer", 404),
    ("Agent", 404),
    ("Manager", 404),
    ("SystemAdmin", 404),
    ("Acting", 404),
];
/// Who acts for a business leaves his own account alone.
const NOT_ACTING: &[(&str, u16)] = &[("Acting", 403)];
/// Only a member has a calendar of his own.
const NO_MEMBERS: &[(&str, u16)] = &[("Acting", 403), ("Key(TasksRead)", 403)];
/// Only a member has a phone of his own.
const NO_PHONE: &[(&str, u16)] = &[("Acting", 403), ("Key(CallsWrite)", 403)];
/// Only a member has a device in his pocket, and only he puts it away.
const NO_DEVICE: &[(&str, u16)] = &[("Acting", 403), ("Key(CallsRead)", 403)];
const OWN_DEVICE: &[(&str, u16)] = &[
    ("Viewer", 404),
    ("Agent", 404),
    ("Manager", 404),
    ("Acting", 404),
    ("Key(CallsRead)", 404),
];
const SECRET: &[(&str, &str)] = &[("name", "twilio_auth_token")];

/// By operation.
const RECIPES: &[(&str, Recipe)] = &[
    (
        "import_leads",
        Recipe {
            content: Some(("text/csv", "name,phone\nNoa,050-7654321\n")),
            ..PLAIN
        },
    ),
    (
        "upload_message_file",
        Recipe {
            content: Some(("application/octet-stream", "hello")),
            ..PLAIN
        },
    ),
    ("undo_lead_import", after(&["cancel_job"])),
    ("accept_invitation", by("an_invitation_is_accepted")),
    ("add_passkey", by("a_passkey_is_a_second_factor")),
    ("begin_passkey", refusing(NOT_ACTING)),
    ("begin_passkey_login", by("a_passkey_is_a_second_factor")),
    ("begin_totp", refusing(NOT_ACTING)),
    ("change_password", refusing(NOT_ACTING)),
    ("confirm_totp", by("a_code_is_a_second_factor")),
    (
        "create_first_admin",
        by("the_first_administrator_comes_by_a_link"),
    ),
    (
        "delete_secret",
        Recipe {
            before: &["put_secret"],
            path: SECRET,
            ..PLAIN
        },
    ),
    (
        "connect_wa_cloud",
        by("a_business_has_a_number_at_meta_instead_of_a_phone"),
    ),
    ("create_push_subscription", refusing(NO_DEVICE)),
    ("delete_push_subscription", refusing(OWN_DEVICE)),
    ("disable_totp", refusing(NOT_ACTING)),
    (
        "end_acting",
        refusing(&[
            ("Owner", 409),
            ("Viewer", 409),
            ("Agent", 409),
            ("Manager", 409),
            ("SystemAdmin", 409),
        ]),
    ),
    (
        "enter_business",
        refusing(&[("SystemAdmin", 404), ("Acting", 404)]),
    ),
    ("forget_wa_cloud", after(&["set_wa_cloud"])),
    ("login_with_code", by("a_code_is_a_second_factor")),
    ("login_with_passkey", by("a_passkey_is_a_second_factor")),
    ("look_at_invitation", by("an_invitation_is_accepted")),
    ("patch_me", refusing(NOT_ACTING)),
    (
        "put_secret",
        Recipe {
            path: SECRET,
            ..PLAIN
        },
    ),
    ("remove_passkey", refusing(OWNERS)),
    ("renew_recovery_codes", refusing(NOT_ACTING)),
    ("reset_password", by("a_forgotten_password_is_replaced")),
    ("revoke_session", refusing(OWNERS)),
    (
        "talk_to_agent",
        by("the_agent_is_talked_to_from_the_console"),
    ),
    ("merge_leads", MERGE),
    ("preview_lead_merge", MERGE),
    ("dismiss_lead_duplicates", MERGE),
    (
        "search",
        Recipe {
            query: "?q=050-1234567",
            ..PLAIN
        },
    ),
    ("search_conversations", asking("?q=until+six")),
    ("purge_lead", after(&["delete_lead"])),
    ("purge_appointment", after(&["delete_appointment"])),
    ("restore_appointment", after(&["delete_appointment"])),
    ("purge_deal", after(&["delete_deal"])),
    ("restore_deal", after(&["delete_deal"])),
    ("purge_knowledge", after(&["delete_knowledge"])),
    ("restore_knowledge", after(&["delete_knowledge"])),
    ("purge_note", after(&["delete_note"])),
    ("restore_note", after(&["delete_note"])),
    ("purge_payment", after(&["delete_payment"])),
    ("restore_payment", after(&["delete_payment"])),
    ("cancel_payment_link", after(&["create_payment_link"])),
    ("get_payment_link", after(&["create_payment_link"])),
    ("purge_task", after(&["delete_task"])),
    ("restore_task", after(&["delete_task"])),
    ("list_consents", asking("?lead_id={lead}")),
    ("list_notes", asking("?lead_id={lead}")),
    (
        "list_free_times",
        asking("?from=2026-12-01T00:00:00Z&until=2026-12-02T00:00:00Z"),
    ),
    (
        "read_calendar",
        Recipe {
            path: &[("file", "nobodys.ics")],
            ..by("a_calendar_is_read_by_its_secret_address")
        },
    ),
    ("hand_over_call", after(&["replace_transfer_targets"])),
    ("get_own_phone", refusing(NO_PHONE)),
    ("set_own_phone", refusing(NO_PHONE)),
    ("clear_own_phone", refusing(NO_PHONE)),
    (
        "take_over_call",
        Recipe {
            refused: &[
                ("Agent", 409),
                ("Manager", 409),
                ("Acting", 403),
                ("Key(CallsWrite)", 403),
            ],
            ..after(&["set_own_phone"])
        },
    ),
    ("create_appointment", after(&["delete_appointment"])),
    ("create_block", after(&["delete_block"])),
    ("create_custom_field", after(&["delete_custom_field"])),
    (
        "create_deal_stage",
        after(&["delete_deal", "purge_deal", "delete_deal_stage"]),
    ),
    ("create_holiday", after(&["delete_holiday"])),
    (
        "create_pipeline",
        after(&["delete_deal", "purge_deal", "delete_pipeline"]),
    ),
    ("create_wa_reply", after(&["delete_wa_reply"])),
    ("delete_deal_stage", after(&["delete_deal", "purge_deal"])),
    ("delete_pipeline", after(&["delete_deal", "purge_deal"])),
    ("renew_calendar_feed", refusing(NO_MEMBERS)),
    ("revoke_calendar_feed", refusing(NO_MEMBERS)),
    (
        "get_number",
        Recipe {
            path: &[("number", "+97231234599")],
            ..after(&["claim_number"])
        },
    ),
    (
        "release_number",
        Recipe {
            path: &[("number", "+97231234599")],
            ..after(&["claim_number"])
        },
    ),
    (
        "get_message_file",
        by("a_voice_note_plays_in_parts_for_its_business_alone"),
    ),
    (
        "update_number",
        Recipe {
            path: &[("number", "+97231234599")],
            ..after(&["claim_number"])
        },
    ),
];

const fn after(before: &'static [&'static str]) -> Recipe {
    Recipe { before, ..PLAIN }
}

const fn asking(query: &'static str) -> Recipe {
    Recipe { query, ..PLAIN }
}

const fn by(test: &'static str) -> Recipe {
    Recipe {
        elsewhere: test,
        ..PLAIN
    }
}

const fn refusing(refused: &'static [(&'static str, u16)]) -> Recipe {
    Recipe { refused, ..PLAIN }
}

const MERGE: Recipe = Recipe {
    body: Some(r#"{ "lead_id": "lead_ffffffffffffffffffffffffffffffff" }"#),
    ..PLAIN
};

pub(super) fn of(operation: &str) -> Recipe {
    let known = RECIPES.iter().find(|(id, _)| *id == operation);
    known.map_or(PLAIN, |(_, recipe)| *recipe)
}

/// Places of a body where even our own thing is refused, by a rule of its own.
const REFUSED_ANYWAY: &[(&str, &str)] = &[
    // The example suspends somebody, and only who is removed has an heir.
    ("change_members", "/changes/0/reassign_to"),
    // The channel has not named our message yet, and knows what is quoted by its own name.
    ("create_message", "/quoted_id"),
    // Our message is no file that waits to be sent.
    ("create_message", "/file/id"),
    // The one thing of its kind is the one in the path.
    ("dismiss_lead_duplicates", "/lead_id"),
    ("merge_leads", "/lead_id"),
    ("preview_lead_merge", "/lead_id"),
];

pub(super) fn is_refused_anyway(operation: &str, place: &str) -> bool {
    REFUSED_ANYWAY.contains(&(operation, place))
}

/// Every operation that a recipe names, so that a renamed one is noticed.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RECIPES
        .iter()
        .flat_map(|(id, recipe)| std::iter::once(*id).chain(recipe.before.iter().copied()))
}

fn recording(state: ApiState, scope: TenantScope) -> Made {
    Box::pin(async move {
        let calls = state.store().list_calls(&scope, Page::first(1)).await;
        let call = calls.unwrap()[0].record.id;
        let last = scope.tenant().uuid().as_u128() as u8;
        let sid: RecordingSid = format!("RE{last:032x}").parse().unwrap();
        let file = state.config().data_dir.join(format!("{sid}.wav"));
        std::fs::create_dir_all(&state.config().data_dir).unwrap();
        std::fs::write(&file, b"RIFF").unwrap();
        let update = RecordingUpdate {
            sid: sid.clone(),
            state: RecordingState::Stored,
            duration_ms: Some(1000),
            path: Some(format!("{sid}.wav")),
            is_voicemail: false,
        };
        let stored = state.store().set_recording(&scope, call, update).await;
        assert!(stored.unwrap());
        Thing {
            id: sid.to_string(),
            version: 1,
        }
    })
}

fn call(state: ApiState, scope: TenantScope) -> Made {
    Box::pin(async move {
        // A CallSid is the carrier's: no two businesses have the same one.
        let mut new = new_call(1);
        let last = scope.tenant().uuid().as_u128() as u8;
        new.call_sid = format!("CA{last:032x}").parse::<CallSid>().unwrap();
        let opened = state.store().open_call(&scope, new).await;
        let (call, _) = opened.unwrap();
        Thing {
            id: call.id.to_string(),
            version: 1,
        }
    })
}
