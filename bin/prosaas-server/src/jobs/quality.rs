//! Tells a business's owners that many of its last calls went badly.

use prosaas_core::{Language, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::rules::quality::{LastCalls, TOLD_AGAIN_AFTER_MS};

use super::JobError;
use super::tell::tell;
use crate::wiring::App;

/// Tells the owners how their last calls went. Which calls those are is looked up now: more may have ended.
pub(super) async fn run(app: &App, scope: &TenantScope, at: UnixMillis) -> Result<(), JobError> {
    if app.clock.now().since(at) >= TOLD_AGAIN_AFTER_MS {
        // The next ones decide again.
        return Ok(());
    }
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let last = app.store.last_calls(scope).await?;
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |language| MailContent::Alert {
        business: business.name.clone(),
        headline: headline(language).to_owned(),
        detail: detail(last, language),
        link: app.url("/calls?verdict=poor"),
    };
    tell(app, owners, content).await
}

const fn headline(language: Language) -> &'static str {
    match language {
        Language::He => "שיחות רבות לא נשמעו טוב",
        Language::En => "Many calls did not go well",
    }
}

fn detail(last: LastCalls, language: Language) -> String {
    let LastCalls { all, poor } = last;
    match language {
        Language::He => format!(
            "{poor} מתוך {all} השיחות האחרונות היו באיכות ירודה: שתיקות ארוכות, קול קטוע או תשובות איטיות. \
             בעמוד של כל שיחה כתוב מה קרה בה."
        ),
        Language::En => format!(
            "{poor} of the last {all} calls went badly: long silences, a broken voice or slow answers. \
             The page of each call says what happened in it."
        ),
    }
}
