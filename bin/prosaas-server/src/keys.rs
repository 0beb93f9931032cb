//! Which keys may have signed a webhook: a business's own first, then the installation's.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{AccountSid, Error, ExposeSecret as _, SecretString, TenantId};
use prosaas_twilio::signature::{KeyError, KeySource, SignatureKey};

use crate::config::TwilioConfig;

/// Finds the tokens of businesses that have a Twilio account of their own.
#[async_trait]
pub trait OwnTokens: Send + Sync + 'static {
    /// The businesses with this account, with its token as each of them knows it.
    ///
    /// # Errors
    /// When the store cannot be reached or a token cannot be opened.
    async fn of_account(
        &self,
        account: &AccountSid,
    ) -> Result<Vec<(TenantId, SecretString)>, Error>;

    /// The token of a business.
    ///
    /// # Errors
    /// When the store cannot be reached or the token cannot be opened.
    async fn of_tenant(&self, tenant: TenantId) -> Result<Option<SecretString>, Error>;

    /// Whether any business has one.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn any(&self) -> Result<bool, Error>;
}

/// The keys of the installation and of its businesses.
#[derive(Clone)]
pub struct AccountKeys {
    own: Arc<dyn OwnTokens>,
    account: Option<AccountSid>,
    token: Option<SecretString>,
}

impl fmt::Debug for AccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKeys")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl AccountKeys {
    /// The installation's own account beside those of businesses.
    pub fn new(twilio: &TwilioConfig, own: Arc<dyn OwnTokens>) -> Self {
        Self {
            own,
            account: twilio.account_sid.clone(),
            token: twilio.auth_token.clone(),
        }
    }

    /// Whether what an account signed may be about a business: the installation's may be about any, a
    /// business's own only about itself. Its holder could otherwise sign for everybody's numbers.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn may_speak_for(
        &self,
        account: &AccountSid,
        tenant: TenantId,
    ) -> Result<bool, Error> {
        if self.account.as_ref() == Some(account) {
            return Ok(true);
        }
        let owners = self.own.of_account(account).await?;
        Ok(owners.is_empty() || owners.iter().any(|(owner, _)| *owner == tenant))
    }

    /// The tokens that whoever is named has of his own.
    async fn own_tokens(&self, named: &Named) -> Result<Vec<SecretString>, Error> {
        match named {
            Named::Account(account) => {
                let claims = self.own.of_account(account).await?;
                let mut tokens: Vec<_> = claims.into_iter().map(|(_, token)| token).collect();
                tokens.dedup_by(|a, b| a.expose_secret() == b.expose_secret());
                if tokens.len() > 1 {
                    // One of them does not know the account's token, and nobody can tell which.
                    tracing::error!(%account, "businesses claim one account with different tokens; none is believed");
                    tokens.clear();
                }
                Ok(tokens)
            }
            Named::Business(tenant) => Ok(self.own.of_tenant(*tenant).await?.into_iter().collect()),
            Named::Installation => Ok(Vec::new()),
        }
    }

    /// Whose request it claims to be. Nobody takes over the installation's account by claiming it as his.
    fn named(&self, account: Option<&AccountSid>, path: &str) -> Named {
        match account {
            Some(account) if self.account.as_ref() == Some(account) => Named::Installation,
            Some(account) => Named::Account(account.clone()),
            None => {
                let end = path.rsplit('/').next().unwrap_or_default();
                end.parse().map_or(Named::Installation, Named::Business)
            }
        }
    }
}

/// Whose request it claims to be.
enum Named {
    /// The installation's own account, or nobody in particular.
    Installation,
    /// Another account.
    Account(AccountSid),
    /// A business: an upgrade names it in its path, because it carries no form.
    Business(TenantId),
}

