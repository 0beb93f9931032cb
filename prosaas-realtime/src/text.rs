//! [`TextModel`] over OpenAI's REST API: one question, one JSON answer that follows a schema.
//!
//! Uses Chat Completions, which every gateway that speaks OpenAI's REST has. Request and answer are
//! plain JSON rather than the client library's types: an answer with a word the library does not know
//! yet must not lose a summary, and the library logs what it cannot parse, which is what callers said.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_trait::async_trait;
use prosaas_core::{Error, Result, SecretString, TextModel, TextReply, TextRequest, Usage};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use url::Url;

use crate::{prices, rest};

const WHAT: &str = "the text model";

/// How the text model is reached.
#[derive(Clone, Debug)]
pub struct OpenAiTextConfig {
    /// The REST base, such as `https://api.openai.com/v1`. Plain `http` is accepted towards loopback only.
    pub api_base: Url,
    /// The model.
    pub model: String,
    /// The installation's key; a request's own key takes its place. Not needed towards loopback.
    pub api_key: Option<SecretString>,
    /// The deadline of one question, retries of the client library included.
    pub deadline: Duration,
}

/// A text model behind OpenAI's REST API.
#[derive(Debug)]
pub struct OpenAiText {
    config: OpenAiTextConfig,
    api_base: String,
    http: reqwest::Client,
}

impl OpenAiText {
    /// A text model that asks through `http`.
    ///
    /// Building a `reqwest::Client` takes an installed TLS provider, else it panics; see
    /// [`Self::http_client`], which cannot.
    ///
    /// # Errors
    /// `Invalid` when the base is not `https` (or `http` towards loopback).
    pub fn new(config: OpenAiTextConfig, http: reqwest::Client) -> Result<Self> {
        let api_base = rest::checked_base(&config.api_base)?;
        Ok(Self {
            config,
            api_base,
            http,
        })
    }

    /// An HTTP client for [`Self::new`], with the process's TLS provider set to ring unless the host
    /// has chosen one before.
    ///
    /// # Errors
    /// `Internal` when the system's certificates cannot be used.
    pub fn http_client() -> Result<reqwest::Client> {
        // A provider that is installed already is the host's choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::internal("HTTP client set-up", error))
    }

    fn client(&self, request: &TextRequest) -> Result<Client<Target>> {
        let key = request.api_key.as_ref().or(self.config.api_key.as_ref());
        let target = Target::new(self.api_base.clone(), key)?;
        Ok(Client::build(self.http.clone(), target))
    }
}

#[async_trait]
impl TextModel for OpenAiText {
    async fn ask(&self, request: TextRequest) -> Result<TextReply> {
        let client = self.client(&request)?;
        let body = json!({
            "model": self.config.model,
            "messages": [
                {"role": "system", "content": request.instructions},
                {"role": "user", "content": request.input},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": request.schema_name,
                    "schema": request.schema,
                    "strict": true,
                },
            },
        });
        let chat = client.chat();
        let asking = chat.create_byot::<Value, Value>(body);
        match tokio::time::timeout(self.config.deadline, asking).await {
            Ok(Ok(answer)) => {
                let mut reply = read_answer(&answer)?;
                reply.usage = prices::text::priced(&self.config.model, reply.usage);
                Ok(reply)
            }
            Ok(Err(error)) => Err(neutral(error)),
            Err(_) => Err(Error::unavailable(
                WHAT,
                "it did not answer within the deadline",
            )),
        }
    }
}

/// Where the client library sends requests. Its own configuration reads the environment and panics on
/// a key that no header can carry.
#[derive(Clone, Debug)]
struct Target {
    api_base: String,
    api_key: SecretString,
    headers: HeaderMap,
}

impl Target {
    fn new(api_base: String, key: Option<&SecretString>) -> Result<Self> {
        Ok(Self {
            api_base,
            api_key: key.cloned().unwrap_or_default(),
            headers: rest::headers(key)?,
        })
    }
}

impl Config for Target {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api_base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.api_base
    }

    fn api_key(&self) -> &SecretString {
        &self.api_key
    }
}

/// Reads a chat completion. Tolerant: only the answer itself must be there.
///
/// # Errors
/// `Invalid` when the model refused, was cut short, or did not answer with a JSON object.
pub fn read_answer(completion: &Value) -> Result<TextReply> {
    let invalid = |expected: &str| Error::invalid("the text model's answer", expected);
    let message = &completion["choices"][0]["message"];
    let Some(content) = message["content"].as_str() else {
        let refused = message["refusal"].is_string();
        return Err(invalid(if refused {
            "the model declined to answer"
        } else {
            "expected text"
        }));
    };
    let value: Value =
        serde_json::from_str(content).map_err(|_| invalid("expected a JSON object"))?;
    if !value.is_object() {
        return Err(invalid("expected a JSON object"));
    }
    let usage = &completion["usage"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    Ok(TextReply {
        value,
        usage: Usage {
            input_text: count(&usage["prompt_tokens"]),
            cached_text: count(&usage["prompt_tokens_details"]["cached_tokens"]),
            output_text: count(&usage["completion_tokens"]),
            ..Usage::default()
        },
    })
}

/// The library's error without the text of bodies: those may repeat what callers said.
fn neutral(error: OpenAIError) -> Error {
    match error {
        OpenAIError::ApiError(response) => {
            let code = response.api_error.code.unwrap_or_default();
            rest::refusal(WHAT, response.status_code.as_u16(), &code)
        }
        OpenAIError::Reqwest(error) => Error::unavailable(WHAT, error.without_url()),
        OpenAIError::JSONDeserialize(..) => {
            Error::invalid("the text model's answer", "expected JSON")
        }
        OpenAIError::InvalidArgument(detail) => Error::internal(WHAT, detail),
        _ => Error::unavailable(WHAT, "the client library failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whatever_stands_around_them() {
        let completion = json!({
            "choices": [{"finish_reason": "some_new_reason", "message": {"content": "{\"a\":1}"}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
        });
        let reply = read_answer(&completion).unwrap();
        assert_eq!(reply.value, json!({"a": 1}));
        assert_eq!(
            (
                reply.usage.input_text,
                reply.usage.cached_text,
                reply.usage.output_text
            ),
            (10, 4, 3)
        );
        let bare = json!({"choices": [{"message": {"content": "{}"}}]});
        assert_eq!(read_answer(&bare).unwrap().usage, Usage::default());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for content in [json!("[1]"), json!("no"), json!(7), json!(null)] {
            let completion = json!({"choices": [{"message": {"content": content}}]});
            assert!(read_answer(&completion).is_err(), "{completion}");
        }
        let refusal = json!({"choices": [{"message": {"content": null, "refusal": "I cannot."}}]});
        let error = read_answer(&refusal).unwrap_err().to_string();
        assert_eq!(
            error,
            "the text model's answer is not valid: the model declined to answer"
        );
        assert!(read_answer(&json!({})).is_err());
    }
}
