//! What a store must do with the installation's businesses, and with what webhooks are told.

use prosaas_core::ErrorClass::NotFound;
use prosaas_core::testkit::samples::number;
use prosaas_core::{Language, UnixMillis};

use super::{Fixture, Office, conflicts, ok, refuses};
use crate::auth::SystemScope;
use crate::model::installation::{BusinessStatus, InstalledBusinessPatch, NewBusiness};
use crate::model::patch::Replace;
use crate::store::{CrmStore, PhoneStore as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    the_installation_keeps_its_businesses(fixture).await;
    a_suspended_business_is_not_called(fixture).await;
    #[cfg(feature = "webhooks")]
    deliveries_are_sent_again(fixture).await;
}

async fn the_installation_keeps_its_businesses(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `the installation keeps its businesses`";
    let office = Office::open(fixture, rule).await;
    let (store, operator) = (&office.store, SystemScope::from_operator());
    let new = |digits| NewBusiness {
        name: "Flowers".to_owned(),
        language: Language::En,
        numbers: vec![number(digits)],
        owner: None,
    };
    let (made, _) = ok(store.create_business(&operator, new(150)).await, rule);
    assert_eq!(made.numbers, [number(150)], "{rule}");
    let taken = store.create_business(&operator, new(150)).await;
    conflicts(&taken.map(drop), "number-taken", rule);

    let listed = store.installed_businesses(&operator, None, None, 9).await;
    let listed = ok(listed, rule);
    assert_eq!(listed.len(), 3, "{rule}: what was refused is not there");
    assert!(listed.contains(&made), "{rule}: {listed:?}");
    assert_eq!(
        ok(store.installed_business(&operator, made.id).await, rule),
        made
    );

    let stale = store.delete_installed_business(&operator, made.id, made.version + 1);
    conflicts(&stale.await, "version-conflict", rule);
    let deleted = store.delete_installed_business(&operator, made.id, made.version);
    ok(deleted.await, rule);
    let gone = ok(store.installed_business(&operator, made.id).await, rule);
    assert_eq!(gone.status, BusinessStatus::Deleted, "{rule}");
    assert_eq!(gone.numbers, [number(150)], "{rule}: it shows what it had");

    let (second, _) = ok(store.create_business(&operator, new(150)).await, rule);
    let back = store.restore_with_numbers(&operator, made.id, gone.numbers);
    conflicts(&back.await, "number-taken", rule);
    let still = ok(store.installed_business(&operator, made.id).await, rule);
    assert_eq!(
        still.status,
        BusinessStatus::Deleted,
        "{rule}: all or nothing"
    );
    let gone = store.delete_installed_business(&operator, second.id, second.version);
    ok(gone.await, rule);
    let back = store.restore_with_numbers(&operator, made.id, vec![number(150)]);
    let back = ok(back.await, rule);
    assert_eq!(
        (back.status, back.numbers.len()),
        (BusinessStatus::Active, 1),
        "{rule}"
    );
}

async fn a_suspended_business_is_not_called(fixture: &impl Fixture<Store = CrmStore>) {
    use prosaas_core::NumberOwner;

    let rule = "rule `a suspended business is not called`";
    let office = Office::open(fixture, rule).await;
    let (store, operator) = (&office.store, SystemScope::from_operator());
    let id = office.ours.tenant();
    let before = ok(store.installed_business(&operator, id).await, rule);
    let own = before.numbers[0].clone();
    let set = |suspended| InstalledBusinessPatch {
        suspended: Replace(Some(suspended)),
        ..InstalledBusinessPatch::default()
    };
    let off = store.update_installed_business(&operator, id, before.version, set(true));
    let off = ok(off.await, rule);
    assert_eq!(off.status, BusinessStatus::Suspended, "{rule}");
    let owner = ok(store.business_by_number(&operator, &own).await, rule);
    assert!(matches!(owner, NumberOwner::Nobody), "{rule}: {owner:?}");
    let on = store.update_installed_business(&operator, id, off.version, set(false));
    assert_eq!(ok(on.await, rule).status, BusinessStatus::Active, "{rule}");
    let owner = ok(store.business_by_number(&operator, &own).await, rule);
    assert!(matches!(owner, NumberOwner::One(_)), "{rule}: {owner:?}");
}

#[cfg(feature = "webhooks")]
async fn deliveries_are_sent_again(fixture: &impl Fixture<Store = CrmStore>) {
    use crate::auth::seal::MasterKeys;
    use crate::model::delivery::{Attempt, DeliveryState, ReplayWindow};
    use crate::model::webhook::{NewWebhook, WebhookPatch};
    use crate::webhook::TargetPolicy;

    let rule = "rule `deliveries are sent again`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let keys = ok(MasterKeys::generate(1), rule);
    let keys = ok(MasterKeys::parse(&keys), rule);
    let new = NewWebhook {
        url: "https://example.com/hook".to_owned(),
        events: vec!["deal.created".to_owned()],
    };
    let policy = TargetPolicy::Public;
    let (hook, _) = ok(
        store.add_webhook(scope, &keys, (new, policy.clone())).await,
        rule,
    );
    let foreign = store.send_test_event(&office.theirs, hook.id).await;
    refuses(&foreign, NotFound, rule);
    let sent = ok(store.send_test_event(scope, hook.id).await, rule);
    assert_eq!(sent.kind, "webhook.test", "{rule}: whatever kinds it wants");
    let due = ok(store.due_delivery(scope, sent.id).await, rule);
    assert!(due.is_some(), "{rule}");

    let all = |state| {
        ok(
            ReplayWindow::new(UnixMillis(0), UnixMillis(i64::MAX), state),
            rule,
        )
    };
    let again = store.replay_deliveries(scope, hook.id, all(None)).await;
    assert_eq!(ok(again, rule), 0, "{rule}: it waits to be sent anyway");
    let attempt = Attempt::Failed {
        status: Some(500),
        error: None,
        again_at: None,
    };
    ok(store.note_delivery(scope, &sent, attempt).await, rule);
    let dead = all(Some(DeliveryState::Dead));
    let foreign = store.replay_deliveries(&office.theirs, hook.id, dead).await;
    refuses(&foreign, NotFound, rule);
    let again = store.replay_deliveries(scope, hook.id, dead).await;
    assert_eq!(ok(again, rule), 1, "{rule}");
    let due = ok(store.due_delivery(scope, sent.id).await, rule);
    assert_eq!(due.map(|due| due.delivery.attempts), Some(0), "{rule}");

    let off = WebhookPatch {
        active: Replace(Some(false)),
        ..WebhookPatch::default()
    };
    let off = store.update_webhook(scope, hook.id, hook.version, (off, policy));
    ok(off.await, rule);
    let silent = store.send_test_event(scope, hook.id).await;
    conflicts(&silent, "webhook-off", rule);
    assert!(
        ReplayWindow::new(UnixMillis(5), UnixMillis(5), None).is_err(),
        "{rule}"
    );
    let pending = Some(DeliveryState::Pending);
    assert!(
        ReplayWindow::new(UnixMillis(5), UnixMillis(6), pending).is_err(),
        "{rule}"
    );
}
