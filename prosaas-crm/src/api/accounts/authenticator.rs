//! Sessions and API keys as the API's authenticator.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header;

use super::cookies::Cookie;
use crate::CrmStore;
use crate::api::kit::{Authenticator, Caller, Credential, Presented, Problem};
use crate::auth::token::ApiKey;
use crate::auth::{Permission, TenantScope};
use crate::model::access::{SessionRules, SignedIn};

/// Finds out who asks by the session's cookie or the bearer's API key, from the store at every request:
/// what was revoked a moment ago is nobody's any more.
#[derive(Debug)]
pub struct SessionAuthenticator {
    store: Arc<CrmStore>,
    rules: SessionRules,
    secure: bool,
    require_second_factor: bool,
}

impl SessionAuthenticator {
    /// Over a store; `secure` as [`crate::api::kit::ApiState::secure_cookies`] says. With
    /// `require_second_factor` owners and system administrators reach only their own account before they
    /// have one.
    pub const fn new(
        store: Arc<CrmStore>,
        rules: SessionRules,
        secure: bool,
        require_second_factor: bool,
    ) -> Self {
        Self {
            store,
            rules,
            secure,
            require_second_factor,
        }
    }

    fn caller(&self, signed_in: &SignedIn) -> Caller {
        let mut caller = Caller::signed_in(signed_in.session, signed_in.user);
        if self.require_second_factor && lacks_second_factor(signed_in) {
            return caller;
        }
        if let Some(scope) = signed_in.tenant {
            caller = caller.in_business(scope);
        }
        if let Some(system) = signed_in.system {
            caller = caller.administering(system);
        }
        caller
    }
}

/// Whether somebody ought to have a second factor and has none: whoever may give rights to others.
pub(super) fn lacks_second_factor(signed_in: &SignedIn) -> bool {
    let owns = |scope: TenantScope| scope.permissions().contains(Permission::UsersWrite);
    let ought = signed_in.system.is_some()
        || signed_in.acting.is_some()
        || signed_in.tenant.is_some_and(owns);
    ought && !signed_in.has_second_factor
}

#[async_trait]
impl Authenticator for SessionAuthenticator {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>, Problem> {
        if let Some(value) = presented.headers.get(header::AUTHORIZATION) {
            // Whoever sends a key means it: a cookie beside it is not looked at.
            let key = value
                .to_str()
                .ok()
                .and_then(|text| text.strip_prefix("Bearer "));
            let Some(key) = key.and_then(|text| ApiKey::parse(text.trim()).ok()) else {
                return Ok(None);
            };
            let scope = self.store.prove_api_key(&key).await?;
            return Ok(scope.map(|scope| Caller::key(key.id, scope)));
        }
        let Some(token) = Cookie::Session.read(presented.headers, self.secure) else {
            return Ok(None);
        };
        let signed_in = self.store.signed_in(&token.hash(), self.rules).await?;
        Ok(signed_in.map(|signed_in| self.caller(&signed_in)))
    }

    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        match caller.credential() {
            Credential::Session(session) => {
                let signed_in = self.store.session_still(session, self.rules).await?;
                Ok(signed_in.map(|signed_in| self.caller(&signed_in)))
            }
            Credential::ApiKey(key) => {
                let Some(scope) = caller.tenant() else {
                    return Ok(None);
                };
                let scope = self.store.api_key_still(&scope, key).await?;
                Ok(scope.map(|scope| Caller::key(key, scope)))
            }
        }
    }
}
