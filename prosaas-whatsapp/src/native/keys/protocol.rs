//! What the protocol wants remembered: names of people, their devices, messages that may be asked for again.

use async_trait::async_trait;
use whatsapp_rust::traits::{
    DeviceListRecord, LidPnMappingEntry, MsgSecretEntry, MsgSecretStore, PendingInboundKey,
    PendingInboundRow, ProtocolStore, TcTokenEntry, merge_msg_secret_expiry,
    merge_msg_secret_message_ts,
};
use whatsapp_rust::wacore::store::error::Result;

use super::{Keys, dated, joined, seconds, store_error};
use crate::native::vault::{Batch, Kind};

const GROUP_DEVICES: Kind = Kind("group-devices");
const LID: Kind = Kind("lid");
const PHONE: Kind = Kind("phone");
const BASE_KEY: Kind = Kind("base-key");
const DEVICES: Kind = Kind("devices");
const GROUP: Kind = Kind("group");
const TOKEN: Kind = Kind("token");
const SENT: Kind = Kind("sent");
const PENDING: Kind = Kind("pending");
const SECRET: Kind = Kind("secret");

pub(super) const KINDS: &[Kind] = &[
    GROUP_DEVICES,
    LID,
    PHONE,
    BASE_KEY,
    DEVICES,
    GROUP,
    TOKEN,
    SENT,
    PENDING,
    SECRET,
];

type Flags = Vec<(String, bool)>;

impl Keys {
    /// Changes every group's list of devices, in one write.
    async fn change_group_devices(&self, change: impl Fn(&mut Flags) + Send + Sync) -> Result<()> {
        let _changing = self.changing.lock().await;
        let groups: Vec<(String, Flags)> = self
            .vault
            .list_json(GROUP_DEVICES)
            .await
            .map_err(store_error)?;
        let mut batch = Batch::default();
        for (group, mut flags) in groups {
            let before = flags.len();
            change(&mut flags);
            if flags.len() != before {
                self.vault
                    .put_json(&mut batch, GROUP_DEVICES, &group, &flags)
                    .map_err(store_error)?;
            }
        }
        self.write(batch).await
    }

    /// Both directions, so that a name is never known in one alone.
    fn put_mapping(
        &self,
        batch: &mut Batch,
        entry: &LidPnMappingEntry,
    ) -> prosaas_core::Result<()> {
        self.vault.put_json(batch, LID, &entry.lid, entry)?;
        let lid = entry.lid.as_bytes();
        self.vault.put(batch, PHONE, &entry.phone_number, lid)
    }
}

