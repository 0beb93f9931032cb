//! Looks at a database from outside the store: what changed, and back to how it was.

use std::path::Path;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqlSafeStr};

/// Of one database.
#[derive(Debug)]
pub(super) enum Witness {
    Sqlite(FileWitness),
    Postgres(ServerWitness),
}

impl Witness {
    /// The tables whose rows are others than in the beginning. They get their rows back.
    pub(super) async fn restore(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(witness) => witness.restore().await,
            Self::Postgres(witness) => witness.restore().await,
        }
    }

    /// The names of every column.
    pub(super) async fn columns(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(witness) => witness.columns().await,
            Self::Postgres(witness) => witness.columns().await,
        }
    }

    /// Every table compared with what it held in the beginning.
    pub(super) async fn differences(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(witness) => witness.differences().await,
            Self::Postgres(witness) => witness.differences().await,
        }
    }
}

/// Of a SQLite file; what it held in the beginning is attached as `seed`.
#[derive(Debug)]
pub(super) struct FileWitness {
    connection: SqliteConnection,
    /// Names the tables that differ.
    comparison: String,
    version: i64,
}

impl FileWitness {
    pub(super) async fn of(file: &Path, seed: &Path) -> Self {
        // Rows go back without foreign keys being asked.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .foreign_keys(false);
        let mut connection = options.connect().await.unwrap();
        let attach = sqlx::query("ATTACH DATABASE $1 AS seed").bind(seed.to_str().unwrap());
        attach.execute(&mut connection).await.unwrap();
        let mut witness = Self {
            connection,
            comparison: String::new(),
            version: 0,
        };
        let tables = witness.names("SELECT name FROM sqlite_master WHERE type = 'table'");
        let comparisons: Vec<_> = tables.await.iter().map(|table| differs(table)).collect();
        witness.comparison = comparisons.join(" UNION ALL ");
        witness.version = witness.version().await;
        witness
    }

    async fn names(&mut self, text: impl SqlSafeStr) -> Vec<String> {
        let rows = sqlx::query(text).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// A number that changes when another connection commits a change (sqlite.org/pragma.html).
    async fn version(&mut self) -> i64 {
        let row = sqlx::query("PRAGMA data_version");
        row.fetch_one(&mut self.connection).await.unwrap().get(0)
    }

    async fn restore(&mut self) -> Vec<String> {
        let version = self.version().await;
        if version == self.version {
            return Vec::new();
        }
        self.version = version;
        let changed = self.differences().await;
        let back = changed.iter().map(|table| {
            format!(
                "DELETE FROM main.\"{table}\";
                 INSERT INTO main.\"{table}\" SELECT * FROM seed.\"{table}\";"
            )
        });
        let back = format!("BEGIN IMMEDIATE; {} COMMIT", back.collect::<String>());
        let back = sqlx::raw_sql(AssertSqlSafe(back)).execute(&mut self.connection);
        back.await.unwrap();
        changed
    }

    async fn columns(&mut self) -> Vec<String> {
        let text = "SELECT DISTINCT columns.name FROM sqlite_master AS tables
                    JOIN pragma_table_info(tables.name) AS columns
                    WHERE tables.type = 'table' ORDER BY 1";
        self.names(text).await
    }

    async fn differences(&mut self) -> Vec<String> {
        let text = self.comparison.clone();
        self.names(AssertSqlSafe(text)).await
    }
}

/// A statement that gives the table's name when its rows are not those of the beginning. Every table has a key, so as
/// many rows, none of them new, are the same. (Names of the schema, not of a request: they cannot be bound.)
fn differs(table: &str) -> String {
    let all = |schema| format!("FROM {schema}.\"{table}\"");
    let [now, then] = ["main", "seed"].map(all);
    format!(
        "SELECT '{table}' WHERE (SELECT count(*) {now}) <> (SELECT count(*) {then})
         OR EXISTS (SELECT * {now} EXCEPT SELECT * {then})"
    )
}

/// Of a PostgreSQL database.
///
/// Every table has a twin in the schema `seed`. A trigger notes which tables a statement touched; only
/// those are compared with their twins, and those that differ get their rows back.
#[derive(Debug)]
pub(super) struct ServerWitness {
    connection: PgConnection,
}

const SEED: &str = "
    CREATE SCHEMA seed;
    CREATE TABLE seed.touched (name TEXT PRIMARY KEY);
    CREATE FUNCTION seed.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO seed.touched VALUES (TG_TABLE_NAME) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE FUNCTION seed.differs(name TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
    DECLARE found BOOLEAN;
    BEGIN
        EXECUTE format(
            'SELECT EXISTS ((SELECT row_::text FROM public.%1$I row_
                             EXCEPT ALL SELECT row_::text FROM seed.%1$I row_)
                            UNION ALL (SELECT row_::text FROM seed.%1$I row_
                             EXCEPT ALL SELECT row_::text FROM public.%1$I row_))', name) INTO found;
        RETURN found;
    END $$;
    CREATE FUNCTION seed.restore() RETURNS SETOF TEXT LANGUAGE plpgsql AS $$
    DECLARE name TEXT;
    BEGIN
        FOR name IN DELETE FROM seed.touched RETURNING touched.name LOOP
            IF seed.differs(name) THEN
                EXECUTE format('DELETE FROM public.%I', name);
                EXECUTE format('INSERT INTO public.%1$I SELECT * FROM seed.%1$I', name);
                RETURN NEXT name;
            END IF;
        END LOOP;
    END $$;
    DO $$
    DECLARE name TEXT;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TABLE seed.%1$I AS TABLE public.%1$I', name);
            EXECUTE format('CREATE TRIGGER touched AFTER INSERT OR UPDATE OR DELETE ON public.%I
                            FOR EACH STATEMENT EXECUTE FUNCTION seed.touch()', name);
        END LOOP;
    END $$;
";

/// PostgreSQL's code for two that wait for each other.
const DEADLOCK: &str = "40P01";

impl ServerWitness {
    /// Notes what the database holds now: that is what it gets back. `url` names a role that row-level
    /// security does not hold for and that may switch triggers off.
    pub(super) async fn seed(url: &str) {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(SEED).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    pub(super) async fn of(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        // Rows go back without foreign keys being asked, and without being noted.
        let quiet = sqlx::raw_sql("SET session_replication_role = replica");
        quiet.execute(&mut connection).await.unwrap();
        Self { connection }
    }

    async fn names(&mut self, text: &'static str) -> Vec<String> {
        let rows = sqlx::query(text).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn restore(&mut self) -> Vec<String> {
        // What still goes on may hold a row that is to go back and wait for one that went: then this gives way, and
        // comes again.
        let rows = loop {
            let rows = sqlx::query("SELECT seed.restore()").fetch_all(&mut self.connection);
            match rows.await {
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(DEADLOCK) => {}
                rows => break rows.unwrap(),
            }
        };
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn columns(&mut self) -> Vec<String> {
        self.names(
            "SELECT DISTINCT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY 1",
        )
        .await
    }

    async fn differences(&mut self) -> Vec<String> {
        self.names(
            "SELECT tablename::text FROM pg_tables
             WHERE schemaname = 'public' AND seed.differs(tablename) ORDER BY 1",
        )
        .await
    }
}
