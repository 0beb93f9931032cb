//! A database of every released schema comes up to this version with its data.
//!
//! `tests/dumps` holds one of each, as the database's own tools write it. A released dump is never
//! changed; a release adds the next one.

use prosaas_core::{CallId, E164, NumberOwner, TenantId, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    BusinessAdmin, CallStore, CrmStore, Jobs, LeadStore, Page, RecordingState, StoreOptions,
    StreamTokens,
};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use uuid::Uuid;

use crate::support::{Backend, Databases, Scratch, execute_as_owner, open, owner_url};

const SQLITE_0001: &str = include_str!("../dumps/0001.sqlite.sql");
const POSTGRES_0001: &str = include_str!("../dumps/0001.postgres.sql");

fn uuid(last: u128) -> Uuid {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 | last)
}

/// What the dump of schema 0001 holds.
async fn assert_0001_is_there(store: &CrmStore) {
    let garage = TenantId::from_uuid(uuid(1));
    let call = CallId::from_uuid(uuid(0x11));
    let listed = store.list_businesses(&OPERATOR).await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|one| one.business.name.as_str())
        .collect();
    assert_eq!(names, ["Garage", "Clinic"]);
    assert_eq!(listed[1].numbers.len(), 2);
    assert_eq!(listed[0].business.transfer[0].label, "office");
    let doubled = E164::parse("+97231000001").unwrap();
    let owner = store.business_by_number(&OPERATOR, &doubled).await.unwrap();
    assert!(matches!(owner, NumberOwner::Several(2)), "{owner:?}");
    let found = store.call(&scope(garage), call).await.unwrap().unwrap();
    assert!(found.is_finished());
    assert_eq!(found.record.usage.cost.0, 12_345);
    // What calls cost before it was summed up is in the sums.
    let months = store.spending_by_month(&scope(garage)).await.unwrap();
    assert_eq!(months.len(), 1, "{months:?}");
    assert_eq!(months[0].calls_micro_usd.0, 12_345);
    let lines = store.transcript(&scope(garage), call).await.unwrap();
    assert_eq!(lines[1].text, "My car does not start");
    assert!(lines[1].interrupted);
    let lead = store
        .lead_of_call(&scope(garage), call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead.known.name.as_deref(), Some("Dana"));
    assert_eq!(found.lead, Some(lead.id));
    assert_eq!(
        store
            .list_leads(&scope(garage), Page::first(9))
            .await
            .unwrap()
            .len(),
        1
    );
    let recordings = store.recordings(&scope(garage), call).await.unwrap();
    assert_eq!(recordings[0].state, RecordingState::Stored);
    assert_eq!(store.count_jobs(&OPERATOR).await.unwrap().pending, 1);
    let sid = "CA00000000000000000000000000000012".parse().unwrap();
    let now = UnixMillis(1_750_000_050_000);
    let grant = store
        .redeem_stream_token(&OPERATOR, &[0x41; 32], &sid, now)
        .await;
    assert_eq!(grant.unwrap().unwrap().call, CallId::from_uuid(uuid(0x12)));
}

#[tokio::test]
async fn sqlite_comes_up_from_0001() {
    let scratch = Scratch::new();
    let options = SqliteConnectOptions::new()
        .filename(scratch.path("a.db"))
        .create_if_missing(true)
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(SQLITE_0001)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let store = scratch.open("a.db").await;
    assert_0001_is_there(&store).await;
    store.close().await;
    // A second start finds nothing left to do.
    assert_eq!(
        scratch
            .open("a.db")
            .await
            .list_businesses(&OPERATOR)
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn postgres_comes_up_from_0001() {
    for backend in Backend::available() {
        if backend == Backend::Sqlite {
            continue;
        }
        let databases = Databases::new(backend);
        let name = databases.empty().await;
        execute_as_owner(&name, POSTGRES_0001.to_owned()).await;
        let options = StoreOptions::new(&databases.last_url());
        assert_0001_is_there(&open(&options.migrate_over(&owner_url(&name))).await).await;
        // A second start needs the owner no more.
        let again = open(&StoreOptions::new(&databases.last_url())).await;
        assert_eq!(again.list_businesses(&OPERATOR).await.unwrap().len(), 2);
    }
}