#[async_trait]
impl ProtocolStore for Keys {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let flags: Option<Flags> = self.get_json(GROUP_DEVICES, group_jid).await?;
        Ok(flags.unwrap_or_default())
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let _changing = self.changing.lock().await;
        let mut flags: Flags = self
            .get_json(GROUP_DEVICES, group_jid)
            .await?
            .unwrap_or_default();
        for (device, has_key) in entries {
            flags.retain(|(known, _)| known != device);
            flags.push(((*device).to_owned(), *has_key));
        }
        self.put_json(GROUP_DEVICES, group_jid, &flags).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        self.delete(GROUP_DEVICES, group_jid).await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        self.change_group_devices(|flags| {
            flags.retain(|(device, _)| !device_jids.contains(&device.as_str()));
        })
        .await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        self.change_group_devices(Vec::clear).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        self.get_json(LID, lid).await
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let Some(lid) = self.get(PHONE, phone).await? else {
            return Ok(None);
        };
        let lid = String::from_utf8_lossy(&lid).into_owned();
        let entry = self.get_lid_mapping(&lid).await?;
        // The person may have another number by now.
        Ok(entry.filter(|entry| entry.phone_number == phone))
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let mut batch = Batch::default();
        for entry in entries {
            self.put_mapping(&mut batch, entry).map_err(store_error)?;
        }
        self.write(batch).await
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let entries = self.vault.list_json(LID).await.map_err(store_error)?;
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        let id = joined(&[address, message_id]);
        self.put(BASE_KEY, &id, base_key).await
    }

    async fn has_same_base_key(
        &self,
        address: &str,
        message_id: &str,
        current_base_key: &[u8],
    ) -> Result<bool> {
        let saved = self.get(BASE_KEY, &joined(&[address, message_id])).await?;
        Ok(saved.is_some_and(|saved| saved == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.delete(BASE_KEY, &joined(&[address, message_id])).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.put_json(DEVICES, &record.user, &record).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        self.get_json(DEVICES, user).await
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.delete(DEVICES, user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.get(GROUP, group_jid).await
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(GROUP, group_jid, blob).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.delete(GROUP, group_jid).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        self.get_json(TOKEN, jid).await
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        self.put_json(TOKEN, jid, entry).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.delete(TOKEN, jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        let tokens = self.vault.list(TOKEN).await.map_err(store_error)?;
        Ok(tokens.into_iter().map(|(jid, _)| jid).collect())
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        let is_old = |value: &[u8]| {
            serde_json::from_slice(value).is_ok_and(|entry: TcTokenEntry| {
                let received = !entry.token.is_empty() && entry.token_timestamp >= token_cutoff;
                let issued = entry.sender_timestamp.is_some_and(|at| at >= sender_cutoff);
                !received && !issued
            })
        };
        self.sweep(TOKEN, is_old).await
    }

    async fn touch_tc_token_sender_timestamp(
        &self,
        jid: &str,
        sender_timestamp: i64,
    ) -> Result<()> {
        let _changing = self.changing.lock().await;
        let mut entry = self.get_tc_token(jid).await?.unwrap_or(TcTokenEntry {
            token: Vec::new(),
            token_timestamp: sender_timestamp,
            sender_timestamp: None,
        });
        entry.sender_timestamp = entry.sender_timestamp.max(Some(sender_timestamp));
        self.put_tc_token(jid, &entry).await
    }

    async fn store_received_tc_token(
        &self,
        jid: &str,
        token: &[u8],
        token_timestamp: i64,
    ) -> Result<()> {
        let _changing = self.changing.lock().await;
        let known = self.get_tc_token(jid).await?;
        let is_older = known.as_ref().is_some_and(|known| {
            !known.token.is_empty() && token_timestamp < known.token_timestamp
        });
        if is_older {
            return Ok(());
        }
        let entry = TcTokenEntry {
            token: token.to_vec(),
            token_timestamp,
            sender_timestamp: known.and_then(|known| known.sender_timestamp),
        };
        self.put_tc_token(jid, &entry).await
    }

    async fn store_sent_message(
        &self,
        chat_jid: &str,
        message_id: &str,
        payload: &[u8],
    ) -> Result<()> {
        let id = joined(&[chat_jid, message_id]);
        self.put(SENT, &id, &dated(self.now(), payload)).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let _changing = self.changing.lock().await;
        let id = joined(&[chat_jid, message_id]);
        let Some(value) = self.get(SENT, &id).await? else {
            return Ok(None);
        };
        self.delete(SENT, &id).await?;
        Ok(seconds(&value).map(|(_, payload)| payload.to_vec()))
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.sweep(SENT, |value| is_before(value, cutoff_timestamp))
            .await
    }

    async fn store_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
        message: &[u8],
    ) -> Result<()> {
        let value = dated(self.now(), message);
        self.put(PENDING, &joined(&[chat, sender, id]), &value)
            .await
    }

    async fn get_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let value = self.get(PENDING, &joined(&[chat, sender, id])).await?;
        Ok(value.and_then(|value| seconds(&value).map(|(_, message)| message.to_vec())))
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete(PENDING, &joined(&[chat, sender, id])).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.sweep(PENDING, |value| is_before(value, cutoff_timestamp))
            .await
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let now = self.now();
        let records = rows.iter().map(|row| {
            let id = joined(&[row.chat, row.sender, row.id]);
            (id, dated(now, row.message))
        });
        self.write(self.batch(PENDING, records)?).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let mut batch = Batch::default();
        for key in keys {
            let id = joined(&[key.chat, key.sender, key.id]);
            self.vault.delete(&mut batch, PENDING, &id);
        }
        self.write(batch).await
    }
}

fn is_before(value: &[u8], cutoff: i64) -> bool {
    seconds(value).is_none_or(|(at, _)| at < cutoff)
}

#[async_trait]
impl MsgSecretStore for Keys {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let _changing = self.changing.lock().await;
        let mut batch = Batch::default();
        for mut entry in entries.iter().cloned() {
            let id = joined(&[&entry.chat, &entry.sender, &entry.msg_id]);
            if let Some(known) = self.get_json::<MsgSecretEntry>(SECRET, &id).await? {
                entry.expires_at = merge_msg_secret_expiry(known.expires_at, entry.expires_at);
                entry.message_ts = merge_msg_secret_message_ts(known.message_ts, entry.message_ts);
            }
            self.vault
                .put_json(&mut batch, SECRET, &id, &entry)
                .map_err(store_error)?;
        }
        self.write(batch).await?;
        Ok(entries.len())
    }

    async fn get_msg_secret(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let found = self.get_msg_secret_with_ts(chat, sender, msg_id).await?;
        Ok(found.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        let id = joined(&[chat, sender, msg_id]);
        let entry: Option<MsgSecretEntry> = self.get_json(SECRET, &id).await?;
        Ok(entry.map(|entry| (entry.secret.to_vec(), entry.message_ts)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        let is_old = |value: &[u8]| {
            serde_json::from_slice(value).is_ok_and(|entry: MsgSecretEntry| {
                entry.expires_at != 0 && entry.expires_at <= cutoff_timestamp
            })
        };
        self.sweep(SECRET, is_old).await
    }
}
