//! Browsers that members are told of calls on, and the key by which push services know us.

use prosaas_core::{CallId, Error, Result};
use serde_json::json;
use uuid::Uuid;

use super::CrmStore;
use super::db::{Change, Row, Sql, args};
use crate::auth::seal::{Place, Sealed};
use crate::auth::{Actor, SystemScope, TenantScope};
use crate::model::id::{PushSubscriptionId, SessionId, UserId};
use crate::model::job::JobWork;
use crate::model::push::{DuePush, MAX_BROWSERS, PushSubscription, Reach};
use crate::push::{BrowserKeys, VapidKey};

const KEY: Sql = Sql::both("SELECT sealed FROM push_keys");
const ADD_KEY: Sql = Sql::both(
    "INSERT INTO push_keys (id, sealed, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
);
// A browser has one address, whoever is signed in with it: it belongs to whoever showed it last.
const ADD: Sql = Sql::both(
    "INSERT INTO push_subscriptions (tenant_id, id, user_id, session_id, endpoint, p256dh, auth,
                                     created_at, seen_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
     ON CONFLICT (tenant_id, endpoint) DO UPDATE
     SET user_id = excluded.user_id, session_id = excluded.session_id, p256dh = excluded.p256dh,
         auth = excluded.auth, seen_at = excluded.seen_at",
);
const BY_ENDPOINT: Sql = Sql::both(
    "SELECT id, session_id, created_at, seen_at FROM push_subscriptions
     WHERE tenant_id = $1 AND endpoint = $2",
);
const BY_ENDPOINT_OWNER: Sql = Sql::both(
    "SELECT 1 FROM push_subscriptions WHERE tenant_id = $1 AND endpoint = $2 AND user_id = $3",
);
const DROP_OLDEST: Sql = Sql::both(
    "DELETE FROM push_subscriptions
     WHERE tenant_id = $1 AND user_id = $2
       AND id NOT IN (SELECT id FROM push_subscriptions
                      WHERE tenant_id = $1 AND user_id = $2
                      ORDER BY seen_at DESC, id DESC LIMIT $3)",
);
const OF_USER: Sql = Sql::both(
    "SELECT id, session_id, created_at, seen_at FROM push_subscriptions
     WHERE tenant_id = $1 AND user_id = $2 ORDER BY seen_at DESC, id DESC",
);
const REMOVE: Sql =
    Sql::both("DELETE FROM push_subscriptions WHERE tenant_id = $1 AND id = $2 AND user_id = $3");
const FORGET: Sql =
    Sql::both("DELETE FROM push_subscriptions WHERE tenant_id = $1 AND id = $2 AND endpoint = $3");
const ALL: Sql = Sql::both("SELECT id FROM push_subscriptions WHERE tenant_id = $1 ORDER BY id");
const DUE: Sql = Sql::both(
    "/* across tenants: sessions belong to the installation, so the browser of one business is read from there */
     SELECT push_subscriptions.endpoint, push_subscriptions.p256dh, push_subscriptions.auth,
            users.language, businesses.name
     FROM push_subscriptions
     JOIN sessions ON sessions.id = push_subscriptions.session_id
          AND sessions.user_id = push_subscriptions.user_id
     JOIN users ON users.id = push_subscriptions.user_id
     JOIN memberships ON memberships.tenant_id = push_subscriptions.tenant_id
          AND memberships.user_id = push_subscriptions.user_id
     JOIN businesses ON businesses.tenant_id = push_subscriptions.tenant_id
     WHERE push_subscriptions.tenant_id = $1 AND push_subscriptions.id = $2
       AND sessions.revoked_at IS NULL AND sessions.expires_at > $3
       AND users.status = 'active' AND users.deleted_at IS NULL
       AND memberships.status = 'active'
       AND businesses.status = 'active' AND businesses.deleted_at IS NULL",
);

impl CrmStore {
    /// The key by which push services know this installation; made when it is asked for first.
    ///
    /// # Errors
    /// `Conflict` `master-key-missing`; `Internal` when it was sealed under a key that is gone.
    pub async fn push_key(&self, scope: &SystemScope) -> Result<VapidKey> {
        if let Some(key) = self.stored_push_key(scope).await? {
            return Ok(key);
        }
        let made = VapidKey::generate()?;
        let sealed = self.master_keys()?.seal(&key_place(), &made.to_stored())?;
        let mut tx = self.system_write(scope).await?;
        // Of two that make one at once the first one's stays.
        if tx
            .execute(&ADD_KEY, args![sealed.as_bytes(), self.now()])
            .await?
            == 1
        {
            tx.audit("push.key_made", None, json!({})).await?;
        }
        tx.commit().await?;
        let stored = self.stored_push_key(scope).await?;
        stored.ok_or_else(|| Error::internal("push key", "it was stored and is not there"))
    }

    async fn stored_push_key(&self, scope: &SystemScope) -> Result<Option<VapidKey>> {
        let keys = self.master_keys()?;
        let mut tx = self.system_read(scope).await?;
        let Some(row) = tx.fetch_optional(&KEY, args![]).await? else {
            return Ok(None);
        };
        let sealed = Sealed::from_bytes(row.get("sealed")?);
        VapidKey::from_stored(&keys.open(&key_place(), &sealed)?).map(Some)
    }

