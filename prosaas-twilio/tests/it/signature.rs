//! Every vector of the official helper, both ways, and what must be refused.

use std::sync::Arc;

use async_trait::async_trait;
use proptest::prelude::*;
use prosaas_core::{
    AccountSid, Rejected, SecretString, SignatureVerifier, SignedRequest, Transport,
};
use prosaas_twilio::signature::{
    Algorithm, Candidates, KeyError, KeySource, SETTINGS_HEADER, SIGNATURE_HEADER, SignatureKey,
    StaticKeys, TwilioVerifier, sign, verify,
};

/// A made-up Auth Token; the vectors were computed with it by the official Python helper 9.13.0.
pub(crate) const TOKEN: &str = "5f2d1c0b9a8e7d6c5b4a39281706f5e4";

const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn token() -> SignatureKey {
    SignatureKey::auth_token(SecretString::from(TOKEN))
}

/// A request as a test writes it.
#[derive(Clone)]
struct Request {
    transport: Transport,
    method: &'static str,
    url: String,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    signature: Option<String>,
    settings: Option<String>,
}

impl Request {
    fn get(url: &str, signature: &str) -> Self {
        Self {
            transport: Transport::Http,
            method: "GET",
            url: url.to_owned(),
            content_type: None,
            body: Vec::new(),
            signature: Some(signature.to_owned()),
            settings: None,
        }
    }

    fn upgrade(url: &str, signature: &str) -> Self {
        Self {
            transport: Transport::WebSocket,
            ..Self::get(url, signature)
        }
    }

    fn form(url: &str, pairs: &[(&str, &str)], signature: &str) -> Self {
        Self {
            method: "POST",
            content_type: Some(FORM),
            body: encode(pairs.iter().copied()),
            ..Self::get(url, signature)
        }
    }

    fn json(url: &str, body: &str, signature: &str) -> Self {
        Self {
            method: "POST",
            content_type: Some("application/json"),
            body: body.into(),
            ..Self::get(url, signature)
        }
    }

    fn with<T>(&self, check: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        check(&SignedRequest {
            transport: self.transport,
            method: self.method,
            url: &self.url,
            header: &|name| match name {
                SIGNATURE_HEADER => self.signature.as_deref(),
                SETTINGS_HEADER => self.settings.as_deref(),
                "content-type" => self.content_type,
                _ => None,
            },
            body: &self.body,
        })
    }

    fn verify_with(&self, keys: &[SignatureKey], candidates: Candidates) -> Result<(), Rejected> {
        self.with(|request| verify(keys, request, candidates))
    }

    fn verify(&self) -> Result<(), Rejected> {
        self.verify_with(&[token()], Candidates::default())
    }
}

fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into_bytes()
}

