//! What a store must do with a business's settings, numbers and lists.

use futures_util::future::join_all;
use prosaas_core::ErrorClass::{Conflict, Invalid, NotFound};
use prosaas_core::testkit::samples::number;
use prosaas_core::{E164, Language};

use super::{Fixture, Office, conflicts, ok, refuses};
use crate::auth::SystemScope;
use crate::model::block::{BlockKind, NewBlock};
use crate::model::hours::{HolidayCalendar, NewSpecialDay, OpeningHours};
use crate::model::number::{NewNumber, NumberPatch};
use crate::model::patch::{Patch, Replace};
use crate::model::settings::{SettingsPatch, VoiceTool};
use crate::model::transfer::{Transfer, TransferList};
use crate::rules::answering::AnswerMode;
use crate::rules::full::WhenFull;
use crate::store::{CrmStore, PhoneStore as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    settings_read_back(fixture).await;
    a_number_is_claimed_by_one_business(fixture).await;
    a_number_is_answered_as_it_says(fixture).await;
    lists_are_the_businesss_own(fixture).await;
    a_removed_business_is_gone_and_its_numbers_free(fixture).await;
    #[cfg(all(feature = "auth", feature = "webhooks"))]
    a_webhooks_secret_is_shown_once(fixture).await;
}

async fn settings_read_back(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `settings read back`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let before = ok(store.settings(scope).await, rule);
    assert_eq!(
        before.hours,
        OpeningHours::default(),
        "{rule}: hours to begin with"
    );
    let theirs = ok(store.settings(&office.theirs).await, rule);
    assert_eq!(
        (before.languages.as_slice(), theirs.languages.as_slice()),
        (&[Language::He][..], &[Language::En][..]),
        "{rule}: a new business's own language"
    );
    let hours = OpeningHours {
        time_zone: "Europe/Berlin".parse().unwrap_or_default(),
        holiday_calendar: HolidayCalendar::None,
        ..OpeningHours::default()
    };
    let patch = SettingsPatch {
        name: Replace(Some("Garage".to_owned())),
        languages: Replace(Some(vec![Language::En, Language::He])),
        hours: Replace(Some(hours.clone())),
        greeting: Replace(Some("Garage, hello!".to_owned())),
        tools: Replace(Some(vec![VoiceTool::BookAppointment])),
        announcement: Patch::Set("This call is recorded.".to_owned()),
        recording_days: Patch::Set(90),
        ..SettingsPatch::default()
    };
    let changed = store
        .update_settings(scope, before.version, patch.clone())
        .await;
    let after = ok(changed, rule);
    assert_eq!(
        (&after.hours, after.name.as_str()),
        (&hours, "Garage"),
        "{rule}"
    );
    assert_eq!(after.tools, [VoiceTool::BookAppointment], "{rule}");
    assert_eq!(
        (after.announcement_version, after.recording_days),
        (1, Some(90)),
        "{rule}"
    );
    assert_eq!(ok(store.settings(scope).await, rule), after, "{rule}");
    // What answers calls sees the same business.
    let business = ok(store.business(scope).await, rule);
    let seen = business.map(|business| (business.language, business.voice.greeting.clone()));
    assert_eq!(
        seen,
        Some((Language::En, "Garage, hello!".to_owned())),
        "{rule}"
    );
    let stale = store.update_settings(scope, before.version, patch).await;
    refuses(&stale, Conflict, rule);
    let nobody = SettingsPatch {
        languages: Replace(Some(Vec::new())),
        ..SettingsPatch::default()
    };
    let nobody = store.update_settings(scope, after.version, nobody).await;
    refuses(&nobody, Invalid, rule);
    let theirs = ok(store.settings(&office.theirs).await, rule);
    assert_ne!(
        theirs.name, "Garage",
        "{rule}: the other business stays as it is"
    );
}

fn claim(number: E164) -> NewNumber {
    NewNumber {
        number,
        label: None,
        answer_mode: None,
        ring_number: None,
    }
}

