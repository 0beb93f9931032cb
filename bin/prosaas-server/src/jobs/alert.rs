//! Tells a business's owners of a call that was missed or that cannot wait.

use prosaas_core::{CallId, Error, Language, TenantStore as _, UnixMillis};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::{Mail, MailContent};
use prosaas_crm::model::call_list::{AnsweredBy, CallEntry, Recipient};

use super::JobError;
use crate::wiring::App;

/// An alert that comes later than this is none: the summary is read in the console by then.
const LATEST_MS: i64 = 24 * 3_600_000;

/// Sends the alert once. Without a mail server the event in the console is all there is.
pub(super) async fn run(app: &App, scope: &TenantScope, call: CallId) -> Result<(), JobError> {
    let entry = app.store.call_entry(scope, call).await?;
    let now = app.clock.now();
    let began = entry.call.record.call.started_at;
    let turned_away = entry.answered_by == Some(AnsweredBy::Rejected);
    if turned_away || now.since(began) > LATEST_MS {
        return Ok(());
    }
    let Some(business) = app.store.business(scope.tenant()).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    if let Some(mailer) = &app.mailer {
        for owner in app.store.owners_to_alert(scope).await? {
            let mail = mail(app, &entry, &business.name, owner, now);
            match mailer.send(&mail).await {
                Ok(()) => {}
                // This address will never take it; the other owners shall hear all the same.
                Err(Error::Invalid { .. }) => {
                    tracing::warn!(%call, "an owner's address refused an alert");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    app.store.note_alerted(scope, call).await?;
    Ok(())
}

fn mail(app: &App, entry: &CallEntry, business: &str, owner: Recipient, at: UnixMillis) -> Mail {
    let (headline, detail) = words(entry, owner.language);
    Mail {
        to: owner.email,
        language: owner.language,
        content: MailContent::Alert {
            business: business.to_owned(),
            headline,
            detail,
            link: app.url(&format!("/calls/{}", entry.call.record.id)),
        },
        at,
    }
}

/// What happened, in the reader's language. The caller's number is masked: mail travels in the open.
fn words(entry: &CallEntry, language: Language) -> (String, String) {
    let caller = entry.call.record.call.caller.as_ref();
    let headline = match (language, entry.urgent) {
        (Language::He, true) => "שיחה דחופה",
        (Language::He, false) => "שיחה שלא נענתה",
        (Language::En, true) => "An urgent call",
        (Language::En, false) => "A missed call",
    };
    let from = match (language, caller) {
        (Language::He, Some(number)) => format!("מהמספר {number}"),
        (Language::He, None) => "ממספר חסוי".to_owned(),
        (Language::En, Some(number)) => format!("From {number}"),
        (Language::En, None) => "From a withheld number".to_owned(),
    };
    let detail = match &entry.summary {
        Some(summary) => format!("{from}. {summary}"),
        None => from,
    };
    (headline.to_owned(), detail)
}
