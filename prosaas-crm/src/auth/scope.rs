//! The scopes: proof that somebody may act in one business, or in the installation.
//!
//! A scope cannot be built from parts outside this crate, only taken from something that proves it and
//! that only the store makes: what a called number or a webhook's call led to ([`super::Scoped`]), a
//! claimed job, a listed business, a session, an API key. The exceptions have names that a reviewer can
//! search for: [`TenantScope::from_trusted_host`], [`SystemScope::from_operator`],
//! [`SystemScope::for_installation`] and [`super::Scoped::from_own_record`].

use std::fmt;

use prosaas_core::{Error, Result, TenantId};

use super::permission::{Permission, Permissions};
use super::role::Role;
use crate::model::id::{ActingId, ApiKeyId, UserId};
use crate::model::job::ClaimedJob;
use crate::store::ListedBusiness;

/// Who acts. Written into every audit row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Actor {
    /// A member of the business, signed in.
    User(UserId),
    /// A `system_admin` in an acting session.
    Acting(Acting),
    /// An API key of the business.
    ApiKey(ApiKeyId),
    /// The agent in a call or a conversation: the phone itself.
    Agent,
    /// Our own background work.
    Job,
    /// The operator at the command line, or the installation's own administration.
    Operator,
    /// The application that embeds this crate and has its own login.
    TrustedHost,
}

impl Actor {
    /// The word stored beside the id.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Acting(_) => "acting",
            Self::ApiKey(_) => "api_key",
            Self::Agent => "agent",
            Self::Job => "job",
            Self::Operator => "operator",
            Self::TrustedHost => "host",
        }
    }

    /// His id, printed as the API prints it, where the kind has ids.
    pub fn id(self) -> Option<String> {
        match self {
            Self::User(user) => Some(user.to_string()),
            Self::Acting(acting) => Some(acting.admin.to_string()),
            Self::ApiKey(key) => Some(key.to_string()),
            Self::Agent | Self::Job | Self::Operator | Self::TrustedHost => None,
        }
    }

    /// The actor that was stored as these parts; `None` when they make none.
    pub(crate) fn stored(kind: &str, id: Option<&str>, acting: Option<ActingId>) -> Option<Self> {
        Some(match (kind, id) {
            ("user", Some(id)) => Self::User(id.parse().ok()?),
            ("acting", Some(id)) => Self::Acting(Acting {
                id: acting?,
                admin: id.parse().ok()?,
            }),
            ("api_key", Some(id)) => Self::ApiKey(id.parse().ok()?),
            ("agent", None) => Self::Agent,
            ("job", None) => Self::Job,
            ("operator", None) => Self::Operator,
            ("host", None) => Self::TrustedHost,
            _ => return None,
        })
    }

    /// The acting session, if he acts in one.
    pub(crate) const fn acting_id(self) -> Option<ActingId> {
        match self {
            Self::Acting(acting) => Some(acting.id),
            _ => None,
        }
    }

    /// The user behind it, if a user is: an acting administrator counts.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Acting(acting) => Some(acting.admin),
            _ => None,
        }
    }
}

/// A `system_admin` at work for a business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Acting {
    /// The acting session.
    pub id: ActingId,
    /// The administrator.
    pub admin: UserId,
}

/// Leave to act in one business. The first argument of everything that touches its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TenantScope {
    tenant: TenantId,
    actor: Actor,
    permissions: Permissions,
}

