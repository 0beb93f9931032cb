//! What the vendor's price lists have in common (November 2026), whatever wire a model is asked over.

#[cfg(feature = "text")]
pub(crate) mod text;

use prosaas_core::MicroUsd;

/// Micro-dollars per minute of audio, of models that are billed by time.
const BY_TIME: [(&str, u64); 4] = [
    ("whisper-1", 6_000),
    ("gpt-transcribe", 6_000),
    ("gpt-realtime-whisper", 17_000),
    ("gpt-live-transcribe", 17_000),
];

/// The same model, plain or pinned to a date (`-2026-05-01`).
pub(crate) fn is_model(name: &str, listed: &str) -> bool {
    name.strip_prefix(listed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
}

/// Micro-dollars per minute of audio; `None` when the model is not billed by time.
pub(crate) fn per_minute(model: &str) -> Option<u64> {
    let listed = BY_TIME.iter().find(|(listed, _)| is_model(model, listed));
    listed.map(|(_, price)| *price)
}

/// An amount in parts of a micro-dollar, of which `unit` are a whole one.
pub(crate) fn rounded(amount: u128, unit: u128) -> MicroUsd {
    MicroUsd(i64::try_from((amount + unit / 2) / unit).unwrap_or(i64::MAX))
}
