//! From the library's events to what a link acts on.

use std::sync::{Arc, Mutex, PoisonError};

use prosaas_core::message::Delivery;
use prosaas_core::{SecretString, UnixMillis};
use tokio::sync::mpsc::Sender;
use whatsapp_rust::types::events::{
    ConnectFailureReason, Event, EventHandler, EventInterest, EventKind, Receipt, ServerAck,
};
use whatsapp_rust::types::message::{MessageInfo, MessageSource};
use whatsapp_rust::types::presence::ReceiptType;

use super::driver::Signal;
use super::machine::{Cause, Input};
use super::translate::{Envelope, Person, UNDECRYPTABLE};

/// Something that is written down, in the order in which it came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Word of messages, by WhatsApp's ids; most are not ours.
    Report {
        wa_ids: Vec<String>,
        delivery: Delivery,
        code: Option<String>,
        at: UnixMillis,
    },
    /// Something came in that has no message.
    Instead(Envelope),
}

/// Listens to one connection.
pub(crate) struct Listener {
    generation: u64,
    signals: Sender<Signal>,
    heard: Sender<Heard>,
    heard_of: Arc<Mutex<HeardOf>>,
}

/// What is known of why a connection ends.
#[derive(Debug, Default)]
pub(crate) struct HeardOf {
    /// What WhatsApp said last.
    cause: Option<Cause>,
    /// Whether it said anything at all before the end.
    anything: bool,
}

impl HeardOf {
    /// Why the connection ended. WhatsApp asks for a new one (515) without an event: the library ends without a word.
    pub(crate) fn cause(&self, unreachable: bool) -> Cause {
        match (self.cause, unreachable, self.anything) {
            (Some(cause), _, _) => cause,
            (None, true, _) => Cause::Unreachable,
            (None, false, true) => Cause::Restart,
            (None, false, false) => Cause::Lost,
        }
    }
}

impl Listener {
    pub(crate) fn new(generation: u64, signals: Sender<Signal>, heard: Sender<Heard>) -> Self {
        Self {
            generation,
            signals,
            heard,
            heard_of: Arc::default(),
        }
    }

    pub(crate) fn heard_of(&self) -> Arc<Mutex<HeardOf>> {
        Arc::clone(&self.heard_of)
    }

    fn note(&self, cause: Option<Cause>) {
        let mut heard_of = self.heard_of.lock().unwrap_or_else(PoisonError::into_inner);
        match cause {
            // A reason that WhatsApp gave is not overwritten by the end that follows it.
            Some(Cause::Lost) if heard_of.cause.is_some() => {}
            Some(cause) => heard_of.cause = Some(cause),
            None => heard_of.anything = true,
        }
    }

    fn signal(&self, input: Input) {
        self.note(None);
        if self
            .signals
            .try_send(Signal::Event(self.generation, input))
            .is_err()
        {
            tracing::warn!("a link did not take an event: its queue is full");
        }
    }

    fn hear(&self, heard: Heard) {
        if self.heard.try_send(heard).is_err() {
            tracing::warn!("a report was dropped: too many wait");
        }
    }
}

const KINDS: &[EventKind] = &[
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::PairSuccess,
    EventKind::LoggedOut,
    EventKind::PairingQrCode,
    EventKind::PairingCode,
    EventKind::PairingCodeRefresh,
    EventKind::PairingCodeError,
    EventKind::PairingQrCodesExhausted,
    EventKind::ClientOutdated,
    EventKind::Receipt,
    EventKind::ServerAck,
    EventKind::UndecryptableMessage,
    EventKind::MissedCall,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::ConnectFailure,
    EventKind::StreamError,
    EventKind::PairPasskeyRequest,
    EventKind::PairPasskeyError,
];

impl EventHandler for Listener {
    fn interest(&self) -> EventInterest {
        EventInterest::of(KINDS)
    }

    fn handle_event(&self, event: Arc<Event>) {
        if let Some(cause) = cause(&event) {
            self.note(Some(cause));
        } else if let Some(heard) = heard(&event) {
            self.hear(heard);
        } else if let Some(input) = input(&event) {
            self.signal(input);
        }
    }
}

