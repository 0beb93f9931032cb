//! Everybody who asks.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header;
use prosaas_core::TenantId;
use prosaas_crm::CrmStore;
use prosaas_crm::api::kit::{Authenticator, Caller, Presented, Problem};
use prosaas_crm::auth::{Permission, Permissions, Role, SystemScope, TenantScope};
use prosaas_crm::model::id::{ApiKeyId, SessionId, UserId};

use super::operation::Needs;
use super::world::{Things, tenant};
use crate::api::support::Ask;
use crate::support::NOW;

/// One of the two businesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Company {
    Ours,
    Theirs,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Actor {
    Viewer,
    Agent,
    Manager,
    Owner,
    /// An administrator of the installation, in no business.
    SystemAdmin,
    /// An administrator acting for the business.
    Acting,
    /// An API key with this right alone.
    Key(Permission),
    /// An API key with every right but this one.
    KeyWithout(Permission),
    Nobody,
    Expired,
    RevokedKey,
}

/// What an actor should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Success,
    Forbidden,
    Unauthenticated,
}

impl Actor {
    /// Everybody who could ask for an operation with this row.
    pub(super) fn for_row(needs: Needs) -> Vec<Self> {
        let right = match needs {
            Needs::Tenant(permission) => permission,
            _ => Permission::LeadsRead,
        };
        vec![
            Self::Owner,
            Self::Viewer,
            Self::Agent,
            Self::Manager,
            Self::SystemAdmin,
            Self::Acting,
            Self::Key(right),
            Self::KeyWithout(right),
            Self::Nobody,
            Self::Expired,
            Self::RevokedKey,
        ]
    }

    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    /// What he should get for an operation of his own business.
    pub(super) fn expects(self, needs: Needs) -> Expected {
        let allowed = match (self, needs) {
            (_, Needs::Public) => true,
            (Self::Nobody | Self::Expired | Self::RevokedKey, _) => {
                return Expected::Unauthenticated;
            }
            (Self::Key(_) | Self::KeyWithout(_), Needs::Session | Needs::System) => false,
            (_, Needs::Session) => true,
            (actor, Needs::System) => actor == Self::SystemAdmin,
            (actor, Needs::Tenant(permission)) => actor
                .rights()
                .is_some_and(|rights| rights.contains(permission)),
        };
        if allowed {
            Expected::Success
        } else {
            Expected::Forbidden
        }
    }

    /// His rights in the business he works in.
    fn rights(self) -> Option<Permissions> {
        let untouchable = |rights: Permissions| {
            rights
                .without(Permission::KeysWrite)
                .without(Permission::UsersWrite)
        };
        Some(match self {
            Self::Viewer => Role::Viewer.permissions(),
            Self::Agent => Role::Agent.permissions(),
            Self::Manager => Role::Manager.permissions(),
            Self::Owner => Role::Owner.permissions(),
            Self::Acting => untouchable(Permissions::all()),
            Self::Key(right) => untouchable(std::iter::once(right).collect()),
            Self::KeyWithout(right) => untouchable(Permissions::all().without(right)),
            Self::SystemAdmin | Self::Nobody | Self::Expired | Self::RevokedKey => return None,
        })
    }
}

/// The people and keys of both businesses.
#[derive(Debug)]
pub(super) struct Cast {
    authenticator: Arc<Doorman>,
}

/// Knows everybody by a word.
#[derive(Debug)]
struct Doorman(HashMap<String, Caller>);

#[async_trait]
impl Authenticator for Doorman {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>, Problem> {
        let word = presented.headers.get(header::AUTHORIZATION);
        let word = word.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        Ok(word.and_then(|word| self.0.get(word)).copied())
    }

    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        Ok(Some(*caller))
    }
}

impl Cast {
    pub(super) async fn assemble(_store: &CrmStore) -> Self {
        let mut known = HashMap::new();
        for company in [Company::Ours, Company::Theirs] {
            let everybody =
                Permission::ALL.map(|permission| Actor::for_row(Needs::Tenant(permission)));
            for actor in everybody.into_iter().flatten() {
                if let Some(caller) = caller(actor, tenant(company)) {
                    known.insert(word(actor, company), caller);
                }
            }
        }
        Self {
            authenticator: Arc::new(Doorman(known)),
        }
    }

    pub(super) fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::clone(&self.authenticator) as _
    }

    /// The owner's key to a business.
    pub(super) fn scope(&self, company: Company) -> TenantScope {
        TenantScope::from_trusted_host(tenant(company), Permissions::all())
    }

    /// The people that requests may name.
    pub(super) fn people(&self, _company: Company) -> Things {
        Things::new()
    }

    /// The request in somebody's name.
    pub(super) fn ask_as(&self, ask: Ask, actor: Actor, company: Company) -> Ask {
        match actor {
            Actor::Nobody => ask,
            _ => ask.as_(&word(actor, company)),
        }
    }
}

fn word(actor: Actor, company: Company) -> String {
    format!("{actor:?}-{company:?}")
}

fn caller(actor: Actor, tenant: TenantId) -> Option<Caller> {
    let signed_in = Caller::signed_in(SessionId::mint(NOW), UserId::mint(NOW));
    if actor == Actor::SystemAdmin {
        return Some(signed_in.administering(SystemScope::from_operator()));
    }
    let scope = TenantScope::from_trusted_host(tenant, actor.rights()?);
    Some(match actor {
        Actor::Key(_) | Actor::KeyWithout(_) => Caller::key(ApiKeyId::mint(NOW), scope),
        _ => signed_in.in_business(scope),
    })
}
