//! The carrier's webhooks, signed as Twilio signs them, and the TwiML that answers the first.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use prosaas_twilio::signature::{SignatureKey, sign};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use super::{carrier::Identity, http, wire::Socket};

/// What the subject is told it is reached at; the generator connects to loopback and signs this.
pub const PUBLIC_BASE_URL: &str = "https://voice.example.com";
const HOST: &str = "voice.example.com";

/// Who calls which numbers, and where the subject really listens.
#[derive(Debug)]
pub struct Webhooks {
    address: SocketAddr,
    key: SignatureKey,
    businesses: u32,
}

/// Where the TwiML sends the call's audio.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StreamTarget {
    /// The `wss` URL.
    pub url: String,
    /// The `<Parameter>` children.
    pub parameters: Vec<(String, String)>,
}

impl Webhooks {
    /// Webhooks to `address`, signed with `auth_token`, for so many businesses.
    pub fn new(address: SocketAddr, auth_token: &str, businesses: u32) -> Self {
        let key = SignatureKey::auth_token(SecretString::from(auth_token.to_owned()));
        Self {
            address,
            key,
            businesses,
        }
    }

    /// The number of business `index`.
    pub fn business_number(index: u32) -> String {
        format!("+1500555{:04}", 1000 + index)
    }

    /// Announces a call; the answer says where its audio goes.
    pub async fn incoming_call(&self, identity: &Identity) -> anyhow::Result<StreamTarget> {
        let body = self
            .post(
                "/webhook/incoming_call",
                identity,
                &[("CallStatus", "ringing")],
            )
            .await?;
        stream_target(&body).with_context(|| format!("the call was not connected: {body}"))
    }

    /// Announces a call; the status and the body of the answer, whatever they are.
    pub async fn announce(&self, identity: &Identity) -> anyhow::Result<(u16, String)> {
        let fields = [("CallStatus", "ringing")];
        self.ask("/webhook/incoming_call", identity, &fields).await
    }

    /// Reports that a call is over.
    pub async fn completed(&self, identity: &Identity, seconds: u64) -> anyhow::Result<()> {
        let seconds = seconds.to_string();
        let fields = [
            ("CallStatus", "completed"),
            ("CallDuration", seconds.as_str()),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", "0"),
        ];
        self.post("/webhook/call_status", identity, &fields)
            .await
            .map(drop)
    }

    /// Opens the media websocket with a signed upgrade.
    pub async fn open_stream(&self, target: &StreamTarget) -> anyhow::Result<Socket> {
        let url = Url::parse(&target.url)
            .with_context(|| format!("the stream's URL {:?} is none", target.url))?;
        let signature = sign(&self.key, &target.url, []);
        let headers = [("Host", HOST), ("X-Twilio-Signature", signature.as_str())];
        http::open_websocket(self.address, url.path(), &headers).await
    }

    async fn post(
        &self,
        path: &str,
        identity: &Identity,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let (status, body) = self.ask(path, identity, fields).await?;
        ensure!(
            (200..300).contains(&status),
            "{path} was answered {status}: {body}"
        );
        Ok(body)
    }

    async fn ask(
        &self,
        path: &str,
        identity: &Identity,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let to = Self::business_number(identity.index % self.businesses);
        let from = format!("+1500556{:04}", identity.index % 10_000);
        let mut pairs = vec![
            ("CallSid", identity.call_sid.as_str()),
            ("AccountSid", identity.account_sid.as_str()),
            ("From", from.as_str()),
            ("To", to.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("Direction", "inbound"),
            ("FromCountry", "US"),
            ("CallerName", ""),
        ];
        pairs.extend_from_slice(fields);
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&pairs)
            .finish();
        let signature = sign(&self.key, &format!("{PUBLIC_BASE_URL}{path}"), pairs);
        let headers = [("Host", HOST), ("X-Twilio-Signature", signature.as_str())];
        http::post_form(self.address, path, &headers, &form).await
    }
}

/// The `<Stream>` of a TwiML document; `None` when there is none.
pub fn stream_target(twiml: &str) -> Option<StreamTarget> {
    let mut reader = Reader::from_str(twiml);
    let mut target: Option<StreamTarget> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "Stream" => {
                    let url = attribute(&element, "url")?;
                    target = Some(StreamTarget {
                        url,
                        parameters: Vec::new(),
                    });
                }
                "Parameter" => {
                    let pair = (attribute(&element, "name")?, attribute(&element, "value")?);
                    target.as_mut()?.parameters.push(pair);
                }
                _ => {}
            },
            Event::Eof => return target,
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(
        quick_xml::escape::unescape(&attribute.value)
            .ok()?
            .into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_and_its_parameters_are_found() {
        let twiml = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://h/x">
            <Stream url="wss://h/media"><Parameter name="token" value="a&amp;b"/></Stream>
            </Connect><Redirect>https://h/x</Redirect></Response>"#;
        let target = stream_target(twiml).unwrap();
        assert_eq!(target.url, "wss://h/media");
        assert_eq!(target.parameters, [("token".to_owned(), "a&b".to_owned())]);
    }

    #[test]
    fn a_refusal_has_no_stream() {
        assert_eq!(
            stream_target("<Response><Say>no</Say><Hangup/></Response>"),
            None
        );
        assert_eq!(stream_target("<Response><Con"), None);
    }
}
