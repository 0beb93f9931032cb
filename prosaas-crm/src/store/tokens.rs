//! One-time stream tokens.

use async_trait::async_trait;
use prosaas_core::{CallId, CallSid, Error, Result, UnixMillis};

use super::calls::require_call;
use super::db::{Sql, TenantTx, args};
use super::{CrmStore, StreamTokens};
use crate::auth::{SystemScope, TenantScope};
use crate::model::token::{NewStreamToken, StreamGrant};

const ISSUE: Sql = Sql::both(
    "INSERT INTO stream_tokens (tenant_id, token_hash, call_id, expires_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (token_hash) DO NOTHING",
);
const IS_ISSUED: Sql = Sql::both(
    "SELECT 1 FROM stream_tokens WHERE tenant_id = $1 AND token_hash = $2 AND call_id = $3",
);

// One statement decides and marks, so of two sockets at once only one can win.
const REDEEM: Sql = Sql::both(
    "/* across tenants: this look-up finds the tenant of a media socket; the token is the proof */
     UPDATE stream_tokens SET used_at = $3
     WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $3
       AND EXISTS (SELECT 1 FROM calls
                   WHERE calls.tenant_id = stream_tokens.tenant_id
                     AND calls.id = stream_tokens.call_id
                     AND calls.call_sid = $2)
     RETURNING tenant_id, call_id",
);
const FORGET: Sql = Sql::both(
    "/* across tenants: expired tokens are of no use to anybody */
     DELETE FROM stream_tokens WHERE expires_at < $1",
);

/// Stores a token of a call of the business. The same one once more changes nothing.
pub(super) async fn issue(tx: &mut TenantTx, call: CallId, token: NewStreamToken) -> Result<()> {
    let NewStreamToken { hash, expires_at } = token;
    let values = args![hash, call.uuid(), expires_at];
    if tx.execute(&ISSUE, values).await? == 1 {
        return Ok(());
    }
    let same = args![hash, call.uuid()];
    if tx.fetch_optional(&IS_ISSUED, same).await?.is_some() {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "stream token",
        detail: "it was issued for another call".to_owned(),
    })
}

#[async_trait]
impl StreamTokens for CrmStore {
    async fn issue_stream_token(
        &self,
        scope: &TenantScope,
        call: CallId,
        token_hash: [u8; 32],
        expires_at: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_call(&mut tx, call).await?;
        let hash = token_hash;
        issue(&mut tx, call, NewStreamToken { hash, expires_at }).await?;
        tx.commit().await
    }

    async fn redeem_stream_token(
        &self,
        scope: &SystemScope,
        token_hash: &[u8; 32],
        call_sid: &CallSid,
        now: UnixMillis,
    ) -> Result<Option<StreamGrant>> {
        let mut tx = self.system_write(scope).await?;
        let values = args![token_hash, call_sid.as_str(), now];
        let Some(row) = tx.fetch_optional(&REDEEM, values).await? else {
            return Ok(None);
        };
        let grant = StreamGrant {
            tenant: row.id("tenant_id")?,
            call: row.id("call_id")?,
        };
        tx.commit().await?;
        Ok(Some(grant))
    }

    async fn forget_stream_tokens(
        &self,
        scope: &SystemScope,
        expired_before: UnixMillis,
    ) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let forgotten = tx.execute(&FORGET, args![expired_before]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}
