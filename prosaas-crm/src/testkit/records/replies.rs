//! What a store must do with the replies that a business keeps ready.

use prosaas_core::ErrorClass::{Conflict, Invalid, NotFound};

use super::{Fixture, Office, conflicts, ok, refuses};
use crate::model::canned_reply::{CannedReply, MAX_REPLIES, NewCannedReply};
use crate::store::{AuditFilter, CrmStore};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    replies_are_found_by_shortcuts_of_their_own(fixture).await;
    replies_are_a_short_list(fixture).await;
    what_becomes_of_a_reply_is_audited(fixture).await;
}

fn reply(shortcut: &str) -> NewCannedReply {
    NewCannedReply {
        shortcut: shortcut.to_owned(),
        text: "Hello {name}, this is {business}.".to_owned(),
    }
}

async fn replies_are_found_by_shortcuts_of_their_own(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `replies are found by shortcuts of their own`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let hours = ok(store.add_canned_reply(scope, reply("/Hours")).await, rule);
    assert_eq!(hours.shortcut, "Hours", "{rule}");
    assert_eq!(
        hours.text, "Hello {name}, this is {business}.",
        "{rule}: it is kept as it was written"
    );
    for taken in ["hours", "HOURS"] {
        let again = store.add_canned_reply(scope, reply(taken)).await;
        conflicts(&again, "shortcut-taken", rule);
    }
    ok(store.add_canned_reply(scope, reply("ÄRGER")).await, rule);
    let again = store.add_canned_reply(scope, reply("ärger")).await;
    conflicts(&again, "shortcut-taken", rule);
    // What one business calls a reply is no other's matter.
    ok(
        store.add_canned_reply(&office.theirs, reply("hours")).await,
        rule,
    );
    let address = ok(store.add_canned_reply(scope, reply("address")).await, rule);
    let renamed = store
        .set_canned_reply(scope, address.id, 1, reply("hOuRs"))
        .await;
    conflicts(&renamed, "shortcut-taken", rule);
    let hours = ok(
        store
            .set_canned_reply(scope, hours.id, 1, reply("hOuRs"))
            .await,
        rule,
    );
    let is_now = (hours.shortcut.as_str(), hours.version);
    assert_eq!(is_now, ("hOuRs", 2), "{rule}");
    let stale = store.set_canned_reply(scope, hours.id, 1, reply("x")).await;
    conflicts(&stale, "version-conflict", rule);
    refuses(
        &store.add_canned_reply(scope, reply("two words")).await,
        Invalid,
        rule,
    );
    refuses(
        &store.canned_reply(&office.theirs, hours.id).await,
        NotFound,
        rule,
    );
    let foreign = store
        .set_canned_reply(&office.theirs, hours.id, 2, reply("x"))
        .await;
    refuses(&foreign, NotFound, rule);
    let names = |found: Vec<CannedReply>| -> Vec<String> {
        found.into_iter().map(|reply| reply.shortcut).collect()
    };
    let all = names(ok(store.canned_replies(scope).await, rule));
    assert_eq!(all[..2], ["address", "hOuRs"], "{rule}: by shortcut");
    let theirs = names(ok(store.canned_replies(&office.theirs).await, rule));
    assert_eq!(theirs, ["hours"], "{rule}");
}

async fn replies_are_a_short_list(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `replies are a short list`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    for n in 0..MAX_REPLIES {
        let new = reply(&format!("r{n}"));
        ok(store.add_canned_reply(scope, new).await, rule);
    }
    let more = store.add_canned_reply(scope, reply("more")).await;
    conflicts(&more, "too-many", rule);
    let all = ok(store.canned_replies(scope).await, rule);
    assert_eq!(all.len(), MAX_REPLIES, "{rule}: all of them are read");
    let gone = store.delete_canned_reply(scope, all[0].id, 1).await;
    ok(gone, rule);
    ok(store.add_canned_reply(scope, reply("more")).await, rule);
}

async fn what_becomes_of_a_reply_is_audited(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `what becomes of a reply is audited`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let made = ok(store.add_canned_reply(scope, reply("bye")).await, rule);
    let changed = store.set_canned_reply(scope, made.id, 1, reply("ciao"));
    ok(changed.await, rule);
    refuses(
        &store.delete_canned_reply(scope, made.id, 1).await,
        Conflict,
        rule,
    );
    let foreign = store.delete_canned_reply(&office.theirs, made.id, 2).await;
    refuses(&foreign, NotFound, rule);
    ok(store.delete_canned_reply(scope, made.id, 2).await, rule);
    refuses(&store.canned_reply(scope, made.id).await, NotFound, rule);
    let all = AuditFilter::default();
    let rows = ok(store.audit_entries(scope, &all, None, 50).await, rule);
    for action in ["reply.created", "reply.updated", "reply.deleted"] {
        let is_there = rows.iter().any(|row| row.action == action);
        assert!(is_there, "{rule}: {action}");
    }
}
