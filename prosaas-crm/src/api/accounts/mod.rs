//! `/api/auth`, `/api/users`, `/api/api-keys`, `/api/business/secrets`: people and their ways in.

mod api_keys;
mod authenticator;
mod cookies;
mod invitations;
mod login;
mod me;
mod members;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
mod place;
mod secrets;
mod services;
mod sessions;
mod throttled;
mod totp;

pub use authenticator::SessionAuthenticator;
pub(crate) use login::{SetCookie, session_cookie};
pub(crate) use members::send_invitation;
pub use services::Accounts;

use super::kit::{ApiResult, Problem, Routes, Session};
use crate::auth::Actor;
use crate::model::id::UserId;

pub(crate) fn routes() -> Routes {
    let routes = Routes::default()
        .merge(login::routes())
        .merge(me::routes())
        .merge(sessions::routes())
        .merge(passwords::routes())
        .merge(invitations::routes())
        .merge(totp::routes())
        .merge(members::routes())
        .merge(api_keys::routes())
        .merge(secrets::routes());
    #[cfg(feature = "passkeys")]
    let routes = routes.merge(passkeys::routes());
    routes
}

/// The account of who is signed in, for changes to it. Not while he acts for a business: what is done
/// in its name must not change who he is.
fn own_account(session: &Session) -> ApiResult<UserId> {
    let is_acting = session
        .caller
        .tenant()
        .is_some_and(|scope| matches!(scope.actor(), Actor::Acting(_)));
    if is_acting {
        return Err(Problem::forbidden("end the acting session first"));
    }
    Ok(session.user)
}
