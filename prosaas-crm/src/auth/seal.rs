//! Secrets at rest: sealed under the installation's master key, bound to the place they were sealed for.
//!
//! A sealed value opens only in its own table, column, business and row. Somebody who can write to the
//! database can therefore not move one business's key into another's row and have us use it there.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use prosaas_core::{Error, ExposeSecret, Result, SecretString, TenantId};
use uuid::Uuid;

use super::random::random_bytes;

/// The first byte of every sealed value, so that another construction can follow one day.
const FORMAT: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;
const KEY_BYTES: usize = 32;

/// Where a sealed value lives. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The business, unless the row belongs to the installation.
    pub tenant: Option<TenantId>,
    /// The row.
    pub row: Uuid,
}

impl Place {
    /// The associated data: every part with its length, so that no two places write the same bytes.
    fn associated_data(&self, key: u32) -> Vec<u8> {
        let tenant = self.tenant.map(TenantId::uuid);
        let tenant = tenant.as_ref().map_or(&[][..], |tenant| tenant.as_bytes());
        let parts = [
            &key.to_be_bytes()[..],
            self.table.as_bytes(),
            self.column.as_bytes(),
            tenant,
            self.row.as_bytes(),
        ];
        let mut data = Vec::with_capacity(96);
        for part in parts {
            data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

struct MasterKey {
    id: u32,
    cipher: XChaCha20Poly1305,
}

/// The installation's master keys: the current one seals, the older ones still open. They do not print.
pub struct MasterKeys {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl MasterKeys {
    /// Reads `PROSAAS_MASTER_KEY`: keys as `number:base64 of 32 bytes`, separated by commas, the
    /// current one first. To rotate, put a new one with a new number in front, restart, and let the
    /// rows be sealed again; then drop the old one.
    ///
    /// # Errors
    /// `Invalid` says what is wrong with the form, never what was given.
    pub fn parse(text: &SecretString) -> Result<Self> {
        let keys = text.expose_secret().split(',').map(MasterKey::parse);
        let mut keys: Vec<_> = keys.collect::<Result<_>>()?;
        let mut ids: Vec<_> = keys.iter().map(|key| key.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(invalid_key("expected another number for every key"));
        }
        let current = keys.remove(0);
        Ok(Self {
            current,
            older: keys,
        })
    }

    /// A fresh key in the form [`MasterKeys::parse`] reads, for whoever sets up an installation.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate(id: u32) -> Result<SecretString> {
        let key: [u8; KEY_BYTES] = random_bytes()?;
        Ok(SecretString::from(format!("{id}:{}", STANDARD.encode(key))))
    }

    /// Seals a secret for a place under the current key.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn seal(&self, place: &Place, secret: &SecretString) -> Result<Sealed> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &place.associated_data(self.current.id),
        };
        let ciphertext = self
            .current
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("sealing", "the secret could not be sealed"))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + ciphertext.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.current.id.to_be_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed(bytes))
    }

    /// Opens what was sealed for this place under any of the keys.
    ///
    /// # Errors
    /// `Internal` when the key is not here, the place is another one, or the bytes were changed: which
    /// of them, nobody learns.
    pub fn open(&self, place: &Place, sealed: &Sealed) -> Result<SecretString> {
        self.try_open(place, sealed).ok_or_else(|| {
            Error::internal("sealed secret", "it does not open with these keys here")
        })
    }

    fn try_open(&self, place: &Place, sealed: &Sealed) -> Option<SecretString> {
        let id = sealed.key_id()?;
        let key = self.all().find(|key| key.id == id)?;
        let nonce: [u8; NONCE_BYTES] = sealed
            .0
            .get(1 + KEY_ID_BYTES..HEADER_BYTES)?
            .try_into()
            .ok()?;
        let payload = Payload {
            msg: sealed.0.get(HEADER_BYTES..)?,
            aad: &place.associated_data(id),
        };
        let plain = key.cipher.decrypt(&XNonce::from(nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(SecretString::from)
    }

    /// Whether a value was sealed under another key than the current one.
    pub fn is_outdated(&self, sealed: &Sealed) -> bool {
        sealed.key_id() != Some(self.current.id)
    }

    /// The number of the current key.
    pub fn current_id(&self) -> u32 {
        self.current.id
    }

    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.all().map(|key| key.id).collect();
        f.debug_tuple("MasterKeys").field(&ids).finish()
    }
}

impl MasterKey {
    fn parse(text: &str) -> Result<Self> {
        let (id, key) = text
            .trim()
            .split_once(':')
            .ok_or_else(|| invalid_key("expected `number:key`"))?;
        let id = id
            .parse()
            .map_err(|_| invalid_key("expected a number before the colon"))?;
        let key = STANDARD
            .decode(key)
            .ok()
            .and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok())
            .ok_or_else(|| invalid_key("expected the base64 of 32 bytes"))?;
        Ok(Self {
            id,
            cipher: XChaCha20Poly1305::new(&key.into()),
        })
    }
}

