//! What an application does about calls.

use async_trait::async_trait;
use prosaas_core::Error;

use super::MediaSocket;
use crate::media::Start;
use crate::twiml;
use crate::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};

/// A voice application. Everything it is given has a verified signature.
///
/// The signature says which account sent a webhook (`account_sid`), not that this account owns the called
/// number: with several accounts, compare it with the account of the business. Twilio may send any webhook
/// twice, and callbacks out of order.
///
/// A webhook's future is dropped when Twilio gives up waiting (15 s), so effects that must not be half done
/// belong in one transaction. A panic is caught, logged and answered; it ends nothing but its own request.
#[async_trait]
pub trait VoiceHandler: Send + Sync + 'static {
    /// A call wants its first TwiML.
    async fn incoming_call(&self, call: IncomingCall) -> twiml::Response;

    /// A call changed its status. By default nobody cares.
    ///
    /// # Errors
    /// Become the HTTP status of their class. Only Twilio's debugger shows it: callbacks are not repeated
    /// for an HTTP error.
    async fn call_status(&self, _callback: CallStatusCallback) -> Result<(), Error> {
        Ok(())
    }

    /// A recording began or is ready. By default nobody cares.
    ///
    /// # Errors
    /// As for [`VoiceHandler::call_status`].
    async fn recording(&self, _callback: RecordingCallback) -> Result<(), Error> {
        Ok(())
    }

    /// The stream of a call, or a verb after it, has ended: what comes next? By default
    /// the call ends.
    async fn stream_ended(&self, _ended: StreamEnded) -> twiml::Response {
        twiml::Response::new().hangup()
    }

    /// Whether this stream may begin: checks and consumes the one-time token in `start.parameters`, and
    /// that it was made for `start.call_sid`. `false` closes the socket with 1008.
    async fn authorize_stream(&self, start: &Start) -> bool;

    /// Runs a call over its authorised stream. Runs in the socket's own task; dropping the socket ends the
    /// stream, and Twilio goes on with the TwiML after `<Connect>`.
    async fn stream(&self, socket: MediaSocket, start: Start);
}
