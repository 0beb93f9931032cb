//! Keyset cursors: where the next page begins, signed, and good for the very list they came from.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prosaas_core::UnixMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::problem::Problem;

const VERSION: u8 = 1;
const FILTER: usize = 16;
const TIME: usize = 8;
const HEAD: usize = 1 + TIME + FILTER;
const MAC: usize = 16;
/// A cursor holds a sort key and an id: more is not ours.
const MAX_TEXT: usize = 1024;
/// How long a cursor is good.
const LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// Signs cursors and reads them back.
#[derive(Clone)]
pub(super) struct Cursors {
    key: [u8; 32],
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}

/// What list a cursor belongs to: the tenant, the path, the filter and the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListId([u8; FILTER]);

impl ListId {
    /// The list that these parts describe.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut id = [0; FILTER];
        id.copy_from_slice(&hash.finalize()[..FILTER]);
        Self(id)
    }
}

impl Cursors {
    /// Cursors under a key derived from the API's signing key.
    pub(super) fn new(signing_key: &[u8; 32]) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(&mac(signing_key, b"prosaas cursor 1"));
        Self { key }
    }

    /// The cursor behind a row with this sort key.
    ///
    /// # Errors
    /// When the key does not serialise, which is a bug.
    pub(super) fn write<K: Serialize>(
        &self,
        list: ListId,
        now: UnixMillis,
        key: &K,
    ) -> Result<String, Problem> {
        let mut bytes = vec![VERSION];
        bytes.extend(now.0.to_be_bytes());
        bytes.extend(list.0);
        serde_json::to_writer(&mut bytes, key)
            .map_err(|_| Problem::internal("a cursor's key does not serialise"))?;
        let seal = mac(&self.key, &bytes);
        bytes.extend(&seal[..MAC]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The sort key in a cursor of this list.
    ///
    /// # Errors
    /// 400: forged, too old, or of another list.
    pub(super) fn read<K: DeserializeOwned>(
        &self,
        list: ListId,
        now: UnixMillis,
        text: &str,
    ) -> Result<K, Problem> {
        let invalid = || refuse("cursor-invalid", "this is no cursor of ours");
        if text.len() > MAX_TEXT {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (signed, seal) = bytes
            .len()
            .checked_sub(MAC)
            .filter(|end| *end > HEAD)
            .map(|end| bytes.split_at(end))
            .ok_or_else(invalid)?;
        let known = Hmac::<Sha256>::new_from_slice(&self.key)
            .map(|hmac| hmac.chain_update(signed))
            .is_ok_and(|hmac| hmac.verify_truncated_left(seal).is_ok());
        if !known || signed[0] != VERSION {
            return Err(invalid());
        }
        let (time, filter) = signed[1..HEAD].split_at(TIME);
        if filter != list.0 {
            let detail = "this cursor belongs to a list with another filter or order";
            return Err(refuse("cursor-mismatch", detail));
        }
        let made = time.try_into().map_or(0, i64::from_be_bytes);
        if now.since(UnixMillis(made)) > LIFE_MS {
            return Err(refuse("cursor-expired", "begin again from the first page"));
        }
        serde_json::from_slice(&signed[HEAD..]).map_err(|_| invalid())
    }
}

fn mac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut seal = [0; 32];
    // HMAC takes a key of any length: this cannot fail.
    if let Ok(hmac) = Hmac::<Sha256>::new_from_slice(key) {
        seal.copy_from_slice(&hmac.chain_update(data).finalize().into_bytes());
    }
    seal
}

fn refuse(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code)
        .detail(detail)
        .at("cursor", "expected `page.next` of the same list")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_750_000_000_000);

    fn code<T>(result: Result<T, Problem>) -> String {
        result.err().unwrap().code().to_owned()
    }

    #[test]
    fn a_cursor_leads_back_to_its_row() {
        let cursors = Cursors::new(&[7; 32]);
        let list = ListId::of(&["ten_1", "/api/crm/leads", "stage=new"]);
        let text = cursors.write(list, NOW, &(5_i64, "lead_1")).unwrap();
        let key: (i64, String) = cursors.read(list, NOW, &text).unwrap();
        assert_eq!(key, (5, "lead_1".to_owned()));
    }

    #[test]
    fn cursors_do_not_travel() {
        let cursors = Cursors::new(&[7; 32]);
        let list = ListId::of(&["ten_1", "/api/crm/leads", "stage=new"]);
        let text = cursors.write(list, NOW, &5_i64).unwrap();
        for other in [
            ListId::of(&["ten_2", "/api/crm/leads", "stage=new"]),
            ListId::of(&["ten_1", "/api/crm/leads", "stage=won"]),
            ListId::of(&["ten_1", "/api/crm/leadsstage", "=new"]),
        ] {
            let read = cursors.read::<i64>(other, NOW, &text);
            assert_eq!(code(read), "cursor-mismatch");
        }
        let late = cursors.read::<i64>(list, NOW.plus(LIFE_MS + 1), &text);
        assert_eq!(code(late), "cursor-expired");
        let foreign = Cursors::new(&[8; 32]).read::<i64>(list, NOW, &text);
        assert_eq!(code(foreign), "cursor-invalid");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let cursors = Cursors::new(&[7; 32]);
        let list = ListId::of(&["ten_1"]);
        let text = cursors.write(list, NOW, &5_i64).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode(forged);
            let read = cursors.read::<i64>(list, NOW, &forged);
            assert_eq!(code(read), "cursor-invalid", "byte {at}");
        }
        for text in ["", "x", "....", &"A".repeat(4000)] {
            let read = cursors.read::<i64>(list, NOW, text);
            assert_eq!(code(read), "cursor-invalid");
        }
    }
}
