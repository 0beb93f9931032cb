//! Token counts, as lenient as everything that comes in: a count that cannot be read is no reason to
//! lose the event it stands in.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Tokens of one response. Cached tokens are a part of the input tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the vendor's own names, explained by the struct"
)]
pub struct TokenUsage {
    pub input_text: u64,
    pub input_audio: u64,
    pub input_image: u64,
    pub cached_text: u64,
    pub cached_audio: u64,
    pub cached_image: u64,
    pub output_text: u64,
    pub output_audio: u64,
}

/// What a transcription used, which is billed apart from responses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TranscriptionUsage {
    /// Tokens, for models billed by tokens.
    pub tokens: TokenUsage,
    /// Milliseconds, for models billed by time.
    pub duration_ms: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details")]
    input_token_details: Option<RawInput>,
    #[serde(alias = "output_tokens_details")]
    output_token_details: Option<RawSplit>,
    /// Of a transcription billed by time.
    seconds: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawInput {
    #[serde(flatten)]
    split: RawSplit,
    cached_tokens: Option<u64>,
    cached_tokens_details: Option<RawSplit>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendor's own names")]
struct RawSplit {
    text_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
}

impl RawUsage {
    fn tokens(self) -> TokenUsage {
        let input = self.input_token_details.unwrap_or_else(|| RawInput {
            split: RawSplit {
                text_tokens: self.input_tokens,
                ..RawSplit::default()
            },
            ..RawInput::default()
        });
        let output = self.output_token_details.unwrap_or(RawSplit {
            text_tokens: self.output_tokens,
            ..RawSplit::default()
        });
        let text = input.split.text_tokens.unwrap_or(0);
        let audio = input.split.audio_tokens.unwrap_or(0);
        let image = input.split.image_tokens.unwrap_or(0);
        // Without the split, cached tokens are taken for text first: that is where they cost most.
        let cached = input.cached_tokens_details.unwrap_or_else(|| {
            let all = input.cached_tokens.unwrap_or(0);
            RawSplit {
                text_tokens: Some(all.min(text)),
                audio_tokens: Some(all.saturating_sub(text)),
                image_tokens: None,
            }
        });
        TokenUsage {
            input_text: text,
            input_audio: audio,
            input_image: image,
            cached_text: cached.text_tokens.unwrap_or(0).min(text),
            cached_audio: cached.audio_tokens.unwrap_or(0).min(audio),
            cached_image: cached.image_tokens.unwrap_or(0).min(image),
            output_text: output.text_tokens.unwrap_or(0),
            output_audio: output.audio_tokens.unwrap_or(0),
        }
    }
}

fn parse(raw: &RawValue) -> RawUsage {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// The `usage` of a response; zero when it cannot be read.
pub(super) fn token_usage(raw: &RawValue) -> TokenUsage {
    parse(raw).tokens()
}

/// The `usage` of a transcription; zero when it cannot be read.
pub(super) fn transcription_usage(raw: &RawValue) -> TranscriptionUsage {
    let usage = parse(raw);
    // A session lasts an hour; anything outside a day is not a duration.
    let seconds = usage
        .seconds
        .filter(|s| (0.0..86_400.0).contains(s))
        .unwrap_or(0.0);
    TranscriptionUsage {
        duration_ms: (seconds * 1_000.0).round() as u64,
        tokens: usage.tokens(),
    }
}
