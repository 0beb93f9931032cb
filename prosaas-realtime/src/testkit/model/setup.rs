//! `session.update`, as strict as the real API: what it would refuse is refused here.

use serde_json::{Map, Value, json};

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
    pub(super) param: Option<String>,
}

impl ApiError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            message: message.into(),
            param: None,
        }
    }

    pub(super) fn about(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }
}

const TOP_LEVEL: [&str; 14] = [
    "type",
    "model",
    "output_modalities",
    "instructions",
    "audio",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "max_output_tokens",
    "truncation",
    "tracing",
    "include",
    "prompt",
];
const INPUT: [&str; 4] = [
    "format",
    "noise_reduction",
    "transcription",
    "turn_detection",
];
const OUTPUT: [&str; 3] = ["format", "voice", "speed"];
const SERVER_VAD: [&str; 7] = [
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "create_response",
    "interrupt_response",
    "idle_timeout_ms",
];
const SEMANTIC_VAD: [&str; 4] = ["type", "eagerness", "create_response", "interrupt_response"];
const VOICES: [&str; 10] = [
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
];

/// The session before any update: what the API starts with.
pub(super) fn initial(model: &str) -> Value {
    json!({
        "type": "realtime",
        "object": "realtime.session",
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "noise_reduction": null,
                "transcription": null,
                "turn_detection": {
                    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                    "silence_duration_ms": 500, "idle_timeout_ms": null,
                    "create_response": true, "interrupt_response": true,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "alloy", "speed": 1.0},
        },
    })
}

/// Applies an update to `session`. Omitted fields keep their value, `null` switches a feature off.
pub(super) fn apply(session: &mut Value, update: &Value, has_spoken: bool) -> Result<(), ApiError> {
    let Some(fields) = update.as_object() else {
        return Err(missing("session"));
    };
    match fields.get("type") {
        Some(kind) if kind == "realtime" => {}
        Some(_) => return Err(invalid("session.type", "Supported values are: 'realtime'.")),
        None => return Err(missing("session.type")),
    }
    only(fields, &TOP_LEVEL, "session")?;
    if let Some(model) = fields.get("model")
        && *model != session["model"]
    {
        return Err(invalid(
            "session.model",
            "The model of a session cannot be changed.",
        ));
    }
    let reasons = session["model"]
        .as_str()
        .is_some_and(|m| m.starts_with("gpt-realtime-2"));
    for name in ["reasoning", "parallel_tool_calls"] {
        if fields.contains_key(name) && !reasons {
            return Err(invalid(
                &format!("session.{name}"),
                "Not supported with this model.",
            ));
        }
    }
    if let Some(modalities) = fields.get("output_modalities")
        && *modalities != json!(["audio"])
        && *modalities != json!(["text"])
    {
        return Err(invalid(
            "session.output_modalities",
            "Supported combinations are: ['text'] and ['audio'].",
        ));
    }
    for tool in fields
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if tool["type"] != "function" || !tool["name"].is_string() {
            return Err(invalid(
                "session.tools",
                "A tool needs the type 'function' and a name.",
            ));
        }
    }
    audio(fields, session, has_spoken)?;
    merge(session, update);
    Ok(())
}

fn audio(fields: &Map<String, Value>, session: &Value, has_spoken: bool) -> Result<(), ApiError> {
    let Some(audio) = fields.get("audio").and_then(Value::as_object) else {
        return Ok(());
    };
    only(audio, &["input", "output"], "session.audio")?;
    let side = |name: &str| audio.get(name).and_then(Value::as_object);
    if let Some(input) = side("input") {
        only(input, &INPUT, "session.audio.input")?;
        format(input, "session.audio.input.format")?;
        turn_detection(input.get("turn_detection"))?;
        if let Some(noise) = input.get("noise_reduction").filter(|n| !n.is_null())
            && !["near_field", "far_field"]
                .iter()
                .any(|kind| noise["type"] == **kind)
        {
            return Err(invalid(
                "session.audio.input.noise_reduction.type",
                "Unknown type.",
            ));
        }
        if let Some(transcription) = input.get("transcription").filter(|t| !t.is_null())
            && !transcription["model"].is_string()
        {
            return Err(missing("session.audio.input.transcription.model"));
        }
    }
    if let Some(output) = side("output") {
        only(output, &OUTPUT, "session.audio.output")?;
        format(output, "session.audio.output.format")?;
        if let Some(voice) = output.get("voice") {
            let known = voice["id"].is_string() || VOICES.iter().any(|name| voice == *name);
            if !known {
                return Err(invalid(
                    "session.audio.output.voice",
                    &format!("Supported values are: {VOICES:?}."),
                ));
            }
            if has_spoken && *voice != session["audio"]["output"]["voice"] {
                let message = "Cannot update a conversation's voice if assistant audio is present.";
                return Err(ApiError::about(
                    "session.audio.output.voice",
                    "cannot_update_voice",
                    message,
                ));
            }
        }
    }
    Ok(())
}

