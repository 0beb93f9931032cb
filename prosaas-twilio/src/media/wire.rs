//! The messages as serde sees them: one pass, everything borrowed, unknown fields skipped.

use super::{BTreeMap, Cow, Deserialize, Inbound, Malformed, Start, fmt};

/// One message with all the objects it may carry. One struct instead of a tagged enum, because serde
/// buffers (allocates) the content of a tagged enum.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    event: Event,
    #[serde(default, deserialize_with = "lenient")]
    sequence_number: Option<u64>,
    #[serde(default, borrow)]
    stream_sid: Option<Text<'a>>,
    #[serde(default, borrow)]
    media: Option<Media<'a>>,
    #[serde(default, borrow)]
    start: Option<StartObject<'a>>,
    #[serde(default, borrow)]
    dtmf: Option<Dtmf<'a>>,
    #[serde(default, borrow)]
    mark: Option<Mark<'a>>,
}

#[derive(Deserialize)]
pub(super) struct EventOnly {
    pub(super) event: Event,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Event {
    Connected,
    Start,
    Media,
    Dtmf,
    Mark,
    Stop,
    #[serde(other)]
    Unknown,
}

/// A text that borrows where it can. A bare `Option<Cow>` would always allocate.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(default, borrow)]
    track: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    chunk: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: Option<u64>,
    #[serde(borrow)]
    payload: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartObject<'a> {
    #[serde(default, borrow)]
    stream_sid: Option<Text<'a>>,
    #[serde(borrow)]
    account_sid: Text<'a>,
    #[serde(borrow)]
    call_sid: Text<'a>,
    #[serde(default)]
    tracks: Vec<String>,
    #[serde(default)]
    custom_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    media_format: Option<MediaFormat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaFormat {
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sample_rate: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    channels: Option<u64>,
}

#[derive(Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Text<'a>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

impl<'a> Message<'a> {
    /// The stream it names.
    pub(super) fn stream_sid(&self) -> Option<&str> {
        self.stream_sid.as_ref().map(|sid| &*sid.0)
    }

    pub(super) fn into_inbound(self) -> Result<Inbound<'a>, Malformed> {
        Ok(match self.event {
            Event::Connected => Inbound::Connected,
            Event::Stop => Inbound::Stop,
            Event::Unknown => Inbound::Unknown,
            Event::Media => {
                let media = self.media.ok_or(Malformed::Missing("media"))?;
                Inbound::Media {
                    inbound: media
                        .track
                        .is_none_or(|track| track.0.starts_with("inbound")),
                    timestamp_ms: media.timestamp,
                    chunk: media.chunk,
                    sequence: self.sequence_number,
                    payload: media.payload.0,
                }
            }
            Event::Dtmf => digit(&self.dtmf.ok_or(Malformed::Missing("dtmf"))?.digit.0)?,
            Event::Mark => Inbound::Mark(self.mark.ok_or(Malformed::Missing("mark"))?.name.0),
            Event::Start => {
                let start = self.start.ok_or(Malformed::Missing("start"))?;
                Inbound::Start(start.checked(self.stream_sid)?)
            }
        })
    }
}

impl StartObject<'_> {
    /// Types instead of texts. The stream's SID stands in the message and in the object; either will do.
    fn checked(self, outer_sid: Option<Text<'_>>) -> Result<Start, Malformed> {
        let stream_sid = self
            .stream_sid
            .or(outer_sid)
            .ok_or(Malformed::Missing("start"))?;
        let format = self.media_format.unwrap_or(MediaFormat {
            encoding: None,
            sample_rate: None,
            channels: None,
        });
        Ok(Start {
            stream_sid: stream_sid.0.parse().map_err(|_| Malformed::Sid)?,
            call_sid: self.call_sid.0.parse().map_err(|_| Malformed::Sid)?,
            account_sid: self.account_sid.0.parse().map_err(|_| Malformed::Sid)?,
            parameters: self.custom_parameters.unwrap_or_default(),
            tracks: self.tracks,
            encoding: format
                .encoding
                .unwrap_or_else(|| "audio/x-mulaw".to_owned()),
            sample_rate: bounded(format.sample_rate, 8000),
            channels: bounded(format.channels, 1),
        })
    }
}

fn bounded(value: Option<u64>, default: u32) -> u32 {
    value.map_or(default, |value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn digit(text: &str) -> Result<Inbound<'static>, Malformed> {
    let mut chars = text.chars();
    match (chars.next().map(|c| c.to_ascii_uppercase()), chars.next()) {
        (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(Inbound::Dtmf(digit)),
        _ => Err(Malformed::Digit),
    }
}

/// A count that may be a number, a text with digits, or nonsense (then absent: the audio matters more).
fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(Lenient)
}

struct Lenient;

impl serde::de::Visitor<'_> for Lenient {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a text holding one")
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(value).ok())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        // JSON has one number type: 20.0 is 20.
        Ok((value >= 0.0 && value.fract() == 0.0 && value < 9.0e15).then_some(value as u64))
    }
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.parse().ok())
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
