//! Calendar feeds: a member's appointments for whoever has the secret address.

use prosaas_core::{Error, Result};

use super::Record;
use crate::auth::token::{OpaqueToken, TokenHash};
use crate::auth::{Actor, SystemScope, TenantScope};
use crate::files::ics::{Event, calendar};
use crate::model::appointment::{Appointment, AppointmentStatus};
use crate::model::id::UserId;
use crate::store::CrmStore;
use crate::store::db::{Change, Sql, args};

/// How far back a feed goes.
const PAST_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

const SET: Sql = Sql::both(
    "INSERT INTO calendar_feeds (tenant_id, user_id, token_hash, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, user_id) DO UPDATE
     SET token_hash = excluded.token_hash, created_at = excluded.created_at",
);
const REVOKE: Sql = Sql::both("DELETE FROM calendar_feeds WHERE tenant_id = $1 AND user_id = $2");
const BY_TOKEN: Sql = Sql::both(
    "/* across tenants: the secret of a feed finds whose it is, before anybody is known */
     SELECT calendar_feeds.tenant_id, calendar_feeds.user_id FROM calendar_feeds
     JOIN memberships ON memberships.tenant_id = calendar_feeds.tenant_id
                     AND memberships.user_id = calendar_feeds.user_id
     JOIN businesses ON businesses.tenant_id = calendar_feeds.tenant_id
     WHERE calendar_feeds.token_hash = $1 AND memberships.status = 'active'
       AND businesses.status = 'active' AND businesses.deleted_at IS NULL",
);
const APPOINTMENTS: Sql = Sql::both(
    "SELECT * FROM appointments
     WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL AND ends_at > $3
     ORDER BY starts_at, id LIMIT 2000",
);
const NAME: Sql = Sql::both("SELECT name FROM businesses WHERE tenant_id = $1");

impl CrmStore {
    /// A new secret for the acting member's own feed; the one before it leads nowhere any more.
    ///
    /// # Errors
    /// `Forbidden` for whoever is no member, such as an API key.
    pub async fn renew_feed(&self, scope: &TenantScope) -> Result<OpaqueToken> {
        let user = own_user(scope)?;
        let token = OpaqueToken::generate()?;
        let mut tx = self.write(scope).await?;
        let values = args![user.uuid(), token.hash().as_bytes(), self.now()];
        tx.execute(&SET, values).await?;
        tx.record(Change::new("calendar_feed.renewed", "calendar_feed", user).without_event());
        tx.commit().await?;
        Ok(token)
    }

    /// Ends the acting member's own feed; without one, nothing changes.
    ///
    /// # Errors
    /// `Forbidden` for whoever is no member.
    pub async fn revoke_feed(&self, scope: &TenantScope) -> Result<()> {
        let user = own_user(scope)?;
        let mut tx = self.write(scope).await?;
        if tx.execute(&REVOKE, args![user.uuid()]).await? > 0 {
            let change = Change::new("calendar_feed.revoked", "calendar_feed", user);
            tx.record(change.without_event());
        }
        tx.commit().await
    }

    /// The feed of a secret, as a calendar file.
    ///
    /// # Errors
    /// `NotFound` when the secret is none, was replaced or revoked, or belongs to somebody who is no
    /// member any more: they cannot be told apart.
    pub async fn feed(&self, token: &TokenHash) -> Result<String> {
        let missing = Error::NotFound { what: "calendar" };
        let mut system = self.system_read(&SystemScope::for_installation()).await?;
        let row = system
            .fetch_optional(&BY_TOKEN, args![token.as_bytes()])
            .await?;
        let row = row.ok_or(missing)?;
        let user: UserId = row.id("user_id")?;
        let scope = TenantScope::for_agent(row.id("tenant_id")?);
        let mut tx = system.enter(&scope).await?;
        let name: String = tx
            .fetch_one(&NAME, args![], "business")
            .await?
            .get("name")?;
        let since = self.now().plus(-PAST_MS);
        let rows = tx
            .fetch_all(&APPOINTMENTS, args![user.uuid(), since])
            .await?;
        let appointments = rows
            .iter()
            .map(Appointment::read)
            .collect::<Result<Vec<_>>>()?;
        Ok(calendar(&name, appointments.iter().map(event)))
    }
}

/// An administrator who acts for a business is no member of it and has no feed there.
fn own_user(scope: &TenantScope) -> Result<UserId> {
    match scope.actor() {
        Actor::User(user) => Ok(user),
        _ => Err(Error::Forbidden {
            detail: "only a member has a calendar feed".to_owned(),
        }),
    }
}

fn event(appointment: &Appointment) -> Event<'_> {
    Event {
        uid: appointment.id,
        sequence: appointment.version,
        changed_at: appointment.updated_at.millis(),
        from: appointment.starts_at.millis(),
        until: appointment.ends_at.millis(),
        summary: &appointment.title,
        description: present(&appointment.notes),
        location: present(&appointment.place),
        cancelled: appointment.status == AppointmentStatus::Cancelled,
    }
}

fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
