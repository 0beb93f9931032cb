//! Mail to the people of a business: each in his language.

use prosaas_core::{Error, Language};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::{Mail, MailContent};
use prosaas_crm::model::call_list::Recipient;

use super::JobError;
use crate::wiring::App;

/// Tells a business's owners what `words` says in their language, a headline and the rest, with a link to a screen.
pub(super) async fn alert_owners(
    app: &App,
    scope: &TenantScope,
    screen: &str,
    words: impl Fn(Language) -> (String, String) + Send + Sync,
) -> Result<(), JobError> {
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |language| {
        let (headline, detail) = words(language);
        MailContent::Alert {
            business: business.name.clone(),
            headline,
            detail,
            link: app.url(screen),
        }
    };
    tell(app, owners, content).await
}

/// Tells people something; without a mail server the event in the console is all there is.
///
/// Once one of them was told it is done: who could be told, was, and nobody hears it twice because of
/// somebody else's address.
pub(super) async fn tell(
    app: &App,
    people: Vec<Recipient>,
    content: impl Fn(Language) -> MailContent,
) -> Result<(), JobError> {
    let Some(mailer) = &app.mailer else {
        return Ok(());
    };
    let (mut was_told, mut away) = (false, None);
    for Recipient { email, language } in people {
        let mail = Mail {
            to: email,
            language,
            content: content(language),
            at: app.clock.now(),
        };
        match mailer.send(&mail).await {
            Ok(()) => was_told = true,
            // This address will never take it.
            Err(error @ Error::Invalid { .. }) => {
                tracing::warn!(error = %error.chain(), "an address refuses our mail");
            }
            Err(error) => {
                tracing::warn!(error = %error.chain(), "a mail was not taken");
                away = Some(error);
            }
        }
    }
    match away {
        Some(error) if !was_told => Err(error.into()),
        _ => Ok(()),
    }
}