const V1: (&str, &[(&str, &str)], &str) = (
    "https://voice.example.com/twilio/voice/incoming",
    &[
        ("CallSid", "CA00000000000000000000000000000001"),
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("From", "+972501234567"),
        ("To", "+97231234567"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
    ],
    "e0GmqBkvxq6zSb3GV9yWsDux0v4=",
);

/// V1 to V4, V8, V12.
const FORMS: &[(&str, &[(&str, &str)], &str)] = &[
    V1,
    (
        "https://voice.example.com/twilio/voice/incoming?tenant=acme&x=1",
        &[
            ("CallSid", "CA00000000000000000000000000000001"),
            ("CallerName", ""),
            ("Digits", "12#"),
            ("ForwardedFrom", "+15005550006"),
        ],
        "7y54WYyNn8F3YphGtEDX5CfsIYA=",
    ),
    (
        "https://voice.example.com/twilio/sms",
        &[
            ("Body", "שלום עולם, מה שלומך?"),
            ("From", "whatsapp:+972501234567"),
            ("ProfileName", "דנה כהן"),
            ("MessageSid", "SM00000000000000000000000000000001"),
        ],
        "Hg0MQPICc7XOGa+RvUu4hdpZFJw=",
    ),
    (
        "https://voice.example.com/twilio/repeat",
        &[
            ("MediaUrl", "https://b.example.com/2"),
            ("To", "+15005550006"),
            ("MediaUrl", "https://a.example.com/1"),
            ("MediaUrl", "https://b.example.com/2"),
        ],
        "xZhRDfjYpXPkx9XTqTUP7O99P+c=",
    ),
    (
        "https://voice.example.com/twilio/sort",
        &[
            ("a", "1"),
            ("B", "2"),
            ("A", "3"),
            ("b", "4"),
            ("_z", "5"),
            ("Z", "6"),
        ],
        "i/hiEHe6WwpwaEEMfIhJJJh9W3g=",
    ),
    (
        "https://voice.example.com/twilio/sms",
        &[("Body", "  padded  "), ("From", "+15005550006")],
        "3nIyIe1G19/AvRv6bE/9Pbgabjw=",
    ),
];

#[test]
fn form_vectors_hold_both_ways() {
    for (url, pairs, signature) in FORMS {
        assert_eq!(
            sign(&token(), url, pairs.iter().copied()),
            *signature,
            "{url}"
        );
        let mut request = Request::form(url, pairs, signature);
        assert_eq!(request.verify(), Ok(()), "{url}");
        request.content_type = Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8");
        assert_eq!(request.verify(), Ok(()), "{url} with a charset");
    }
}

#[test]
fn raw_bodies_as_twilio_sends_them_verify() {
    let cases = [
        (
            "https://voice.example.com/twilio/sms",
            "Body=%D7%A9%D7%9C%D7%95%D7%9D+%D7%A2%D7%95%D7%9C%D7%9D%2C+%D7%9E%D7%94+%D7%A9%D7%9C%D7%95%D7%9E%D7%9A%3F&From=whatsapp%3A%2B972501234567&ProfileName=%D7%93%D7%A0%D7%94+%D7%9B%D7%94%D7%9F&MessageSid=SM00000000000000000000000000000001",
            "Hg0MQPICc7XOGa+RvUu4hdpZFJw=",
        ),
        (
            "https://voice.example.com/twilio/repeat",
            "MediaUrl=https%3A%2F%2Fb.example.com%2F2&To=%2B15005550006&MediaUrl=https%3A%2F%2Fa.example.com%2F1&MediaUrl=https%3A%2F%2Fb.example.com%2F2",
            "xZhRDfjYpXPkx9XTqTUP7O99P+c=",
        ),
    ];
    for (url, body, signature) in cases {
        let request = Request {
            body: body.into(),
            ..Request::form(url, &[], signature)
        };
        assert_eq!(request.verify(), Ok(()), "{url}");
    }
}

#[test]
fn look_alikes_of_the_vectors_are_refused() {
    let (url, pairs, _) = FORMS[3];
    assert_ne!(
        sign(&token(), url, pairs.iter().copied()),
        "stut+B7tACBPKIWs4FzkowLYthY="
    );
    let without_dedup = Request::form(url, pairs, "stut+B7tACBPKIWs4FzkowLYthY=");
    assert_eq!(without_dedup.verify(), Err(Rejected::Wrong));
    let (url, pairs, _) = FORMS[5];
    let trimmed = Request::form(url, pairs, "H/3NKe4FIpYik/vPdx1OHPVxTdg=");
    assert_eq!(trimmed.verify(), Err(Rejected::Wrong));
}

#[test]
fn get_vectors_hold_both_ways() {
    for (url, signature) in [
        (
            "https://voice.example.com/twilio/a%20b?name=Jane%20Doe&q=%D7%A9",
            "FPzml3Bb4bsPfWYngyhlJwYhdjU=",
        ),
        (
            "https://voice.example.com/twilio/voice/incoming?CallSid=CA1&From=%2B972501234567",
            "PjPZ+EwBKB6BdGqpil9RBI3nCX8=",
        ),
    ] {
        assert_eq!(sign(&token(), url, []), signature);
        assert_eq!(Request::get(url, signature).verify(), Ok(()));
        let rewritten = url.replace("%20", "+").replace("%2B", "+");
        assert_eq!(
            Request::get(&rewritten, signature).verify(),
            Err(Rejected::Wrong)
        );
        let with_body = Request {
            body: b"x=1".to_vec(),
            ..Request::get(url, signature)
        };
        assert_eq!(
            with_body.verify(),
            Err(Rejected::Body),
            "an unsigned body must not pass"
        );
    }
}

#[test]
fn ports_are_accepted_as_the_official_helpers_do() {
    const STATUS: &[(&str, &str)] = &[
        ("CallSid", "CA00000000000000000000000000000002"),
        ("CallStatus", "completed"),
    ];
    const A: (&str, &str) = (
        "https://voice.example.com:8443/twilio/status",
        "Z3criggVNNAD/1NQsfmj+1SfILw=",
    );
    const B: (&str, &str) = (
        "https://voice.example.com/twilio/status",
        "n81XGEyT5kxwZt6RK67DjlM+xPQ=",
    );
    const C: (&str, &str) = (
        "https://voice.example.com:443/twilio/status",
        "fyo3JLZT9DocXiuiXcAIBnYgmf8=",
    );
    for (url, signature) in [A, B, C] {
        assert_eq!(sign(&token(), url, STATUS.iter().copied()), signature);
    }
    let matrix = [
        (A, [true, true, false]),
        (B, [false, true, true]),
        (C, [false, true, true]),
    ];
    for ((url, _), accepted) in matrix {
        for ((_, signature), accepted) in [A, B, C].into_iter().zip(accepted) {
            let verdict = Request::form(url, STATUS, signature).verify();
            assert_eq!(verdict.is_ok(), accepted, "{url} with {signature}");
        }
    }
}

#[test]
fn json_bodies_are_covered_by_their_hash_or_refused() {
    let cases = [
        (
            "https://voice.example.com/twilio/json?bodySHA256=7d98733a9254c0aed258e54a6a6456f1ab9e67bd67d161209f623302cd10eb5f",
            r#"{"event":"שלום","n":1}"#,
            "JntbIvuodKJDV2iXxKU2R4zQPRY=",
        ),
        (
            "https://voice.example.com/hook?tenant=acme&bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
            r#"{"a":1}"#,
            "4Lh5P9M+Hb8gRE3plCzm8DRfz7U=",
        ),
    ];
    for (url, body, signature) in cases {
        assert_eq!(sign(&token(), url, []), signature);
        assert_eq!(Request::json(url, body, signature).verify(), Ok(()));
        let longer = Request::json(url, &format!("{body} "), signature);
        assert_eq!(longer.verify(), Err(Rejected::Wrong));
        let upper = url.replace("7d98733a9254c0ae", "7D98733A9254C0AE");
        assert_eq!(
            Request::json(&upper, body, &sign(&token(), &upper, [])).verify(),
            Ok(())
        );
    }
    let bare = "https://voice.example.com/twilio/json";
    let uncovered = Request::json(bare, "{}", &sign(&token(), bare, []));
    assert_eq!(
        uncovered.verify(),
        Err(Rejected::Wrong),
        "a body without a hash fails closed"
    );
}

const MEDIA: &str = "wss://voice.example.com/twilio/media";
const V7A: &str = "JImQ2r6/QVsXBFfVSbqIwqxvyp0=";
const V7B: &str = "8r7E9X84wIJRZQEHwSBICY450lc=";
const V7C: &str = "4VB8SAnKflk2pNYUaaGq9he8+hA=";
const V7D: &str = "jMsC1snbUx7JsgDxUBGs9tCoqa0=";
const V7E: &str = "7Hv1fcf77xs9tss2pjdnQpNbr/0=";
const V7X: &str = "x36/KGIOuXIQTP3FySyER35Zsr4=";

#[test]
fn websocket_vectors_hold_both_ways() {
    assert_eq!(sign(&token(), MEDIA, []), V7A);
    assert_eq!(sign(&token(), MEDIA, [("tenant", "acme")]), V7E);
    for url in [
        MEDIA,
        "https://voice.example.com/twilio/media",
        "wss://voice.example.com:443/twilio/media",
    ] {
        assert_eq!(Request::upgrade(url, V7A).verify(), Ok(()), "{url}");
    }
    assert_eq!(
        Request::upgrade(MEDIA, V7B).verify(),
        Ok(()),
        "the default port may be signed"
    );
    let with_80 = sign(&token(), "wss://voice.example.com:80/twilio/media", []);
    assert_eq!(
        Request::upgrade(MEDIA, &with_80).verify(),
        Ok(()),
        "as the helpers do"
    );
    assert_eq!(
        Request::upgrade(&format!("{MEDIA}?tenant=acme"), V7D).verify(),
        Ok(())
    );
    assert_eq!(
        Request::upgrade("https://voice.example.com/twilio/media", V7X).verify(),
        Err(Rejected::Wrong),
        "the https form does not sign a websocket"
    );
}

#[test]
fn further_websocket_forms_are_accepted_only_when_asked_for() {
    let slash = Candidates {
        trailing_slash: true,
        ..Candidates::default()
    };
    let query = Candidates {
        query_as_params: true,
        ..Candidates::default()
    };
    let keys = [token()];
    let with_query = format!("{MEDIA}?tenant=acme");
    for (url, signature, candidates) in [(MEDIA, V7C, slash), (&with_query, V7E, query)] {
        let request = Request::upgrade(url, signature);
        assert_eq!(request.verify(), Err(Rejected::Wrong));
        assert_eq!(request.verify_with(&keys, candidates), Ok(()));
        let plain = Request {
            transport: Transport::Http,
            ..request
        };
        assert_eq!(plain.verify_with(&keys, candidates), Err(Rejected::Wrong));
    }
}

#[test]
fn userinfo_is_signed_or_left_out_as_configured() {
    let url = "https://user:pass@voice.example.com/x";
    let with = Request::get(url, &sign(&token(), url, []));
    let without = Request::get(url, &sign(&token(), "https://voice.example.com/x", []));
    assert_eq!(with.verify(), Ok(()));
    assert_eq!(without.verify(), Err(Rejected::Wrong));
    let candidates = Candidates {
        without_userinfo: true,
        ..Candidates::default()
    };
    assert_eq!(without.verify_with(&[token()], candidates), Ok(()));
}

#[test]
fn odd_urls_are_signed_as_they_are() {
    for url in [
        "https://Voice.Example.COM/Mixed/Case",
        "https://voice.example.com//double//slash/",
        "https://voice.example.com/a%2Bb+c%20d?x=%27'",
        "https://[2001:db8::1]:8443/x",
    ] {
        let signature = sign(&token(), url, []);
        assert_eq!(Request::get(url, &signature).verify(), Ok(()), "{url}");
        let lower = url.to_lowercase();
        if lower != url {
            assert_eq!(
                Request::get(&lower, &signature).verify(),
                Err(Rejected::Wrong),
                "{url}"
            );
        }
    }
}

#[test]
fn both_keys_of_a_rotation_are_accepted_and_no_third() {
    let next = SignatureKey::auth_token(SecretString::from("next"));
    let stranger = SignatureKey::auth_token(SecretString::from("stranger"));
    let keys = [token(), next.clone()];
    let url = "https://voice.example.com/x";
    for (key, verdict) in [
        (&token(), Ok(())),
        (&next, Ok(())),
        (&stranger, Err(Rejected::Wrong)),
    ] {
        let request = Request::get(url, &sign(key, url, []));
        assert_eq!(request.verify_with(&keys, Candidates::default()), verdict);
    }
}

#[test]
fn a_shared_key_signs_with_its_own_algorithm_and_no_other() {
    const PAIRS: &[(&str, &str)] = &[
        ("CallSid", "CA00000000000000000000000000000001"),
        ("From", "+972501234567"),
    ];
    const STRONG: &str = "jONHwiF+oZ4E1h6Akjhc13UxbC5rr8DM9zdQTq1K3mI=";
    const WEAK: &str = "n/f5PWxniQXBRdLtXexGIE7pL7k=";
    let url = V1.0;
    let shared = |algorithm| SignatureKey::shared("SK1", SecretString::from(TOKEN), algorithm);
    let (sha256, sha1) = (shared(Algorithm::HmacSha256), shared(Algorithm::HmacSha1));
    assert_eq!(sign(&sha256, url, PAIRS.iter().copied()), STRONG);
    assert_eq!(sign(&sha1, url, PAIRS.iter().copied()), WEAK);

    let check = |key: &SignatureKey, signature: &str, settings: Option<&str>| {
        let request = Request {
            settings: settings.map(str::to_owned),
            ..Request::form(url, PAIRS, signature)
        };
        request.verify_with(std::slice::from_ref(key), Candidates::default())
    };
    assert_eq!(
        check(&sha256, STRONG, Some("key=SK1,algorithm=HMAC_SHA256")),
        Ok(())
    );
    assert_eq!(
        check(
            &sha256,
            STRONG,
            Some(" algorithm = hmac_sha256 , key = SK1 ")
        ),
        Ok(())
    );
    assert_eq!(
        check(&sha1, WEAK, Some("key=SK1")),
        Ok(()),
        "SHA-1 when nothing is said"
    );
    for downgrade in ["key=SK1,algorithm=HMAC_SHA1", "key=SK1"] {
        assert_eq!(
            check(&sha256, WEAK, Some(downgrade)),
            Err(Rejected::Algorithm),
            "{downgrade}"
        );
    }
    assert_eq!(
        check(&sha256, STRONG, Some("key=SK1,algorithm=HMAC_MD5")),
        Err(Rejected::Algorithm)
    );
    assert_eq!(
        check(&sha256, STRONG, Some("key=SK2,algorithm=HMAC_SHA256")),
        Err(Rejected::Wrong)
    );
    assert_eq!(
        check(&sha256, STRONG, Some("algorithm=HMAC_SHA256")),
        Err(Rejected::Wrong)
    );
    assert_eq!(
        check(&sha256, WEAK, None),
        Err(Rejected::Wrong),
        "nor by leaving the header out"
    );
    assert_eq!(check(&token(), WEAK, Some("key=SK1")), Err(Rejected::Wrong));
    assert_eq!(
        check(&token(), STRONG, Some("algorithm=HMAC_SHA256")),
        Err(Rejected::Algorithm),
        "an Auth Token signs with SHA-1 only"
    );
}

#[test]
fn what_cannot_be_what_was_signed_is_refused() {
    let (url, pairs, signature) = V1;
    let good = Request::form(url, pairs, signature);
    let unsigned = Request {
        signature: None,
        ..good.clone()
    };
    assert_eq!(unsigned.verify(), Err(Rejected::Missing));
    assert_eq!(
        good.verify_with(&[], Candidates::default()),
        Err(Rejected::NoKey)
    );
    for content_type in [
        None,
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
        Some(""),
    ] {
        let other = Request {
            content_type,
            ..good.clone()
        };
        assert_eq!(other.verify(), Err(Rejected::Body), "{content_type:?}");
    }
    let not_utf8 = Request {
        body: b"a=%ff".to_vec(),
        ..good.clone()
    };
    assert_eq!(not_utf8.verify(), Err(Rejected::Body));
    let empty = Request {
        body: Vec::new(),
        content_type: None,
        ..good
    };
    let signed_empty = Request {
        signature: Some(sign(&token(), url, [])),
        ..empty
    };
    assert_eq!(signed_empty.verify(), Ok(()), "no body, nothing to cover");
}

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

/// SplitMix64: enough randomness for test data, the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn text(&mut self, alphabet: &str, longest: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..=self.below(longest))
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// The text with its `at`-th character replaced by another printable one.
    fn change(&mut self, text: &str, at: usize) -> String {
        let replacement = |old: char, random: &mut Self| loop {
            let new = char::from(b' ' + random.below(95) as u8);
            if new != old {
                return new;
            }
        };
        text.chars()
            .enumerate()
            .map(|(i, c)| if i == at { replacement(c, self) } else { c })
            .collect()
    }
}

