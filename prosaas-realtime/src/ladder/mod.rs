//! Several ways to a model, in order: a second model, a second account, another vendor.
//!
//! [`Ladder`] is an [`AudioBridge`] over other ones. A leg is opened on the first rung that nothing is known
//! against. When that fails, or is not ready in a moment, the next rung is asked beside it and whoever is
//! ready first serves. What failed is remembered for a while, by the clock given, so that the next call
//! begins on the good rung at once; one call at a time looks whether the other is back. How a leg fares
//! counts too: a quota that ends in the middle of a call, a rate limit, a model that says nothing.
//!
//! The leg names its rung ([`AiLeg::served_by`]), which a call tells as
//! [`crate::session::CallUpdate::Served`]. [`Ladder::health`] says before a call is answered whether every
//! rung is known to be down, and [`Ladder::rungs`] what is known of each.

mod leg;
mod memory;
mod race;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::leg::{AiError, AiErrorKind, AiLeg};
use prosaas_core::time::{Clock, UnixMillis};
use prosaas_core::{AgentBrief, AiCapabilities, AudioBridge, BridgeHealth, Error};
use tokio::time::{Instant, timeout_at};

use leg::LadderLeg;
use memory::Memory;
use race::Race;
pub use trouble::Trouble;

/// One way to a model.
#[derive(Clone)]
pub struct Rung {
    name: String,
    bridge: Arc<dyn AudioBridge>,
    own_key: bool,
    voice: Option<String>,
}

impl Rung {
    /// A rung whose `name`, such as `first` or `eu account`, stands in logs, metrics and the call's timeline.
    pub fn new(name: impl Into<String>, bridge: Arc<dyn AudioBridge>) -> Self {
        Self {
            name: name.into(),
            bridge,
            own_key: false,
            voice: None,
        }
    }

    /// Opened with the bridge's own key even for a business that has one: for an account that stands in when
    /// the business's own fails.
    #[must_use]
    pub const fn with_own_key(mut self) -> Self {
        self.own_key = true;
        self
    }

    /// Speaks with this voice, where the model does not have the one that the agent usually has.
    #[must_use]
    pub fn with_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    fn brief(&self, brief: &AgentBrief) -> AgentBrief {
        let mut brief = brief.clone();
        if self.own_key {
            brief.api_key = None;
        }
        if let Some(voice) = &self.voice {
            brief.voice.clone_from(voice);
        }
        brief
    }
}

impl std::fmt::Debug for Rung {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rung")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Times of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderTimes {
    /// How long a rung is alone before the next one is asked beside it.
    pub hedge: Duration,
    /// How long opening a leg may take on all rungs together.
    pub open: Duration,
    /// How long a rung rests, in milliseconds, whose key is refused or whose quota is used up.
    pub account_ms: u64,
    /// How long a rung rests, in milliseconds, whose model is not offered any more.
    pub retired_ms: u64,
    /// How long an overloaded rung rests, in milliseconds; twice as long each time.
    pub overload_ms: u64,
    /// How long an unreachable rung rests, in milliseconds; twice as long each time.
    pub unreachable_ms: u64,
    /// How long a rung rests at most, in milliseconds, when its trouble passes by itself.
    pub longest_ms: u64,
}

impl Default for LadderTimes {
    fn default() -> Self {
        Self {
            hedge: Duration::from_millis(700),
            open: Duration::from_secs(4),
            account_ms: 300_000,
            retired_ms: 600_000,
            overload_ms: 10_000,
            unreachable_ms: 5_000,
            longest_ms: 120_000,
        }
    }
}

/// What is known of a rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RungState {
    /// Its name.
    pub name: String,
    /// Until when it is not asked first; `None` while nothing is known against it.
    pub down_until: Option<UnixMillis>,
    /// What it failed of last, until it speaks again.
    pub trouble: Option<Trouble>,
    /// How often it failed in a row.
    pub failures: u32,
    /// How many legs stand on it now.
    pub live: u32,
}

/// What the ladder and its legs share.
struct Shared {
    names: Vec<String>,
    memory: Mutex<Memory>,
    clock: Arc<dyn Clock>,
    times: LadderTimes,
}

impl Shared {
    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// A holder that panicked left counters, which are as good as before.
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, rung: usize) -> &str {
        &self.names[rung]
    }

    fn failed(&self, rung: usize, trouble: Trouble, error: &AiError) {
        let now = self.now();
        self.lock().failed(now, rung, trouble, error);
        tracing::warn!(
            rung = self.name(rung),
            trouble = trouble.as_str(),
            code = %error.code,
            "a model or account failed and rests"
        );
    }
}

/// Opens legs on the first of several bridges that can.
pub struct Ladder {
    rungs: Vec<Rung>,
    capabilities: AiCapabilities,
    shared: Arc<Shared>,
}

impl Ladder {
    /// A ladder of these rungs, the preferred one first. What legs can do is what all rungs can.
    ///
    /// # Errors
    /// `Invalid` without a rung, or when rungs differ in how they are talked to: whether replies are asked for,
    /// and who paces the audio.
    pub fn new(rungs: Vec<Rung>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::with_times(rungs, clock, LadderTimes::default())
    }

