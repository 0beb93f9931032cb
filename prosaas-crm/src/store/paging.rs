//! Lists, newest first, piece by piece.

use prosaas_core::Result;
use uuid::Uuid;

use super::db::{Row, Sql, TenantTx, args};
use crate::model::page::Page;

/// The rows of a page: `newest` takes the limit as `$2`, `older` a time, an id and the limit.
pub(super) async fn page_of<Id: Copy + Into<Uuid>>(
    tx: &mut TenantTx,
    (newest, older): (&Sql, &Sql),
    page: Page<Id>,
) -> Result<Vec<Row>> {
    let limit = page.capped_limit();
    match page.before {
        None => tx.fetch_all(newest, args![limit]).await,
        Some((at, id)) => {
            let id: Uuid = id.into();
            tx.fetch_all(older, args![at, id, limit]).await
        }
    }
}