const CHANGES: usize = 100_000;

#[test]
fn a_hundred_thousand_single_changes_are_all_refused() {
    let mut random = Random(20_261_123);
    let keys = [token()];
    let (mut refused, mut requests) = (0, 0);
    while refused < CHANGES {
        let port = ["", ":443", ":8443"][random.below(3)];
        let path = random.text("abcXYZ019/%20-_.", 12);
        let url = format!(
            "https://voice.example.com{port}/{path}?q={}",
            random.text("ab+%2B&=", 5)
        );
        let mut pairs: Vec<(String, String)> = (0..random.below(4))
            .map(|i| {
                (
                    format!("K{i}{}", random.text("azAZ_", 5)),
                    random.text("ab 1+=&שלום", 8),
                )
            })
            .collect();
        pairs.push(("AccountSid".to_owned(), ACME.to_owned()));
        fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect()
        }
        let good = Request::form(
            &url,
            &borrowed(&pairs),
            &sign(&keys[0], &url, borrowed(&pairs)),
        );
        assert_eq!(good.verify_with(&keys, Candidates::default()), Ok(()));
        requests += 1;

        let mut refuse = |changed: Request| {
            let verdict = changed.verify_with(&keys, Candidates::default());
            assert_eq!(
                verdict,
                Err(Rejected::Wrong),
                "{} {:?}",
                changed.url,
                changed.signature
            );
            refused += 1;
        };
        for at in 0..url.len() {
            refuse(Request {
                url: random.change(&url, at),
                ..good.clone()
            });
        }
        let signature = good.signature.clone().unwrap();
        for at in 0..signature.len() {
            refuse(Request {
                signature: Some(random.change(&signature, at)),
                ..good.clone()
            });
        }
        for which in 0..pairs.len() {
            let (name, value) = pairs[which].clone();
            for at in 0..name.chars().count() + value.chars().count() {
                let mut changed = pairs.clone();
                changed[which] = match at.checked_sub(name.chars().count()) {
                    None => (random.change(&name, at), value.clone()),
                    Some(at) => (name.clone(), random.change(&value, at)),
                };
                refuse(Request {
                    body: encode(borrowed(&changed)),
                    ..good.clone()
                });
            }
        }
    }
    assert!(
        requests > 100,
        "the changes are spread over {requests} requests"
    );
}

proptest! {
    #[test]
    fn any_request_is_judged_without_panic(
        websocket in any::<bool>(),
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT")],
        url in prop_oneof!["\\PC{0,40}", "(wss|https)://[\\PC:@\\[\\]]{0,10}[/?]\\PC{0,20}"],
        content_type in prop_oneof![Just(None), Just(Some(FORM)), Just(Some("application/json"))],
        body in proptest::collection::vec(any::<u8>(), 0..100),
        signature in proptest::option::of("\\PC{0,40}"),
        settings in proptest::option::of("[\\PC=,]{0,30}"),
    ) {
        let transport = if websocket { Transport::WebSocket } else { Transport::Http };
        let request = Request { transport, method, url, content_type, body, signature, settings };
        let candidates =
            Candidates { trailing_slash: true, query_as_params: true, without_userinfo: true };
        prop_assert!(request.verify_with(&[token()], candidates).is_err());
    }
}
