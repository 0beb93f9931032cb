//! Mail to the people of a business: each in his language.

use prosaas_core::{Error, Language};
use prosaas_crm::mail::{Mail, MailContent};
use prosaas_crm::model::call_list::Recipient;

use super::JobError;
use crate::wiring::App;

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
