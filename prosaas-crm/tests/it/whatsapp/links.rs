//! Links: their states, settings and owners.

use std::collections::BTreeSet;
use std::sync::Arc;

use prosaas_core::whatsapp::{LinkState, QrCode, WhatsAppEvent};
use prosaas_core::{E164, Error, SecretString, TenantId, UnixMillis, WhatsAppInbox as _};
use prosaas_crm::CrmStore;
use prosaas_crm::model::whatsapp::{WaSettings, WaSettingsPatch, WaState};
use prosaas_crm::testkit::OPERATOR;

use super::{deliver, on_each_backend, on_each_clock, ours, person, text, theirs, work_until};
use crate::support::NOW;

async fn report(store: &CrmStore, state: LinkState) {
    let event = WhatsAppEvent::Link(state);
    store.accept(ours(), event).await.unwrap();
}

async fn events(store: &CrmStore) -> usize {
    let events = store.events_after(&person(), 0, 200).await.unwrap();
    let of_link = events
        .iter()
        .filter(|event| event.entity_kind == "whatsapp");
    of_link.count()
}

fn code(seq: u32) -> LinkState {
    LinkState::Qr(QrCode {
        text: SecretString::from("the-secret-of-the-code"),
        seq,
        expires_at: NOW.plus(60_000),
        attempts_left: 5,
    })
}

#[tokio::test]
async fn a_links_state_is_kept_and_told_and_its_code_is_neither() {
    on_each_backend(async |store| {
        let before = store.wa_link(&person()).await.unwrap();
        assert_eq!((before.state, before.version), (WaState::Unlinked, 1));
        report(&store, code(1)).await;
        report(&store, code(2)).await;
        assert_eq!(events(&store).await, 2, "a new code is news");
        report(&store, LinkState::Ready { number: None }).await;
        report(&store, LinkState::Ready { number: None }).await;
        assert_eq!(events(&store).await, 3, "the same state is none");
        let ready = store.wa_link(&person()).await.unwrap();
        assert_eq!((ready.state, ready.linked_at), (WaState::Ready, Some(NOW)));
        assert_eq!(ready.number, None, "the channel has not said it");
        let number: Option<E164> = Some("+97231234567".parse().unwrap());
        report(
            &store,
            LinkState::Ready {
                number: number.clone(),
            },
        )
        .await;
        report(&store, LinkState::Ready { number: None }).await;
        assert_eq!(events(&store).await, 4, "whose phone it is is news, once");
        let known = store.wa_link(&person()).await.unwrap();
        assert_eq!((known.number, known.linked_at), (number, Some(NOW)));
        let until = Some(UnixMillis(9));
        report(&store, LinkState::Banned { until }).await;
        let banned = store.wa_link(&person()).await.unwrap();
        assert_eq!((banned.state, banned.until), (WaState::Banned, until));
        let other = store.wa_link(&theirs()).await.unwrap();
        assert_eq!(other.state, WaState::Unlinked);
        let mut backup = Vec::new();
        store.backup(&OPERATOR, &mut backup).await.unwrap();
        assert!(!String::from_utf8_lossy(&backup).contains("the-secret-of-the-code"));
    })
    .await;
}

#[tokio::test]
async fn settings_change_by_version_and_decide_whether_the_agent_looks() {
    on_each_backend(async |store| {
        let patch = |text: &str| serde_json::from_str::<WaSettingsPatch>(text).unwrap();
        let off = patch(r#"{"answers":false}"#);
        let changed = store.update_wa_settings(&person(), 1, off.clone()).await;
        let changed = changed.unwrap();
        assert!(!changed.settings.answers);
        assert_eq!(changed.version, 2);
        let stale = store.update_wa_settings(&person(), 1, off).await;
        assert!(matches!(
            stale,
            Err(Error::Conflict {
                what: "version-conflict",
                ..
            })
        ));
        // The state of the link is another matter, and leaves the version alone.
        report(&store, LinkState::Ready { number: None }).await;
        assert_eq!(store.wa_link(&person()).await.unwrap().version, 2);
        assert_eq!(
            store.wa_link(&theirs()).await.unwrap().settings,
            WaSettings::default()
        );
        deliver(&store, text("M1", "hello")).await;
        assert_eq!(work_until(&store, NOW.plus(9_000)).await, []);
    })
    .await;
}

#[tokio::test]
async fn an_epoch_is_given_out_once() {
    on_each_backend(async |store| {
        let first = store.wa_owner_epoch(&OPERATOR, ours()).await.unwrap();
        assert_eq!(first, 1);
        assert_eq!(store.wa_owner_epoch(&OPERATOR, ours()).await.unwrap(), 1);
        let mut raising = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let store = Arc::clone(&store);
            raising.spawn(async move { store.raise_wa_epoch(&OPERATOR, ours()).await.unwrap() });
        }
        let mut given = BTreeSet::new();
        while let Some(epoch) = raising.join_next().await {
            assert!(
                given.insert(epoch.unwrap()),
                "one epoch was given out twice"
            );
        }
        assert!(given.iter().all(|epoch| *epoch > first));
        let last = store.wa_owner_epoch(&OPERATOR, ours()).await.unwrap();
        assert_eq!(given.last(), Some(&last));
        assert_eq!(
            store
                .wa_owner_epoch(&OPERATOR, theirs().tenant())
                .await
                .unwrap(),
            1
        );
        let nobody = TenantId::mint(UnixMillis(5));
        let refused = store.wa_owner_epoch(&OPERATOR, nobody).await;
        assert!(matches!(refused, Err(Error::NotFound { .. })));
        assert!(store.raise_wa_epoch(&OPERATOR, nobody).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn an_epoch_is_above_what_was_given_out_before_a_restore() {
    on_each_clock(async |store, clock| {
        let tenant = ours();
        let before = store.raise_wa_epoch(&OPERATOR, tenant).await.unwrap();
        clock.advance(1_000);
        // Another database, as it was before anything was given out.
        let restored = theirs().tenant();
        let after = store.raise_wa_epoch(&OPERATOR, restored).await.unwrap();
        assert!(after > before, "{after} after {before}");
        // A later owner is heard of, and then an earlier one.
        let recall = async |epoch| {
            let recalled = store.recall_wa_epoch(&OPERATOR, tenant, epoch).await;
            recalled.unwrap()
        };
        assert_eq!(recall(before + 7).await, before + 7);
        assert_eq!(recall(before + 3).await, before + 7);
        let held = store.wa_owner_epoch(&OPERATOR, tenant).await.unwrap();
        assert_eq!(held, before + 7);
        let nobody = TenantId::mint(UnixMillis(5));
        let refused = store.recall_wa_epoch(&OPERATOR, nobody, 9).await;
        assert!(matches!(refused, Err(Error::NotFound { .. })));
    })
    .await;
}
