//! Tells one browser of a member of a call: one job, one browser, by the push service that it named.

use prosaas_core::{CallId, E164};
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::model::call_list::CallEntry;
use prosaas_crm::model::id::PushSubscriptionId;
use prosaas_crm::model::push::DuePush;
use prosaas_crm::push::{Notice, PushRequest};
use serde_json::json;
use url::Url;

use super::webhook::send::SendError;
use super::{JobError, alert};
use crate::wiring::App;

/// Whose key push services know us by.
const INSTALLATION: SystemScope = SystemScope::for_installation();

/// Sends the alert, unless its member is gone or has signed out meanwhile.
pub(super) async fn run(
    app: &App,
    scope: &TenantScope,
    call: CallId,
    subscription: PushSubscriptionId,
) -> Result<(), JobError> {
    let Some(due) = app.store.due_push(scope, subscription).await? else {
        return Ok(());
    };
    let entry = app.store.call_entry(scope, call).await?;
    if !alert::is_news(&entry, app.clock.now()) {
        return Ok(());
    }
    let request = sealed(app, &due, &entry).await?;
    let mut headers = vec![
        ("content-type", PushRequest::CONTENT_TYPE),
        ("user-agent", "ProSaaS-Push/1"),
    ];
    headers.extend(
        request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str())),
    );
    let endpoint = &due.reach.endpoint;
    match app.webhooks.post(endpoint, &headers, request.body).await {
        Ok(answered) => match answered.status {
            200..=299 => Ok(()),
            // The browser took its subscription back, or was reset.
            404 | 410 => {
                app.store
                    .forget_push(scope, subscription, &due.reach)
                    .await?;
                Ok(())
            }
            status @ (408 | 429 | 500..=599) => Err(JobError::Retry(refused(status))),
            status => Err(JobError::Final(refused(status))),
        },
        Err(error @ SendError::Target(_)) => Err(JobError::Final(error.to_string())),
        Err(error) => Err(JobError::Retry(error.to_string())),
    }
}

/// The message as only that browser reads it. Still no name, no whole number and no summary: it is shown on a
/// screen that is locked.
async fn sealed(app: &App, due: &DuePush, entry: &CallEntry) -> Result<PushRequest, JobError> {
    let endpoint = Url::parse(&due.reach.endpoint)
        .map_err(|_| JobError::Final("what is stored is no address".to_owned()))?;
    let call = &entry.call.record;
    let (language, call_id) = (due.language, call.id);
    let text = json!({
        "title": format!("{}: {}", due.business, alert::headline(entry, language)),
        "body": isolated(alert::caller(entry, language), call.call.caller.as_ref()),
        "lang": language.code(),
        "tag": call_id,
        "url": format!("/calls/{call_id}"),
    });
    let text = text.to_string();
    let topic = call_id.uuid().simple().to_string();
    let now = app.clock.now();
    let left_ms = alert::LATEST_MS - now.since(call.call.started_at);
    let notice = Notice {
        text: text.as_bytes(),
        topic: &topic,
        keep_s: u32::try_from(left_ms / 1_000).unwrap_or(0),
    };
    let key = app.store.push_key(&INSTALLATION).await?;
    let contact = app.config.public_base_url.as_str();
    let browser = (&endpoint, &due.reach.keys);
    Ok(PushRequest::new((&key, contact), browser, notice, now)?)
}

/// The sentence with its number walled off: in Hebrew its plus would stand at the other end.
fn isolated(sentence: String, number: Option<&E164>) -> String {
    let Some(number) = number else {
        return sentence;
    };
    let number = number.to_string();
    sentence.replace(&number, &format!("\u{2066}{number}\u{2069}"))
}

fn refused(status: u16) -> String {
    format!("the push service answered {status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_plus_in_front_within_hebrew() {
        let number: E164 = "+972501234567".parse().unwrap();
        let shown = isolated(format!("מהמספר {number}"), Some(&number));
        assert_eq!(shown, "מהמספר \u{2066}+972*****4567\u{2069}");
        assert_eq!(isolated("ממספר חסוי".to_owned(), None), "ממספר חסוי");
    }
}
