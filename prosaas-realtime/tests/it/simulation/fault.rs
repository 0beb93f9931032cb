//! What can go wrong, when it does in the call of a seed, and whether it did.

use prosaas_core::testkit::dice::Dice;

macro_rules! faults {
    ($($(#[$text:meta])* $name:ident,)*) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault {
            $($(#[$text])* $name,)*
        }

        impl Fault {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    /// Some of the caller's frames never come.
    FramesLost,
    /// Some come twice.
    FramesDoubled,
    /// Some come after the one behind them.
    FramesSwapped,
    /// Some come up to a quarter of a second late.
    FramesLate,
    /// None come for a while, even though the caller speaks.
    FramesStall,
    /// The carrier's clock says anything.
    TimestampsMad,
    /// The carrier's clock says nothing.
    TimestampsMissing,
    /// The carrier's socket breaks.
    CarrierLost,
    /// The caller hangs up in the middle of anything.
    CallerHangsUp,
    /// The carrier sends what nobody understands.
    CarrierMalformed,
    /// Echoes of marks never come.
    MarksLost,
    /// They come twice.
    MarksDoubled,
    /// They come up to a second and a half late, also after later ones.
    MarksLate,
    /// Marks come back that were never sent.
    MarksUnknown,
    /// The caller leans on the keys.
    KeysFlood,
    /// An AI leg cannot be opened.
    OpeningRefused,
    /// An AI leg is being opened for ever.
    OpeningHangs,
    /// The account is refused at an opening.
    OpeningRefusedForGood,
    /// The account is refused while a leg serves.
    AccountRefused,
    /// The leg is gone while the agent is heard.
    DroppedWhileAgentSpeaks,
    /// The leg is gone while the caller speaks.
    DroppedWhileCallerSpeaks,
    /// The leg is gone while nobody speaks.
    DroppedBetween,
    /// The leg is gone while a tool runs.
    DroppedInToolCall,
    /// The session ends by itself without warning.
    SessionExpires,
    /// A reply fails in its middle.
    ReplyFailed,
    /// A reply is refused, since there were too many.
    ReplyRateLimited,
    /// A reply is cut off by the model.
    ReplyIncomplete,
    /// A reply says nothing.
    ReplyEmpty,
    /// A reply never comes.
    ReplyNeverComes,
    /// Audio of a reply stalls for seconds.
    AudioStalls,
    /// The model says nothing more in the middle of a reply, and its socket lives.
    MuteInReply,
    /// The same once it has called a tool.
    MuteAfterTool,
    /// The same once the caller has begun to speak.
    DeafToCaller,
    /// A second reply begins while one is active.
    TwoReplies,
    /// Audio and text of a reply that never began.
    UnknownIds,
    /// Events of a version to come.
    UnknownEvents,
    /// The model sends what nobody understands, until its leg is given up.
    ModelMalformed,
    /// A tool never answers.
    ToolHangs,
    /// A tool answers when it is no longer waited for.
    ToolLate,
    /// A tool fails.
    ToolFails,
    /// A tool call is sent twice.
    ToolRepeated,
    /// The next leg asks for what a lost leg had asked for.
    ToolAskedAgain,
    /// What the caller said is never written down.
    TranscriptMissing,
    /// It is written down seconds later.
    TranscriptLate,
    /// The leg that is to take over is refused.
    HandoverRefused,
    /// It is never ready.
    HandoverHangs,
    /// It is lost as soon as it serves.
    HandoverLegLost,
    /// The caller speaks while it is being opened.
    HandoverSpokenOver,
    /// The end of a reply, with what it used, is told twice.
    UsageDoubled,
    /// The call's money is used up, and the model goes on.
    BudgetSpent,
    /// Deadlines are noticed late.
    TimersLate,
    /// The process stands still, and everything arrives at once afterwards.
    ProcessPaused,
    /// Another socket takes the call over.
    SocketTakenOver,
    /// The server stops.
    ServerStops,
    /// Somebody of the business ends the call.
    CallEndedByStaff,
    /// More is written to the agent than it is told.
    MessagesFlood,
}

const _: () = assert!(Fault::ALL.len() >= 25, "so many kinds are promised");

/// How often each kind fired, in the order of [`Fault::ALL`].
pub(super) type Fired = [u32; Fault::ALL.len()];

/// Nothing yet.
pub(super) const NOTHING_FIRED: Fired = [0; Fault::ALL.len()];

struct Planned {
    fault: Fault,
    from: u64,
    /// Faults that last are over then.
    until: u64,
    spent: bool,
}

/// The faults of one call.
pub(super) struct Plan {
    planned: Vec<Planned>,
    fired: Fired,
    /// Those that fired since they were told.
    news: Vec<Fault>,
}

impl Plan {
    /// One to four faults at moments of their own. Seeds that follow each other go through all kinds.
    pub(super) fn new(seed: u64, call_ms: u64, dice: &mut Dice) -> Self {
        let kinds = Fault::ALL.len() as u64;
        let mut plan = Self {
            planned: Vec::new(),
            fired: NOTHING_FIRED,
            news: Vec::new(),
        };
        plan.add(Fault::ALL[(seed % kinds) as usize], call_ms, dice);
        for _ in 0..dice.roll(4) {
            plan.add(Fault::ALL[dice.roll(kinds) as usize], call_ms, dice);
        }
        plan
    }

    fn add(&mut self, fault: Fault, call_ms: u64, dice: &mut Dice) {
        let from = if dice.one_in(4) {
            0
        } else {
            dice.roll((call_ms * 3 / 4).max(1))
        };
        let until = from + dice.between(1_000, 6_000);
        self.planned.push(Planned {
            fault,
            from,
            until,
            spent: false,
        });
        let opening = matches!(
            fault,
            Fault::OpeningRefused | Fault::OpeningHangs | Fault::OpeningRefusedForGood
        );
        if opening && from > 0 {
            // Something has to be opened again.
            self.add(Fault::DroppedBetween, from, dice);
        }
    }

    /// Whether the call has this fault at any time.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.planned.iter().any(|planned| planned.fault == fault)
    }

    /// Whether this fault waits for its occasion.
    pub(super) fn waits(&self, fault: Fault, now: u64) -> bool {
        let waits =
            |planned: &Planned| planned.fault == fault && planned.from <= now && !planned.spent;
        self.planned.iter().any(waits)
    }

    /// Takes a fault that happens once, if it waits for its occasion: it happens now.
    pub(super) fn take(&mut self, fault: Fault, now: u64) -> bool {
        let takes = self.prepare(fault, now);
        if takes {
            self.fire(fault);
        }
        takes
    }

    /// Takes a fault that happens once, if it waits for its occasion: it happens a little later, or never.
    pub(super) fn prepare(&mut self, fault: Fault, now: u64) -> bool {
        let waits = |planned: &&mut Planned| {
            planned.fault == fault && planned.from <= now && !planned.spent
        };
        let Some(planned) = self.planned.iter_mut().find(waits) else {
            return false;
        };
        planned.spent = true;
        true
    }

    /// Whether a fault that lasts goes on.
    pub(super) fn lasts(&self, fault: Fault, now: u64) -> bool {
        let lasts = |planned: &Planned| {
            planned.fault == fault && planned.from <= now && now < planned.until
        };
        self.planned.iter().any(lasts)
    }

    /// Faults that wait for their occasion.
    pub(super) fn waiting(&self, now: u64) -> Vec<Fault> {
        let waiting = self
            .planned
            .iter()
            .filter(|planned| planned.from <= now && !planned.spent);
        waiting.map(|planned| planned.fault).collect()
    }

    /// The fault had its effect.
    pub(super) fn fire(&mut self, fault: Fault) {
        self.fired[fault as usize] += 1;
        self.news.push(fault);
    }

    pub(super) fn take_news(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.news)
    }

    pub(super) const fn fired(&self) -> Fired {
        self.fired
    }
}
