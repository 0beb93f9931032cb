//! Signing in: whose password it is, and how often it may be tried.

use prosaas_core::{Error, Result, UnixMillis};

use crate::auth::SystemScope;
use crate::auth::password::StoredPassword;
use crate::auth::throttle::{Bucket, LoginBuckets, LoginRates};
use crate::auth::token::TokenHash;
use crate::model::email::EmailAddress;
use crate::model::id::UserId;
use crate::store::CrmStore;
use crate::store::db::{Sql, SystemTx, args};

const ACCOUNT: Sql = Sql::both(
    "SELECT id, password_hash, status,
            (totp_confirmed_at IS NOT NULL) AS has_totp,
            EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id) AS has_passkeys
     FROM users WHERE email = $1 AND deleted_at IS NULL",
);
const PASSWORD_OF: Sql = Sql::both(
    "SELECT id, password_hash, status,
            (totp_confirmed_at IS NOT NULL) AS has_totp,
            EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id) AS has_passkeys
     FROM users WHERE id = $1 AND deleted_at IS NULL",
);
// The row is made first, so that of many first tries at once each waits for the one before it.
const BEGIN_BUCKET: Sql = Sql::both(
    "INSERT INTO login_attempts (subject_hash, failures, last_at, next_at) VALUES ($1, 0, $2, 0)
     ON CONFLICT (subject_hash) DO NOTHING",
);
const BUCKET: Sql = Sql::split(
    "SELECT next_at FROM login_attempts WHERE subject_hash = $1",
    "SELECT next_at FROM login_attempts WHERE subject_hash = $1 FOR UPDATE",
);
const SET_BUCKET: Sql = Sql::both(
    "UPDATE login_attempts SET failures = failures + $4, last_at = $2, next_at = $3
     WHERE subject_hash = $1",
);
const IS_FAMILIAR: Sql = Sql::both(
    "SELECT 1 FROM known_devices JOIN users ON users.id = known_devices.user_id
     WHERE users.email = $1 AND users.deleted_at IS NULL AND known_devices.device_hash = $2
       AND known_devices.seen_at > $3",
);
const REMEMBER: Sql = Sql::both(
    "INSERT INTO known_devices (user_id, device_hash, seen_at) VALUES ($1, $2, $3)
     ON CONFLICT (user_id, device_hash) DO UPDATE SET seen_at = excluded.seen_at",
);
const FORGET_ATTEMPTS: Sql = Sql::both("DELETE FROM login_attempts WHERE last_at < $1");
const FORGET_DEVICES: Sql = Sql::both("DELETE FROM known_devices WHERE seen_at < $1");

/// How long a place stays known without a visit: ninety days.
const FAMILIAR_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// What signing in needs of an account.
#[derive(Clone, Debug)]
pub struct LoginAccount {
    /// Who.
    pub user: UserId,
    /// His password; none before he accepted an invitation.
    pub password: Option<StoredPassword>,
    /// Whether he may sign in.
    pub is_active: bool,
    /// Whether an authenticator app is confirmed.
    pub has_totp: bool,
    /// Whether a passkey is registered.
    pub has_passkeys: bool,
}

impl LoginAccount {
    /// Whether the password alone is not enough.
    pub const fn has_second_factor(&self) -> bool {
        self.has_totp || self.has_passkeys
    }
}

/// What a try to sign in is counted under: keyed hashes, so that the table names nobody.
#[derive(Clone, Copy, Debug)]
pub struct LoginSubjects {
    /// The account, whether it exists or not.
    pub account: TokenHash,
    /// The account from this place.
    pub account_here: TokenHash,
    /// The address.
    pub address: TokenHash,
}

