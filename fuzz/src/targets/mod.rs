//! One target for each parser of foreign input.

mod core;
mod crm;
mod crm_api;
mod realtime;
mod twilio;
mod whatsapp;

use std::task::{Context, Poll, Waker};

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
        realtime::TURN_TAKING,
        crm::CSV,
        crm::FORMULA,
        crm::SEARCH,
        crm::PHONE,
        crm::WEBHOOK_TARGET,
        crm::SECRETS,
        crm::OPENING_HOURS,
        crm_api::MERGE_PATCH,
        crm_api::QUERY,
        whatsapp::WA_SIDECAR,
        whatsapp::WA_SIGNATURE,
        whatsapp::WA_CLOUD,
    ]
}

/// The value of a future that waits for nothing: it is done at its first poll.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a parser waited for something"),
    }
}

/// The text that bytes are: most of our parsers take text, as the layers below them do.
fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}
