//! [`Transcriber`] over OpenAI's REST API: a sound file goes in, its words come out.
//!
//! `POST {base}/audio/transcriptions`, multipart: `file`, `model`, `response_format=json`. Read in OpenAI's
//! reference of November 2026; the answer is `{"text", "usage"}`, with usage in tokens or in seconds by model.

use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::{Error, Heard, Result, SecretString, Speech, Transcriber, Usage};
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use url::Url;

use crate::{prices, rest};

const WHAT: &str = "the transcription model";
/// The largest file the API takes, in bytes: 25 MB.
const MOST_BYTES: u64 = 25 * 1024 * 1024;
/// The longest answer that is read, in bytes: an hour of talk is a tenth of it.
const MOST_ANSWER: usize = 1024 * 1024;

/// How the transcription model is reached.
#[derive(Clone, Debug)]
pub struct OpenAiTranscriberConfig {
    /// The REST base, such as `https://api.openai.com/v1`. Plain `http` is accepted towards loopback only.
    pub api_base: Url,
    /// The model.
    pub model: String,
    /// The installation's key; a request's own key takes its place. Not needed towards loopback.
    pub api_key: Option<SecretString>,
    /// The deadline of one file.
    pub deadline: Duration,
}

/// A transcription model behind OpenAI's REST API.
#[derive(Debug)]
pub struct OpenAiTranscriber {
    config: OpenAiTranscriberConfig,
    url: String,
    http: reqwest::Client,
}

impl OpenAiTranscriber {
    /// A transcriber that asks through `http`; see [`crate::text::OpenAiText::http_client`].
    ///
    /// # Errors
    /// `Invalid` when the base is not `https` (or `http` towards loopback).
    pub fn new(config: OpenAiTranscriberConfig, http: reqwest::Client) -> Result<Self> {
        let base = rest::checked_base(&config.api_base)?;
        Ok(Self {
            config,
            url: format!("{base}/audio/transcriptions"),
            http,
        })
    }

    async fn ask(&self, speech: Speech) -> Result<Heard> {
        let key = speech.api_key.as_ref().or(self.config.api_key.as_ref());
        let headers = rest::headers(key)?;
        // The name says which format it is; whoever sent it called it something that nobody has to know.
        let part = Part::stream_with_length(speech.bytes.clone(), speech.bytes.len() as u64)
            .file_name(format!("voice.{}", speech.extension))
            .mime_str(speech.media_type)
            .map_err(|error| Error::internal(WHAT, error))?;
        let form = Form::new()
            .text("model", self.config.model.clone())
            .text("response_format", "json")
            .part("file", part);
        let request = self.http.post(&self.url).headers(headers).multipart(form);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = read(response).await?;
        if !status.is_success() {
            let code = refused(&body);
            return Err(rest::refusal(WHAT, status.as_u16(), &code));
        }
        let mut heard = heard(&body)?;
        heard.usage = prices::text::priced(&self.config.model, heard.usage);
        Ok(heard)
    }
}

#[async_trait]
impl Transcriber for OpenAiTranscriber {
    fn most_bytes(&self) -> u64 {
        MOST_BYTES
    }

    async fn transcribe(&self, speech: Speech) -> Result<Heard> {
        let late = || Error::unavailable(WHAT, "it did not answer within the deadline");
        let asked = tokio::time::timeout(self.config.deadline, self.ask(speech));
        asked.await.map_err(|_| late())?
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > MOST_ANSWER {
            return Err(Error::invalid("the transcript", "expected a shorter one"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unreachable(error: reqwest::Error) -> Error {
    Error::unavailable(WHAT, error.without_url())
}

/// The API's own word for a refusal.
fn refused(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["code"].as_str().unwrap_or("?").to_owned()
}

/// Reads a transcript. Tolerant: only the text itself must be there.
fn heard(body: &[u8]) -> Result<Heard> {
    #[derive(Deserialize)]
    struct Answer {
        text: String,
        #[serde(default)]
        usage: Used,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Used {
        output_tokens: u64,
        input_token_details: Details,
        seconds: f64,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Details {
        audio_tokens: u64,
        text_tokens: u64,
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| Error::invalid("the transcript", "expected JSON with a text"))?;
    let used = answer.usage;
    Ok(Heard {
        text: answer.text,
        usage: Usage {
            input_audio: used.input_token_details.audio_tokens,
            input_text: used.input_token_details.text_tokens,
            output_text: used.output_tokens,
            billed_ms: millis(used.seconds),
            ..Usage::default()
        },
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a day before"
)]
fn millis(seconds: f64) -> u64 {
    (seconds.clamp(0.0, 86_400.0) * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_read_whatever_stands_around_it() {
        let tokens = br#"{"text":"Are you open?","logprobs":null,"usage":{"type":"tokens",
            "input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},
            "output_tokens":5,"total_tokens":19}}"#;
        let read = heard(tokens).unwrap();
        assert_eq!(read.text, "Are you open?");
        let used = (read.usage.input_audio, read.usage.input_text);
        assert_eq!((used, read.usage.output_text), ((10, 4), 5));
        let seconds = br#"{"text":"","usage":{"type":"duration","seconds":2.5}}"#;
        assert_eq!(heard(seconds).unwrap().usage.billed_ms, 2_500);
        assert_eq!(heard(b"{\"text\":\"a\"}").unwrap().usage, Usage::default());
        for bad in ["", "[]", "{\"words\":\"a\"}", "{\"text\":7}"] {
            assert!(heard(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_said_is_not_repeated_by_a_refusal() {
        let error = rest::refusal(WHAT, 400, "audio_too_short");
        assert!(error.to_string().contains("audio_too_short"), "{error}");
        assert_eq!(refused(b"not json"), "?");
    }
}
