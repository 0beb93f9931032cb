//! Passkeys of an account, and ceremonies that have begun. What they hold is the ceremony's business:
//! here they are JSON.

use prosaas_core::{Error, Result, UnixMillis};
use serde_json::{Value, json};

use crate::auth::token::OpaqueToken;
use crate::auth::{Actor, SystemScope};
use crate::model::access::PasskeyInfo;
use crate::model::check;
use crate::model::id::{PasskeyId, UserId};
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, args};

/// More than anybody has devices.
const MAX_PASSKEYS: u64 = 20;

const OF_USER: Sql = Sql::both(
    "SELECT id, name, passkey, created_at, used_at FROM passkeys
     WHERE user_id = $1 ORDER BY created_at, id",
);
const COUNT: Sql = Sql::both("SELECT COUNT(*) AS passkeys FROM passkeys WHERE user_id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO passkeys (id, user_id, credential_id, passkey, name, created_at)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING",
);
const USED: Sql = Sql::both(
    "UPDATE passkeys SET passkey = $3, used_at = $4 WHERE user_id = $1 AND credential_id = $2",
);
const REMOVE: Sql = Sql::both("DELETE FROM passkeys WHERE user_id = $1 AND id = $2");
const BEGIN: Sql = Sql::both(
    "INSERT INTO passkey_ceremonies (token_hash, user_id, kind, state, expires_at)
     VALUES ($1, $2, $3, $4, $5)",
);
// Read and gone in one statement: no ceremony ends twice.
const END: Sql = Sql::both(
    "DELETE FROM passkey_ceremonies
     WHERE token_hash = $1 AND user_id = $2 AND kind = $3 AND expires_at > $4
     RETURNING state",
);
const FORGET: Sql = Sql::both("DELETE FROM passkey_ceremonies WHERE expires_at < $1");

/// Which ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonyKind {
    /// A new passkey.
    Register,
    /// Proving one.
    Authenticate,
}

impl CeremonyKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Authenticate => "authenticate",
        }
    }
}

impl CrmStore {
    /// The passkeys of an account, for its owner's list.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<PasskeyInfo>> {
        let rows = self.passkey_rows(user).await?;
        let read = |row: &Row| {
            Ok(PasskeyInfo {
                id: row.id("id")?,
                name: row.get("name")?,
                created_at: row.get("created_at")?,
                used_at: row.get("used_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The passkeys of an account, for a ceremony.
    pub async fn passkey_credentials(&self, user: UserId) -> Result<Vec<Value>> {
        let rows = self.passkey_rows(user).await?;
        rows.iter().map(|row| row.get("passkey")).collect()
    }

    /// Adds a passkey.
    ///
    /// # Errors
    /// `Conflict` with `passkey-taken` or `too-many-passkeys`.
    pub async fn add_passkey(
        &self,
        user: UserId,
        credential_id: &[u8],
        passkey: Value,
        name: &str,
    ) -> Result<PasskeyId> {
        let name = check::line("name", name, check::MAX_NAME)?;
        let id = PasskeyId::mint(self.now());
        let mut tx = self.system_write(&own(user)).await?;
        let row = tx.fetch_one(&COUNT, args![user.uuid()], "user").await?;
        if row.get::<u64>("passkeys")? >= MAX_PASSKEYS {
            return Err(Error::Conflict {
                what: "too-many-passkeys",
                detail: format!("an account has at most {MAX_PASSKEYS}"),
            });
        }
        let values = args![
            id.uuid(),
            user.uuid(),
            credential_id,
            Json(passkey),
            name,
            self.now(),
        ];
        if tx.execute(&ADD, values).await? == 0 {
            return Err(Error::Conflict {
                what: "passkey-taken",
                detail: "this passkey is registered already".to_owned(),
            });
        }
        tx.audit("user.passkey_added", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Notes that a passkey was proved, with its new counter.
    ///
    /// # Errors
    /// `NotFound` when it was removed meanwhile.
    pub async fn note_passkey_use(
        &self,
        user: UserId,
        credential_id: &[u8],
        passkey: Value,
    ) -> Result<()> {
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![user.uuid(), credential_id, Json(passkey), self.now()];
        if tx.execute(&USED, values).await? == 0 {
            return Err(Error::NotFound { what: "passkey" });
        }
        tx.commit().await
    }

    /// Removes one of one's own passkeys.
    ///
    /// # Errors
    /// `NotFound` for somebody else's.
    pub async fn remove_passkey(&self, user: UserId, passkey: PasskeyId) -> Result<()> {
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![user.uuid(), passkey.uuid()];
        if tx.execute(&REMOVE, values).await? == 0 {
            return Err(Error::NotFound { what: "passkey" });
        }
        tx.audit("user.passkey_removed", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await
    }

    /// Keeps our half of a ceremony; the token finds it again.
    pub async fn begin_ceremony(
        &self,
        user: UserId,
        kind: CeremonyKind,
        state: Value,
        expires_at: UnixMillis,
    ) -> Result<OpaqueToken> {
        let token = OpaqueToken::generate()?;
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![
            token.hash().as_bytes(),
            user.uuid(),
            kind.as_str(),
            Json(state),
            expires_at,
        ];
        tx.execute(&BEGIN, values).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Our half of a ceremony, once.
    ///
    /// # Errors
    /// `Conflict` with `ceremony-over` when it ended, expired, or is another user's.
    pub async fn end_ceremony(
        &self,
        user: UserId,
        kind: CeremonyKind,
        token: &OpaqueToken,
    ) -> Result<Value> {
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![
            token.hash().as_bytes(),
            user.uuid(),
            kind.as_str(),
            self.now(),
        ];
        let row = tx.fetch_optional(&END, values).await?;
        let row = row.ok_or_else(|| Error::Conflict {
            what: "ceremony-over",
            detail: "begin again".to_owned(),
        })?;
        let state = row.get("state")?;
        tx.commit().await?;
        Ok(state)
    }

    /// Deletes ceremonies that nobody ended; returns how many.
    pub async fn forget_ceremonies(&self, scope: &SystemScope) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let forgotten = tx.execute(&FORGET, args![self.now()]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    async fn passkey_rows(&self, user: UserId) -> Result<Vec<Row>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        tx.fetch_all(&OF_USER, args![user.uuid()]).await
    }
}

fn own(user: UserId) -> SystemScope {
    SystemScope::on_behalf_of(Actor::User(user))
}
