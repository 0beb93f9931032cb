//! One-time stream tokens.

use async_trait::async_trait;
use prosaas_core::{CallId, CallSid, Error, Result, TenantId, UnixMillis};

use super::error::db_error;
use super::row::Columns;
use super::{SqliteStore, commit, require_call};
use crate::model::token::StreamGrant;
use crate::store::StreamTokens;

const ISSUE: &str = "
    INSERT INTO stream_tokens (token_hash, tenant_id, call_id, expires_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (token_hash) DO NOTHING";
const IS_ISSUED: &str = "
    SELECT 1 FROM stream_tokens WHERE token_hash = ?1 AND tenant_id = ?2 AND call_id = ?3";

// One statement decides and marks, so of two sockets at once only one can win.
const REDEEM: &str = "
    /* across tenants: this look-up finds the tenant of a media socket; the token is the proof */
    UPDATE stream_tokens SET used_at = ?3
    WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?3
      AND EXISTS (SELECT 1 FROM calls
                  WHERE calls.tenant_id = stream_tokens.tenant_id
                    AND calls.id = stream_tokens.call_id
                    AND calls.call_sid = ?2)
    RETURNING tenant_id, call_id";
const FORGET: &str = "
    /* across tenants: expired tokens are of no use to anybody */
    DELETE FROM stream_tokens WHERE expires_at < ?1";

#[async_trait]
impl StreamTokens for SqliteStore {
    async fn issue_stream_token(
        &self,
        tenant: TenantId,
        call: CallId,
        token_hash: [u8; 32],
        expires_at: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        require_call(&mut *tx, tenant, call).await?;
        let issued = sqlx::query(ISSUE)
            .bind(&token_hash[..])
            .bind(tenant.uuid())
            .bind(call.uuid())
            .bind(expires_at.0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        if issued.rows_affected() == 0 {
            let query = sqlx::query(IS_ISSUED).bind(&token_hash[..]);
            let query = query.bind(tenant.uuid()).bind(call.uuid());
            if query
                .fetch_optional(&mut *tx)
                .await
                .map_err(db_error)?
                .is_none()
            {
                let detail = "it was issued for another call".to_owned();
                return Err(Error::Conflict {
                    what: "stream token",
                    detail,
                });
            }
        }
        commit(tx).await
    }

    async fn redeem_stream_token(
        &self,
        token_hash: &[u8; 32],
        call_sid: &CallSid,
        now: UnixMillis,
    ) -> Result<Option<StreamGrant>> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(REDEEM)
            .bind(&token_hash[..])
            .bind(call_sid.as_str())
            .bind(now.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(db_error)?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns::of("stream_tokens", &row);
        let grant = StreamGrant {
            tenant: columns.tenant()?,
            call: columns.call("call_id")?,
        };
        commit(tx).await?;
        Ok(Some(grant))
    }

    async fn forget_stream_tokens(&self, expired_before: UnixMillis) -> Result<u64> {
        let query = sqlx::query(FORGET).bind(expired_before.0);
        let forgotten = query.execute(&self.writer).await.map_err(db_error)?;
        Ok(forgotten.rows_affected())
    }
}
