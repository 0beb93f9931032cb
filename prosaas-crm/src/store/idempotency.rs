//! Requests that a client marked with a key of its own, so that sending one again does not do it again.

use prosaas_core::{Result, UnixMillis};
use serde_json::Value;
use uuid::Uuid;

use super::crm_store::CrmStore;
use super::db::{Json, Sql, args};
use crate::auth::SystemScope;

/// How long a key is remembered.
const LIFE_MS: i64 = 24 * 60 * 60 * 1000;

const RESERVE: Sql = Sql::both(
    "INSERT INTO idempotency_keys (owner_id, key, operation, request_hash, created_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (owner_id, key) DO UPDATE
        SET operation = excluded.operation, request_hash = excluded.request_hash,
            created_at = excluded.created_at, status = NULL, headers = NULL, body = NULL
      WHERE idempotency_keys.created_at <= $6",
);
const FIND: Sql = Sql::both(
    "SELECT operation, request_hash, status, headers, body, created_at
       FROM idempotency_keys WHERE owner_id = $1 AND key = $2",
);
const FINISH: Sql = Sql::both(
    "UPDATE idempotency_keys SET status = $3, headers = $4, body = $5
      WHERE owner_id = $1 AND key = $2 AND status IS NULL",
);
const RELEASE: Sql =
    Sql::both("DELETE FROM idempotency_keys WHERE owner_id = $1 AND key = $2 AND status IS NULL");
const FORGET: Sql = Sql::both("DELETE FROM idempotency_keys WHERE created_at <= $1");

/// A key, and the request it stands for.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    /// Whose key: the business, or the user outside one. Keys of two owners never meet.
    pub owner: Uuid,
    /// The client's word.
    pub key: String,
    /// Method and path.
    pub operation: String,
    /// A hash over all that makes the request this one, and who sent it.
    pub hash: [u8; 32],
}

/// What was answered the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedAnswer {
    /// The status.
    pub status: u16,
    /// The headers that belong to it, as name and value.
    pub headers: Value,
    /// The body; `None` where an answer holds a secret and was not kept.
    pub body: Option<Vec<u8>>,
}

/// Whether a request may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It is new: do it, then say how it ended.
    New,
    /// It was done.
    Done(KeyedAnswer),
    /// It is being done since this moment, or whoever did it has died.
    Begun(UnixMillis),
    /// The key stands for another request.
    Other,
}

impl CrmStore {
    /// Takes the key for a request, unless it was taken within the last day.
    pub async fn reserve_key(&self, request: &KeyedRequest) -> Result<Reservation> {
        let now = self.now();
        let mut tx = self.system_write(&installation()).await?;
        let values = args![
            request.owner,
            &request.key,
            &request.operation,
            request.hash,
            now,
            now.plus(-LIFE_MS),
        ];
        if tx.execute(&RESERVE, values).await? == 1 {
            tx.commit().await?;
            return Ok(Reservation::New);
        }
        let found = args![request.owner, &request.key];
        let row = tx.fetch_one(&FIND, found, "idempotency key").await?;
        let is_same = row.get::<[u8; 32]>("request_hash")? == request.hash
            && row.get::<String>("operation")? == request.operation;
        if !is_same {
            return Ok(Reservation::Other);
        }
        let Some(status) = row.get::<Option<u16>>("status")? else {
            return Ok(Reservation::Begun(row.get("created_at")?));
        };
        Ok(Reservation::Done(KeyedAnswer {
            status,
            headers: row.get("headers")?,
            body: row.get("body")?,
        }))
    }

    /// Keeps the answer for whoever sends the request again.
    pub async fn finish_key(&self, request: &KeyedRequest, answer: KeyedAnswer) -> Result<()> {
        let mut tx = self.system_write(&installation()).await?;
        let values = args![
            request.owner,
            &request.key,
            answer.status,
            Json(answer.headers),
            answer.body,
        ];
        tx.execute(&FINISH, values).await?;
        tx.commit().await
    }

    /// Gives the key back: nothing was done.
    pub async fn release_key(&self, request: &KeyedRequest) -> Result<()> {
        let mut tx = self.system_write(&installation()).await?;
        tx.execute(&RELEASE, args![request.owner, &request.key])
            .await?;
        tx.commit().await
    }

    /// Forgets keys of more than a day ago; returns how many.
    pub async fn forget_keys(&self, scope: &SystemScope, now: UnixMillis) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let forgotten = tx.execute(&FORGET, args![now.plus(-LIFE_MS)]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

/// Keys are the installation's: also users outside any business have some. The owner is in every
/// statement.
const fn installation() -> SystemScope {
    SystemScope::for_installation()
}