    /// A ladder with other times.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_times(
        rungs: Vec<Rung>,
        clock: Arc<dyn Clock>,
        times: LadderTimes,
    ) -> Result<Self, Error> {
        let shared = Shared {
            names: rungs.iter().map(|rung| rung.name.clone()).collect(),
            memory: Mutex::new(Memory::new(rungs.len(), times)),
            clock,
            times,
        };
        Ok(Self {
            capabilities: common(&rungs)?,
            rungs,
            shared: Arc::new(shared),
        })
    }

    /// How many rungs there are. With more than one, set
    /// [`crate::session::SessionConfig::has_spare_model`].
    pub const fn len(&self) -> usize {
        self.rungs.len()
    }

    /// Never: a ladder has a rung.
    pub const fn is_empty(&self) -> bool {
        self.rungs.is_empty()
    }

    /// What is known of each rung, the preferred one first.
    pub fn rungs(&self) -> Vec<RungState> {
        let now = self.shared.now();
        let memory = self.shared.lock();
        let names = self.shared.names.iter().enumerate();
        names
            .map(|(number, name)| memory.state(now, number, name))
            .collect()
    }

    fn enter(&self, race: &mut Race, number: usize, brief: &AgentBrief) {
        let rung = &self.rungs[number];
        let (bridge, brief) = (Arc::clone(&rung.bridge), rung.brief(brief));
        let foreign_key = brief.api_key.is_some();
        let shared = Arc::clone(&self.shared);
        let now = shared.now();
        shared.lock().asked(now, number);
        let opening = async move {
            let leg = bridge.open(brief).await?;
            LadderLeg::begin(leg, shared, number, foreign_key).await
        };
        race.enter(number, Box::pin(opening));
    }

    fn remember(&self, number: usize, error: &AiError, brief: &AgentBrief) {
        let foreign_key = brief.api_key.is_some() && !self.rungs[number].own_key;
        let trouble = Trouble::of(error).unwrap_or(Trouble::Unreachable);
        if !(foreign_key && trouble.is_of_the_key()) {
            self.shared.failed(number, trouble, error);
        }
    }
}

impl std::fmt::Debug for Ladder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ladder")
            .field("rungs", &self.rungs)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl AudioBridge for Ladder {
    fn capabilities(&self) -> AiCapabilities {
        self.capabilities
    }

    fn health(&self) -> BridgeHealth {
        let now = self.shared.now();
        self.shared.lock().health(now)
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        let now = self.shared.now();
        let goes_on = !brief.history.is_empty();
        let order = self.shared.lock().order(now, goes_on);
        let mut waiting = order.into_iter();
        let mut race = Race::new(Arc::clone(&self.shared));
        let mut errors = Vec::new();
        let given_up = Instant::now() + self.shared.times.open;
        let mut hedged = Instant::now();
        loop {
            // The next rung's turn comes when none is asked any more, or none was ready in a moment.
            if (race.is_empty() || Instant::now() >= hedged)
                && let Some(next) = waiting.next()
            {
                self.enter(&mut race, next, &brief);
                hedged = Instant::now() + self.shared.times.hedge;
            }
            if race.is_empty() {
                break;
            }
            let until = if waiting.len() > 0 {
                hedged.min(given_up)
            } else {
                given_up
            };
            match timeout_at(until, race.next()).await {
                Ok((_, Ok(leg))) => return Ok(Box::new(leg)),
                Ok((number, Err(error))) => {
                    self.remember(number, &error, &brief);
                    errors.push(error);
                }
                Err(_) if Instant::now() >= given_up => {
                    errors.push(own_error("timeout", "no model was ready in time"));
                    break;
                }
                Err(_) => {}
            }
        }
        let known = || self.shared.lock().last_error();
        Err(pick(errors)
            .or_else(known)
            .unwrap_or_else(|| own_error("down", "every model or account failed a moment ago")))
    }
}

/// Of several errors one that leaves hope: a new try may find another rung well again.
fn pick(mut errors: Vec<AiError>) -> Option<AiError> {
    let hopeful = errors.iter().position(|error| !error.kind.is_permanent());
    (!errors.is_empty()).then(|| errors.swap_remove(hopeful.unwrap_or(0)))
}

/// What all rungs can do.
fn common(rungs: &[Rung]) -> Result<AiCapabilities, Error> {
    let mut all = rungs.iter().map(|rung| rung.bridge.capabilities());
    let expected = "at least one model";
    let mut common = all
        .next()
        .ok_or_else(|| Error::invalid("the ladder", expected))?;
    for other in all {
        if other.takes_requests != common.takes_requests
            || other.paces_itself != common.paces_itself
        {
            let expected = "models that are talked to in the same way";
            return Err(Error::invalid("the ladder", expected));
        }
        common.can_truncate &= other.can_truncate;
        common.can_cancel &= other.can_cancel;
        common.max_leg_ms = match (common.max_leg_ms, other.max_leg_ms) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
    }
    Ok(common)
}

fn own_error(code: &str, message: &str) -> AiError {
    AiError {
        kind: AiErrorKind::Connect,
        code: code.to_owned(),
        message: message.to_owned(),
        request: None,
    }
}
