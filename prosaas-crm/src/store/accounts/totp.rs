//! Authenticator apps and recovery codes of an account.

use prosaas_core::{Error, Result};
use serde_json::json;

use super::users::found;
use crate::auth::seal::{MasterKeys, Place, Sealed};
use crate::auth::totp::{RecoveryCode, TotpSecret};
use crate::auth::{Actor, SystemScope};
use crate::model::id::UserId;
use crate::store::CrmStore;
use crate::store::db::{Sql, SystemTx, args};

const TOTP: Sql = Sql::split(
    "SELECT totp_sealed, totp_last_step, totp_confirmed_at FROM users
     WHERE id = $1 AND deleted_at IS NULL",
    "SELECT totp_sealed, totp_last_step, totp_confirmed_at FROM users
     WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",
);
const BEGIN: Sql = Sql::both(
    "UPDATE users SET totp_sealed = $2, totp_last_step = NULL, updated_at = $3, version = version + 1
     WHERE id = $1 AND deleted_at IS NULL AND totp_confirmed_at IS NULL",
);
const CONFIRM: Sql = Sql::both(
    "UPDATE users SET totp_confirmed_at = $3, totp_last_step = $2, updated_at = $3,
                      version = version + 1
     WHERE id = $1",
);
const USE_STEP: Sql = Sql::both("UPDATE users SET totp_last_step = $2 WHERE id = $1");
const DISABLE: Sql = Sql::both(
    "UPDATE users SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL,
                      updated_at = $2, version = version + 1
     WHERE id = $1 AND deleted_at IS NULL",
);
const ADD_CODE: Sql = Sql::both("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)");
const USE_CODE: Sql = Sql::both(
    "UPDATE recovery_codes SET used_at = $3
     WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
);
const FORGET_CODES: Sql = Sql::both("DELETE FROM recovery_codes WHERE user_id = $1");
const CODES_LEFT: Sql = Sql::both(
    "SELECT COUNT(*) AS codes FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL",
);

impl CrmStore {
    /// Begins to register an authenticator app: the secret to show as a QR code. It counts once a code
    /// of it was shown.
    ///
    /// # Errors
    /// `Conflict` with `totp-enrolled` when there is one already.
    pub async fn begin_totp(&self, user: UserId) -> Result<TotpSecret> {
        let secret = TotpSecret::generate()?;
        let sealed = self.master_keys()?.seal(&place(user), secret.to_stored())?;
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![user.uuid(), sealed.as_bytes(), self.now()];
        if tx.execute(&BEGIN, values).await? == 0 {
            return Err(Error::Conflict {
                what: "totp-enrolled",
                detail: "an authenticator app is registered; remove it first".to_owned(),
            });
        }
        tx.commit().await?;
        Ok(secret)
    }

    /// Ends the registration with a code of the app, and gives the recovery codes, once.
    ///
    /// # Errors
    /// `Invalid` when the code is wrong; `Conflict` with `totp-not-begun` or `totp-enrolled`.
    pub async fn confirm_totp(&self, user: UserId, code: &str) -> Result<Vec<RecoveryCode>> {
        let mut tx = self.system_write(&own(user)).await?;
        let (secret, state) = read_totp(&mut tx, self.master_keys()?, user).await?;
        if state.confirmed {
            return Err(Error::Conflict {
                what: "totp-enrolled",
                detail: "an authenticator app is registered already".to_owned(),
            });
        }
        let step = secret.check(code, self.now(), state.last_step)?;
        let step = step.ok_or_else(wrong_code)?;
        tx.execute(&CONFIRM, args![user.uuid(), step, self.now()])
            .await?;
        let codes = replace_codes(&mut tx, user).await?;
        tx.audit("user.totp_enrolled", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Whether a code of the app is right now, and was not used before. Using it up is part of it.
    pub async fn check_totp(&self, user: UserId, code: &str) -> Result<bool> {
        let mut tx = self.system_write(&own(user)).await?;
        let (secret, state) = read_totp(&mut tx, self.master_keys()?, user).await?;
        if !state.confirmed {
            return Ok(false);
        }
        let Some(step) = secret.check(code, self.now(), state.last_step)? else {
            return Ok(false);
        };
        tx.execute(&USE_STEP, args![user.uuid(), step]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Uses up a recovery code; `false` when it is none, or was used.
    pub async fn use_recovery_code(&self, user: UserId, code: &RecoveryCode) -> Result<bool> {
        let mut tx = self.system_write(&own(user)).await?;
        let values = args![user.uuid(), code.hash(user).as_bytes(), self.now()];
        if tx.execute(&USE_CODE, values).await? == 0 {
            return Ok(false);
        }
        let target = Some(user.to_string());
        tx.audit("user.recovery_code_used", target, json!({}))
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A fresh set of recovery codes; the earlier ones stop working.
    pub async fn renew_recovery_codes(&self, user: UserId) -> Result<Vec<RecoveryCode>> {
        let mut tx = self.system_write(&own(user)).await?;
        let codes = replace_codes(&mut tx, user).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// How many recovery codes are left.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<u64> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx
            .fetch_one(&CODES_LEFT, args![user.uuid()], "user")
            .await?;
        row.get("codes")
    }

    /// Removes the authenticator app and the recovery codes.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn disable_totp(&self, user: UserId) -> Result<()> {
        let mut tx = self.system_write(&own(user)).await?;
        found(tx.execute(&DISABLE, args![user.uuid(), self.now()]).await?)?;
        tx.execute(&FORGET_CODES, args![user.uuid()]).await?;
        tx.audit("user.totp_removed", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await
    }
}

struct TotpState {
    last_step: Option<u64>,
    confirmed: bool,
}

async fn read_totp(
    tx: &mut SystemTx,
    keys: &MasterKeys,
    user: UserId,
) -> Result<(TotpSecret, TotpState)> {
    let row = tx.fetch_one(&TOTP, args![user.uuid()], "user").await?;
    let sealed: Option<Vec<u8>> = row.get("totp_sealed")?;
    let sealed = sealed.ok_or_else(|| Error::Conflict {
        what: "totp-not-begun",
        detail: "no authenticator app is being registered".to_owned(),
    })?;
    let secret = keys.open(&place(user), &Sealed::from_bytes(sealed))?;
    let confirmed_at: Option<i64> = row.get("totp_confirmed_at")?;
    let state = TotpState {
        last_step: row.get("totp_last_step")?,
        confirmed: confirmed_at.is_some(),
    };
    Ok((TotpSecret::from_stored(secret), state))
}

async fn replace_codes(tx: &mut SystemTx, user: UserId) -> Result<Vec<RecoveryCode>> {
    let codes = RecoveryCode::generate_set()?;
    tx.execute(&FORGET_CODES, args![user.uuid()]).await?;
    for code in &codes {
        let values = args![user.uuid(), code.hash(user).as_bytes()];
        tx.execute(&ADD_CODE, values).await?;
    }
    Ok(codes)
}

fn own(user: UserId) -> SystemScope {
    SystemScope::on_behalf_of(Actor::User(user))
}

pub(super) const fn place(user: UserId) -> Place {
    Place {
        table: "users",
        column: "totp_sealed",
        tenant: None,
        row: user.uuid(),
    }
}

fn wrong_code() -> Error {
    Error::invalid("code", "expected the six digits the app shows now")
}
