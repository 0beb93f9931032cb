//! The agent's answer to a message: decided from values, asked of the model, carried out under the business's
//! rules. The model is no authority: business, person and limits come from rows.

use std::time::Duration;

use prosaas_core::message::ChatAddress;
use prosaas_core::{ErrorClass, Result, TextModel, Usage, WhatsAppTransport};
use tokio::time::timeout;

use super::desk::Desk;
use super::prompt::{self, Said, ToolCall};
use crate::CrmStore;
use crate::agent::when;
use crate::auth::TenantScope;
use crate::model::conversation::PausedReason;
use crate::model::id::MessageId;
use crate::model::spending::{Spending, SpentOn};
use crate::rules::chat::answering::{Silence, Verdict, decide};
use crate::store::{AnswerFacts, PhoneStore as _};

/// How often the model is asked about one message before a person has it.
pub const MAX_TRIES: u32 = 3;
/// How often the model is asked in one try: it may use tools before it answers.
const MAX_TURNS: usize = 4;

/// How long WhatsApp shows that somebody writes, at least.
const TYPING_FADES: Duration = Duration::from_secs(8);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The agent answered.
    Yes,
    /// The agent had nothing to say.
    Silent(Silence),
    /// A person has the conversation.
    HandedOver(PausedReason),
    /// The message is gone, or somebody else was faster.
    Overtaken,
}

/// What answering takes.
#[derive(Clone, Copy)]
pub struct Answering<'a> {
    /// The database.
    pub store: &'a CrmStore,
    /// The model.
    pub model: &'a dyn TextModel,
    /// The way to WhatsApp.
    pub transport: &'a dyn WhatsAppTransport,
}

