//! What Twilio, or somebody who pretends to be Twilio, sends.

use std::borrow::Cow;

use prosaas_core::{SecretString, SignedRequest, Transport};
use prosaas_twilio::StreamToken;
use prosaas_twilio::media::{self, Inbound};
use prosaas_twilio::signature::{
    Algorithm, Candidates, SETTINGS_HEADER, SIGNATURE_HEADER, SignatureKey, sign, verify,
};
use prosaas_twilio::testkit::carrier::parse_document;
use prosaas_twilio::twiml::{Response, Say, Stream, legal_text};
use prosaas_twilio::webhook::{
    CallStatusCallback, Form, IncomingCall, RecordingCallback, StreamEnded, Webhook,
};

use super::text;
use crate::target::{Outcome, Target};

/// Webhook bodies: the form itself and every type that is read from it.
pub(crate) const FORM: Target = Target {
    name: "form",
    run: |input| {
        let parsed = Form::parse(input);
        let Ok(form) = &parsed else {
            return Outcome::parsed(&parsed, |_| ());
        };
        let read = (
            Outcome::parsed(&IncomingCall::from_form(form), |call| {
                format!("{:?}", call.direction)
            }),
            Outcome::parsed(&CallStatusCallback::from_form(form), |_| ()),
            Outcome::parsed(&RecordingCallback::from_form(form), |_| ()),
            Outcome::parsed(&StreamEnded::from_form(form), |_| ()),
        );
        Outcome::of((form.len().min(20), read))
    },
    dictionary: &[
        "CallSid=",
        "AccountSid=",
        "From=",
        "To=",
        "CallStatus=",
        "Direction=",
        "RecordingUrl=",
        "&",
        "SequenceNumber=",
        "CA00000000000000000000000000000001",
        "%D7%A9",
        "%2B",
        "%",
        "+",
        "in-progress",
        "completed",
        "Digits=",
        "StirVerstat=",
        "RecordingSid=RE00000000000000000000000000000001",
    ],
};

/// A signed request: nothing forged is accepted, everything signed is.
///
/// The input's lines are the method, the URL, the content type and the settings header; the rest is the body.
pub(crate) const SIGNATURE: Target = Target {
    name: "signature",
    run: |input| {
        let mut lines = input.splitn(5, |byte| *byte == b'\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, url, kind, settings, body) = (line(), line(), line(), line(), line());
        let (method, url, kind, settings) = (text(method), text(url), text(kind), text(settings));
        let headers = Headers {
            kind,
            settings,
            signature: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".into(),
        };
        let secret = SecretString::from("5f2d1c0b9a8e7d6c5b4a39281706f5e4");
        let keys = [
            SignatureKey::auth_token(secret.clone()),
            SignatureKey::shared("k1", secret, Algorithm::HmacSha256),
        ];
        let everything = Candidates {
            trailing_slash: true,
            query_as_params: true,
            without_userinfo: true,
        };
        let mut verdicts = Vec::new();
        for transport in [Transport::Http, Transport::WebSocket] {
            for candidates in [Candidates::default(), everything] {
                let forged = headers.check(&keys, transport, &method, &url, body, candidates);
                assert!(forged.is_err(), "a signature that nobody made was accepted");
                verdicts.push(forged);
            }
        }
        signed_forms_are_accepted(&keys, &url, body);
        let shape = ['?', '@', '[', '#', '%'].map(|mark| url.contains(mark));
        Outcome::of((format!("{verdicts:?}"), shape, body.len().min(4)))
    },
    dictionary: &[
        "POST",
        "GET",
        "https://",
        "wss://",
        "voice.example.com",
        ":443",
        ":",
        "@",
        "[::1]",
        "?",
        "#",
        "bodySHA256=",
        "application/json",
        "application/x-www-form-urlencoded",
        "key=k1",
        "algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA1",
        ",",
        "\n",
        "&a=1",
    ],
};

struct Headers<'a> {
    kind: Cow<'a, str>,
    settings: Cow<'a, str>,
    signature: Cow<'a, str>,
}

impl Headers<'_> {
    fn check(
        &self,
        keys: &[SignatureKey],
        transport: Transport,
        method: &str,
        url: &str,
        body: &[u8],
        candidates: Candidates,
    ) -> Result<(), prosaas_core::Rejected> {
        let header = |name: &str| match name {
            "content-type" => Some(&*self.kind),
            SETTINGS_HEADER => Some(&*self.settings),
            SIGNATURE_HEADER => Some(&*self.signature),
            _ => None,
        };
        let request = SignedRequest {
            transport,
            method,
            url,
            header: &header,
            body,
        };
        verify(keys, &request, candidates)
    }
}

