//! A business's link to WhatsApp: its state as it was reported, its settings, and who owns its session.

use prosaas_core::message::ChatAddress;
use prosaas_core::whatsapp::LinkState;
use prosaas_core::{E164, Error, Result, TenantId, UnixMillis};
use serde_json::json;

use super::CrmStore;
use super::businesses::require_business;
use super::db::{Args, Change, Json, Row, Sql, TenantTx, args};
use super::records::{expect_changed, expect_version};
use super::wa_cloud::cloud;
use crate::auth::{SystemScope, TenantScope};
use crate::model::whatsapp::{WaLink, WaSettings, WaSettingsPatch, WaState};

const LINK: Sql = Sql::both("SELECT * FROM wa_links WHERE tenant_id = $1");
const SETTINGS: Sql = Sql::both("SELECT settings FROM wa_links WHERE tenant_id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     VALUES ($1, 'unlinked', $2, 1, $2, $2)
     ON CONFLICT (tenant_id) DO NOTHING",
);
const UPDATE: Sql = Sql::both(
    "UPDATE wa_links SET settings = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND version = $2",
);
const NOTE_STATE: Sql = Sql::both(
    "UPDATE wa_links
     SET state_at = CASE WHEN state = $2 THEN state_at ELSE $3 END, state = $2, until = $4,
         linked_at = CASE WHEN $2 = 'ready' AND state <> 'ready' THEN $3 ELSE linked_at END,
         number = CASE WHEN $2 IN ('unlinked', 'logged_out') THEN NULL ELSE coalesce($5, number) END
     WHERE tenant_id = $1",
);
const NOTE_NUMBER: Sql = Sql::both("UPDATE wa_links SET number = $2 WHERE tenant_id = $1");
const EPOCH: Sql = Sql::both(
    "/* across tenants: the installation runs the sessions of all businesses */
     INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     SELECT tenant_id, 'unlinked', $2, 1, $2, $2 FROM businesses WHERE tenant_id = $1
     ON CONFLICT (tenant_id) DO UPDATE SET epoch = wa_links.epoch
     RETURNING epoch",
);
const KNOWN_EPOCH: Sql = Sql::both(
    "/* across tenants: the installation runs the sessions of all businesses */
     SELECT epoch FROM wa_links WHERE tenant_id = $1",
);
// By the time, which goes on when a database goes back: what was given out before a restore is lower too.
const RAISE_EPOCH: Sql = Sql::split(
    "/* across tenants: the installation runs the sessions of all businesses */
     INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     SELECT tenant_id, 'unlinked', $2, $2, $2, $2 FROM businesses WHERE tenant_id = $1
     ON CONFLICT (tenant_id) DO UPDATE SET epoch = max(wa_links.epoch + 1, excluded.epoch)
     RETURNING epoch",
    "/* across tenants: the installation runs the sessions of all businesses */
     INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     SELECT tenant_id, 'unlinked', $2, $2, $2, $2 FROM businesses WHERE tenant_id = $1
     ON CONFLICT (tenant_id) DO UPDATE SET epoch = greatest(wa_links.epoch + 1, excluded.epoch)
     RETURNING epoch",
);
const RECALL_EPOCH: Sql = Sql::split(
    "/* across tenants: the installation runs the sessions of all businesses */
     INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     SELECT tenant_id, 'unlinked', $2, $3, $2, $2 FROM businesses WHERE tenant_id = $1
     ON CONFLICT (tenant_id) DO UPDATE SET epoch = max(wa_links.epoch, excluded.epoch)
     RETURNING epoch",
    "/* across tenants: the installation runs the sessions of all businesses */
     INSERT INTO wa_links (tenant_id, state, state_at, epoch, created_at, updated_at)
     SELECT tenant_id, 'unlinked', $2, $3, $2, $2 FROM businesses WHERE tenant_id = $1
     ON CONFLICT (tenant_id) DO UPDATE SET epoch = greatest(wa_links.epoch, excluded.epoch)
     RETURNING epoch",
);
const LAST_HEARD: Sql = Sql::both(
    "/* across tenants: the transport asks for one business, whose id is the first value */
     SELECT conversations.last_inbound_at FROM conversation_peers
     JOIN conversations ON conversations.tenant_id = conversation_peers.tenant_id
                       AND conversations.id = conversation_peers.conversation_id
     WHERE conversation_peers.tenant_id = $1 AND conversation_peers.channel = 'whatsapp'
       AND conversation_peers.kind = 'address' AND conversation_peers.value = $2",
);

