//! Messages from the server, read as strictly as Twilio reads them, and messages to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a server may send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromServer {
    Media(Vec<u8>),
    Mark(String),
    Clear,
}

/// Reads a message; the error says what Twilio would object to.
pub(super) fn read(text: &str, stream_sid: &str) -> Result<FromServer, &'static str> {
    let Ok(Value::Object(message)) = serde_json::from_str::<Value>(text) else {
        return Err("the message is not a JSON object");
    };
    let field = |object: &Map<String, Value>, name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err("a text field is missing or not a text"),
    };
    if field(&message, "streamSid")? != stream_sid {
        return Err("the streamSid is not this stream's");
    }
    match field(&message, "event")?.as_str() {
        "media" => {
            let payload = field(only(&message, "media", "payload")?, "payload")?;
            STANDARD
                .decode(payload)
                .map(FromServer::Media)
                .map_err(|_| "the payload is not base64")
        }
        "mark" => Ok(FromServer::Mark(field(
            only(&message, "mark", "name")?,
            "name",
        )?)),
        "clear" if message.len() == 2 => Ok(FromServer::Clear),
        "clear" => Err("a clear message has fields of its own"),
        _ => Err("the event is none of media, mark and clear"),
    }
}

/// The object of this name with exactly this one field, in a message without other fields.
fn only<'a>(
    message: &'a Map<String, Value>,
    object: &str,
    field: &str,
) -> Result<&'a Map<String, Value>, &'static str> {
    match message.get(object) {
        Some(Value::Object(inner))
            if message.len() == 3 && inner.len() == 1 && inner.contains_key(field) =>
        {
            Ok(inner)
        }
        _ => Err("the message has other fields than documented"),
    }
}

/// What Twilio sends, field for field.
#[derive(Serialize)]
#[serde(
    tag = "event",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub(super) enum ToServer<'a> {
    Connected {
        protocol: &'a str,
        version: &'a str,
    },
    Start {
        sequence_number: String,
        start: StartObject<'a>,
        stream_sid: &'a str,
    },
    Media {
        sequence_number: String,
        media: MediaObject,
        stream_sid: &'a str,
    },
    Dtmf {
        stream_sid: &'a str,
        sequence_number: String,
        dtmf: DtmfObject<'a>,
    },
    Mark {
        sequence_number: String,
        stream_sid: &'a str,
        mark: MarkObject<'a>,
    },
    Stop {
        sequence_number: String,
        stop: StopObject<'a>,
        stream_sid: &'a str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartObject<'a> {
    pub(super) account_sid: &'a str,
    pub(super) stream_sid: &'a str,
    pub(super) call_sid: &'a str,
    pub(super) tracks: [&'a str; 1],
    pub(super) media_format: MediaFormat<'a>,
    pub(super) custom_parameters: &'a Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MediaFormat<'a> {
    pub(super) encoding: &'a str,
    pub(super) sample_rate: u32,
    pub(super) channels: u32,
}

#[derive(Serialize)]
pub(super) struct MediaObject {
    pub(super) track: &'static str,
    pub(super) chunk: String,
    pub(super) timestamp: String,
    pub(super) payload: String,
}

#[derive(Serialize)]
pub(super) struct DtmfObject<'a> {
    pub(super) track: &'a str,
    pub(super) digit: String,
}

#[derive(Serialize)]
pub(super) struct MarkObject<'a> {
    pub(super) name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopObject<'a> {
    pub(super) account_sid: &'a str,
    pub(super) call_sid: &'a str,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::Encoder;

    const MZ: &str = "MZ0123456789abcdef0123456789abcdef";

    #[test]
    fn what_our_encoder_writes_is_accepted() {
        let mut encoder = Encoder::new(MZ.parse().unwrap());
        assert_eq!(
            read(encoder.media(&[1, 2]), MZ),
            Ok(FromServer::Media(vec![1, 2]))
        );
        assert_eq!(
            read(encoder.mark_named("x"), MZ),
            Ok(FromServer::Mark("x".into()))
        );
        assert_eq!(read(encoder.clear(), MZ), Ok(FromServer::Clear));
    }

    #[test]
    fn what_twilio_objects_to_is_refused() {
        for bad in [
            "null".to_owned(),
            r#"{"event":"clear"}"#.to_owned(),
            r#"{"event":"clear","streamSid":"MZ1"}"#.to_owned(),
            format!(r#"{{"event":"clear","streamSid":"{MZ}","x":1}}"#),
            format!(r#"{{"event":"hangup","streamSid":"{MZ}"}}"#),
            format!(r#"{{"event":"media","streamSid":"{MZ}","media":{{"payload":"*"}}}}"#),
            format!(
                r#"{{"event":"media","streamSid":"{MZ}","media":{{"payload":"AA==","track":"x"}}}}"#
            ),
            format!(r#"{{"event":"mark","streamSid":"{MZ}","mark":{{"name":1}}}}"#),
        ] {
            assert!(read(&bad, MZ).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = read(&text, MZ);
        }
    }
}
