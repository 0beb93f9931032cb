//! Webhook bodies as types.
//!
//! Facts: Twilio's "TwiML Voice: request parameters", "StatusCallback", "Recording status callback" and
//! verb pages. Everything arrives as text and anything but the SIDs may be missing, so a missing or unknown
//! value is `None`, never a refused webhook; fields without a place here stay readable in the [`Form`].

mod call;
mod form;
mod party;
mod recording;

pub use call::{
    CallStatusCallback, DialOutcome, Direction, IncomingCall, RecordedMessage, StreamEnded,
};
pub use form::{Form, FormError, MAX_PAIRS};
pub use party::Party;
use prosaas_core::Error;
pub use recording::{RecordingCallback, RecordingStatus};

/// A webhook body that can be read from its form.
pub trait Webhook: Sized + Send {
    /// Reads the fields.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, when one that every such webhook has is missing or misshapen.
    fn from_form(form: &Form) -> Result<Self, Error>;
}

impl Webhook for Form {
    fn from_form(form: &Form) -> Result<Self, Error> {
        Ok(form.clone())
    }
}

/// The field, parsed. `None` when absent, empty, or not of its form.
fn optional<T: std::str::FromStr>(form: &Form, name: &str) -> Option<T> {
    form.get(name)?.parse().ok()
}

/// The field's text. `None` when absent or empty: Twilio sends many fields empty.
fn text(form: &Form, name: &str) -> Option<String> {
    form.get(name)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

/// A SID that every webhook of its kind carries.
fn sid<T: std::str::FromStr<Err = Error>>(form: &Form, name: &'static str) -> Result<T, Error> {
    form.get(name)
        .ok_or_else(|| Error::invalid(name, "the webhook must carry it; is the sender Twilio?"))?
        .parse()
}
