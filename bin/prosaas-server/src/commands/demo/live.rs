//! One call from the caller's first ring to the server's last word, shown while it goes on.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use prosaas_core::CallSid;
use prosaas_realtime::session::CallUpdate;
use prosaas_realtime::shell::CallReport;
use prosaas_twilio::StreamToken;
use prosaas_twilio::testkit::carrier::{
    CallObservation, CallScript, Carrier, CarrierEvent, TimedEvent,
};
use tokio::sync::broadcast;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::print;
use super::rig::Rig;
use crate::calls::news::{CallNews, News};
use crate::calls::phrases;
use crate::ui::Ui;

/// How many events of the carrier may wait to be printed.
const EVENTS: usize = 256;
/// How long after the caller's side is over the server's side may take to say the same.
const SERVER_WITHIN: Duration = Duration::from_secs(15);

/// What became of the call.
#[derive(Debug)]
pub(super) struct Placed {
    /// Its id at the carrier.
    pub(super) call: CallSid,
    /// What the caller's side saw and heard.
    pub(super) seen: CallObservation,
    /// What the server counted, one for each media socket.
    pub(super) reports: Vec<Arc<CallReport>>,
    /// For each barge-in: from the model's word in the server to `clear` at the carrier, in milliseconds.
    pub(super) cleared_after_ms: Vec<u64>,
}

/// Places the call and prints it.
///
/// # Errors
/// When the call cannot even be begun.
pub(super) async fn place(rig: &Rig, script: CallScript, ui: &mut Ui) -> anyhow::Result<Placed> {
    let (live, mut events) = mpsc::channel(EVENTS);
    let mut news = rig.app().news.watch();
    let carrier = Carrier::new(rig.line()?).with_live_events(live);
    let call = call_sid()?;
    let mut watcher = Watcher::new(ui, call.clone(), phrases::fallback(rig.business.language));
    let seen = {
        let mut placed = pin!(carrier.place_call_as(call.clone(), script));
        watcher.watch(placed.as_mut(), &mut events, &mut news).await
    };
    while let Ok(event) = events.try_recv() {
        watcher.carrier(&event);
    }
    watcher.wait_for_end(&mut news).await;
    Ok(Placed {
        call,
        seen,
        cleared_after_ms: pair(&watcher.barge_ins, &watcher.clears),
        reports: watcher.reports,
    })
}

/// An id that no call had before.
fn call_sid() -> anyhow::Result<CallSid> {
    let random = StreamToken::mint()?.hash();
    let (half, _) = random.split_at(random.len() / 2);
    let number = half
        .iter()
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    Ok(format!("CA{number:032x}").parse()?)
}

/// For each barge-in the time to the first `clear` that is not earlier; both in milliseconds of the call.
/// The two clocks are read one after the other, so one may be a millisecond behind.
fn pair(barge_ins: &[u64], clears: &[u64]) -> Vec<u64> {
    let after = |barge_in: &u64| {
        let clear = clears.iter().find(|clear| **clear + 2 >= *barge_in)?;
        Some(clear.saturating_sub(*barge_in))
    };
    barge_ins.iter().filter_map(after).collect()
}

struct Watcher<'a> {
    ui: &'a mut Ui,
    call: CallSid,
    /// The sentence that is kept for the day when the model is out of reach.
    fallback: &'static str,
    /// When that day came.
    fallback_at: u64,
    began: Instant,
    /// When the present media socket's own time began.
    offset_ms: u64,
    /// Media sockets that carry the call now.
    carrying: u32,
    barge_ins: Vec<u64>,
    clears: Vec<u64>,
    reports: Vec<Arc<CallReport>>,
}

impl<'a> Watcher<'a> {
    fn new(ui: &'a mut Ui, call: CallSid, fallback: &'static str) -> Self {
        Self {
            ui,
            call,
            fallback,
            fallback_at: 0,
            began: Instant::now(),
            offset_ms: 0,
            carrying: 0,
            barge_ins: Vec::new(),
            clears: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Prints until the caller's side is over.
    async fn watch<F>(
        &mut self,
        mut placed: std::pin::Pin<&mut F>,
        events: &mut mpsc::Receiver<TimedEvent>,
        news: &mut broadcast::Receiver<CallNews>,
    ) -> CallObservation
    where
        F: Future<Output = CallObservation>,
    {
        loop {
            tokio::select! {
                Some(event) = events.recv() => self.carrier(&event),
                // News that got lost because printing was slow is only missing on the screen.
                Ok(heard) = news.recv() => self.server(&heard),
                seen = &mut placed => return seen,
            }
        }
    }

    /// Prints what the server still says once the caller is gone.
    async fn wait_for_end(&mut self, news: &mut broadcast::Receiver<CallNews>) {
        while let Ok(heard) = news.try_recv() {
            self.server(&heard);
        }
        let deadline = Instant::now() + SERVER_WITHIN;
        while self.carrying > 0 {
            match timeout_at(deadline, news.recv()).await {
                Ok(Ok(heard)) => self.server(&heard),
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => {}
                Ok(Err(broadcast::error::RecvError::Closed)) | Err(_) => return,
            }
        }
    }

    fn carrier(&mut self, timed: &TimedEvent) {
        if matches!(timed.event, CarrierEvent::Cleared { .. }) {
            self.clears.push(timed.at_ms);
        }
        print::carrier_event(self.ui, timed.at_ms, &timed.event);
    }

    fn server(&mut self, heard: &CallNews) {
        if heard.call != self.call {
            return;
        }
        match &heard.news {
            News::Began(at) => {
                self.offset_ms = ms(at.saturating_duration_since(self.began));
                self.carrying += 1;
            }
            News::Ended(report) => {
                self.carrying = self.carrying.saturating_sub(1);
                self.reports.push(Arc::clone(report));
            }
            News::Update(CallUpdate::Fallback { at }) => self.fallback_at = self.offset_ms + at.0,
            News::Update(CallUpdate::BargeIn { at, .. }) => {
                self.barge_ins.push(self.offset_ms + at.0);
            }
            News::Update(_) | News::Tool { .. } => {}
        }
        let now_ms = ms(self.began.elapsed());
        print::server_news(self.ui, now_ms, self.offset_ms, &heard.news);
        if matches!(&heard.news, News::Ended(report) if report.spoke_fallback) {
            let what = format!("{} [kept in the agent's voice]", self.fallback);
            print::line(self.ui, self.fallback_at, print::Who::Agent, &what);
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_barge_in_is_measured_to_the_clear_that_follows() {
        assert_eq!(pair(&[5_000, 9_000], &[5_004, 8_999]), [4, 0]);
        assert_eq!(pair(&[5_000], &[]), [0_u64; 0]);
        assert_eq!(pair(&[5_000], &[1_000, 5_031]), [31]);
    }

    #[test]
    fn every_call_has_an_id_of_its_own() {
        assert_ne!(call_sid().unwrap(), call_sid().unwrap());
    }
}
