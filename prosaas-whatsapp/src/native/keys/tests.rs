use std::sync::Arc;

use bytes::Bytes;
use prosaas_core::time::ManualClock;
use prosaas_core::{SecretString, TenantId, UnixMillis};
use whatsapp_rust::traits::{
    AppStateSyncKey, AppSyncStore as _, Backend, DeviceInfo, DeviceListRecord, DeviceStore as _,
    LidPnMappingEntry, MsgSecretStore as _, PendingInboundKey, PendingInboundRow,
    ProtocolStore as _, SignalStore as _, TcTokenEntry,
};
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::Device;

use super::super::store::{LinkStore, MemoryLinkStore};
use super::super::vault::LinkKey;
use super::*;

const SECONDS: i64 = 1_700_000_000;

struct Rig {
    keys: Keys,
    clock: Arc<ManualClock>,
    store: Arc<MemoryLinkStore>,
    tenant: TenantId,
}

fn rig() -> Rig {
    let store = Arc::new(MemoryLinkStore::default());
    let tenant = TenantId::mint(UnixMillis(1));
    let key = LinkKey::new(&SecretString::from("a-key-for-tests-of-32-bytes-or-more")).unwrap();
    let vault = Vault::new(Arc::<MemoryLinkStore>::clone(&store), &key, tenant);
    let clock = Arc::new(ManualClock::at(UnixMillis(SECONDS * 1000)));
    Rig {
        keys: Keys::new(vault, Arc::<ManualClock>::clone(&clock)),
        clock,
        store,
        tenant,
    }
}

const fn is_a_backend<T: Backend>() {}
const _: () = is_a_backend::<Keys>();

#[tokio::test]
async fn a_device_comes_back_and_counts_as_linked_only_once_it_was() {
    let Rig { keys, .. } = rig();
    assert!(!keys.exists().await.unwrap());
    assert!(!is_linked(&keys.vault).await.unwrap());
    let device = Device::new();
    keys.save(&device).await.unwrap();
    let loaded = keys.load().await.unwrap().unwrap();
    assert_eq!(loaded.adv_secret_key, device.adv_secret_key);
    assert!(keys.exists().await.unwrap());
    assert!(
        !is_linked(&keys.vault).await.unwrap(),
        "an attempt that was given up"
    );
}

#[tokio::test]
async fn ratchets_and_identities_come_back_singly_and_in_batches() {
    let Rig { keys, .. } = rig();
    keys.put_identity("a@lid", [1; 32]).await.unwrap();
    let batch = [(Arc::from("b@lid"), [2; 32])];
    keys.put_identities_batch(&batch).await.unwrap();
    assert_eq!(keys.load_identity("b@lid").await.unwrap(), Some([2; 32]));
    keys.delete_identity("a@lid").await.unwrap();
    assert_eq!(keys.load_identity("a@lid").await.unwrap(), None);

    let sessions = [(Arc::from("a@lid"), Bytes::from_static(b"one"))];
    keys.put_sessions_batch(&sessions).await.unwrap();
    keys.put_session("b@lid", b"two").await.unwrap();
    assert!(keys.has_session("a@lid").await.unwrap());
    let session = keys.get_session("b@lid").await.unwrap();
    assert_eq!(session.as_deref(), Some(b"two".as_slice()));
    keys.delete_session("b@lid").await.unwrap();
    assert!(!keys.has_session("b@lid").await.unwrap());
}

#[tokio::test]
async fn a_pre_key_that_was_used_stays_away() {
    let Rig { keys, .. } = rig();
    let batch = [
        (7, Bytes::from_static(b"7")),
        (12, Bytes::from_static(b"12")),
    ];
    keys.store_prekeys_batch(&batch, false).await.unwrap();
    keys.store_prekey(9, b"9", true).await.unwrap();
    assert_eq!(keys.get_max_prekey_id().await.unwrap(), 12);
    keys.remove_prekey(12).await.unwrap();
    keys.mark_prekeys_uploaded(&[7, 9, 12]).await.unwrap();
    assert_eq!(keys.load_prekey(12).await.unwrap(), None);
    assert_eq!(keys.load_prekeys_batch(&[7, 9, 12]).await.unwrap().len(), 2);
    assert_eq!(keys.get_max_prekey_id().await.unwrap(), 9);
    keys.store_signed_prekey(1, b"signed").await.unwrap();
    let signed = keys.load_all_signed_prekeys().await.unwrap();
    assert_eq!(signed, [(1, b"signed".to_vec())]);
    keys.remove_signed_prekey(1).await.unwrap();
    assert_eq!(keys.load_signed_prekey(1).await.unwrap(), None);
}

