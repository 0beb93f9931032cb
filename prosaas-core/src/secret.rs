//! Secrets that cannot be printed by accident.
//!
//! [`SecretString`] prints as a placeholder and is wiped from memory when dropped; reading it takes
//! [`ExposeSecret::expose_secret`], which is easy to find in a review.

pub use secrecy::{ExposeSecret, SecretString};
