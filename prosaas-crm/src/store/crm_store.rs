//! The store itself: which database it is, and how transactions begin.

use std::sync::Arc;

use prosaas_core::{Clock, Error, Result, TenantId};
use tokio::sync::{Notify, watch};

use super::db::{Access, Answer, Connection, Single, SystemTx, TenantTx, Wakes};
use super::isolation::Isolation;
use super::options::{Kind, StoreOptions};
#[cfg(feature = "postgres")]
use super::postgres::PostgresDatabase;
#[cfg(feature = "sqlite")]
use super::sqlite::SqliteDatabase;
#[cfg(feature = "auth")]
use crate::auth::seal::MasterKeys;
use crate::auth::{SystemScope, TenantScope};

/// The CRM in one database: a SQLite file, or PostgreSQL.
///
/// What touches a business's data asks for a [`TenantScope`] first:
///
/// ```
/// use prosaas_crm::{CrmStore, auth::TenantScope, model::id::TaskId};
/// async fn read(store: &CrmStore, scope: &TenantScope, task: TaskId) {
///     let _ = store.task(scope, task).await;
/// }
/// ```
///
/// Without one it does not compile:
///
/// ```compile_fail,E0061
/// use prosaas_crm::{CrmStore, auth::TenantScope, model::id::TaskId};
/// async fn read(store: &CrmStore, scope: &TenantScope, task: TaskId) {
///     let _ = store.task(task).await;
/// }
/// ```
///
/// nor with leave to act on the installation, or the bare id of a business:
///
/// ```compile_fail,E0308
/// use prosaas_crm::{CrmStore, auth::SystemScope, model::id::TaskId};
/// async fn read(store: &CrmStore, scope: &SystemScope, task: TaskId) {
///     let _ = store.task(scope, task).await;
/// }
/// ```
///
/// ```compile_fail,E0308
/// use prosaas_core::TenantId;
/// use prosaas_crm::{CrmStore, model::id::TaskId};
/// async fn read(store: &CrmStore, scope: &TenantId, task: TaskId) {
///     let _ = store.task(scope, task).await;
/// }
/// ```
///
/// The same holds for what a call stores, whose core trait knows no scopes ([`super::HostStore`] has it):
///
/// ```compile_fail,E0308
/// use prosaas_core::{NewCall, TenantId};
/// use prosaas_crm::{CrmStore, PhoneStore};
/// async fn open(store: &CrmStore, tenant: TenantId, call: NewCall) {
///     let _ = store.open_call(tenant, call).await;
/// }
/// ```
///
/// ```compile_fail,E0277
/// use prosaas_core::TenantStore;
/// use prosaas_crm::CrmStore;
/// fn as_core(store: CrmStore) -> Box<dyn TenantStore> {
///     Box::new(store)
/// }
/// ```
///
/// And nobody outside this crate makes a scope out of its parts:
///
/// ```compile_fail,E0451
/// use prosaas_core::TenantId;
/// use prosaas_crm::auth::{Actor, Permissions, TenantScope};
/// fn forge(tenant: TenantId) -> TenantScope {
///     TenantScope { tenant, actor: Actor::Operator, permissions: Permissions::all() }
/// }
/// ```
///
/// ```compile_fail,E0624
/// use prosaas_core::TenantId;
/// use prosaas_crm::auth::TenantScope;
/// fn mint(tenant: TenantId) -> TenantScope {
///     TenantScope::for_agent(tenant)
/// }
/// ```
///
/// ```compile_fail,E0599
/// use prosaas_core::CallRecord;
/// use prosaas_crm::auth::TenantScope;
/// fn of_what_anybody_may_write(call: &CallRecord) -> TenantScope {
///     TenantScope::of_call(call)
/// }
/// ```
///
/// nor out of the row of a job or a business that he wrote himself:
///
/// ```compile_fail,E0616
/// use prosaas_core::TenantId;
/// use prosaas_crm::{ClaimedJob, auth::TenantScope};
/// fn redirect(mut job: ClaimedJob, tenant: TenantId) -> TenantScope {
///     job.tenant = tenant;
///     TenantScope::of_job(&job)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use prosaas_core::{Business, TenantId};
/// use prosaas_crm::{ListedBusiness, auth::TenantScope};
/// fn list(business: Business, tenant: TenantId) -> TenantScope {
///     TenantScope::of_listed(&ListedBusiness { business, numbers: Vec::new(), tenant })
/// }
/// ```
///
/// Leave to act on the installation opens no business, and cannot be written either:
///
/// ```compile_fail,E0451
/// use prosaas_crm::auth::{Actor, SystemScope};
/// fn forge() -> SystemScope {
///     SystemScope { actor: Actor::Operator }
/// }
/// ```
///
/// Only a word that a reviewer can search for does, where the host has its own login:
///
/// ```
/// use prosaas_core::TenantId;
/// use prosaas_crm::auth::{Actor, Permissions, TenantScope};
/// fn vouch(tenant: TenantId) -> TenantScope {
///     let scope = TenantScope::from_trusted_host(tenant, Permissions::all());
///     assert_eq!(scope.actor(), Actor::TrustedHost);
///     scope
/// }
/// ```
///
/// Cheap to share behind an `Arc`. Dropping it without [`CrmStore::close`] loses nothing that was
/// acknowledged.
#[derive(Debug)]
pub struct CrmStore {
    database: Database,
    clock: Arc<dyn Clock>,
    wakes: Arc<Wakes>,
    new_work: Arc<Notify>,
    #[cfg(feature = "auth")]
    master_keys: Option<Arc<MasterKeys>>,
}