/// Whatever the URL and the body: a form that can be read is accepted with its signature.
fn signed_forms_are_accepted(keys: &[SignatureKey; 2], url: &str, body: &[u8]) {
    let Ok(form) = Form::parse(body) else { return };
    for key in keys {
        let headers = Headers {
            kind: "application/x-www-form-urlencoded".into(),
            settings: key.settings_header().unwrap_or_default().into(),
            signature: sign(key, url, form.pairs()).into(),
        };
        let verdict = headers.check(
            keys,
            Transport::Http,
            "POST",
            url,
            body,
            Candidates::default(),
        );
        assert_eq!(verdict, Ok(()), "a signed form was refused");
    }
}

/// Messages of the media socket.
pub(crate) const MEDIA: Target = Target {
    name: "media",
    run: |input| {
        let text = text(input);
        let parsed = media::parse(&text);
        let mut audio = Vec::new();
        let decoded = match &parsed {
            Ok(Inbound::Media { payload, .. }) => {
                let decoded = media::decode_payload(payload, &mut audio);
                assert_eq!(decoded.unwrap_or_default(), audio.len());
                assert!(audio.len() <= media::MAX_PAYLOAD_BYTES);
                Some(decoded.is_ok())
            }
            _ => None,
        };
        let kind = |message: &Inbound<'_>| match message {
            Inbound::Media {
                inbound,
                timestamp_ms,
                chunk,
                sequence,
                ..
            } => (
                0,
                [
                    *inbound,
                    timestamp_ms.is_some(),
                    chunk.is_some(),
                    sequence.is_some(),
                ],
                0,
            ),
            Inbound::Start(start) => (
                1,
                [start.is_mulaw_8k_mono(), false, false, false],
                start.parameters.len(),
            ),
            other => (2, [false; 4], format!("{other:?}").len().min(12)),
        };
        Outcome::of((Outcome::parsed(&parsed, kind), decoded))
    },
    dictionary: &[
        "\"event\":",
        "\"media\"",
        "\"start\"",
        "\"dtmf\"",
        "\"mark\"",
        "\"stop\"",
        "\"connected\"",
        "\"payload\":",
        "\"timestamp\":",
        "\"chunk\":",
        "\"track\":",
        "\"inbound\"",
        "\"outbound\"",
        "null",
        "\"customParameters\":{",
        "\\u0000",
        "\\ud83d",
        "MZ00000000000000000000000000000001",
        "{",
        "}",
        "/+==",
    ],
};

/// The one-time token of a media socket: one text for each token.
pub(crate) const STREAM_TOKEN: Target = Target {
    name: "stream_token",
    run: |input| {
        let text = text(input);
        let parsed = text.parse::<StreamToken>();
        if let Ok(token) = &parsed {
            assert_eq!(token.expose(), text, "two texts for one token");
            assert!(token.matches(&token.hash()));
        }
        Outcome::parsed(&parsed, |_| ())
    },
    dictionary: &["AAAAAAAAAAAAAAAAAAAAAA", "_", "-", "=", "+", "/", "é"],
};

/// TwiML from a webhook that somebody else wrote, and any text in ours: what is said comes back.
pub(crate) const TWIML: Target = Target {
    name: "twiml",
    run: |input| {
        let text = text(input);
        let foreign = parse_document(&text);
        // Written three times and escaped, more would make a document longer than Twilio reads.
        let text: String = text.chars().take(2_000).collect();
        let ours = Response::new()
            .say(Say::new(text.clone()))
            .connect_stream(Stream::new(text.clone()).parameter("token", text.clone()));
        let read = parse_document(&ours.to_xml()).expect("our own document is well-formed");
        let legal = legal_text(&text);
        assert_eq!(
            read.child("Say").map(|say| say.text.as_str()),
            Some(&*legal)
        );
        let stream = read
            .child("Connect")
            .and_then(|connect| connect.child("Stream"));
        let token = stream.and_then(|stream| stream.child("Parameter"));
        // A reader of XML gets each line break and tab in an attribute as a space (XML 1.0, 3.3.3).
        let spaced = legal.replace(['\n', '\t'], " ");
        assert_eq!(
            token.and_then(|token| token.attribute("value")),
            Some(&*spaced)
        );
        Outcome::parsed(&foreign, |root| {
            (root.children.len(), root.text.len().min(8))
        })
    },
    dictionary: &[
        "<Response>",
        "</Response>",
        "<Say>",
        "</Say>",
        "<Hangup/>",
        "<Connect>",
        "<Stream url=\"",
        "\"/>",
        "&amp;",
        "&#x5e9;",
        "&#0;",
        "&nbsp;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml",
        "?>",
        "<!DOCTYPE x",
        "\u{fffe}",
        "\r\n",
        "'",
        "\"",
        ">",
    ],
};
