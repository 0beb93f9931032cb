//! Sealed records of one business, on whatever [`LinkStore`] the host has.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use prosaas_core::{Error, ExposeSecret as _, Result, SecretString, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::store::{Change, LinkStore};

const NONCE: usize = 24;
/// Characters of the name that stands for an id.
const NAME: usize = 32;

/// The key under which links are sealed, one for the installation. It does not print.
#[derive(Clone)]
pub struct LinkKey(Arc<[u8]>);

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl LinkKey {
    /// A key from a secret of at least 32 bytes, such as 32 random ones in base64. Whoever loses it links anew.
    ///
    /// # Errors
    /// `Invalid` when it is too short.
    pub fn new(secret: &SecretString) -> Result<Self> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < 32 {
            return Err(Error::invalid("link key", "expected at least 32 bytes"));
        }
        Ok(Self(bytes.into()))
    }

    /// A key of its own for each business and use: a record that is moved to another business does not open.
    fn derive(&self, usage: &str, tenant: TenantId) -> [u8; 32] {
        let label = format!("prosaas-native-1:{usage}:{tenant}");
        hmac(&self.0, label.as_bytes())
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// Kinds of records. The words stand in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) &'static str);

/// Changes that are made together.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Change>);

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One business's records.
#[derive(Clone)]
pub(crate) struct Vault {
    store: Arc<dyn LinkStore>,
    tenant: TenantId,
    cipher: XChaCha20Poly1305,
    names: [u8; 32],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Vault {
    pub(crate) fn new(store: Arc<dyn LinkStore>, key: &LinkKey, tenant: TenantId) -> Self {
        let cipher = XChaCha20Poly1305::new(&key.derive("records", tenant).into());
        Self {
            store,
            tenant,
            cipher,
            names: key.derive("names", tenant),
        }
    }

    pub(crate) async fn get(&self, kind: Kind, id: &str) -> Result<Option<Vec<u8>>> {
        let place = self.place(kind, id);
        let Some(sealed) = self.store.get(self.tenant, &place).await? else {
            return Ok(None);
        };
        let (_, value) = self.open(&place, &sealed)?;
        Ok(Some(value))
    }

    /// The records of a kind with their ids. In the order of the ids only where those are numbers of
    /// [`numbered`]; otherwise in none.
    pub(crate) async fn list(&self, kind: Kind) -> Result<Vec<(String, Vec<u8>)>> {
        let records = self
            .store
            .list(self.tenant, &format!("{}/", kind.0))
            .await?;
        let opened = records
            .iter()
            .map(|(place, sealed)| self.open(place, sealed));
        opened.collect()
    }

    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        kind: Kind,
        id: &str,
    ) -> Result<Option<T>> {
        let value = self.get(kind, id).await?;
        value.map(|value| read(&value)).transpose()
    }

    pub(crate) async fn list_json<T: DeserializeOwned>(
        &self,
        kind: Kind,
    ) -> Result<Vec<(String, T)>> {
        let records = self.list(kind).await?;
        let read = records
            .into_iter()
            .map(|(id, value)| Ok((id, read(&value)?)));
        read.collect()
    }

    pub(crate) fn put(&self, batch: &mut Batch, kind: Kind, id: &str, value: &[u8]) -> Result<()> {
        let place = self.place(kind, id);
        let value = Some(self.seal(&place, id, value)?);
        batch.0.push(Change { place, value });
        Ok(())
    }

    pub(crate) fn put_json(
        &self,
        batch: &mut Batch,
        kind: Kind,
        id: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<()> {
        let value = serde_json::to_vec(value).map_err(unreadable)?;
        self.put(batch, kind, id, &value)
    }

    pub(crate) fn delete(&self, batch: &mut Batch, kind: Kind, id: &str) {
        let place = self.place(kind, id);
        batch.0.push(Change { place, value: None });
    }

    /// Makes the changes, all or none.
    pub(crate) async fn write(&self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store.write(self.tenant, batch.0).await
    }

    pub(crate) async fn put_now(&self, kind: Kind, id: &str, value: &[u8]) -> Result<()> {
        let mut batch = Batch::default();
        self.put(&mut batch, kind, id, value)?;
        self.write(batch).await
    }

    pub(crate) async fn delete_now(&self, kind: Kind, id: &str) -> Result<()> {
        let mut batch = Batch::default();
        self.delete(&mut batch, kind, id);
        self.write(batch).await
    }

    /// Ids of people do not stand in the store; numbers do, so that queues keep their order.
    fn place(&self, Kind(kind): Kind, id: &str) -> String {
        if ORDERED.contains(&kind) {
            return format!("{kind}/{id}");
        }
        let name = hmac(&self.names, format!("{kind}/{id}").as_bytes());
        format!("{kind}/{}", &hex(&name)[..NAME])
    }

    fn seal(&self, place: &str, id: &str, value: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| Error::internal("random bytes", error))?;
        let length = u32::try_from(id.len()).map_err(|error| Error::internal("an id", error))?;
        let mut plain = Vec::with_capacity(4 + id.len() + value.len());
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(id.as_bytes());
        plain.extend_from_slice(value);
        let payload = Payload {
            msg: &plain,
            aad: place.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("sealing", "a record could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The id and the value of a sealed record.
    fn open(&self, place: &str, sealed: &[u8]) -> Result<(String, Vec<u8>)> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or_else(|| Error::internal("a sealed record", "it is too short"))?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let plain = self
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| {
                Error::internal("a sealed record", "it does not open with this key here")
            })?;
        let (length, rest) = plain
            .split_first_chunk::<4>()
            .ok_or_else(|| Error::internal("a sealed record", "it has no id"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let (id, value) = rest
            .split_at_checked(length)
            .ok_or_else(|| Error::internal("a sealed record", "its id is cut"))?;
        let id = String::from_utf8(id.to_vec()).map_err(unreadable)?;
        Ok((id, value.to_vec()))
    }
}

/// Kinds whose ids are [`numbered`].
const ORDERED: &[&str] = &["outbox", "queue"];

/// An id that sorts like its number.
pub(crate) fn numbered(number: u64) -> String {
    format!("{number:020}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(unreadable)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("a stored record", error)
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::super::store::MemoryLinkStore;
    use super::*;

    const SESSION: Kind = Kind("session");

    fn key(text: &str) -> LinkKey {
        LinkKey::new(&SecretString::from(text)).unwrap()
    }

    fn vault(store: &Arc<MemoryLinkStore>, secret: &str, tenant: TenantId) -> Vault {
        let store: Arc<dyn LinkStore> = Arc::<MemoryLinkStore>::clone(store);
        Vault::new(store, &key(secret), tenant)
    }

    const SECRET: &str = "a-key-for-tests-of-32-bytes-or-more";

    #[tokio::test]
    async fn records_come_back_and_do_not_stand_in_the_store() {
        let store = Arc::new(MemoryLinkStore::default());
        let tenant = TenantId::mint(UnixMillis(1));
        let vault = vault(&store, SECRET, tenant);
        vault
            .put_now(SESSION, "888@lid", b"the ratchet")
            .await
            .unwrap();
        let found = vault.get(SESSION, "888@lid").await.unwrap();
        assert_eq!(found.as_deref(), Some(b"the ratchet".as_slice()));
        let listed = vault.list(SESSION).await.unwrap();
        assert_eq!(listed, [("888@lid".to_owned(), b"the ratchet".to_vec())]);
        let stored = format!("{:?}", store.list(tenant, "").await.unwrap());
        assert!(!stored.contains("888"), "an id stands in the store");
        vault.delete_now(SESSION, "888@lid").await.unwrap();
        assert_eq!(vault.get(SESSION, "888@lid").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_record_opens_only_in_its_place_with_its_key_for_its_business() {
        let store = Arc::new(MemoryLinkStore::default());
        let (one, two) = (TenantId::mint(UnixMillis(1)), TenantId::mint(UnixMillis(2)));
        let ours = vault(&store, SECRET, one);
        ours.put_now(SESSION, "a", b"secret").await.unwrap();
        let (place, sealed) = store.list(one, "").await.unwrap().remove(0);
        assert!(ours.open(&place, &sealed).is_ok());
        assert!(ours.open("session/elsewhere", &sealed).is_err());
        assert!(vault(&store, SECRET, two).open(&place, &sealed).is_err());
        let stranger = vault(&store, "another-key-for-tests-of-32-bytes", one);
        assert!(stranger.open(&place, &sealed).is_err());
        let mut changed = sealed;
        *changed.last_mut().unwrap() ^= 1;
        assert!(ours.open(&place, &changed).is_err());
        assert!(ours.open(&place, b"short").is_err());
    }

    #[tokio::test]
    async fn queues_keep_their_order() {
        let store = Arc::new(MemoryLinkStore::default());
        let vault = vault(&store, SECRET, TenantId::mint(UnixMillis(1)));
        for number in [10_u64, 2, 33, 1] {
            let id = numbered(number);
            vault.put_now(Kind("queue"), &id, &[1]).await.unwrap();
        }
        let listed = vault.list(Kind("queue")).await.unwrap();
        let ids: Vec<_> = listed.into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [1, 2, 10, 33].map(numbered));
    }

    #[test]
    fn a_short_key_is_refused_and_none_prints() {
        assert!(LinkKey::new(&SecretString::from("short")).is_err());
        assert_eq!(format!("{:?}", key(SECRET)), "LinkKey(…)");
    }
}