#[tokio::test]
async fn settings_of_the_account_come_back() {
    let Rig { keys, .. } = rig();
    let key = |byte| AppStateSyncKey {
        key_data: vec![byte],
        ..AppStateSyncKey::default()
    };
    keys.set_sync_key(b"one", key(1)).await.unwrap();
    keys.set_sync_key(b"two", key(2)).await.unwrap();
    assert_eq!(
        keys.get_latest_sync_key_id().await.unwrap().unwrap(),
        b"two"
    );
    assert_eq!(
        keys.get_sync_key(b"one").await.unwrap().unwrap().key_data,
        [1]
    );
    assert_eq!(keys.get_version("critical").await.unwrap().version, 0);
    let state = HashState {
        version: 3,
        ..HashState::default()
    };
    keys.set_version("critical", state).await.unwrap();
    assert_eq!(keys.get_version("critical").await.unwrap().version, 3);

    let proof = |byte| AppStateMutationMAC {
        index_mac: vec![byte; 32],
        value_mac: vec![byte],
    };
    keys.put_mutation_macs("a", 1, &[proof(1), proof(2)])
        .await
        .unwrap();
    keys.put_mutation_macs("ab", 1, &[proof(1)]).await.unwrap();
    keys.delete_mutation_macs("a", &[vec![2; 32]])
        .await
        .unwrap();
    assert_eq!(keys.get_mutation_mac("a", &[2; 32]).await.unwrap(), None);
    let several = keys
        .get_mutation_macs("a", &[[1; 32], [2; 32]])
        .await
        .unwrap();
    assert_eq!(several.len(), 1);
    keys.clear_mutation_macs("a").await.unwrap();
    assert_eq!(keys.get_mutation_mac("a", &[1; 32]).await.unwrap(), None);
    assert!(
        keys.get_mutation_mac("ab", &[1; 32])
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn names_of_a_person_are_known_in_both_directions() {
    let Rig { keys, .. } = rig();
    let entry = |lid: &str, phone: &str| LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1,
        updated_at: 1,
        learning_source: "test".to_owned(),
    };
    let both = [entry("888", "4917"), entry("999", "4918")];
    keys.put_lid_mappings(&both).await.unwrap();
    let found = keys.get_pn_mapping("4917").await.unwrap().unwrap();
    assert_eq!(found.lid, "888");
    assert_eq!(keys.get_all_lid_mappings().await.unwrap().len(), 2);
    keys.put_lid_mapping(&entry("888", "4919")).await.unwrap();
    assert!(
        keys.get_pn_mapping("4917").await.unwrap().is_none(),
        "the number has moved on"
    );
    assert_eq!(
        keys.get_pn_mapping("4919").await.unwrap().unwrap().lid,
        "888"
    );
}

#[tokio::test]
async fn groups_devices_and_base_keys_come_back() {
    let Rig { keys, .. } = rig();
    let flags = [("a:1@lid", true), ("b:1@lid", false)];
    keys.set_sender_key_status("g@g.us", &flags).await.unwrap();
    keys.set_sender_key_status("g@g.us", &[("a:1@lid", false)])
        .await
        .unwrap();
    keys.delete_sender_key_device_rows(&["b:1@lid"])
        .await
        .unwrap();
    let left = keys.get_sender_key_devices("g@g.us").await.unwrap();
    assert_eq!(left, [("a:1@lid".to_owned(), false)]);
    keys.clear_all_sender_key_devices().await.unwrap();
    assert!(
        keys.get_sender_key_devices("g@g.us")
            .await
            .unwrap()
            .is_empty()
    );
    let record = DeviceListRecord {
        user: "888".to_owned(),
        devices: vec![DeviceInfo::new(1, Some(2))],
        timestamp: 5,
        phash: None,
        raw_id: Some(3),
    };
    keys.update_device_list(record).await.unwrap();
    assert_eq!(
        keys.get_devices("888").await.unwrap().unwrap().raw_id,
        Some(3)
    );
    keys.delete_devices("888").await.unwrap();
    assert!(keys.get_devices("888").await.unwrap().is_none());
    keys.save_base_key("a", "m", b"base").await.unwrap();
    assert!(keys.has_same_base_key("a", "m", b"base").await.unwrap());
    assert!(!keys.has_same_base_key("a", "n", b"base").await.unwrap());
    keys.delete_base_key("a", "m").await.unwrap();
    assert!(!keys.has_same_base_key("a", "m", b"base").await.unwrap());
}

#[tokio::test]
async fn a_token_keeps_what_each_side_wrote() {
    let Rig { keys, .. } = rig();
    keys.touch_tc_token_sender_timestamp("a", 50).await.unwrap();
    keys.store_received_tc_token("a", b"new", 40).await.unwrap();
    keys.store_received_tc_token("a", b"old", 30).await.unwrap();
    keys.touch_tc_token_sender_timestamp("a", 20).await.unwrap();
    let TcTokenEntry {
        token,
        token_timestamp,
        sender_timestamp,
    } = keys.get_tc_token("a").await.unwrap().unwrap();
    assert_eq!((token.as_slice(), token_timestamp), (b"new".as_slice(), 40));
    assert_eq!(sender_timestamp, Some(50));
    assert_eq!(keys.delete_expired_tc_tokens(100, 50).await.unwrap(), 0);
    assert_eq!(keys.delete_expired_tc_tokens(100, 51).await.unwrap(), 1);
    assert!(keys.get_all_tc_token_jids().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sent_message_is_given_out_once_and_grows_old() {
    let Rig { keys, clock, .. } = rig();
    keys.store_sent_message("a@lid", "1", b"text")
        .await
        .unwrap();
    let taken = keys.take_sent_message("a@lid", "1").await.unwrap();
    assert_eq!(taken.as_deref(), Some(b"text".as_slice()));
    assert_eq!(keys.take_sent_message("a@lid", "1").await.unwrap(), None);
    keys.store_sent_message("a@lid", "2", b"text")
        .await
        .unwrap();
    clock.advance(10_000);
    keys.store_sent_message("a@lid", "3", b"text")
        .await
        .unwrap();
    assert_eq!(
        keys.delete_expired_sent_messages(SECONDS + 5)
            .await
            .unwrap(),
        1
    );
    assert_eq!(keys.take_sent_message("a@lid", "2").await.unwrap(), None);
    assert!(
        keys.take_sent_message("a@lid", "3")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn messages_that_came_in_wait_until_they_were_kept() {
    let Rig { keys, .. } = rig();
    let rows = ["1", "2"].map(|id| PendingInboundRow {
        chat: "a@lid",
        sender: "a@lid",
        id,
        message: b"text",
    });
    keys.store_pending_inbound_batch(&rows).await.unwrap();
    let found = keys
        .get_pending_inbound("a@lid", "a@lid", "2")
        .await
        .unwrap();
    assert_eq!(found.as_deref(), Some(b"text".as_slice()));
    let key = PendingInboundKey {
        chat: "a@lid",
        sender: "a@lid",
        id: "1",
    };
    keys.delete_pending_inbound_batch(&[key]).await.unwrap();
    assert_eq!(
        keys.get_pending_inbound("a@lid", "a@lid", "1")
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        keys.delete_expired_pending_inbound(SECONDS).await.unwrap(),
        0
    );
    assert_eq!(
        keys.delete_expired_pending_inbound(SECONDS + 1)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn secrets_of_messages_grow_old_only_where_they_may() {
    let Rig { keys, .. } = rig();
    keys.put_msg_secret("a", "b", "1", &[1; 32]).await.unwrap();
    let (secret, at) = keys
        .get_msg_secret_with_ts("a", "b", "1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((secret, at), (vec![1; 32], 0));
    assert_eq!(keys.delete_expired_msg_secrets(i64::MAX).await.unwrap(), 0);
}

#[tokio::test]
async fn what_belongs_to_a_link_is_forgotten_and_nothing_else() {
    let Rig {
        keys,
        store,
        tenant,
        ..
    } = rig();
    keys.save(&Device::new()).await.unwrap();
    keys.put_session("a@lid", b"one").await.unwrap();
    keys.store_sent_message("a@lid", "1", b"text")
        .await
        .unwrap();
    keys.vault
        .put_now(Kind("outbox"), "1", b"event")
        .await
        .unwrap();
    forget(&keys.vault).await.unwrap();
    let left = store.list(tenant, "").await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].0, "outbox/1");
}
