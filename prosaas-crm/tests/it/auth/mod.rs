//! Signing in, members, mail.

#[cfg(feature = "passkeys")]
pub(crate) mod authenticator;
#[cfg(feature = "mail")]
mod mail;
#[cfg(feature = "passkeys")]
mod passkeys;