impl CrmStore {
    /// What signing in needs of the account of an address.
    pub async fn login_account(&self, email: &EmailAddress) -> Result<Option<LoginAccount>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx.fetch_optional(&ACCOUNT, args![email.expose()]).await?;
        row.as_ref().map(read_account).transpose()
    }

    /// The same for somebody who is signed in and has to show his password again.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn own_login(&self, user: UserId) -> Result<LoginAccount> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx
            .fetch_one(&PASSWORD_OF, args![user.uuid()], "user")
            .await?;
        read_account(&row)
    }

    /// Whether the account's owner has signed in before from one of these places.
    pub async fn is_familiar(&self, email: &EmailAddress, places: &[TokenHash]) -> Result<bool> {
        let since = self.now().plus(-FAMILIAR_MS);
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        for place in places {
            let values = args![email.expose(), place.as_bytes(), since];
            if tx.fetch_optional(&IS_FAMILIAR, values).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes places from which the owner signed in.
    pub async fn remember_places(&self, user: UserId, places: &[TokenHash]) -> Result<()> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        for place in places {
            tx.execute(&REMEMBER, args![user.uuid(), place.as_bytes(), self.now()])
                .await?;
        }
        tx.commit().await
    }

    /// Takes one try out of the buckets, before the password is looked at: a thousand tries at once are
    /// counted before any is answered.
    ///
    /// # Errors
    /// `RateLimited` says how long to wait.
    pub async fn admit_login(
        &self,
        subjects: &LoginSubjects,
        familiar: bool,
        rates: &LoginRates,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        let buckets = read_buckets(&mut tx, subjects, familiar, now).await?;
        let after = rates
            .admit(buckets, now)
            .map_err(|retry_after| Error::RateLimited { retry_after })?;
        write_buckets(&mut tx, subjects, after, now, 1).await?;
        tx.commit().await
    }

    /// Puts the try back: it was no guess.
    pub async fn forgive_login(
        &self,
        subjects: &LoginSubjects,
        familiar: bool,
        rates: &LoginRates,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        let buckets = read_buckets(&mut tx, subjects, familiar, now).await?;
        write_buckets(&mut tx, subjects, rates.forgive(buckets), now, -1).await?;
        tx.commit().await
    }

    /// Deletes what is too old to slow or help anybody; returns how many rows.
    pub async fn forget_login_traces(&self, scope: &SystemScope) -> Result<u64> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let now = self.now();
        let mut tx = self.system_write(scope).await?;
        let attempts = tx
            .execute(&FORGET_ATTEMPTS, args![now.plus(-DAY_MS)])
            .await?;
        let devices = tx
            .execute(&FORGET_DEVICES, args![now.plus(-FAMILIAR_MS)])
            .await?;
        tx.commit().await?;
        Ok(attempts + devices)
    }
}

fn read_account(row: &crate::store::db::Row) -> Result<LoginAccount> {
    Ok(LoginAccount {
        user: row.id("id")?,
        password: row
            .get::<Option<String>>("password_hash")?
            .map(StoredPassword::from_phc),
        is_active: row.get::<String>("status")? == "active",
        has_totp: row.get("has_totp")?,
        has_passkeys: row.get("has_passkeys")?,
    })
}

/// Account before address, in every try: two tries cannot lock each other out.
fn rows_of(subjects: &LoginSubjects, familiar: bool) -> [TokenHash; 2] {
    let account = if familiar {
        subjects.account_here
    } else {
        subjects.account
    };
    [account, subjects.address]
}

async fn read_buckets(
    tx: &mut SystemTx,
    subjects: &LoginSubjects,
    familiar: bool,
    now: UnixMillis,
) -> Result<LoginBuckets> {
    let mut buckets = [Bucket::default(); 2];
    for (bucket, subject) in buckets.iter_mut().zip(rows_of(subjects, familiar)) {
        tx.execute(&BEGIN_BUCKET, args![subject.as_bytes(), now])
            .await?;
        let row = tx
            .fetch_one(&BUCKET, args![subject.as_bytes()], "login bucket")
            .await?;
        let full_at: UnixMillis = row.get("next_at")?;
        bucket.full_at = (full_at.0 > 0).then_some(full_at);
    }
    let [account, address] = buckets;
    Ok(LoginBuckets {
        familiar,
        account,
        address,
    })
}

async fn write_buckets(
    tx: &mut SystemTx,
    subjects: &LoginSubjects,
    buckets: LoginBuckets,
    now: UnixMillis,
    failures: i64,
) -> Result<()> {
    let after = [buckets.account, buckets.address];
    for (bucket, subject) in after.into_iter().zip(rows_of(subjects, buckets.familiar)) {
        let full_at = bucket.full_at.unwrap_or(UnixMillis(0));
        let values = args![subject.as_bytes(), now, full_at, failures];
        tx.execute(&SET_BUCKET, values).await?;
    }
    Ok(())
}
