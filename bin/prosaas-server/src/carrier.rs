//! Twilio's API for one business: with its own account where it has one, else with the installation's.

use prosaas_core::{Error, ErrorClass};
use prosaas_crm::auth::TenantScope;
use prosaas_twilio::rest::Client;

use crate::keys::OwnTokens as _;
use crate::wiring::{App, twilio_client_of};

/// The account that the business's calls and messages are made with. `None` without credentials.
pub(crate) async fn client(app: &App, scope: &TenantScope) -> Result<Option<Client>, Error> {
    let own = match app.store.settings(scope).await {
        Ok(settings) => settings.twilio_account_sid,
        // A business that is gone may still have something to be deleted.
        Err(error) if error.class() == ErrorClass::NotFound => None,
        Err(error) => return Err(error),
    };
    let installations = app.config.twilio.account_sid.as_ref();
    let Some(account) = own.filter(|account| Some(account) != installations) else {
        return Ok(app.twilio.clone());
    };
    let Some(token) = app.standby.of_tenant(scope.tenant()).await? else {
        return Ok(None);
    };
    let client = twilio_client_of(&app.config, account, token);
    client
        .map(Some)
        .map_err(|error| Error::internal("a business's Twilio account", error))
}

/// The accounts that a call of the business may be of: its own first, then the installation's, which it may have had
/// before. None while there are no credentials for the first.
pub(crate) async fn clients(app: &App, scope: &TenantScope) -> Result<Vec<Client>, Error> {
    let Some(first) = client(app, scope).await? else {
        return Ok(Vec::new());
    };
    let others = app.twilio.iter().cloned();
    let others = others.filter(|client| client.account() != first.account());
    Ok(std::iter::once(first.clone()).chain(others).collect())
}