fn invalid_key(expected: &str) -> Error {
    Error::invalid("PROSAAS_MASTER_KEY", expected)
}

/// A sealed secret, as it is stored: format, key number, nonce, ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Bytes read back from the store.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn key_id(&self) -> Option<u32> {
        if self.0.first() != Some(&FORMAT) {
            return None;
        }
        let id = self.0.get(1..=KEY_ID_BYTES)?;
        Some(u32::from_be_bytes(id.try_into().ok()?))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prosaas_core::UnixMillis;

    use super::*;

    fn place() -> Place {
        Place {
            table: "business_secrets",
            column: "sealed",
            tenant: Some(TenantId::mint(UnixMillis(1))),
            row: Uuid::from_u128(7),
        }
    }

    fn keys(list: &[&SecretString]) -> MasterKeys {
        let list: Vec<_> = list.iter().map(|key| key.expose_secret()).collect();
        MasterKeys::parse(&SecretString::from(list.join(","))).unwrap()
    }

    fn one() -> MasterKeys {
        keys(&[&MasterKeys::generate(1).unwrap()])
    }

    #[test]
    fn a_secret_opens_in_its_own_place_and_nowhere_else() {
        let keys = one();
        let place = place();
        let sealed = keys.seal(&place, &SecretString::from("canary")).unwrap();
        assert_eq!(
            keys.open(&place, &sealed).unwrap().expose_secret(),
            "canary"
        );
        let elsewhere = [
            Place {
                table: "users",
                ..place
            },
            Place {
                column: "other",
                ..place
            },
            Place {
                tenant: None,
                ..place
            },
            Place {
                tenant: Some(TenantId::mint(UnixMillis(1))),
                ..place
            },
            Place {
                row: Uuid::from_u128(8),
                ..place
            },
            // The same letters, divided otherwise.
            Place {
                table: "business_secretss",
                column: "ealed",
                ..place
            },
        ];
        for other in elsewhere {
            assert!(keys.open(&other, &sealed).is_err(), "{other:?}");
        }
    }

    #[test]
    fn neither_bytes_nor_debug_show_the_secret() {
        let keys = one();
        let sealed = keys
            .seal(&place(), &SecretString::from("canary-canary"))
            .unwrap();
        assert!(!sealed.as_bytes().windows(6).any(|bytes| bytes == b"canary"));
        assert!(!format!("{sealed:?} {keys:?}").contains("canary"));
        let again = keys
            .seal(&place(), &SecretString::from("canary-canary"))
            .unwrap();
        assert!(sealed != again, "a fresh nonce each time");
    }

    #[test]
    fn after_a_rotation_both_keys_read_and_the_new_one_writes() {
        let (old, new) = (
            MasterKeys::generate(1).unwrap(),
            MasterKeys::generate(2).unwrap(),
        );
        let place = place();
        let sealed = keys(&[&old])
            .seal(&place, &SecretString::from("kept"))
            .unwrap();
        let both = keys(&[&new, &old]);
        assert!(both.is_outdated(&sealed));
        let opened = both.open(&place, &sealed).unwrap();
        let resealed = both.seal(&place, &opened).unwrap();
        assert!(!both.is_outdated(&resealed));
        let rotated = keys(&[&new]);
        assert_eq!(
            rotated.open(&place, &resealed).unwrap().expose_secret(),
            "kept"
        );
        assert!(rotated.open(&place, &sealed).is_err());
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused_without_being_repeated() {
        let good = MasterKeys::generate(1).unwrap();
        let good = good.expose_secret();
        for bad in [
            String::new(),
            "1".to_owned(),
            "1:c2hvcnQ=".to_owned(),
            "x:c2hvcnQ=".to_owned(),
            format!("{good},{good}"),
            format!("{good},"),
        ] {
            let error = MasterKeys::parse(&SecretString::from(bad.clone())).unwrap_err();
            assert!(
                bad.len() < 5 || !error.to_string().contains(&bad),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn changed_or_foreign_bytes_never_open(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            flip in 0_usize..60,
        ) {
            let keys = one();
            let place = place();
            prop_assert!(keys.open(&place, &Sealed::from_bytes(bytes)).is_err());
            let sealed = keys.seal(&place, &SecretString::from("0123456789abcdef")).unwrap();
            let mut changed = sealed.as_bytes().to_vec();
            let at = flip % changed.len();
            changed[at] ^= 1;
            prop_assert!(keys.open(&place, &Sealed::from_bytes(changed)).is_err());
        }
    }
}
