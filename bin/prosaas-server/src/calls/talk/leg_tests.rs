use std::task::Waker;

use prosaas_core::leg::MarkId;
use prosaas_core::{CallTime, Speaker, TranscriptLine};

use super::*;

/// A websocket in memory.
#[derive(Debug, Default)]
struct Pipe {
    arriving: VecDeque<Message>,
    sent: Vec<Message>,
    is_stalled: bool,
    is_gone: bool,
}

impl Stream for Pipe {
    type Item = Result<Message, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.arriving.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None if self.is_gone => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Sink<Message> for Pipe {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        if self.is_stalled {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, item: Message) -> Result<(), axum::Error> {
        self.sent.push(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }
}

struct Rig {
    leg: BrowserLeg<Pipe>,
    updates: mpsc::Sender<CallUpdate>,
}

impl Rig {
    fn new(arriving: impl IntoIterator<Item = Message>) -> Self {
        let (updates, received) = mpsc::channel(8);
        let pipe = Pipe {
            arriving: arriving.into_iter().collect(),
            ..Pipe::default()
        };
        let leg = BrowserLeg::new(pipe, received);
        Self { leg, updates }
    }

    /// The next event with its sound; `None` when there is none.
    fn next(&mut self) -> Option<(LegEvent, Vec<u8>)> {
        let mut audio = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        match self.leg.poll_event(&mut cx, &mut audio) {
            Poll::Ready(event) => Some((event, audio)),
            Poll::Pending => None,
        }
    }

    fn event(&mut self) -> Option<LegEvent> {
        self.next().map(|(event, _)| event)
    }

    fn flush(&mut self) -> Poll<Result<(), LegClosed>> {
        let mut cx = Context::from_waker(Waker::noop());
        self.leg.poll_flush(&mut cx)
    }

    fn texts(&self) -> Vec<&str> {
        let sent = self.leg.socket.sent.iter();
        sent.filter_map(|message| match message {
            Message::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
    }
}

fn sound(bytes: usize) -> Message {
    Message::binary(vec![0x55; bytes])
}

#[tokio::test]
async fn whole_frames_are_heard_and_nothing_else_is() {
    let mut rig = Rig::new([
        sound(FRAME_BYTES),
        sound(3 * FRAME_BYTES),
        sound(0),
        sound(FRAME_BYTES - 1),
        sound(MAX_SOUND + FRAME_BYTES),
        Message::text("hello"),
        Message::text(r#"{"mark":"0:3"}"#),
        Message::Ping(Bytes::new()),
    ]);
    let heard = LegEvent::Audio { timestamp_ms: None };
    assert_eq!(rig.next(), Some((heard, vec![0x55; FRAME_BYTES])));
    assert_eq!(rig.next(), Some((heard, vec![0x55; 3 * FRAME_BYTES])));
    for _ in 0..4 {
        assert_eq!(rig.next(), Some((LegEvent::Malformed, Vec::new())));
    }
    let mark = MarkId {
        generation: 0,
        seq: 3,
    };
    assert_eq!(rig.event(), Some(LegEvent::Mark(mark)));
    assert_eq!(rig.event(), None);
}

#[tokio::test]
async fn what_is_played_and_said_reaches_the_page_in_order() {
    let mut rig = Rig::new([]);
    let mark = MarkId {
        generation: 0,
        seq: 1,
    };
    rig.leg.send(LegCommand::Audio(&[1; FRAME_BYTES])).unwrap();
    rig.leg.send(LegCommand::Mark(mark)).unwrap();
    rig.leg.send(LegCommand::Clear).unwrap();
    assert!(rig.leg.socket.sent.is_empty(), "it leaves with the flush");
    assert_eq!(rig.flush(), Poll::Ready(Ok(())));
    let expected = [
        Message::binary(vec![1; FRAME_BYTES]),
        Message::text(r#"{"mark":"0:1"}"#),
        Message::text(r#"{"clear":true}"#),
    ];
    assert_eq!(rig.leg.socket.sent, expected);
    let line = TranscriptLine {
        seq: 0,
        speaker: Speaker::Agent,
        at: CallTime(0),
        text: "Hello".to_owned(),
        interrupted: false,
    };
    rig.updates.try_send(CallUpdate::Line(line)).unwrap();
    assert_eq!(rig.event(), None);
    assert!(rig.texts()[2].contains("Hello"), "{:?}", rig.texts());
}

#[tokio::test]
async fn hanging_up_and_losing_the_page_end_the_talk() {
    for goodbye in [Message::text(r#"{"hang_up":true}"#), Message::Close(None)] {
        let mut rig = Rig::new([goodbye, sound(FRAME_BYTES)]);
        assert_eq!(rig.event(), Some(LegEvent::Stopped));
        assert_eq!(rig.event(), Some(LegEvent::Stopped), "nothing follows");
        assert_eq!(rig.leg.send(LegCommand::Clear), Err(LegClosed));
    }
    let mut rig = Rig::new([]);
    rig.leg.socket.is_gone = true;
    assert_eq!(rig.event(), Some(LegEvent::Lost));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_sends_too_fast_is_cut_off_and_one_that_speaks_is_not() {
    let mut rig = Rig::new([]);
    for _ in 0..10_000 {
        rig.leg.socket.arriving.push_back(sound(FRAME_BYTES));
        assert_ne!(rig.event(), Some(LegEvent::Lost));
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    let mut pace = Pace::new();
    let allowed = (0..10_000).take_while(|_| pace.allows(MAX_SOUND)).count();
    assert_eq!(allowed, 20);
}

#[tokio::test]
async fn a_page_that_takes_nothing_is_lost_when_the_queue_is_full() {
    let mut rig = Rig::new([]);
    rig.leg.socket.is_stalled = true;
    let sent = (0..2_000)
        .take_while(|_| rig.leg.send(LegCommand::Audio(&[1; FRAME_BYTES])).is_ok())
        .count();
    assert_eq!(sent, MAX_WAITING / FRAME_BYTES + 1);
    assert!(rig.flush().is_pending());
    assert_eq!(rig.event(), Some(LegEvent::Lost));
}