    /// Has the acting member told of calls on the browser of his session. One that is known is noted anew.
    ///
    /// # Errors
    /// `Forbidden` for whoever is no member, such as an API key.
    pub async fn add_push(
        &self,
        scope: &TenantScope,
        session: SessionId,
        reach: &Reach,
    ) -> Result<PushSubscription> {
        let user = member(scope).ok_or_else(|| Error::Forbidden {
            detail: "only a member is told of calls on a device".to_owned(),
        })?;
        let now = self.now();
        let mut tx = self.write(scope).await?;
        let owned = args![&reach.endpoint, user.uuid()];
        let is_known = tx
            .fetch_optional(&BY_ENDPOINT_OWNER, owned)
            .await?
            .is_some();
        let values = args![
            PushSubscriptionId::mint(now).uuid(),
            user.uuid(),
            session.uuid(),
            &reach.endpoint,
            &*reach.keys.p256dh(),
            reach.keys.auth(),
            now,
        ];
        tx.execute(&ADD, values).await?;
        tx.execute(&DROP_OLDEST, args![user.uuid(), MAX_BROWSERS])
            .await?;
        let row = tx.fetch_one(&BY_ENDPOINT, args![&reach.endpoint], "device");
        let added = read(&row.await?)?;
        // A console shows its browser at every start: that is nothing anybody did.
        if !is_known {
            let change = Change::new("push.subscribed", "push_subscription", added.id);
            tx.record(change.without_event());
        }
        tx.commit().await?;
        Ok(added)
    }

    /// The acting member's own browsers, the one seen last first; none of whoever is no member.
    pub async fn pushes(&self, scope: &TenantScope) -> Result<Vec<PushSubscription>> {
        let Some(user) = member(scope) else {
            return Ok(Vec::new());
        };
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&OF_USER, args![user.uuid()]).await?;
        rows.iter().map(read).collect()
    }

    /// Ends one of the acting member's own.
    ///
    /// # Errors
    /// `NotFound` for anybody else's.
    pub async fn remove_push(&self, scope: &TenantScope, id: PushSubscriptionId) -> Result<()> {
        let missing = Error::NotFound { what: "device" };
        let Some(user) = member(scope) else {
            return Err(missing);
        };
        let mut tx = self.write(scope).await?;
        if tx.execute(&REMOVE, args![id.uuid(), user.uuid()]).await? == 0 {
            return Err(missing);
        }
        let change = Change::new("push.unsubscribed", "push_subscription", id);
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Has every browser of the business told of a call, each by a job of its own and once; returns how many jobs
    /// that made.
    pub async fn push_alerts(&self, scope: &TenantScope, call: CallId) -> Result<u64> {
        let browsers = self.look(scope).await?.fetch_all(&ALL, args![]).await?;
        if browsers.is_empty() {
            return Ok(0);
        }
        let mut tx = self.write(scope).await?;
        let mut jobs = 0;
        for browser in &browsers {
            let subscription = browser.id("id")?;
            let work = JobWork::PushAlert { call, subscription };
            jobs += u64::from(self.add_job(&mut tx, &work, self.now()).await?);
        }
        tx.commit().await?;
        Ok(jobs)
    }

    /// A browser that may be told now: its session goes on, and its member is still one.
    pub async fn due_push(
        &self,
        scope: &TenantScope,
        id: PushSubscriptionId,
    ) -> Result<Option<DuePush>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![scope.tenant().uuid(), id.uuid(), self.now()];
        let row = tx.fetch_optional(&DUE, values).await?;
        row.as_ref().map(read_due).transpose()
    }

    /// Forgets a browser that its push service does not know any more; not when it has shown a new address since.
    pub async fn forget_push(
        &self,
        scope: &TenantScope,
        id: PushSubscriptionId,
        reach: &Reach,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![id.uuid(), &reach.endpoint];
        if tx.execute(&FORGET, values).await? == 1 {
            let change = Change::new("push.gone", "push_subscription", id);
            tx.record(change.without_event());
        }
        tx.commit().await
    }
}

/// Who has browsers of his own in a business: an administrator who acts for it and a key have none.
fn member(scope: &TenantScope) -> Option<UserId> {
    match scope.actor() {
        Actor::User(user) => Some(user),
        _ => None,
    }
}

pub(crate) const fn key_place() -> Place {
    Place {
        table: "push_keys",
        column: "sealed",
        tenant: None,
        row: Uuid::nil(),
    }
}

fn read(row: &Row) -> Result<PushSubscription> {
    Ok(PushSubscription {
        id: row.id("id")?,
        session: row.id("session_id")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
    })
}

fn read_due(row: &Row) -> Result<DuePush> {
    let (p256dh, auth): (Vec<u8>, Vec<u8>) = (row.get("p256dh")?, row.get("auth")?);
    Ok(DuePush {
        reach: Reach {
            endpoint: row.get("endpoint")?,
            keys: BrowserKeys::from_bytes(&p256dh, &auth)?,
        },
        language: row.parse("language")?,
        business: row.get("name")?,
    })
}