async fn a_number_is_claimed_by_one_business(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a number is claimed by one business`";
    let office = Office::open(fixture, rule).await;
    let store = &office.store;
    for n in 100..105 {
        let both = (0..8).map(|turn| {
            let scope = if turn % 2 == 0 {
                &office.ours
            } else {
                &office.theirs
            };
            store.claim_number(scope, claim(number(n)))
        });
        let outcomes = join_all(both).await;
        let winner = outcomes.iter().position(Result::is_ok);
        let winner = winner.map(|turn| turn % 2);
        assert!(winner.is_some(), "{rule}: somebody gets it, {outcomes:?}");
        for (turn, outcome) in outcomes.iter().enumerate() {
            if Some(turn % 2) == winner {
                assert!(outcome.is_ok(), "{rule}: its own number, {outcome:?}");
            } else {
                conflicts(outcome, "number-taken", rule);
            }
        }
    }
    let own = ok(
        store.claim_number(&office.ours, claim(number(110))).await,
        rule,
    );
    let foreign = store
        .release_number(&office.theirs, &own.number, own.version)
        .await;
    refuses(&foreign, NotFound, rule);
    ok(
        store
            .release_number(&office.ours, &own.number, own.version)
            .await,
        rule,
    );
    ok(
        store.claim_number(&office.theirs, claim(number(110))).await,
        rule,
    );
    refuses(
        &store.number(&office.ours, &own.number).await,
        NotFound,
        rule,
    );
    let back = store.claim_number(&office.ours, claim(number(110))).await;
    conflicts(&back, "number-taken", rule);
}

async fn a_number_is_answered_as_it_says(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a number is answered as it says`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let claimed = ok(store.claim_number(scope, claim(number(120))).await, rule);
    let first = || NumberPatch {
        answer_mode: Replace(Some(AnswerMode::RingFirst)),
        ..NumberPatch::default()
    };
    let silent = store
        .update_number(scope, &claimed.number, claimed.version, first())
        .await;
    refuses(&silent, Invalid, rule);
    let ringing = NumberPatch {
        ring_number: Patch::Set(number(121)),
        ring_seconds: Replace(Some(20)),
        record_calls: Patch::Set(true),
        max_live_calls: Patch::Set(3),
        when_full: Replace(Some(WhenFull::Overflow)),
        overflow_number: Patch::Set(number(122)),
        ..first()
    };
    let ringing = store
        .update_number(scope, &claimed.number, claimed.version, ringing)
        .await;
    let ringing = ok(ringing, rule);
    assert_eq!(ringing.answer_mode, AnswerMode::RingFirst, "{rule}");
    assert_eq!(
        (ringing.ring_seconds, ringing.record_calls),
        (20, Some(true)),
        "{rule}"
    );
    assert_eq!(
        (
            ringing.max_live_calls,
            ringing.when_full,
            &ringing.overflow_number
        ),
        (Some(3), WhenFull::Overflow, &Some(number(122))),
        "{rule}"
    );
    let nobody = NumberPatch {
        overflow_number: Patch::Clear,
        ..NumberPatch::default()
    };
    let nobody = store
        .update_number(scope, &ringing.number, ringing.version, nobody)
        .await;
    refuses(&nobody, Invalid, rule);
    assert!(
        ok(store.numbers(scope).await, rule).contains(&ringing),
        "{rule}"
    );
}