impl CrmStore {
    /// The business's link; before it was ever asked for, one that is not linked.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn wa_link(&self, scope: &TenantScope) -> Result<WaLink> {
        let mut tx = self.read(scope).await?;
        if let Some(row) = tx.fetch_optional(&LINK, args![]).await? {
            return link(&row);
        }
        require_business(&mut tx).await?;
        let now = self.now();
        Ok(WaLink {
            state: WaState::Unlinked,
            state_at: now,
            until: None,
            number: None,
            linked_at: None,
            cloud: None,
            settings: WaSettings::default(),
            epoch: 1,
            updated_at: now,
            version: 1,
        })
    }

    /// Changes settings that are still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_wa_settings(
        &self,
        scope: &TenantScope,
        expected: u64,
        patch: WaSettingsPatch,
    ) -> Result<WaLink> {
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let before = self.own_link(&mut tx).await?;
        expect_version(before.version, expected)?;
        let after = patch.apply(before.settings)?;
        let values = args![expected, Json(json!(after)), self.now()];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let tenant = tx.tenant();
        let change = Change::new("whatsapp.settings_changed", "whatsapp", tenant);
        tx.record(change.detail(json!({ "answers": after.answers })));
        let link = self.own_link(&mut tx).await?;
        tx.commit().await?;
        Ok(link)
    }

    /// Notes where the link stands, and tells open consoles. A new code is news although the word for it
    /// stays; the code itself is not stored.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn note_wa_state(&self, scope: &TenantScope, state: &LinkState) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let before = self.own_link(&mut tx).await?;
        let word = WaState::from(state);
        let until = match state {
            LinkState::Banned { until } => *until,
            _ => None,
        };
        // A code that is scanned does not say whose phone it is; the channel does, once it is there.
        let number = match state {
            LinkState::Ready { number } => number.as_ref(),
            _ => None,
        };
        let is_known = number.is_none() || before.number.as_ref() == number;
        let shows_code = matches!(word, WaState::Qr | WaState::PairingCode);
        if before.state == word && before.until == until && is_known && !shows_code {
            return Ok(());
        }
        let values = args![word.as_str(), self.now(), until, number];
        tx.execute(&NOTE_STATE, values).await?;
        let tenant = tx.tenant();
        let change = Change::new("whatsapp.state_changed", "whatsapp", tenant).without_audit();
        tx.record(if shows_code {
            change.without_webhooks()
        } else {
            change.detail(json!({ "state": word }))
        });
        tx.commit().await
    }

    /// Notes in the audit log what somebody asked of the link, and the number that he named.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn note_wa_request(
        &self,
        scope: &TenantScope,
        (kind, method): (&'static str, Option<&'static str>),
        number: Option<&E164>,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        self.own_link(&mut tx).await?;
        if number.is_some() {
            tx.execute(&NOTE_NUMBER, args![number]).await?;
        }
        let tenant = tx.tenant();
        let change = Change::new(kind, "whatsapp", tenant).detail(json!({ "method": method }));
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Under which epoch the business's session is owned, at least 1.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn wa_owner_epoch(&self, scope: &SystemScope, tenant: TenantId) -> Result<u64> {
        let mut tx = self.system_read(scope).await?;
        let known = args![tenant.uuid()];
        if let Some(row) = tx.fetch_optional(&KNOWN_EPOCH, known).await? {
            return row.get("epoch");
        }
        drop(tx);
        let values = args![tenant.uuid(), self.now()];
        self.epoch(scope, &EPOCH, values).await
    }

    /// Gives the session to another owner: who had it before is refused from now on. Returns the new epoch,
    /// above every one that was ever given out, also before this database was restored from a backup: it is
    /// the present in milliseconds, or one more than the last.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn raise_wa_epoch(&self, scope: &SystemScope, tenant: TenantId) -> Result<u64> {
        let values = args![tenant.uuid(), self.now()];
        self.epoch(scope, &RAISE_EPOCH, values).await
    }

    /// Remembers an epoch that was given out before this database was restored from a backup; an older one
    /// changes nothing. Returns the one that holds.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn recall_wa_epoch(
        &self,
        scope: &SystemScope,
        tenant: TenantId,
        epoch: u64,
    ) -> Result<u64> {
        let values = args![tenant.uuid(), self.now(), epoch];
        self.epoch(scope, &RECALL_EPOCH, values).await
    }

    async fn epoch(&self, scope: &SystemScope, sql: &Sql, values: Args) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let row = tx.fetch_optional(sql, values).await?;
        let epoch = row
            .ok_or(Error::NotFound { what: "business" })?
            .get("epoch")?;
        tx.commit().await?;
        Ok(epoch)
    }

    /// When the person at this address last wrote to the business.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wa_last_heard(
        &self,
        scope: &SystemScope,
        tenant: TenantId,
        chat: &ChatAddress,
    ) -> Result<Option<UnixMillis>> {
        let tx = self.system_look(scope).await?;
        let values = args![tenant.uuid(), &chat.0];
        match tx.fetch_optional(&LAST_HEARD, values).await? {
            Some(row) => row.get("last_inbound_at"),
            None => Ok(None),
        }
    }

    pub(super) async fn own_link(&self, tx: &mut TenantTx) -> Result<WaLink> {
        tx.execute(&ADD, args![self.now()]).await?;
        link(&tx.fetch_one(&LINK, args![], "WhatsApp link").await?)
    }

    /// What the business decided, within a transaction.
    pub(super) async fn wa_settings_within(&self, tx: &mut TenantTx) -> Result<WaSettings> {
        match tx.fetch_optional(&SETTINGS, args![]).await? {
            Some(row) => row.json("settings"),
            None => Ok(WaSettings::default()),
        }
    }
}

fn link(row: &Row) -> Result<WaLink> {
    Ok(WaLink {
        state: row.parse("state")?,
        state_at: row.get("state_at")?,
        until: row.get("until")?,
        number: row.get("number")?,
        linked_at: row.get("linked_at")?,
        cloud: cloud(row)?,
        settings: row.json("settings")?,
        epoch: row.get("epoch")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
    })
}
