//! Tells a business's owners of a call that was missed or that cannot wait.

use prosaas_core::{CallId, Language, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::call_list::{AnsweredBy, CallEntry};

use super::JobError;
use super::tell::tell;
use crate::wiring::App;

/// An alert that comes later than this is none: the summary is read in the console by then.
pub(super) const LATEST_MS: i64 = 24 * 3_600_000;

/// Sends the alert once.
pub(super) async fn run(app: &App, scope: &TenantScope, call: CallId) -> Result<(), JobError> {
    let entry = app.store.call_entry(scope, call).await?;
    if !is_news(&entry, app.clock.now()) {
        return Ok(());
    }
    // First: no mail server that is away holds up a phone in somebody's pocket.
    if app.store.push_alerts(scope, call).await? > 0 {
        app.work.notify_one();
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

/// Whether anybody still has to be told of the call.
pub(super) fn is_news(entry: &CallEntry, now: UnixMillis) -> bool {
    let began = entry.call.record.call.started_at;
    let turned_away = entry.answered_by == Some(AnsweredBy::Rejected);
    // Forwarded to a person, who picked up after the outcome was stored.
    let was_taken = entry.answered_by == Some(AnsweredBy::Person) && !entry.urgent;
    !turned_away && !was_taken && now.since(began) <= LATEST_MS
}

/// What happened, in the reader's language, for a mail.
fn words(entry: &CallEntry, language: Language) -> (String, String) {
    let from = caller(entry, language);
    let detail = match &entry.summary {
        Some(summary) => format!("{from}. {summary}"),
        None => from,
    };
    (headline(entry, language).to_owned(), detail)
}

/// What happened, in three words.
pub(super) const fn headline(entry: &CallEntry, language: Language) -> &'static str {
    match (language, entry.urgent) {
        (Language::He, true) => "שיחה דחופה",
        (Language::He, false) => "שיחה שלא נענתה",
        (Language::En, true) => "An urgent call",
        (Language::En, false) => "A missed call",
    }
}

/// Who called. The number is masked: mail travels in the open, and a phone lies on a table.
pub(super) fn caller(entry: &CallEntry, language: Language) -> String {
    match (language, &entry.call.record.call.caller) {
        (Language::He, Some(number)) => format!("מהמספר {number}"),
        (Language::He, None) => "ממספר חסוי".to_owned(),
        (Language::En, Some(number)) => format!("From {number}"),
        (Language::En, None) => "From a withheld number".to_owned(),
    }
}
