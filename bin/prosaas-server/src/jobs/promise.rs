//! Tells a business's owners that something the agent promised has not been done.

use prosaas_core::{Error, Language, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::id::PromiseId;
use prosaas_crm::model::promise::Promise;

use super::JobError;
use super::tell::tell;
use crate::calls::when;
use crate::wiring::App;

/// Tells the owners of a promise that is still open after its deadline.
pub(super) async fn run(
    app: &App,
    scope: &TenantScope,
    promise: PromiseId,
    due: UnixMillis,
) -> Result<(), JobError> {
    let promise = match app.store.promise(scope, promise).await {
        Ok(promise) => promise,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !promise.is_open_for(due) {
        return Ok(());
    }
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let zone = app.store.settings(scope).await?.hours.time_zone;
    let due_at = when::read(&zone, due);
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |language| MailContent::Alert {
        business: business.name.clone(),
        headline: headline(language).to_owned(),
        detail: detail(&promise, &due_at, language),
        link: app.url(&format!("/calls/{}", promise.call_id)),
    };
    tell(app, owners, content).await?;
    app.store.note_promise_told(scope, promise.id, due).await?;
    app.work.notify_one();
    Ok(())
}

const fn headline(language: Language) -> &'static str {
    match language {
        Language::He => "הבטחה ללקוח שעוד לא קוימה",
        Language::En => "A promise to a caller is overdue",
    }
}

fn detail(promise: &Promise, due: &str, language: Language) -> String {
    let Promise { what, who, .. } = promise;
    match (language, who.is_empty()) {
        (Language::He, true) => format!("{what}. המועד: {due}"),
        (Language::He, false) => format!("{what} ({who}). המועד: {due}"),
        (Language::En, true) => format!("{what}. Due: {due}"),
        (Language::En, false) => format!("{what} ({who}). Due: {due}"),
    }
}
