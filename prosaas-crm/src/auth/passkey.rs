//! Passkeys (WebAuthn) as a second factor: the two ceremonies, with the state between their halves kept
//! by us for a short time and used once.
//!
//! What goes to the browser and comes back is the library's own JSON. What is kept is text: a state for
//! the minutes of a ceremony, a credential for as long as it is registered. Neither holds a secret.

use std::fmt;

use prosaas_core::{Error, Result};
use url::Url;
use webauthn_rs::prelude::{
    Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::model::id::UserId;

/// How long a ceremony may take, in milliseconds: the person looks for the key meanwhile.
pub const CEREMONY_MS: i64 = 5 * 60 * 1000;

/// A registered credential, as it is stored.
#[derive(Clone, PartialEq)]
pub struct StoredPasskey(Passkey);

impl StoredPasskey {
    /// A credential read back from the store.
    ///
    /// # Errors
    /// `Internal` when it is not one of ours.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| Error::internal("stored passkey", error))
    }

    /// The text to store.
    ///
    /// # Errors
    /// `Internal` when it cannot be written.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(|error| Error::internal("passkey", error))
    }

    /// The id the authenticator gave it: unique in the installation.
    pub fn credential_id(&self) -> &[u8] {
        self.0.cred_id().as_ref()
    }
}

impl fmt::Debug for StoredPasskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPasskey")
    }
}

/// The first half of a ceremony: what the browser gets and what we keep until it answers.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// For `navigator.credentials`, as JSON.
    pub challenge: serde_json::Value,
    /// To be kept by us; the browser never sees it.
    pub state: CeremonyState,
}

/// What is kept between the halves of a ceremony.
#[derive(Clone)]
pub struct CeremonyState(String);

impl CeremonyState {
    /// A state read back from the store.
    pub const fn from_json(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CeremonyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CeremonyState")
    }
}

/// Runs the ceremonies for one site.
#[derive(Clone)]
pub struct Passkeys(Webauthn);

impl Passkeys {
    /// For the site at this origin; passkeys are bound to its host name.
    ///
    /// # Errors
    /// `Invalid` when the origin has no host name.
    pub fn new(origin: &Url, site_name: &str) -> Result<Self> {
        let invalid = || Error::invalid("public URL", "expected a URL with a host name");
        let host = origin.domain().ok_or_else(invalid)?;
        WebauthnBuilder::new(host, origin)
            .and_then(|builder| builder.rp_name(site_name).build())
            .map(Self)
            .map_err(|_| invalid())
    }

    /// Begins to register a passkey; those the user has already are not offered again.
    ///
    /// # Errors
    /// `Internal` when the ceremony cannot be written down.
    pub fn begin_registration(
        &self,
        user: UserId,
        account: &str,
        name: &str,
        registered: &[StoredPasskey],
    ) -> Result<Ceremony> {
        let known = registered.iter().map(|key| key.0.cred_id().clone());
        let (challenge, state) = self
            .0
            .start_passkey_registration(user.uuid(), account, name, Some(known.collect()))
            .map_err(|error| Error::internal("passkey registration", error))?;
        ceremony(&challenge, &state)
    }

    /// Ends a registration with what the browser sent.
    ///
    /// # Errors
    /// `Invalid` when the answer does not fit the challenge.
    pub fn end_registration(
        &self,
        state: &CeremonyState,
        answer: serde_json::Value,
    ) -> Result<StoredPasskey> {
        let state: PasskeyRegistration = read_state(state)?;
        let answer: RegisterPublicKeyCredential = read_answer(answer)?;
        let key = self.0.finish_passkey_registration(&answer, &state);
        key.map(StoredPasskey).map_err(|_| refused())
    }

    /// Begins to prove one of a user's passkeys.
    ///
    /// # Errors
    /// `Internal` when the ceremony cannot be written down.
    pub fn begin_authentication(&self, registered: &[StoredPasskey]) -> Result<Ceremony> {
        let keys: Vec<_> = registered.iter().map(|key| key.0.clone()).collect();
        let (challenge, state) = self
            .0
            .start_passkey_authentication(&keys)
            .map_err(|error| Error::internal("passkey authentication", error))?;
        ceremony(&challenge, &state)
    }

    /// Ends an authentication: the passkey that was proved, with its new counter to be stored.
    ///
    /// # Errors
    /// `Invalid` when the answer does not fit the challenge, or the counter went back: a copied key.
    pub fn end_authentication(
        &self,
        state: &CeremonyState,
        answer: serde_json::Value,
        registered: &[StoredPasskey],
    ) -> Result<StoredPasskey> {
        let state: PasskeyAuthentication = read_state(state)?;
        let answer: PublicKeyCredential = read_answer(answer)?;
        let result = self.0.finish_passkey_authentication(&answer, &state);
        let result = result.map_err(|_| refused())?;
        let mut proved = registered
            .iter()
            .find(|key| key.0.cred_id() == result.cred_id())
            .ok_or_else(refused)?
            .clone();
        proved.0.update_credential(&result);
        Ok(proved)
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkeys")
    }
}

fn ceremony(challenge: &impl serde::Serialize, state: &impl serde::Serialize) -> Result<Ceremony> {
    let failed = |error| Error::internal("passkey ceremony", error);
    Ok(Ceremony {
        challenge: serde_json::to_value(challenge).map_err(failed)?,
        state: CeremonyState(serde_json::to_string(state).map_err(failed)?),
    })
}

fn read_state<T: serde::de::DeserializeOwned>(state: &CeremonyState) -> Result<T> {
    serde_json::from_str(&state.0).map_err(|error| Error::internal("passkey ceremony", error))
}

fn read_answer<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> Result<T> {
    serde_json::from_value(answer).map_err(|_| refused())
}

/// Which check failed is of use to an attacker only.
fn refused() -> Error {
    Error::invalid("passkey", "the answer does not fit the challenge")
}
