//! Tells a business's owners that an administrator of the installation works in their data.

use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::id::ActingId;

use super::JobError;
use super::tell::tell;
use crate::calls::when;
use crate::wiring::App;

/// Says who acts, why, and until when at the latest.
pub(super) async fn run(app: &App, scope: &TenantScope, acting: ActingId) -> Result<(), JobError> {
    let session = app.store.acting_session(acting).await?;
    let Some(session) = session.filter(|session| session.tenant == scope.tenant()) else {
        return Err(JobError::Final(
            "the business has no such acting session".to_owned(),
        ));
    };
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let administrator = app
        .store
        .user(&SystemScope::for_installation(), session.admin)
        .await?;
    // He may have been removed since; the id is what the audit log knows him by.
    let admin = administrator.map_or_else(|| session.admin.to_string(), |user| user.name);
    let zone = app.store.settings(scope).await?.hours.time_zone;
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |_| MailContent::ActingNotice {
        business: business.name.clone(),
        admin: admin.clone(),
        reason: session.reason.clone(),
        until: when::read(&zone, session.expires_at),
    };
    tell(app, owners, content).await
}
