//! What people of the business see of a call that goes on, and how they reach it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use prosaas_core::{CallId, TenantId};
use prosaas_crm::live::{LiveCall, LiveDesk, LiveSound, LiveTurn, LiveWish};
use prosaas_realtime::audio::wav;
use prosaas_realtime::listen::{Listeners, Mix, Sound};
use prosaas_realtime::session::{Activity, Control, Turn};
use tokio::sync::{mpsc, watch};

use super::seat::Seat;
use super::{KEPT_FREE, Live, LiveCalls};

/// What people of the business see of a call's session, and how they reach it.
#[derive(Debug)]
pub(super) struct Desk {
    control: mpsc::Sender<Control>,
    activity: watch::Receiver<Activity>,
    listeners: Arc<Listeners>,
}

impl Seat {
    /// Shows people of the business what the session is doing, and lets them speak to it.
    pub fn show(
        &self,
        control: mpsc::Sender<Control>,
        activity: watch::Receiver<Activity>,
        listeners: Arc<Listeners>,
    ) {
        let desk = Desk {
            control,
            activity,
            listeners,
        };
        self.note(|live| live.desk = Some(desk));
    }
}

impl Live {
    /// What people of the business see of the call.
    fn seen(&self, call: CallId) -> LiveCall {
        let activity = self.desk.as_ref().map(|desk| *desk.activity.borrow());
        let used = activity.map(|activity| activity.usage).unwrap_or_default();
        LiveCall {
            call,
            turn: activity.map_or(LiveTurn::Ringing, |activity| shown(activity.turn)),
            cost: self.carried.cost + used.cost,
            served_by: self.ladder.served_by.clone(),
            is_holding: self.is_holding,
            hold_lines: self.ladder.hold_lines,
        }
    }
}

impl LiveDesk for LiveCalls {
    fn calls(&self, tenant: TenantId) -> Vec<LiveCall> {
        let calls = self.lock();
        let of_tenant = calls.iter().filter(|(_, live)| live.tenant == tenant);
        of_tenant.map(|(call, live)| live.seen(*call)).collect()
    }

    fn tell(&self, tenant: TenantId, call: CallId, wish: LiveWish) -> bool {
        let calls = self.lock();
        let live = calls.get(&call).filter(|live| live.tenant == tenant);
        let Some(desk) = live.and_then(|live| live.desk.as_ref()) else {
            return false;
        };
        let control = match wish {
            // What ends the call must always fit.
            LiveWish::Whisper(_) if desk.control.capacity() <= KEPT_FREE => return false,
            LiveWish::Whisper(text) => Control::Whispered(text),
            LiveWish::HandTo(number) => Control::HandTo(number),
            LiveWish::End => Control::EndCall,
        };
        desk.control.try_send(control).is_ok()
    }

    fn listen(&self, tenant: TenantId, call: CallId) -> Option<LiveSound> {
        let calls = self.lock();
        let live = calls.get(&call).filter(|live| live.tenant == tenant)?;
        let heard = live.desk.as_ref()?.listeners.listen()?;
        Some(Box::pin(played(heard)))
    }
}

/// What is heard as a WAV file without an end.
fn played(heard: mpsc::Receiver<Sound>) -> impl Stream<Item = Bytes> {
    let samples = stream::unfold((heard, Mix::default()), async |(mut heard, mut mix)| {
        loop {
            let samples = mix.samples(&heard.recv().await?);
            if !samples.is_empty() {
                return Some((Bytes::from(samples), (heard, mix)));
            }
        }
    });
    stream::once(async { Bytes::from(wav::endless_stereo()) }).chain(samples)
}

/// The turn as the API calls it.
const fn shown(turn: Turn) -> LiveTurn {
    match turn {
        Turn::Connecting => LiveTurn::Connecting,
        Turn::Caller => LiveTurn::Caller,
        Turn::Thinking => LiveTurn::Thinking,
        Turn::Agent => LiveTurn::Agent,
        Turn::Nobody => LiveTurn::Nobody,
        Turn::Closing => LiveTurn::Closing,
    }
}