#[async_trait]
impl KeySource for AccountKeys {
    async fn keys(
        &self,
        account: Option<&AccountSid>,
        path: &str,
    ) -> Result<Arc<[SignatureKey]>, KeyError> {
        let unavailable = |error: Error| {
            tracing::error!(error = %error.chain(), "the keys of businesses cannot be read");
            KeyError::Unavailable
        };
        let named = self.named(account, path);
        let own = self.own_tokens(&named).await.map_err(unavailable)?;
        // Its token signs for its own account, and for any when nobody said which one that is.
        let is_strange = matches!(named, Named::Account(_)) && self.account.is_some();
        let installations = self.token.clone().filter(|_| !is_strange);
        let keys: Arc<[SignatureKey]> = own
            .into_iter()
            .chain(installations)
            .map(SignatureKey::auth_token)
            .collect();
        if !keys.is_empty() {
            return Ok(keys);
        }
        if self.token.is_none() && !self.own.any().await.map_err(unavailable)? {
            return Err(KeyError::NotConfigured);
        }
        Err(KeyError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    const OURS: &str = "AC00000000000000000000000000000001";
    const THEIRS: &str = "AC00000000000000000000000000000002";
    const NOBODYS: &str = "AC00000000000000000000000000000003";

    /// Accounts, businesses and tokens.
    struct Book(Vec<(AccountSid, TenantId, SecretString)>);

    #[async_trait]
    impl OwnTokens for Book {
        async fn of_account(
            &self,
            account: &AccountSid,
        ) -> Result<Vec<(TenantId, SecretString)>, Error> {
            let claims = self.0.iter().filter(|(sid, ..)| sid == account);
            Ok(claims
                .map(|(_, tenant, token)| (*tenant, token.clone()))
                .collect())
        }

        async fn of_tenant(&self, tenant: TenantId) -> Result<Option<SecretString>, Error> {
            let found = self.0.iter().find(|(_, known, _)| *known == tenant);
            Ok(found.map(|(.., token)| token.clone()))
        }

        async fn any(&self) -> Result<bool, Error> {
            Ok(!self.0.is_empty())
        }
    }

    fn sid(text: &str) -> AccountSid {
        text.parse().unwrap()
    }

    fn tenant(n: i64) -> TenantId {
        TenantId::mint(UnixMillis(n))
    }

    fn keys(
        global: Option<&str>,
        account: Option<&str>,
        own: &[(&str, TenantId, &str)],
    ) -> AccountKeys {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let own = own
            .iter()
            .map(|(account, tenant, token)| (sid(account), *tenant, secret(token)))
            .collect();
        AccountKeys {
            own: Arc::new(Book(own)),
            account: account.map(sid),
            token: global.map(secret),
        }
    }

    async fn of_form(keys: &AccountKeys, account: &str) -> Result<usize, KeyError> {
        let account = sid(account);
        let found = keys.keys(Some(&account), "/webhook/incoming_call").await?;
        Ok(found.len())
    }

    async fn of_upgrade(keys: &AccountKeys, path: &str) -> Result<usize, KeyError> {
        Ok(keys.keys(None, path).await?.len())
    }

    #[tokio::test]
    async fn the_business_own_first_then_the_installations() {
        let both = keys(Some("t"), Some(OURS), &[(THEIRS, tenant(1), "a")]);
        assert_eq!(of_form(&both, OURS).await, Ok(1));
        assert_eq!(of_form(&both, THEIRS).await, Ok(1));
        assert_eq!(of_form(&both, NOBODYS).await, Err(KeyError::Unknown));
        let any = keys(Some("t"), None, &[(THEIRS, tenant(1), "a")]);
        assert_eq!(of_form(&any, THEIRS).await, Ok(2));
        assert_eq!(of_form(&any, NOBODYS).await, Ok(1));
    }

    #[tokio::test]
    async fn an_upgrade_names_its_business_in_the_path() {
        let (dana, ron) = (tenant(1), tenant(2));
        let own = keys(None, None, &[(THEIRS, dana, "a")]);
        let path = |business: TenantId| format!("/media/{business}");
        assert_eq!(of_upgrade(&own, &path(dana)).await, Ok(1));
        assert_eq!(of_upgrade(&own, &path(ron)).await, Err(KeyError::Unknown));
        assert_eq!(of_upgrade(&own, "/media").await, Err(KeyError::Unknown));
        let both = keys(Some("t"), Some(OURS), &[(THEIRS, dana, "a")]);
        assert_eq!(of_upgrade(&both, &path(dana)).await, Ok(2));
        assert_eq!(
            of_upgrade(&both, &path(ron)).await,
            Ok(1),
            "the installation's"
        );
        assert_eq!(of_upgrade(&both, "/media").await, Ok(1));
    }

    #[tokio::test]
    async fn none_at_all_is_our_fault_none_for_this_account_is_not() {
        let nothing = keys(None, None, &[]);
        assert_eq!(of_form(&nothing, OURS).await, Err(KeyError::NotConfigured));
        let own = keys(None, None, &[(THEIRS, tenant(1), "a")]);
        assert_eq!(of_form(&own, OURS).await, Err(KeyError::Unknown));
    }

    #[tokio::test]
    async fn an_account_speaks_for_its_own_business_alone() {
        let (dana, ron) = (tenant(1), tenant(2));
        let own = [(THEIRS, dana, "a"), (OURS, ron, "b")];
        let both = keys(Some("t"), Some(OURS), &own);
        for (account, business, may) in [
            (THEIRS, dana, true),
            (THEIRS, ron, false),
            (OURS, dana, true),
            (OURS, ron, true),
        ] {
            let speaks = both.may_speak_for(&sid(account), business).await.unwrap();
            assert_eq!(speaks, may, "{account}");
        }
        let only = keys(None, Some(OURS), &own);
        assert_eq!(
            of_form(&only, OURS).await,
            Err(KeyError::Unknown),
            "claimed, not owned"
        );
    }

    #[tokio::test]
    async fn an_account_that_two_claim_with_different_tokens_is_nobodys() {
        let claims = |token| [(THEIRS, tenant(1), "a"), (THEIRS, tenant(2), token)];
        let quarrel = keys(None, None, &claims("b"));
        assert_eq!(of_form(&quarrel, THEIRS).await, Err(KeyError::Unknown));
        let shared = keys(None, None, &claims("a"));
        assert_eq!(of_form(&shared, THEIRS).await, Ok(1));
    }
}
