//! A business with people in it, on a fresh database of each kind.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{Language, SecretString, TenantId};
use prosaas_crm::auth::password::{NewPassword, Passwords, StoredPassword};
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::auth::{Role, SystemScope, TenantScope};
use prosaas_crm::model::access::{SessionRules, SignedIn};
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::NewUser;
pub(super) use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, CrmStore, StoreOptions, default_business};

use crate::support::{Backend, Databases, NOW};

pub(super) const RULES: SessionRules = SessionRules::STANDARD;
pub(super) const HOUR_MS: i64 = 60 * 60 * 1000;

/// A store with its clock.
pub(super) struct Bench {
    pub(super) store: CrmStore,
    pub(super) clock: Arc<ManualClock>,
    options: StoreOptions,
    _databases: Databases,
}

impl Bench {
    pub(super) async fn on(backend: Backend) -> Self {
        let databases = Databases::new(backend);
        let options = databases.fresh().await;
        let clock = Arc::new(ManualClock::at(NOW));
        let keys = MasterKeys::parse(&MasterKeys::generate(1).unwrap()).unwrap();
        let store = CrmStore::open_with(&options, Arc::clone(&clock) as _)
            .await
            .unwrap();
        Self {
            store: store.with_master_keys(keys),
            clock,
            options,
            _databases: databases,
        }
    }

    /// The same database once more, by a store that has no master keys yet.
    pub(super) async fn reopened(&self) -> CrmStore {
        CrmStore::open_with(&self.options, Arc::clone(&self.clock) as _)
            .await
            .unwrap()
    }

    pub(super) async fn business(&self, name: &str) -> TenantId {
        let id = TenantId::mint(NOW);
        let business = default_business(id, name, Language::En);
        self.store
            .add_business(&OPERATOR, &business, &[])
            .await
            .unwrap();
        id
    }

    /// An account with a password, of no business.
    pub(super) async fn account(&self, email: &str, system_admin: bool) -> UserId {
        let new = NewUser::new(email, "Somebody", Language::En).unwrap();
        let user = self.store.add_user(&OPERATOR, &new, system_admin).await;
        let user = user.unwrap().id;
        self.store
            .set_password(user, &stored_password())
            .await
            .unwrap();
        user
    }

    pub(super) async fn member(&self, tenant: TenantId, email: &str, role: Role) -> UserId {
        let user = self.account(email, false).await;
        self.join(tenant, user, role).await;
        user
    }

    pub(super) async fn join(&self, tenant: TenantId, user: UserId, role: Role) {
        let scope = OPERATOR.tenant(tenant).unwrap();
        self.store.add_member(&scope, user, role).await.unwrap();
    }

    pub(super) async fn sign_in(&self, user: UserId) -> SignedIn {
        let token = self.store.open_session(user, "test", false, RULES).await;
        let signed_in = self.store.signed_in(&token.unwrap().hash(), RULES).await;
        signed_in.unwrap().unwrap()
    }

    /// What a member may do in the business he works in.
    pub(super) async fn scope(&self, user: UserId) -> TenantScope {
        self.sign_in(user).await.tenant.unwrap()
    }

    pub(super) async fn admin_scope(&self, admin: UserId) -> SystemScope {
        self.sign_in(admin).await.system.unwrap()
    }
}

/// A stored password that was never hashed: most rules do not look at it.
pub(super) fn stored_password() -> StoredPassword {
    StoredPassword::from_phc("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo".to_owned())
}

/// A password that really is one.
pub(super) async fn hashed(password: &str) -> StoredPassword {
    let password = NewPassword::parse(&SecretString::from(password), "somebody").unwrap();
    Passwords::standard().unwrap().hash(password).await.unwrap()
}

pub(super) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// The stable code of a refusal.
pub(super) fn code<T: std::fmt::Debug>(result: Result<T, prosaas_core::Error>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(prosaas_core::Error::Conflict { what, .. }) => what,
        Err(prosaas_core::Error::NotFound { .. }) => "not-found",
        Err(prosaas_core::Error::Forbidden { .. }) => "forbidden",
        Err(prosaas_core::Error::Invalid { .. }) => "invalid",
        Err(prosaas_core::Error::RateLimited { .. }) => "rate-limited",
        Err(error) => panic!("{}", error.chain()),
    }
}