async fn lists_are_the_businesss_own(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `lists are the business's own`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let block = |value: &str| NewBlock {
        kind: BlockKind::Prefix,
        value: value.to_owned(),
        reason: Some("spam".to_owned()),
    };
    let blocked = ok(store.add_block(scope, block("+1900")).await, rule);
    conflicts(
        &store.add_block(scope, block("+1900")).await,
        "already-blocked",
        rule,
    );
    ok(store.add_block(&office.theirs, block("+1900")).await, rule);
    refuses(
        &store.delete_block(&office.theirs, blocked.id).await,
        NotFound,
        rule,
    );
    ok(store.delete_block(scope, blocked.id).await, rule);
    assert!(ok(store.blocks(scope).await, rule).is_empty(), "{rule}");
    let day = |date: &str, name: &str| NewSpecialDay {
        date: date.parse().unwrap_or_else(|_| panic!("{rule}: {date}")),
        name: name.to_owned(),
        open: Vec::new(),
    };
    let added = ok(
        store
            .add_special_day(scope, day("2026-08-01", "Leave"))
            .await,
        rule,
    );
    let doubled = store
        .add_special_day(scope, day("2026-08-01", "Again"))
        .await;
    conflicts(&doubled, "day-taken", rule);
    let moved = store
        .set_special_day(scope, added.id, 1, day("2026-08-02", "Leave"))
        .await;
    let moved = ok(moved, rule);
    assert_eq!(ok(store.special_days(scope).await, rule), [moved], "{rule}");
    refuses(
        &store.delete_special_day(&office.theirs, added.id, 2).await,
        NotFound,
        rule,
    );
    ok(store.delete_special_day(scope, added.id, 2).await, rule);
    let transfer = |label: &str| Transfer {
        label: label.to_owned(),
        number: number(130),
    };
    let list = TransferList {
        targets: vec![transfer("sales"), transfer("office")],
    };
    let set = ok(store.set_transfer_targets(scope, list).await, rule);
    assert_eq!(ok(store.transfer_targets(scope).await, rule), set, "{rule}");
    let doubled = TransferList {
        targets: vec![transfer("sales"), transfer("sales")],
    };
    refuses(
        &store.set_transfer_targets(scope, doubled).await,
        Invalid,
        rule,
    );
}

async fn a_removed_business_is_gone_and_its_numbers_free(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a removed business is gone and its numbers free`";
    let office = Office::open(fixture, rule).await;
    let (store, operator) = (&office.store, SystemScope::from_operator());
    let tenant = office.ours.tenant();
    ok(
        store.claim_number(&office.ours, claim(number(140))).await,
        rule,
    );
    ok(store.delete_business(&operator, tenant).await, rule);
    refuses(&store.settings(&office.ours).await, NotFound, rule);
    refuses(
        &store.delete_business(&operator, tenant).await,
        NotFound,
        rule,
    );
    ok(
        store.claim_number(&office.theirs, claim(number(140))).await,
        rule,
    );
    ok(store.restore_business(&operator, tenant).await, rule);
    ok(store.settings(&office.ours).await, rule);
    let numbers = ok(store.numbers(&office.ours).await, rule);
    assert!(numbers.is_empty(), "{rule}: numbers are claimed anew");
}

#[cfg(all(feature = "auth", feature = "webhooks"))]
async fn a_webhooks_secret_is_shown_once(fixture: &impl Fixture<Store = CrmStore>) {
    use prosaas_core::ExposeSecret as _;

    use crate::auth::seal::MasterKeys;
    use crate::model::page::Page;
    use crate::model::webhook::{NewWebhook, WebhookPatch};
    use crate::webhook::TargetPolicy;

    let rule = "rule `a webhook's secret is shown once`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let keys = ok(MasterKeys::generate(1), rule);
    let keys = ok(MasterKeys::parse(&keys), rule);
    let new = |url: &str| NewWebhook {
        url: url.to_owned(),
        events: vec!["lead.created".to_owned()],
    };
    let policy = TargetPolicy::Public;
    let inside = store
        .add_webhook(scope, &keys, (new("https://127.0.0.1/"), policy.clone()))
        .await;
    refuses(&inside.map(drop), Invalid, rule);
    let outside = new("https://example.com/hook");
    let added = store
        .add_webhook(scope, &keys, (outside, policy.clone()))
        .await;
    let (webhook, first) = ok(added, rule);
    let rotated = store.rotate_webhook_secret(scope, &keys, webhook.id).await;
    let (rotated, second) = ok(rotated, rule);
    let (first, second) = (first.expose(), second.expose());
    assert_ne!(first.expose_secret(), second.expose_secret(), "{rule}");
    let off = WebhookPatch {
        active: Replace(Some(false)),
        ..WebhookPatch::default()
    };
    let id = webhook.id;
    let foreign = store
        .update_webhook(&office.theirs, id, 2, (off.clone(), policy.clone()))
        .await;
    refuses(&foreign, NotFound, rule);
    let off = store
        .update_webhook(scope, id, rotated.version, (off, policy))
        .await;
    let off = ok(off, rule);
    assert!(!off.active, "{rule}");
    ok(store.delete_webhook(scope, id, off.version).await, rule);
    let left = ok(store.webhooks(scope, Page::first(9)).await, rule);
    assert!(left.is_empty(), "{rule}");
}
