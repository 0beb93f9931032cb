//! Phones of members' own, on which they take calls of the business over.

use prosaas_core::{E164, Error, Result};

use super::CrmStore;
use super::db::{Change, Sql, args};
use crate::auth::{Actor, TenantScope};
use crate::model::id::UserId;
use crate::model::phone::is_ordinary_phone;

const OWN: Sql = Sql::both(
    "SELECT own_phone FROM memberships
     WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
);
const SET: Sql = Sql::both(
    "UPDATE memberships SET own_phone = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
);

impl CrmStore {
    /// The acting member's own phone in this business.
    ///
    /// # Errors
    /// `Forbidden` for whoever is no member, such as an API key.
    pub async fn own_phone(&self, scope: &TenantScope) -> Result<Option<E164>> {
        let user = member(scope)?;
        let look = self.look(scope).await?;
        let row = look.fetch_optional(&OWN, args![user.uuid()]).await?;
        row.map_or(Ok(None), |row| row.get("own_phone"))
    }

    /// Sets the acting member's own phone in this business, or clears it.
    ///
    /// # Errors
    /// `Invalid` when it is no ordinary phone; `Forbidden` for whoever is no member.
    pub async fn set_own_phone(&self, scope: &TenantScope, number: Option<&E164>) -> Result<()> {
        let user = member(scope)?;
        if number.is_some_and(|number| !is_ordinary_phone(number)) {
            let expected =
                "expected an ordinary phone: no premium, shared-cost or satellite number";
            return Err(Error::invalid("number", expected));
        }
        let mut tx = self.write(scope).await?;
        let values = args![user.uuid(), number, self.now()];
        if tx.execute(&SET, values).await? == 0 {
            return Err(Error::NotFound { what: "user" });
        }
        let kind = match number {
            Some(_) => "member.own_phone_set",
            None => "member.own_phone_cleared",
        };
        tx.record(Change::new(kind, "user", user).without_event());
        tx.commit().await
    }
}

/// An administrator who acts for a business, and a key, have no phone in it.
fn member(scope: &TenantScope) -> Result<UserId> {
    match scope.actor() {
        Actor::User(user) => Ok(user),
        _ => Err(Error::Forbidden {
            detail: "only a member has a phone of his own here".to_owned(),
        }),
    }
}
