//! Keys, algorithms and bodies that must not pass.

use prosaas_core::{Rejected, SecretString};
use prosaas_twilio::signature::{Algorithm, Candidates, SignatureKey, sign};

use super::vectors::V1;
use super::{Request, TOKEN, token};

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