impl std::fmt::Debug for Answering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Answering<'_> {
    /// Looks at a message and answers it, if the agent does. `attempt` counts the tries from 1: after
    /// [`MAX_TRIES`], or when something was done already, a model that fails leaves the conversation to a
    /// person. What it used is returned beside what became of it.
    ///
    /// # Errors
    /// When another try may succeed.
    pub async fn answer(
        &self,
        scope: &TenantScope,
        id: MessageId,
        attempt: u32,
    ) -> Result<(Answered, Usage)> {
        let mut used = Usage::default();
        let answered = Box::pin(self.answer_once(scope, (id, attempt), &mut used)).await;
        self.count(scope, (id, attempt), used).await;
        answered.map(|answered| (answered, used))
    }

    /// A try that failed was paid for as well. An answer that was written is not taken back because nobody could
    /// count it.
    async fn count(&self, scope: &TenantScope, (id, part): (MessageId, u32), used: Usage) {
        let spending = Spending {
            what: SpentOn::Chat(id),
            part,
            cost: used.cost,
        };
        if let Err(error) = self.store.settle(scope, spending).await {
            tracing::error!(message = %id, cost_micro_usd = used.cost.0, error = %error.chain(), "what an answer cost was not counted");
        }
    }

    async fn answer_once(
        &self,
        scope: &TenantScope,
        (id, attempt): (MessageId, u32),
        used: &mut Usage,
    ) -> Result<Answered> {
        let Some(facts) = self.store.answer_facts(scope, id).await? else {
            return Ok(Answered::Overtaken);
        };
        match decide(&facts.turn) {
            Verdict::Answer => {}
            // An earlier try ended with its process, and the message grew old meanwhile: somebody still waits.
            Verdict::Silent(Silence::Old) if attempt > 1 => {
                return self.hand_over(scope, &facts, PausedReason::Failed).await;
            }
            Verdict::Silent(why) => {
                tracing::debug!(message = %id, ?why, "the agent does not answer");
                return Ok(Answered::Silent(why));
            }
            Verdict::HandOver(reason) => return self.hand_over(scope, &facts, reason).await,
        }
        let mut turns = Turns::default();
        let thinking = Box::pin(self.converse(scope, &facts, &mut turns, used));
        match self.while_typing(scope, &facts, thinking).await {
            Ok(Some(reply)) => return self.write(scope, &facts, &turns, &reply).await,
            // It had its turns and said nothing.
            Ok(None) => tracing::warn!(message = %id, "the model gave no answer"),
            Err(error) => {
                let may_pass = error.class() != ErrorClass::Forbidden;
                if may_pass && !turns.has_acted && attempt < MAX_TRIES {
                    return Err(error);
                }
                tracing::error!(message = %id, error = %error.chain(), "the agent could not answer");
            }
        }
        self.hand_over(scope, &facts, PausedReason::Failed).await
    }

    /// Shows that somebody writes for as long as something takes; where it is shown, it fades by itself. Only
    /// a courtesy: one that cannot be shown, or takes long, keeps nobody waiting.
    async fn while_typing<T>(
        &self,
        scope: &TenantScope,
        facts: &AnswerFacts,
        mut thinking: impl Future<Output = T> + Unpin,
    ) -> T {
        let chat = ChatAddress(facts.conversation.peer.clone());
        loop {
            let shown = async {
                super::write_visibly(self.transport, scope, &chat).await;
                std::future::pending().await
            };
            let once = async {
                tokio::select! {
                    // Who thinks quickly is seen to write all the same.
                    biased;
                    never = shown => never,
                    done = &mut thinking => done,
                }
            };
            if let Ok(done) = timeout(TYPING_FADES, once).await {
                return done;
            }
        }
    }

    /// Asks the model until it answers, carrying out what it asks for in between.
    async fn converse(
        &self,
        scope: &TenantScope,
        facts: &AnswerFacts,
        turns: &mut Turns,
        used: &mut Usage,
    ) -> Result<Option<String>> {
        let agent = TenantScope::for_agent(scope.tenant());
        let desk = Desk {
            store: self.store,
            scope: &agent,
            lead: facts.known.as_ref().map(|known| known.lead),
            settings: &facts.business,
        };
        let now = when::read(&facts.business.hours.time_zone, self.store.now());
        let key = self.store.secrets(scope).await?.openai_api_key;
        for _ in 0..MAX_TURNS {
            let mut request = prompt::request(facts, &now, &turns.results);
            request.api_key.clone_from(&key);
            let reply = self.model.ask(request).await?;
            *used += reply.usage;
            let Said { reply, calls } = prompt::read(reply.value)?;
            let is_last = calls.is_empty();
            for call in calls {
                let outcome = desk.run(&call).await;
                turns.has_acted |= outcome.has_acted;
                turns.hands_over |= outcome.hands_over;
                turns.results.push((call, outcome.output));
            }
            // What it says beside handing over is its last word.
            if !reply.is_empty() && (is_last || turns.hands_over) {
                return Ok(Some(reply));
            }
            if is_last {
                return Ok(None);
            }
        }
        Ok(None)
    }

    async fn write(
        &self,
        scope: &TenantScope,
        facts: &AnswerFacts,
        turns: &Turns,
        reply: &str,
    ) -> Result<Answered> {
        let reason = turns.hands_over.then_some(PausedReason::Asked);
        let tenant = scope.tenant();
        let can = self.transport.capabilities_of(tenant).await?;
        let id = facts.message.id;
        match self
            .store
            .write_answer(scope, id, reply, (can, reason))
            .await
        {
            Ok(true) => Ok(reason.map_or(Answered::Yes, Answered::HandedOver)),
            Ok(false) => {
                // What the model asked a person for is asked for, whoever writes next.
                if let Some(reason) = reason {
                    self.hand_over(scope, facts, reason).await?;
                }
                Ok(Answered::Overtaken)
            }
            // Consent was refused, or the window closed: a person sees what can be done.
            Err(error) if error.class() == ErrorClass::Conflict => {
                tracing::warn!(message = %id, error = %error.chain(), "an answer may not be sent");
                self.hand_over(scope, facts, PausedReason::Failed).await
            }
            Err(error) => Err(error),
        }
    }

    async fn hand_over(
        &self,
        scope: &TenantScope,
        facts: &AnswerFacts,
        reason: PausedReason,
    ) -> Result<Answered> {
        let conversation = facts.conversation.id;
        self.store.hand_over(scope, conversation, reason).await?;
        Ok(Answered::HandedOver(reason))
    }
}

/// What was done within one try.
#[derive(Debug, Default)]
struct Turns {
    results: Vec<(ToolCall, String)>,
    has_acted: bool,
    hands_over: bool,
}
