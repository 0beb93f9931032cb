//! Who somebody is and what he may do.
//!
//! [`TenantScope`] is the key to a business's data: every method of the store that touches it asks for
//! one first, and only this module makes them.

pub mod permission;
pub mod role;
pub mod scope;

pub use permission::{Permission, Permissions};
pub use role::Role;
pub use scope::{Acting, Actor, SystemScope, TenantScope};
