//! Looking at a password or code, counted before it is looked at.

use prosaas_core::SecretString;

use super::place::Place;
use crate::api::kit::{ApiResult, ApiState, Problem};
use crate::auth::password::{NewPassword, PasswordCheck};
use crate::auth::totp::RecoveryCode;
use crate::model::email::EmailAddress;
use crate::model::id::UserId;
use crate::store::accounts::LoginAccount;
use axum::http::StatusCode;

/// What is said to every wrong password, address and code: which of them was wrong, nobody hears.
pub(super) fn wrong_credentials() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials")
        .detail("the address, the password or the code is not right")
}

/// The account of an address and password that belong together.
pub(super) async fn check_password(
    state: &ApiState,
    place: &Place,
    email: &EmailAddress,
    password: &SecretString,
) -> ApiResult<LoginAccount> {
    let (store, accounts) = (state.store(), state.accounts());
    let subjects = place.subjects(email.expose());
    let familiar = store.is_familiar(email, &place.marks(None)).await?;
    store
        .admit_login(&subjects, familiar, &accounts.logins)
        .await?;
    let account = store.login_account(email).await?;
    let stored = account
        .as_ref()
        .and_then(|account| account.password.as_ref());
    let check = accounts.passwords.check(stored, password).await?;
    let account = account.filter(|account| account.is_active && check != PasswordCheck::Wrong);
    let account = account.ok_or_else(wrong_credentials)?;
    store
        .forgive_login(&subjects, familiar, &accounts.logins)
        .await?;
    if check == PasswordCheck::RightButOutdated {
        rehash(state, &account, email, password).await?;
    }
    Ok(account)
}

/// The parameters grew since the password was set: this is the moment at which it is known.
async fn rehash(
    state: &ApiState,
    account: &LoginAccount,
    email: &EmailAddress,
    password: &SecretString,
) -> ApiResult<()> {
    // A password of an earlier day may break today's rules; it is changed when its owner changes it.
    let (Ok(new), Some(old)) = (
        NewPassword::parse(password, email.expose()),
        account.password.as_ref(),
    ) else {
        return Ok(());
    };
    let hash = state.accounts().passwords.hash(new).await?;
    state
        .store()
        .rehash_password(account.user, old, &hash)
        .await?;
    Ok(())
}

/// Passes somebody signed in who shows his password again.
pub(super) async fn require_own_password(
    state: &ApiState,
    place: &Place,
    user: UserId,
    password: &SecretString,
) -> ApiResult<EmailAddress> {
    let email = state.store().own_account(user).await?.email;
    check_password(state, place, &email, password).await?;
    Ok(email)
}

/// A code as somebody types it.
#[derive(Clone, Copy, Debug)]
pub(super) enum CodeKind {
    /// Six digits of the app.
    Totp,
    /// One of the recovery codes.
    Recovery,
}

/// Passes a right second factor; codes are guessed as passwords are, and counted as they are.
pub(super) async fn check_code(
    state: &ApiState,
    place: &Place,
    user: UserId,
    kind: CodeKind,
    code: &str,
) -> ApiResult<()> {
    let (store, rates) = (state.store(), &state.accounts().logins);
    let subjects = place.subjects(&format!("second factor of {user}"));
    store.admit_login(&subjects, false, rates).await?;
    let right = match kind {
        CodeKind::Totp => store.check_totp(user, code).await?,
        CodeKind::Recovery => match RecoveryCode::parse(code) {
            Ok(code) => store.use_recovery_code(user, &code).await?,
            Err(_) => false,
        },
    };
    if !right {
        return Err(wrong_credentials());
    }
    store.forgive_login(&subjects, false, rates).await?;
    Ok(())
}
