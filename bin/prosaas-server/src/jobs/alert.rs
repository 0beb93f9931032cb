//! Tells a business's owners of a call that was missed or that cannot wait.

use prosaas_core::{CallId, Language};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::call_list::{AnsweredBy, CallEntry};

use super::JobError;
use super::tell::tell;
use crate::wiring::App;

/// An alert that comes later than this is none: the summary is read in the console by then.
const LATEST_MS: i64 = 24 * 3_600_000;

/// Sends the alert once.
pub(super) async fn run(app: &App, scope: &TenantScope, call: CallId) -> Result<(), JobError> {
    let entry = app.store.call_entry(scope, call).await?;
    let began = entry.call.record.call.started_at;
    let turned_away = entry.answered_by == Some(AnsweredBy::Rejected);
    // Forwarded to a person, who picked up after the outcome was stored.
    let was_taken = entry.answered_by == Some(AnsweredBy::Person) && !entry.urgent;
    if turned_away || was_taken || app.clock.now().since(began) > LATEST_MS {
        return Ok(());
    }
    // Whoever was told of the message that was left in the call was told more than this.
    if !entry.urgent && app.store.was_told_of_voicemail(scope, call).await? {
        return Ok(());
    }
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |language| {
        let (headline, detail) = words(&entry, language);
        MailContent::Alert {
            business: business.name.clone(),
            headline,
            detail,
            link: app.url(&format!("/calls/{call}")),
        }
    };
    tell(app, owners, content).await?;
    app.store.note_alerted(scope, call).await?;
    Ok(())
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
