//! People and their ways in: accounts, members, sessions, second factors, keys, acting sessions.
//!
//! Accounts and sessions belong to the installation, memberships and API keys to a business.

use prosaas_core::UnixMillis;
use uuid::Uuid;

mod acting;
mod api_keys;
mod audit;
mod links;
mod login;
mod members;
mod membership;
mod passkeys;
mod reseal;
mod secrets;
mod sessions;
mod totp;
mod users;

pub use audit::SystemAuditEntry;
pub use links::RedeemedLink;
pub use login::{LoginAccount, LoginSubjects};
pub use members::Invited;
pub use membership::{ChangedMember, MemberWish};
pub use passkeys::CeremonyKind;
pub use reseal::Seals;
pub use users::AccountHeirs;

/// Where a list goes on: the time and id of the last row seen.
pub type After<Id> = Option<(UnixMillis, Id)>;

/// A keyset's beginning: later than everything.
fn key_of<Id: Into<Uuid>>(after: After<Id>) -> (UnixMillis, Uuid) {
    after.map_or((UnixMillis(i64::MAX), Uuid::max()), |(at, id)| {
        (at, id.into())
    })
}
