//! The business that the demo calls.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use prosaas_core::{
    Business, Clock, E164, Language, NumberOwner, SecretString, TenantId, TransferTarget,
};
use prosaas_crm::auth::password::{NewPassword, Passwords};
use prosaas_crm::auth::{Role, SystemScope};
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::model::user::NewUser;
use prosaas_crm::{BusinessAdmin as _, CrmStore, PhoneStore as _, default_business};
use prosaas_twilio::StreamToken;

/// Its name.
const NAME: &str = "Levi Plumbing";
/// Its number; like the two below from the exchange set aside for fiction, so nobody's telephone rings.
pub(super) const NUMBER: &str = "+12025550142";
/// The caller's number.
pub(super) const CALLER: &str = "+14155550123";
/// Its owner, who can sign in.
const OWNER_EMAIL: &str = "owner@levi-plumbing.example";
const OWNER_NAME: &str = "Avi Levi";
/// Whom the agent may connect callers to.
const OWNER: &str = "+12025550199";

/// The demo business: added at the first time, found at every later one.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn business(store: &CrmStore, clock: &dyn Clock) -> anyhow::Result<Arc<Business>> {
    let number = E164::parse(NUMBER)?;
    let failed = "the demo business could not be looked up";
    match store
        .business_by_number(&SystemScope::from_operator(), &number)
        .await
        .context(failed)?
    {
        NumberOwner::One(business) => return Ok(business.into_inner()),
        NumberOwner::Several(_) => bail!("several businesses claim the demo's number {number}"),
        NumberOwner::Nobody => {}
    }
    let mut business = default_business(TenantId::mint(clock.now()), NAME, Language::En);
    business.record_calls = true;
    business.transfer = vec![TransferTarget {
        label: "owner".to_owned(),
        number: E164::parse(OWNER)?,
    }];
    store
        .add_business(&SystemScope::from_operator(), &business, &[number])
        .await
        .context("the demo business could not be added")?;
    Ok(Arc::new(business))
}

/// Who signs in as the demo business's owner.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) email: EmailAddress,
    /// Made for this run of the demo; earlier ones of the same database do not work any more.
    pub(super) password: SecretString,
}

/// The owner's account: made at the first time, with a new password at every time. Nothing but its hash is
/// kept, so this is the only moment to show it.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn owner(store: &CrmStore, business: &Business) -> anyhow::Result<Owner> {
    let operator = SystemScope::from_operator();
    let email = EmailAddress::parse(OWNER_EMAIL)?;
    let user = if let Some(user) = store.user_by_email(&operator, &email).await? {
        user.id
    } else {
        let new = NewUser::new(OWNER_EMAIL, OWNER_NAME, business.language)?;
        let user = store.add_user(&operator, &new, false).await?.id;
        let scope = operator.tenant(business.id)?;
        store.add_member(&scope, user, Role::Owner).await?;
        user
    };
    let password = SecretString::from(StreamToken::mint()?.expose());
    let new = NewPassword::parse(&password, OWNER_EMAIL)?;
    let hashed = Passwords::standard()?.hash(new).await?;
    store.set_password(user, &hashed).await?;
    Ok(Owner { email, password })
}

#[cfg(test)]
mod tests {
    use prosaas_core::ExposeSecret as _;
    use prosaas_core::time::SystemClock;
    use prosaas_crm::auth::password::PasswordCheck;
    use prosaas_crm::{BusinessAdmin as _, CrmStore};

    use super::*;

    #[tokio::test]
    async fn a_second_demo_finds_the_business_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("demo.db").display());
        let store = CrmStore::open(&url, Arc::new(SystemClock)).await.unwrap();
        let first = business(&store, &SystemClock).await.unwrap();
        let second = business(&store, &SystemClock).await.unwrap();
        assert_eq!(first.id, second.id);
        assert!(first.record_calls && first.transfer.len() == 1);
        assert_eq!(
            store
                .list_businesses(&SystemScope::from_operator())
                .await
                .unwrap()
                .len(),
            1
        );
    }

    #[tokio::test]
    async fn every_demo_gives_its_owner_another_password() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("demo.db").display());
        let store = CrmStore::open(&url, Arc::new(SystemClock)).await.unwrap();
        let business = business(&store, &SystemClock).await.unwrap();
        let first = owner(&store, &business).await.unwrap();
        let second = owner(&store, &business).await.unwrap();
        assert_eq!(first.email, second.email);
        assert_ne!(
            first.password.expose_secret(),
            second.password.expose_secret()
        );
        let account = store.login_account(&first.email).await.unwrap().unwrap();
        let passwords = Passwords::standard().unwrap();
        for (password, expected) in [
            (&first.password, PasswordCheck::Wrong),
            (&second.password, PasswordCheck::Right),
        ] {
            let stored = account.password.as_ref();
            let verdict = passwords.check(stored, password).await.unwrap();
            assert_eq!(verdict, expected);
        }
    }
}
