//! What a call leaves that nobody took: its lead, and a message to its caller.

use prosaas_core::{CallId, ErrorClass};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::id::MessageId;
use prosaas_crm::rules::missed_call::Verdict;
use prosaas_crm::store::ReplyWays;

use super::JobError;
use crate::calls::answer;
use crate::carrier;
use crate::wiring::App;

/// Gives the call its lead and has the business told of it: what its caller's answer did not wait for.
pub(super) async fn note(app: &App, scope: &TenantScope, call: CallId) -> Result<(), JobError> {
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let lead = answer::missed(business.language);
    match app.store.note_missed_call(scope, call, lead).await {
        Ok(()) => app.work.notify_one(),
        Err(error) if error.class() == ErrorClass::NotFound => {
            return Err(JobError::Final(error.chain()));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Decides and writes, once for a call; another job sends.
pub(super) async fn reply(
    app: &App,
    scope: &TenantScope,
    call: CallId,
    instead_of: Option<MessageId>,
) -> Result<(), JobError> {
    let whatsapp = match &app.whatsapp {
        Some(whatsapp) => Some(whatsapp.capabilities_of(scope.tenant()).await?),
        None => None,
    };
    let ways = ReplyWays {
        whatsapp,
        sms: carrier::client(app, scope).await?.is_some(),
    };
    let replied = app
        .store
        .reply_to_missed_call(scope, call, (ways, instead_of))
        .await;
    match replied {
        Ok(Verdict::Nothing(why)) => {
            tracing::debug!(%call, why = why.as_str(), "the caller is not written to");
        }
        Ok(_) => app.work.notify_one(),
        // The call is gone, or somebody refused in this very moment.
        Err(error)
            if matches!(
                error.class(),
                ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::Invalid
            ) =>
        {
            return Err(JobError::Final(error.chain()));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