impl TenantScope {
    /// The business.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who acts.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// What the actor may do.
    pub const fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Passes if the actor has the right.
    ///
    /// # Errors
    /// `Forbidden`, naming the right.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions.contains(permission) {
            return Ok(());
        }
        let detail = format!("this needs the permission `{permission}`");
        Err(Error::Forbidden { detail })
    }

    /// A member of the business. Only the sessions of this crate call it.
    pub(crate) fn for_member(tenant: TenantId, user: UserId, role: Role) -> Self {
        Self::new(tenant, Actor::User(user), role.permissions())
    }

    /// An administrator acting for a business: an owner's rights, but never keys or secrets, no member
    /// may be touched, and nothing is removed for good: that is the owner's word alone, and so is what
    /// leaves the house about a person.
    pub(crate) fn for_acting(tenant: TenantId, acting: Acting) -> Self {
        let permissions = Permissions::all()
            .without(Permission::KeysWrite)
            .without(Permission::UsersWrite)
            .without(Permission::LeadsPurge)
            .without(Permission::PrivacyWrite);
        Self::new(tenant, Actor::Acting(acting), permissions)
    }

    /// An API key: its own scopes, and never members or keys.
    pub(crate) fn for_api_key(tenant: TenantId, key: ApiKeyId, scopes: Permissions) -> Self {
        let permissions = scopes
            .without(Permission::KeysWrite)
            .without(Permission::UsersWrite);
        Self::new(tenant, Actor::ApiKey(key), permissions)
    }

    /// The agent, for the business that a row of the store names: a called number's, a call's.
    pub(crate) fn for_agent(tenant: TenantId) -> Self {
        Self::new(tenant, Actor::Agent, Permissions::all())
    }

    /// Background work for the business whose job was claimed.
    pub fn of_job(job: &ClaimedJob) -> Self {
        Self::new(job.tenant(), Actor::Job, Permissions::all())
    }

    /// Long work in the name of whoever asked for it, as its row says. Only what runs such work calls it,
    /// and looks again whether he still may.
    pub(crate) fn for_batch(tenant: TenantId, asked: Actor) -> Self {
        Self::new(tenant, asked, Permissions::all())
    }

    /// Background work for a business of the installation's list, which only a [`SystemScope`] reads.
    pub fn of_listed(listed: &ListedBusiness) -> Self {
        Self::new(listed.tenant(), Actor::Job, Permissions::all())
    }

    /// A scope on the word of an application that has its own login and its own idea of permissions.
    ///
    /// Nothing is checked here: whoever calls this says that the request was authenticated for this
    /// business. Search for this name when you review an embedding.
    pub fn from_trusted_host(tenant: TenantId, permissions: Permissions) -> Self {
        Self::new(tenant, Actor::TrustedHost, permissions)
    }

    /// The operator's own work in a business, such as the command line's.
    pub(crate) fn for_operator(tenant: TenantId) -> Self {
        Self::new(tenant, Actor::Operator, Permissions::all())
    }

    const fn new(tenant: TenantId, actor: Actor, permissions: Permissions) -> Self {
        Self {
            tenant,
            actor,
            permissions,
        }
    }
}

impl fmt::Debug for TenantScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantScope")
            .field("tenant", &self.tenant)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

/// Leave to act on the installation: businesses, administrators, work of all tenants.
///
/// It is no key to any business's data: no method that asks for a [`TenantScope`] takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemScope {
    actor: Actor,
}

impl SystemScope {
    /// Who acts.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// A signed-in `system_admin`, outside an acting session. Only the sessions of this crate call it.
    pub(crate) const fn for_admin(admin: UserId) -> Self {
        Self {
            actor: Actor::User(admin),
        }
    }

    /// The operator of the installation: whoever may run its commands may read its database as well.
    /// Search for this name when you review an embedding.
    pub const fn from_operator() -> Self {
        Self {
            actor: Actor::Operator,
        }
    }

    /// The installation's own work across tenants: whose a number, a call or a token is, which job is due,
    /// which call's end got lost. It opens no business that one names ([`SystemScope::tenant`] refuses it),
    /// only those that what it finds belongs to, so it is less than [`SystemScope::from_operator`]. Search
    /// for this name when you review an embedding.
    pub const fn for_installation() -> Self {
        Self { actor: Actor::Job }
    }

    /// The installation's side of what somebody asked for who has proved that he may: people belong to
    /// the installation, also when an owner changes them. The audit log names the one who asked.
    pub(crate) const fn on_behalf_of(actor: Actor) -> Self {
        Self { actor }
    }

    /// The operator's key to one business, for the command line. The store checks that it exists.
    pub fn tenant(&self, tenant: TenantId) -> Result<TenantScope> {
        match self.actor {
            Actor::Operator => Ok(TenantScope::for_operator(tenant)),
            _ => Err(Error::Forbidden {
                detail: "an administrator enters a business only by an acting session".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::mint(UnixMillis(1))
    }

    #[test]
    fn an_acting_administrator_touches_neither_members_nor_keys() {
        let acting = Acting {
            id: ActingId::mint(UnixMillis(1)),
            admin: UserId::mint(UnixMillis(1)),
        };
        let scope = TenantScope::for_acting(tenant(), acting);
        assert!(scope.require(Permission::LeadsManage).is_ok());
        assert!(scope.require(Permission::LeadsPurge).is_err());
        assert!(scope.require(Permission::PrivacyWrite).is_err());
        assert!(scope.require(Permission::KeysWrite).is_err());
        assert!(scope.require(Permission::UsersWrite).is_err());
    }

    #[test]
    fn a_key_gets_no_more_than_its_scopes() {
        let id = ApiKeyId::mint(UnixMillis(1));
        let wanted = [Permission::LeadsRead, Permission::KeysWrite]
            .into_iter()
            .collect();
        let scope = TenantScope::for_api_key(tenant(), id, wanted);
        assert!(scope.require(Permission::LeadsRead).is_ok());
        assert!(scope.require(Permission::LeadsWrite).is_err());
        assert!(scope.require(Permission::KeysWrite).is_err());
    }

    #[test]
    fn an_administrator_has_no_key_to_a_business() {
        let admin = SystemScope::for_admin(UserId::mint(UnixMillis(1)));
        assert!(admin.tenant(tenant()).is_err());
        assert!(SystemScope::from_operator().tenant(tenant()).is_ok());
    }
}
