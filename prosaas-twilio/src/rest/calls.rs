//! Calls: make, redirect, transfer, end, look up.

use std::fmt;

use prosaas_core::{CallSid, CallStatus, E164};
use serde::Deserialize;
use url::Url;

use super::{Client, Error, Repeat};
use crate::twiml::{self, Dial};

/// What a call shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// The document at this absolute URL.
    Url(String),
    /// This document; at most [`twiml::MAX_INLINE_CHARS`] characters, with absolute URLs only.
    Twiml(twiml::Response),
}

impl Document {
    fn into_pair(self) -> Result<(&'static str, String), Error> {
        match self {
            Self::Url(url) if Url::parse(&url).is_ok() => Ok(("Url", url)),
            Self::Url(_) => Err(Error::Invalid {
                field: "Url",
                expected: "expected an absolute URL",
            }),
            Self::Twiml(response) => {
                let xml = response.to_xml();
                if xml.chars().count() > twiml::MAX_INLINE_CHARS {
                    let expected = "expected a document of at most 4000 characters; serve longer ones at a URL";
                    return Err(Error::Invalid {
                        field: "Twiml",
                        expected,
                    });
                }
                Ok(("Twiml", xml))
            }
        }
    }
}

/// A step of a call that is reported to its status callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusEvent {
    /// Being dialled.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    Answered,
    /// Over; the only one reported by default.
    Completed,
}

impl StatusEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Completed => "completed",
        }
    }
}

/// Whether it is found out who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineDetection {
    /// Person or machine, as early as possible.
    Enable,
    /// As `Enable`, and waits for the end of a machine's greeting.
    DetectMessageEnd,
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct CreateCall {
    /// Who is called.
    pub to: E164,
    /// The number shown; one of the account's.
    pub from: E164,
    /// What happens when it is answered.
    pub document: Document,
    /// Requested when `document`'s URL fails.
    pub fallback_url: Option<String>,
    /// Told about `status_events`.
    pub status_callback: Option<String>,
    /// What `status_callback` is told; empty means the end only.
    pub status_events: Vec<StatusEvent>,
    /// Seconds to let it ring; Twilio's default is 60.
    pub ring_timeout_s: Option<u32>,
    /// Longest duration in seconds.
    pub time_limit_s: Option<u32>,
    /// Whether it is found out who answers.
    pub machine_detection: Option<MachineDetection>,
}

impl CreateCall {
    /// A call with Twilio's defaults.
    pub const fn new(to: E164, from: E164, document: Document) -> Self {
        Self {
            to,
            from,
            document,
            fallback_url: None,
            status_callback: None,
            status_events: Vec::new(),
            ring_timeout_s: None,
            time_limit_s: None,
            machine_detection: None,
        }
    }

    fn into_form(self) -> Result<Vec<(&'static str, String)>, Error> {
        let mut form = vec![
            ("To", self.to.expose().to_owned()),
            ("From", self.from.expose().to_owned()),
            self.document.into_pair()?,
        ];
        form.extend(self.fallback_url.map(|url| ("FallbackUrl", url)));
        form.extend(self.status_callback.map(|url| ("StatusCallback", url)));
        form.extend(
            self.status_events
                .iter()
                .map(|event| ("StatusCallbackEvent", event.as_str().to_owned())),
        );
        form.extend(
            self.ring_timeout_s
                .map(|seconds| ("Timeout", seconds.to_string())),
        );
        form.extend(
            self.time_limit_s
                .map(|seconds| ("TimeLimit", seconds.to_string())),
        );
        form.extend(self.machine_detection.map(|detection| {
            let word = match detection {
                MachineDetection::Enable => "Enable",
                MachineDetection::DetectMessageEnd => "DetectMessageEnd",
            };
            ("MachineDetection", word.to_owned())
        }));
        Ok(form)
    }
}

/// A call as Twilio knows it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CallResource")]
pub struct Call {
    /// The call.
    pub sid: CallSid,
    /// How far it has come.
    pub status: CallStatus,
    /// The called number; `None` when it is no phone number.
    pub to: Option<E164>,
    /// The calling number; `None` when it is withheld or no phone number.
    pub from: Option<E164>,
    /// Seconds, once it is over.
    pub duration_s: Option<u32>,
    /// Twilio's word for the direction, such as `inbound` or `outbound-api`.
    pub direction: String,
    /// `human`, `machine_start` and others, when it was asked for.
    pub answered_by: Option<String>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("duration_s", &self.duration_s)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// The resource as it arrives: numbers as texts, anything may be null.
#[derive(Deserialize)]
struct CallResource {
    sid: CallSid,
    status: String,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    answered_by: Option<String>,
}

impl TryFrom<CallResource> for Call {
    type Error = prosaas_core::Error;
    fn try_from(call: CallResource) -> Result<Self, Self::Error> {
        let number = |text: Option<String>| text.and_then(|text| E164::parse(&text).ok());
        Ok(Self {
            sid: call.sid,
            status: call.status.parse()?,
            to: number(call.to),
            from: number(call.from),
            duration_s: call.duration.and_then(|seconds| seconds.parse().ok()),
            direction: call.direction.unwrap_or_default(),
            answered_by: call.answered_by,
        })
    }
}

impl Client {
    /// Makes a call. Never repeated when the outcome is unclear.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] after a 5xx or a broken connection: the phone may be ringing.
    pub async fn create_call(&self, call: CreateCall) -> Result<Call, Error> {
        let form = call.into_form()?;
        self.send_json(&self.post("the creation of a call", "Calls.json", form, Repeat::Never))
            .await
    }

    /// Makes a live call go on with another document. A media stream that runs ends.
    ///
    /// # Errors
    /// [`Error::call_is_over`] tells whether the call had ended before.
    pub async fn update_call(&self, call: &CallSid, document: Document) -> Result<Call, Error> {
        let form = vec![document.into_pair()?];
        let path = format!("Calls/{call}.json");
        // Twice would start the document twice.
        self.send_json(&self.post("the redirection of a call", &path, form, Repeat::Never))
            .await
    }

    /// Connects a live call to another number. An `action` in `dial` must be an absolute URL (15004).
    ///
    /// # Errors
    /// As [`Client::update_call`].
    pub async fn transfer(&self, call: &CallSid, dial: Dial) -> Result<Call, Error> {
        if dial
            .action
            .as_deref()
            .is_some_and(|action| Url::parse(action).is_err())
        {
            return Err(Error::Invalid {
                field: "action",
                expected: "expected an absolute URL",
            });
        }
        self.update_call(call, Document::Twiml(twiml::Response::new().dial(dial)))
            .await
    }

    /// Ends a call. A call that is over already, or unknown, counts as ended.
    pub async fn end_call(&self, call: &CallSid) -> Result<(), Error> {
        let form = vec![("Status", "completed".to_owned())];
        let path = format!("Calls/{call}.json");
        match self
            .send(&self.post("the end of a call", &path, form, Repeat::Harmless))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.call_is_over() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks a call up.
    pub async fn fetch_call(&self, call: &CallSid) -> Result<Call, Error> {
        self.send_json(&Self::get(
            "call",
            self.account_url(&format!("Calls/{call}.json")),
        ))
        .await
    }
}