fn format(side: &Map<String, Value>, param: &str) -> Result<(), ApiError> {
    let Some(format) = side.get("format") else {
        return Ok(());
    };
    match format["type"].as_str() {
        Some("audio/pcmu") => Ok(()),
        Some("audio/pcma") => Err(invalid(param, "The fake model speaks mu-law only.")),
        Some("audio/pcm") if format["rate"] == 24_000 => {
            Err(invalid(param, "The fake model speaks mu-law only."))
        }
        Some(_) => Err(invalid(
            param,
            "Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'.",
        )),
        None => Err(missing(&format!("{param}.type"))),
    }
}

fn turn_detection(setting: Option<&Value>) -> Result<(), ApiError> {
    let param = "session.audio.input.turn_detection";
    let Some(fields) = setting.and_then(Value::as_object) else {
        return Ok(());
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("server_vad") => only(fields, &SERVER_VAD, param)?,
        Some("semantic_vad") => only(fields, &SEMANTIC_VAD, param)?,
        _ => {
            return Err(invalid(
                param,
                "Supported types are: 'server_vad' and 'semantic_vad'.",
            ));
        }
    }
    if let Some(threshold) = fields.get("threshold").and_then(Value::as_f64)
        && !(0.0..=1.0).contains(&threshold)
    {
        return Err(invalid(
            &format!("{param}.threshold"),
            "Expected a number from 0 to 1.",
        ));
    }
    Ok(())
}

fn only(fields: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), ApiError> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let param = format!("{path}.{name}");
            let message = format!("Unknown parameter: '{param}'.");
            Err(ApiError::about(&param, "unknown_parameter", message))
        }
    }
}

fn missing(param: &str) -> ApiError {
    ApiError::about(
        param,
        "missing_required_parameter",
        format!("Missing required parameter: '{param}'."),
    )
}

fn invalid(param: &str, message: &str) -> ApiError {
    ApiError::about(
        param,
        "invalid_value",
        format!("Invalid value for '{param}'. {message}"),
    )
}

/// Objects are merged field by field, everything else replaces. A change of the kind of turn
/// detection replaces it whole.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from))
            if !(into.contains_key("silence_duration_ms")
                && into.get("type") != from.get("type")) =>
        {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(update: &Value) -> String {
        let mut session = initial("gpt-realtime-1.5");
        let error = apply(&mut session, update, true).unwrap_err();
        format!("{}: {}", error.code.unwrap_or("-"), error.message)
    }

    #[test]
    fn what_the_api_refuses_is_refused() {
        insta::assert_snapshot!(refusal(&json!({})), @"missing_required_parameter: Missing required parameter: 'session.type'.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "temperature": 0.8})), @"unknown_parameter: Unknown parameter: 'session.temperature'.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "input_audio_format": "g711_ulaw"})), @"unknown_parameter: Unknown parameter: 'session.input_audio_format'.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "audio": {"input": {"format": {"type": "g711_ulaw"}}}})), @"invalid_value: Invalid value for 'session.audio.input.format'. Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "reasoning": {"effort": "low"}})), @"invalid_value: Invalid value for 'session.reasoning'. Not supported with this model.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "audio": {"output": {"voice": "ash"}}})), @"cannot_update_voice: Cannot update a conversation's voice if assistant audio is present.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}})), @"unknown_parameter: Unknown parameter: 'session.audio.input.turn_detection.eagerness'.");
        insta::assert_snapshot!(refusal(&json!({"type": "realtime", "output_modalities": ["audio", "text"]})), @"invalid_value: Invalid value for 'session.output_modalities'. Supported combinations are: ['text'] and ['audio'].");
    }

    #[test]
    fn absent_fields_keep_their_value_and_null_switches_off() {
        let mut session = initial("m");
        let update =
            json!({"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}});
        apply(&mut session, &update, false).unwrap();
        assert_eq!(
            session["audio"]["input"]["turn_detection"]["silence_duration_ms"],
            500
        );
        let update = json!({"type": "realtime", "audio": {"input": {"turn_detection": null}}});
        apply(&mut session, &update, false).unwrap();
        assert!(session["audio"]["input"]["turn_detection"].is_null());
        assert_eq!(session["audio"]["input"]["format"]["type"], "audio/pcmu");
    }
}
