//! One target for each parser of foreign input.

mod core;
mod crm;
mod realtime;
mod twilio;

use crate::target::Target;

/// Every target.
pub(crate) fn all() -> Vec<Target> {
    vec![
        core::E164,
        core::IDS,
        twilio::FORM,
        twilio::SIGNATURE,
        twilio::MEDIA,
        twilio::STREAM_TOKEN,
        twilio::TWIML,
        realtime::RECORDING,
        realtime::MODEL_EVENTS,
        realtime::JOURNAL,
        crm::CSV,
        crm::FORMULA,
        crm::SEARCH,
        crm::PHONE,
        crm::WEBHOOK_TARGET,
        crm::SECRETS,
        crm::OPENING_HOURS,
    ]
}

/// The text that bytes are: most of our parsers take text, as the layers below them do.
fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}
