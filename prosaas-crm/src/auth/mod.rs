//! Who somebody is and what he may do.
//!
//! [`TenantScope`] is the key to a business's data: every method of the store that touches it asks for
//! one first, and only this module makes them.

#[cfg(feature = "auth")]
pub mod csrf;
#[cfg(feature = "passkeys")]
pub mod passkey;
#[cfg(feature = "auth")]
pub mod password;
pub mod permission;
#[cfg(feature = "auth")]
pub mod random;
pub mod role;
pub mod scope;
pub mod scoped;
#[cfg(feature = "auth")]
pub mod seal;
#[cfg(feature = "auth")]
pub mod throttle;
#[cfg(feature = "auth")]
pub mod token;
#[cfg(feature = "auth")]
pub mod totp;

pub use permission::{Permission, Permissions};
pub use role::Role;
pub use scope::{Acting, Actor, SystemScope, TenantScope};
pub use scoped::Scoped;
