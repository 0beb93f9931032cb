//! The second lock, with the first one removed: statements without a tenant, as the application's role.

use prosaas_core::TenantId;
use prosaas_core::testkit::samples::{new_call, number, seed};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{BusinessAdmin, CrmStore, StoreOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::support::{Backend, Databases, execute_as_owner, on_database, open};

/// Two businesses with a call each.
async fn fill(store: &CrmStore) -> [TenantId; 2] {
    for n in [1, 2] {
        let seed = seed(n);
        store
            .add_business(&OPERATOR, &seed.business, &[number(n)])
            .await
            .unwrap();
        store
            .open_call(&scope(seed.business.id), new_call(n))
            .await
            .unwrap();
    }
    [seed(1).business.id, seed(2).business.id]
}

/// A connection of the application's role that nothing of ours is wrapped around.
async fn bare(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.split('?').next().unwrap().parse().unwrap();
    options.extra_float_digits(None).connect().await.unwrap()
}

async fn run(connection: &mut PgConnection, text: String) -> sqlx::Result<u64> {
    let done = sqlx::raw_sql(AssertSqlSafe(text))
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

async fn count(connection: &mut PgConnection, text: String) -> i64 {
    let row = sqlx::raw_sql(AssertSqlSafe(text))
        .fetch_one(connection)
        .await;
    row.unwrap().get(0)
}

async fn begin_as(connection: &mut PgConnection, tenant: TenantId) {
    let tenant = tenant.uuid();
    let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{tenant}'");
    run(connection, begin).await.unwrap();
}

/// The tables with a `tenant_id`.
async fn tenant_tables(connection: &mut PgConnection) -> Vec<String> {
    let text = "SELECT table_name::text FROM information_schema.columns
                WHERE table_schema = 'public' AND column_name = 'tenant_id'";
    let rows = sqlx::raw_sql(text).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn servers() -> impl Iterator<Item = Backend> {
    let available = Backend::available().into_iter();
    available.filter(|backend| *backend != Backend::Sqlite)
}

#[tokio::test]
async fn a_forgotten_predicate_shows_no_foreign_row_in_any_table() {
    for backend in servers() {
        let databases = Databases::new(backend);
        let [ours, theirs] = fill(&databases.store().await).await;
        let mut connection = bare(&databases.last_url()).await;
        let tables = tenant_tables(&mut connection).await;
        assert!(tables.len() > 30, "{tables:?}");
        begin_as(&mut connection, ours).await;
        for table in &tables {
            let foreign = format!(
                "SELECT count(*) FROM {table} WHERE tenant_id IS DISTINCT FROM '{}'",
                ours.uuid()
            );
            assert_eq!(count(&mut connection, foreign).await, 0, "{table}");
        }
        let calls = "SELECT count(*) FROM calls".to_owned();
        assert_eq!(count(&mut connection, calls).await, 1);
        let all = run(
            &mut connection,
            "UPDATE calls SET status = status".to_owned(),
        )
        .await;
        assert_eq!(all.unwrap(), 1, "only our own call is changed");
        let named = format!(
            "SELECT count(*) FROM calls WHERE tenant_id = '{}'",
            theirs.uuid()
        );
        assert_eq!(count(&mut connection, named).await, 0, "not even by name");
    }
}

#[tokio::test]
async fn nothing_can_be_written_for_another_business() {
    for backend in servers() {
        let databases = Databases::new(backend);
        let [ours, theirs] = fill(&databases.store().await).await;
        let mut connection = bare(&databases.last_url()).await;
        let theirs = theirs.uuid();
        for planted in [
            format!(
                "INSERT INTO tags (tenant_id, id, name, created_at, updated_at)
                     VALUES ('{theirs}', '{theirs}', 'planted', 1, 1)"
            ),
            format!("UPDATE stages SET tenant_id = '{theirs}'"),
        ] {
            begin_as(&mut connection, ours).await;
            let refused = run(&mut connection, planted).await.unwrap_err().to_string();
            assert!(refused.contains("row-level security"), "{refused}");
            run(&mut connection, "ROLLBACK".to_owned()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_visible_also_after_one() {
    for backend in servers() {
        let databases = Databases::new(backend);
        let [ours, _] = fill(&databases.store().await).await;
        let mut connection = bare(&databases.last_url()).await;
        let calls = || "SELECT count(*) FROM calls".to_owned();
        assert_eq!(count(&mut connection, calls()).await, 0, "before");
        for end in ["COMMIT", "ROLLBACK"] {
            begin_as(&mut connection, ours).await;
            assert_eq!(count(&mut connection, calls()).await, 1);
            run(&mut connection, end.to_owned()).await.unwrap();
            assert_eq!(count(&mut connection, calls()).await, 0, "after {end}");
        }
    }
}

#[tokio::test]
async fn the_audit_is_content_with_the_applications_role() {
    for backend in Backend::available() {
        let databases = Databases::new(backend);
        let isolation = databases.store().await.audit_isolation().await.unwrap();
        assert!(isolation.holds(), "{isolation}");
        let guarded = isolation.guarded_tables;
        assert_eq!(guarded == 0, backend == Backend::Sqlite, "{guarded}");
    }
}

#[tokio::test]
async fn the_audit_names_what_is_open() {
    for backend in servers() {
        let databases = Databases::new(backend);
        let options = databases.fresh().await;
        let store = open(&options).await;
        let url = databases.last_url();
        let name = url::Url::parse(&url).unwrap().path()[1..].to_owned();
        let opened = "ALTER TABLE calls DISABLE ROW LEVEL SECURITY;
                      ALTER TABLE tags NO FORCE ROW LEVEL SECURITY;
                      CREATE POLICY everybody ON leads USING (true) WITH CHECK (true);
                      DROP POLICY tenant ON notes";
        execute_as_owner(&name, opened.to_owned()).await;
        let isolation = store.audit_isolation().await.unwrap();
        let named = [
            "`calls` has no row",
            "`tags` does not force",
            "`leads` has a policy",
            "`notes` has no policy",
        ];
        for part in named {
            assert!(isolation.to_string().contains(part), "{part}: {isolation}");
        }
        assert_eq!(isolation.problems.len(), named.len(), "{isolation}");
    }
}

#[tokio::test]
async fn the_audit_refuses_the_owner_of_the_tables() {
    for backend in servers().filter(|backend| *backend == Backend::Postgres) {
        let databases = Databases::new(backend);
        databases.fresh().await;
        let url = url::Url::parse(&databases.last_url()).unwrap();
        let owner = on_database(&crate::support::owner_url("x"), &url.path()[1..]);
        let store = open(&StoreOptions::new(&owner)).await;
        let isolation = store.audit_isolation().await.unwrap();
        assert!(
            isolation
                .to_string()
                .contains("belongs to the application's role")
        );
    }
}
