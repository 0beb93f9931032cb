//! Businesses, their rules and their secrets: asked of the store, and remembered.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{
    AccountSid, Business, BusinessSecrets, E164, Error, NewCall, NumberOwner, SecretString,
    TenantId, WhatsAppTransport,
};
use prosaas_crm::auth::{Scoped, SystemScope, TenantScope};
use prosaas_crm::model::settings::{BusinessSettings, VoiceTool};
use prosaas_crm::model::situation::CallSituation;
use prosaas_crm::model::wall::Zone;
use prosaas_crm::{BusinessAdmin as _, ListedBusiness, PhoneStore as _};

use super::{Standby, is_away};
use crate::calls::FoundCall;
use crate::keys::OwnTokens;

const INSTALLATION: SystemScope = SystemScope::for_installation();

impl Standby {
    /// Whose number it is, with leave to act for that business.
    ///
    /// # Errors
    /// When the store is away and the number was not called or looked at within the last day.
    pub async fn owner(&self, number: &E164) -> Result<NumberOwner<Scoped<Arc<Business>>>, Error> {
        let asked = self
            .ask(|| self.store.business_by_number(&INSTALLATION, number))
            .await;
        let now = self.now();
        match asked {
            Ok(owner) => {
                match &owner {
                    NumberOwner::One(business) => {
                        self.book().learn_owner(number.clone(), business, now);
                    }
                    NumberOwner::Nobody | NumberOwner::Several(_) => {
                        self.book().forget_owner(number);
                    }
                }
                Ok(owner)
            }
            Err(error) if is_away(&error) => {
                let known = self.book().owner(number, now);
                known.map(NumberOwner::One).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// One business.
    ///
    /// # Errors
    /// When the store is away and the business is not remembered.
    pub async fn business(&self, scope: &TenantScope) -> Result<Option<Arc<Business>>, Error> {
        let asked = self.ask(|| self.store.business(scope)).await;
        let now = self.now();
        match asked {
            Ok(business) => {
                if let Some(business) = &business {
                    self.book().learn_business(business, now);
                }
                Ok(business)
            }
            Err(error) if is_away(&error) => {
                let known = self.book().business(scope.tenant(), now);
                known.map(Some).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The business's own secrets.
    ///
    /// # Errors
    /// When the store is away and they are not remembered, or cannot be opened.
    pub async fn secrets(&self, scope: &TenantScope) -> Result<BusinessSecrets, Error> {
        let asked = self.ask(|| self.store.secrets(scope)).await;
        let (tenant, now) = (scope.tenant(), self.now());
        match asked {
            Ok(secrets) => {
                self.book().learn_secrets(tenant, secrets.clone(), now);
                Ok(secrets)
            }
            Err(error) if is_away(&error) => self.book().secrets(tenant, now).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// How a call stands. While the store is away nothing is known of the caller: neither his name nor that
    /// he is blocked.
    ///
    /// # Errors
    /// When the store is away and the number's rules are not remembered.
    pub async fn situation(
        &self,
        scope: &TenantScope,
        call: &NewCall,
    ) -> Result<CallSituation, Error> {
        self.situation_of(scope, &call.business_number, call.caller.as_ref())
            .await
    }

    async fn situation_of(
        &self,
        scope: &TenantScope,
        number: &E164,
        caller: Option<&E164>,
    ) -> Result<CallSituation, Error> {
        let now = self.now();
        let asked = self
            .ask(|| self.store.call_situation(scope, number, caller, now))
            .await;
        match asked {
            Ok(situation) => {
                let of_anybody = situation.for_stranger_at(now);
                self.book().learn_situation(number.clone(), of_anybody, now);
                Ok(situation)
            }
            Err(error) if is_away(&error) => self.book().situation(number, now).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// The business's settings, for whoever writes into the store itself in a call.
    ///
    /// # Errors
    /// `Unavailable` when the store is away, and also while it does not know the call yet.
    pub async fn settings(&self, call: &FoundCall) -> Result<BusinessSettings, Error> {
        if self.is_pending(call.id) {
            return Err(Error::unavailable(
                "database",
                "it does not know the call yet",
            ));
        }
        self.ask(|| self.store.settings(call.scope())).await
    }

    /// Whether a caller can be sent a WhatsApp that he asks for. While the store is away nobody can.
    pub async fn may_write_in_call(
        &self,
        scope: &TenantScope,
        caller: &E164,
        transport: &dyn WhatsAppTransport,
    ) -> bool {
        let asked = self.ask(|| async move {
            let can = transport.capabilities_of(scope.tenant()).await?;
            self.store.may_write_in_call(scope, caller, can).await
        });
        match asked.await {
            Ok(may) => may,
            Err(error) => {
                tracing::debug!(error = %error.chain(), "nobody knows whether the caller can be written to");
                false
            }
        }
    }

    /// The clock of a business and what its agent may do, of a number that is remembered.
    pub fn offers(&self, number: &E164) -> Option<(Zone, Vec<VoiceTool>)> {
        let known = self.book().situation(number, self.now())?;
        Some((known.zone, known.tools))
    }

    /// Reads what calls to every number would need, so that it is remembered, and forgets what is old.
    pub async fn remember_everybody(&self) {
        self.book().forget_old(self.now());
        if let Err(error) = self.remember_businesses().await {
            tracing::warn!(
                error = %error.chain(),
                "not every business could be read ahead; some would not be known if the database went away"
            );
        }
    }

    async fn remember_businesses(&self) -> Result<(), Error> {
        let listed = self.ask(|| self.store.list_businesses(&INSTALLATION)).await;
        let mut first = Ok(());
        for listed in listed? {
            match self.remember_business(&listed).await {
                Ok(()) => {}
                Err(error) if is_away(&error) => return Err(error),
                // One business whose secrets do not open must not stand in the way of the others.
                Err(error) => first = first.and(Err(error)),
            }
        }
        first
    }

    async fn remember_business(&self, listed: &ListedBusiness) -> Result<(), Error> {
        let scope = TenantScope::of_listed(listed);
        for number in &listed.numbers {
            // The list may hold what another business claims as well; who answers is decided here.
            if let NumberOwner::One(business) = self.owner(number).await?
                && business.id == listed.business.id
            {
                self.situation_of(&scope, number, None).await?;
            }
        }
        self.secrets(&scope).await.map(drop)
    }
}

#[async_trait]
impl OwnTokens for Standby {
    async fn of_account(
        &self,
        account: &AccountSid,
    ) -> Result<Vec<(TenantId, SecretString)>, Error> {
        let asked = self
            .ask(|| self.store.twilio_tokens_of_account(&INSTALLATION, account))
            .await;
        let now = self.now();
        match asked {
            Ok(claims) => {
                self.book()
                    .learn_account(account.clone(), claims.clone(), now);
                Ok(claims)
            }
            Err(error) if is_away(&error) => self.book().account(account, now).ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn of_tenant(&self, tenant: TenantId) -> Result<Option<SecretString>, Error> {
        let asked = self.ask(|| self.store.twilio_token_of(&INSTALLATION, tenant));
        match asked.await {
            Err(error) if is_away(&error) => {
                let known = self.book().secrets(tenant, self.now());
                known.map(|known| known.twilio_auth_token).ok_or(error)
            }
            asked => asked,
        }
    }

    async fn any(&self) -> Result<bool, Error> {
        self.ask(|| self.store.has_twilio_tokens(&INSTALLATION))
            .await
    }
}
