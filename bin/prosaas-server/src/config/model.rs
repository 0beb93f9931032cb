//! OpenAI: the model that speaks, the one that stands in for it, and those for text and transcripts.

use prosaas_core::SecretString;

use super::reader::Reader;
use super::{Vars, urls};

/// The model used unless `OPENAI_REALTIME_MODEL` names one.
pub const DEFAULT_REALTIME_MODEL: &str = "gpt-realtime-2.1";

const DEFAULT_REALTIME_URL: &str = "wss://api.openai.com/v1/realtime";
const DEFAULT_OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
const DEFAULT_TEXT_MODEL: &str = "gpt-5-mini";
const DEFAULT_TRANSCRIPTION_MODEL: &str = "gpt-realtime-whisper";

/// OpenAI: key, URLs and models.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// `USE_REALTIME_API`: `false` answers calls with greeting and voicemail, without a model.
    pub use_realtime: bool,
    /// `OPENAI_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `OPENAI_REALTIME_URL`, to which `?model=` is added.
    pub realtime_url: String,
    /// `OPENAI_REALTIME_MODEL`.
    pub realtime_model: String,
    /// `OPENAI_BASE_URL`, of the REST API.
    pub base_url: String,
    /// `OPENAI_TEXT_MODEL`, for summaries.
    pub text_model: String,
    /// `OPENAI_TRANSCRIPTION_MODEL`, for what the caller says.
    pub transcription_model: String,
    /// Who stands in when the first model or account fails: `OPENAI_SPARE_...`.
    pub spare: Option<SpareModel>,
    /// `AUDIO_BATCH_MS`: how much caller audio one message to the model carries: 20, 40 or 60 ms.
    pub audio_batch_ms: u32,
    /// `PROSAAS_TURN_TAKING`: the session decides when callers have finished, and not the model.
    pub turn_taking: bool,
}

/// A second model or account.
#[derive(Clone, Debug)]
pub struct SpareModel {
    /// `OPENAI_SPARE_REALTIME_URL`; the first one's without it.
    pub realtime_url: String,
    /// `OPENAI_SPARE_REALTIME_MODEL`; the first one's without it.
    pub realtime_model: String,
    /// `OPENAI_SPARE_API_KEY`; the first one's without it. Used for every business: its own key is the first model's.
    pub api_key: Option<SecretString>,
}

/// The model that stands in, where any of its variables is set.
fn spare_model<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    (url, model): (&str, &str),
    api_key: Option<&SecretString>,
) -> Option<SpareModel> {
    let own_url = vars.parsed("OPENAI_SPARE_REALTIME_URL", String::new(), |text| {
        urls::checked(text, urls::WEBSOCKET)
    });
    let own_model = vars.text("OPENAI_SPARE_REALTIME_MODEL");
    let own_key = vars.secret("OPENAI_SPARE_API_KEY");
    if own_url.is_empty() && own_model.is_none() && own_key.is_none() {
        return None;
    }
    Some(SpareModel {
        realtime_url: if own_url.is_empty() {
            url.to_owned()
        } else {
            own_url
        },
        realtime_model: own_model.unwrap_or_else(|| model.to_owned()),
        api_key: own_key.or_else(|| api_key.cloned()),
    })
}

/// The models as configured.
pub(super) fn of_openai<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    warnings: &mut Vec<String>,
) -> ModelConfig {
    let use_realtime = vars.switch("USE_REALTIME_API", true);
    let api_key = vars.secret("OPENAI_API_KEY");
    let realtime_url = vars.parsed(
        "OPENAI_REALTIME_URL",
        DEFAULT_REALTIME_URL.to_owned(),
        |text| urls::checked(text, urls::WEBSOCKET),
    );
    let is_local = url::Url::parse(&realtime_url).is_ok_and(|url| urls::is_loopback(&url));
    if use_realtime && api_key.is_none() && !is_local {
        warnings.push(
            "OPENAI_API_KEY is not set: calls of businesses without a key of their own get voicemail"
                .to_owned(),
        );
    }
    let named = |vars: &Reader<F>, name, default: &str| {
        vars.text(name).unwrap_or_else(|| default.to_owned())
    };
    let realtime_model = named(vars, "OPENAI_REALTIME_MODEL", DEFAULT_REALTIME_MODEL);
    let first = (realtime_url.as_str(), realtime_model.as_str());
    let spare = spare_model(vars, first, api_key.as_ref());
    ModelConfig {
        use_realtime,
        spare,
        api_key,
        realtime_url,
        realtime_model,
        base_url: vars.parsed(
            "OPENAI_BASE_URL",
            DEFAULT_OPENAI_BASE_URL.to_owned(),
            |text| urls::checked_base(text, urls::HTTP),
        ),
        text_model: named(vars, "OPENAI_TEXT_MODEL", DEFAULT_TEXT_MODEL),
        transcription_model: named(
            vars,
            "OPENAI_TRANSCRIPTION_MODEL",
            DEFAULT_TRANSCRIPTION_MODEL,
        ),
        audio_batch_ms: vars.parsed("AUDIO_BATCH_MS", 20, |text| match text {
            "20" => Ok(20),
            "40" => Ok(40),
            "60" => Ok(60),
            _ => Err("expected 20, 40 or 60".to_owned()),
        }),
        turn_taking: vars.switch("PROSAAS_TURN_TAKING", false),
    }
}
