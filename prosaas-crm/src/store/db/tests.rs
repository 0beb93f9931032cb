//! How parameters reach the database, and what a transaction promises.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{Error, TenantId, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Json, Sql, args};
use crate::auth::{SystemScope, TenantScope};
use crate::store::CrmStore;

async fn store(folder: &tempfile::TempDir) -> CrmStore {
    let path = folder.path().join("a.db");
    let clock = Arc::new(ManualClock::at(UnixMillis(1)));
    CrmStore::open(path.to_str().unwrap(), clock).await.unwrap()
}

fn scope() -> TenantScope {
    TenantScope::for_agent(TenantId::mint(UnixMillis(1)))
}

#[tokio::test]
async fn numbered_parameters_are_bound_by_their_number() {
    const ECHO: Sql = Sql::both(
        "SELECT $3 AS third, $2 AS second, $1 AS tenant, $2 AS again, $4 AS missing, $5 AS doc",
    );
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let scope = scope();
    let mut tx = store.read(&scope).await.unwrap();
    let values = args!["two", 3, None::<Uuid>, Json(json!({"a": [1]}))];
    let row = tx.fetch_one(&ECHO, values, "row").await.unwrap();
    assert_eq!(row.id::<TenantId>("tenant").unwrap(), scope.tenant());
    assert_eq!(row.get::<String>("second").unwrap(), "two");
    assert_eq!(row.get::<String>("again").unwrap(), "two");
    assert_eq!(row.get::<u8>("third").unwrap(), 3);
    assert_eq!(row.get::<Option<Uuid>>("missing").unwrap(), None);
    assert_eq!(row.get::<Value>("doc").unwrap(), json!({"a": [1]}));
    assert!(row.get::<Uuid>("missing").is_err());
    assert!(row.get::<i64>("no such column").is_err());
}

#[tokio::test]
async fn a_failed_transaction_cannot_be_committed() {
    const WRONG: Sql = Sql::both("SELECT * FROM no_such_table WHERE tenant_id = $1");
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let mut tx = store.write(&scope()).await.unwrap();
    assert!(matches!(
        tx.execute(&WRONG, args![]).await,
        Err(Error::Internal { .. })
    ));
    assert!(tx.commit().await.is_err());
    // The writer is free again.
    store.write(&scope()).await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    const ADD: Sql = Sql::both("DELETE FROM jobs WHERE tenant_id = $1");
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let mut tx = store.read(&scope()).await.unwrap();
    assert!(tx.execute(&ADD, args![]).await.is_err());
}

#[tokio::test]
async fn a_statement_across_tenants_does_not_run_for_a_tenant() {
    const ALL: Sql = Sql::both("/* across tenants: a test */ SELECT 1 FROM businesses");
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let mut tx = store.read(&scope()).await.unwrap();
    assert!(tx.fetch_all(&ALL, args![]).await.is_err());
    let system = SystemScope::for_installation();
    let mut tx = store.system_read(&system).await.unwrap();
    assert!(tx.fetch_all(&ALL, args![]).await.unwrap().is_empty());
}
