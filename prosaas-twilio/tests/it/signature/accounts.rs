//! Whose key is used.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{AccountSid, Rejected, SecretString, SignatureVerifier as _, SignedRequest};
use prosaas_twilio::signature::{
    KeyError, KeySource, SIGNATURE_HEADER, SignatureKey, StaticKeys, TwilioVerifier, sign,
};

use super::vectors::V1;
use super::{Request, token};

/// Keys by account, and for upgrades by the last part of the path.
struct TwoAccounts;

const ACME: &str = "AC00000000000000000000000000000001";
const ZETA: &str = "AC00000000000000000000000000000002";

fn zeta_key() -> SignatureKey {
    SignatureKey::auth_token(SecretString::from("zeta"))
}

#[async_trait]
impl KeySource for TwoAccounts {
    async fn keys(
        &self,
        account: Option<&AccountSid>,
        path: &str,
    ) -> Result<Arc<[SignatureKey]>, KeyError> {
        match account.map_or(
            path.rsplit('/').next().unwrap_or_default(),
            AccountSid::as_str,
        ) {
            ACME | "acme" => Ok([token()].into()),
            ZETA | "zeta" => Ok([zeta_key()].into()),
            "down" => Err(KeyError::Unavailable),
            _ => Err(KeyError::Unknown),
        }
    }
}

async fn ask<K: KeySource>(keys: K, request: &Request) -> Result<(), Rejected> {
    let verifier = TwilioVerifier::new(keys);
    let header = |name: &str| match name {
        SIGNATURE_HEADER => request.signature.as_deref(),
        "content-type" => request.content_type,
        _ => None,
    };
    let request = SignedRequest {
        transport: request.transport,
        method: request.method,
        url: &request.url,
        header: &header,
        body: &request.body,
    };
    verifier.verify(&request).await
}

#[tokio::test]
async fn the_key_is_chosen_by_account_and_for_upgrades_by_path() {
    let url = "https://voice.example.com/x";
    let webhook = |account: &str, key: &SignatureKey| {
        let pairs = [("AccountSid", account), ("CallSid", "CA1")];
        Request::form(url, &pairs, &sign(key, url, pairs))
    };
    assert_eq!(ask(TwoAccounts, &webhook(ACME, &token())).await, Ok(()));
    assert_eq!(ask(TwoAccounts, &webhook(ZETA, &zeta_key())).await, Ok(()));
    assert_eq!(
        ask(TwoAccounts, &webhook(ACME, &zeta_key())).await,
        Err(Rejected::Wrong)
    );

    let upgrade = |name: &str, key: &SignatureKey| {
        let url = format!("wss://voice.example.com/media/{name}");
        Request::upgrade(&url, &sign(key, &url, []))
    };
    assert_eq!(
        ask(TwoAccounts, &upgrade("zeta", &zeta_key())).await,
        Ok(())
    );
    assert_eq!(
        ask(TwoAccounts, &upgrade("zeta", &token())).await,
        Err(Rejected::Wrong)
    );
    assert_eq!(
        ask(TwoAccounts, &upgrade("down", &token())).await,
        Err(Rejected::Unavailable)
    );
}

#[tokio::test]
async fn an_unknown_account_is_answered_like_a_wrong_signature() {
    let url = "https://voice.example.com/x";
    for account in ["AC0000000000000000000000000000000f", "not-a-sid", ""] {
        let pairs = [("AccountSid", account)];
        let request = Request::form(url, &pairs, &sign(&token(), url, pairs));
        assert_eq!(
            ask(TwoAccounts, &request).await,
            Err(Rejected::Wrong),
            "{account}"
        );
    }
}

#[tokio::test]
async fn two_accounts_in_one_form_are_refused() {
    let url = "https://voice.example.com/x";
    let pairs = [("AccountSid", ZETA), ("AccountSid", ACME)];
    let request = Request::form(url, &pairs, &sign(&zeta_key(), url, pairs));
    assert_eq!(ask(TwoAccounts, &request).await, Err(Rejected::Body));
}

#[tokio::test]
async fn no_key_at_all_is_told_apart_whatever_the_request() {
    let (url, pairs, signature) = V1;
    let good = Request::form(url, pairs, signature);
    assert_eq!(ask(StaticKeys::new([]), &good).await, Err(Rejected::NoKey));
    let unsigned = Request {
        signature: None,
        content_type: None,
        ..good
    };
    assert_eq!(
        ask(StaticKeys::new([]), &unsigned).await,
        Err(Rejected::NoKey)
    );
    assert_eq!(
        ask(StaticKeys::new([token()]), &unsigned).await,
        Err(Rejected::Missing)
    );
}