/// Why the connection is about to end, if this is what the event says.
fn cause(event: &Event) -> Option<Cause> {
    match event {
        Event::Disconnected(_) => Some(Cause::Lost),
        Event::StreamReplaced(_) => Some(Cause::Replaced),
        Event::ClientOutdated(_) => Some(Cause::Outdated),
        Event::TemporaryBan(ban) => Some(Cause::BannedFor(Some(ban.expire.num_seconds()))),
        Event::LoggedOut(end) => Some(reason(end.reason)),
        Event::ConnectFailure(failure) => Some(reason(failure.reason)),
        Event::StreamError(error) => match error.code.parse::<u16>() {
            Ok(503) => Some(Cause::Overloaded),
            Ok(500..=599) => Some(Cause::Failed),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn reason(reason: ConnectFailureReason) -> Cause {
    use ConnectFailureReason as Reason;
    match reason {
        Reason::LoggedOut => Cause::LoggedOut,
        Reason::AccountLocked | Reason::UnknownLogout => Cause::Banned,
        Reason::TempBanned => Cause::BannedFor(None),
        Reason::ClientOutdated => Cause::Outdated,
        Reason::BadUserAgent | Reason::ClientUnknown | Reason::Unknown(411) => Cause::Refused,
        Reason::ServiceUnavailable => Cause::Overloaded,
        _ => Cause::Failed,
    }
}

fn input(event: &Event) -> Option<Input> {
    Some(match event {
        Event::Connected(_) => Input::Open,
        Event::PairSuccess(_) => Input::Paired,
        Event::PairingQrCode(code) => Input::Qr {
            text: SecretString::from(code.code.clone()),
            lasts_ms: code.timeout.as_millis() as i64,
        },
        Event::PairingQrCodesExhausted(_) => Input::CodesRanOut,
        Event::PairingCode(code) => Input::PairingCode(SecretString::from(code.code.clone())),
        Event::PairingCodeError(_) | Event::PairingCodeRefresh(_) => Input::PairingCodeRefused,
        Event::PairPasskeyRequest(_) | Event::PairPasskeyError(_) => Input::Passkey,
        _ => return None,
    })
}

fn heard(event: &Event) -> Option<Heard> {
    match event {
        Event::Receipt(receipt) => receipted(receipt),
        Event::ServerAck(ack) => acknowledged(ack),
        Event::UndecryptableMessage(message) => {
            let envelope = envelope(&message.info)?;
            Some(Heard::Instead(Envelope {
                instead: Some(UNDECRYPTABLE.to_owned()),
                ..envelope
            }))
        }
        Event::MissedCall(call) => Some(Heard::Instead(Envelope {
            id: call.call_id.clone(),
            with: Person::of([&call.from])?,
            name: None,
            from_me: false,
            sent_at: call.timestamp.timestamp_millis(),
            delayed: false,
            instead: Some("missed_voice_call".to_owned()),
        })),
        _ => None,
    }
}

fn receipted(receipt: &Receipt) -> Option<Heard> {
    let delivery = match receipt.r#type {
        ReceiptType::Delivered => Delivery::Delivered,
        ReceiptType::Read | ReceiptType::Played => Delivery::Read,
        _ => return None,
    };
    (!receipt.source.is_from_me).then(|| Heard::Report {
        wa_ids: receipt.message_ids.clone(),
        delivery,
        code: None,
        at: UnixMillis(receipt.timestamp.timestamp_millis()),
    })
}

fn acknowledged(ack: &ServerAck) -> Option<Heard> {
    if ack.class.as_deref() != Some("message") {
        return None;
    }
    let delivery = match ack.error {
        None => Delivery::Sent,
        Some(_) => Delivery::Failed,
    };
    Some(Heard::Report {
        wa_ids: vec![ack.id.clone()],
        delivery,
        code: ack.error.clone(),
        // The clerk's clock where WhatsApp gives no time.
        at: UnixMillis(ack.timestamp.map_or(0, |at| at.timestamp_millis())),
    })
}

/// What the envelope of a message says; `None` for what no person wrote to the business, or it to one.
pub(super) fn envelope(info: &MessageInfo) -> Option<Envelope> {
    Some(Envelope {
        id: info.id.clone(),
        with: with(&info.source)?,
        name: (!info.push_name.is_empty()).then(|| info.push_name.clone()),
        from_me: info.source.is_from_me,
        sent_at: info.timestamp.timestamp_millis(),
        delayed: info.is_offline,
        instead: None,
    })
}

fn with(source: &MessageSource) -> Option<Person> {
    if source.is_group {
        return None;
    }
    let (other, alt) = if source.is_from_me {
        (source.recipient.as_ref(), source.recipient_alt.as_ref())
    } else {
        (Some(&source.sender), source.sender_alt.as_ref())
    };
    Person::of([Some(&source.chat), other, alt].into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_that_whatsapp_gives_has_its_cause() {
        use ConnectFailureReason as Reason;
        for (given, cause) in [
            (Reason::LoggedOut, Cause::LoggedOut),
            (Reason::AccountLocked, Cause::Banned),
            (Reason::UnknownLogout, Cause::Banned),
            (Reason::TempBanned, Cause::BannedFor(None)),
            (Reason::ClientOutdated, Cause::Outdated),
            (Reason::BadUserAgent, Cause::Refused),
            (Reason::ClientUnknown, Cause::Refused),
            (Reason::Unknown(411), Cause::Refused),
            (Reason::ServiceUnavailable, Cause::Overloaded),
            (Reason::InternalServerError, Cause::Failed),
            (Reason::Unknown(0), Cause::Failed),
        ] {
            assert_eq!(reason(given), cause, "{given:?}");
        }
    }

    #[test]
    fn an_end_without_a_word_is_told_by_what_came_before_it() {
        let mut heard_of = HeardOf::default();
        assert_eq!(heard_of.cause(true), Cause::Unreachable);
        assert_eq!(heard_of.cause(false), Cause::Lost, "the handshake failed");
        heard_of.anything = true;
        assert_eq!(heard_of.cause(false), Cause::Restart, "a 515 has no event");
        heard_of.cause = Some(Cause::Replaced);
        assert_eq!(heard_of.cause(true), Cause::Replaced);
    }
}
