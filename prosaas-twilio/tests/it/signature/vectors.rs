//! Every vector of the official helper, both ways.

use prosaas_core::{Rejected, Transport};
use prosaas_twilio::signature::{Candidates, sign};

use super::{Request, token};

/// URL, decoded pairs, signature.
type Vector = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

pub(super) const V1: Vector = (
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

/// Forms: plain, empty value, Hebrew, repeated name, sort order, whitespace.
const FORMS: &[Vector] = &[
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