#[derive(Debug)]
pub(super) enum Database {
    #[cfg(feature = "postgres")]
    Postgres(PostgresDatabase),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteDatabase),
}

/// Whose rows a transaction may see.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    /// One business's.
    Tenant(TenantId),
    /// Everybody's: the installation's own work.
    System,
}

impl CrmStore {
    /// Opens the database at `url`, migrated to this version's schema: `postgres://...`, or a path or
    /// `sqlite:PATH`, which is created when it is missing.
    ///
    /// # Errors
    /// `Invalid` when `url` names no database this build knows; `Unavailable`, with a sentence that
    /// names the database, when it cannot be opened, or comes from a newer version.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(&StoreOptions::new(url), clock).await
    }

    /// [`CrmStore::open`] with more to say than where the database is.
    pub async fn open_with(options: &StoreOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let database = Database::open(options).await?;
        let wakes = Arc::default();
        Ok(Self {
            database,
            clock,
            wakes,
            new_work: Arc::default(),
            #[cfg(feature = "auth")]
            master_keys: None,
        })
    }

    /// The same store, able to seal and open secrets under these keys.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn with_master_keys(mut self, keys: MasterKeys) -> Self {
        self.master_keys = Some(Arc::new(keys));
        self
    }

    /// The keys that secrets are sealed under.
    ///
    /// # Errors
    /// `Conflict` with `master-key-missing`: nothing is ever stored unsealed instead.
    #[cfg(feature = "auth")]
    pub(crate) fn master_keys(&self) -> Result<&MasterKeys> {
        self.master_keys.as_deref().ok_or_else(|| Error::Conflict {
            what: "master-key-missing",
            detail: "this installation has no master key to seal secrets with".to_owned(),
        })
    }

    /// Waits for running statements and closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Looks whether the database itself keeps businesses apart, as the role that the store runs as.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "only PostgreSQL has something to ask")
    )]
    pub async fn audit_isolation(&self) -> Result<Isolation> {
        match &self.database {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => database.audit().await,
            #[cfg(feature = "sqlite")]
            Database::Sqlite(_) => Ok(Isolation {
                guarded_tables: 0,
                problems: Vec::new(),
            }),
        }
    }

    /// Wakes whenever the business has new events, with the number of the last one.
    pub fn watch_events(&self, scope: &TenantScope) -> watch::Receiver<i64> {
        self.wakes.subscribe(scope.tenant())
    }

    /// Rings when somebody asked for work that he watches: whoever runs jobs in this process need not wait for
    /// his next look at the outbox.
    pub fn new_work(&self) -> Arc<Notify> {
        Arc::clone(&self.new_work)
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// The time, from the clock the store was opened with.
    pub fn now(&self) -> prosaas_core::UnixMillis {
        self.clock.now()
    }

    /// A transaction that reads one moment of a business's data.
    pub(crate) async fn read(&self, scope: &TenantScope) -> Result<TenantTx> {
        self.tenant_tx(scope, Access::Read).await
    }

    /// One statement that reads a business's data.
    pub(crate) async fn look(&self, scope: &TenantScope) -> Result<Single> {
        let view = View::Tenant(scope.tenant());
        let connection = self.database.begin(view, Access::Single).await?;
        Ok(Single::of_tenant(connection, scope.tenant()))
    }

    /// A transaction that changes a business's data.
    pub(crate) async fn write(&self, scope: &TenantScope) -> Result<TenantTx> {
        self.tenant_tx(scope, Access::Write).await
    }

    /// A transaction that reads across tenants.
    pub(crate) async fn system_read(&self, scope: &SystemScope) -> Result<SystemTx> {
        self.system_tx(scope, Access::Read).await
    }

    /// One statement that reads across tenants.
    pub(crate) async fn system_look(&self, _scope: &SystemScope) -> Result<Single> {
        let connection = self.database.begin(View::System, Access::Single).await?;
        Ok(Single::of_system(connection))
    }

    /// A transaction that changes the installation's data.
    pub(crate) async fn system_write(&self, scope: &SystemScope) -> Result<SystemTx> {
        self.system_tx(scope, Access::Write).await
    }

    async fn tenant_tx(&self, scope: &TenantScope, access: Access) -> Result<TenantTx> {
        let view = View::Tenant(scope.tenant());
        let connection = self.database.begin(view, access).await?;
        let (clock, wakes) = (Arc::clone(&self.clock), Arc::clone(&self.wakes));
        Ok(TenantTx::new(connection, scope, clock, wakes))
    }

    async fn system_tx(&self, scope: &SystemScope, access: Access) -> Result<SystemTx> {
        let connection = self.database.begin(View::System, access).await?;
        let (clock, wakes) = (Arc::clone(&self.clock), Arc::clone(&self.wakes));
        Ok(SystemTx::new(connection, scope, clock, wakes))
    }
}

impl Database {
    /// Waits for running statements and closes the database.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.close().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.close().await,
        }
    }

    pub(super) async fn open(options: &StoreOptions) -> Result<Self> {
        match options.kind() {
            #[cfg(feature = "postgres")]
            Kind::Postgres => PostgresDatabase::open(options).await.map(Self::Postgres),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => SqliteDatabase::open(options).await.map(Self::Sqlite),
            #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
            _ => Err(Error::invalid(
                "DATABASE_URL",
                "a database that this build supports",
            )),
        }
    }

    fn begin(&self, view: View, access: Access) -> Answer<'_, Connection> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => Box::pin(database.begin(view, access)),
            // One file, one process: there is no second wall to be told about the view.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => {
                let _ = view;
                Box::pin(database.begin(access))
            }
        }
    }
}
