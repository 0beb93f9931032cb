//! Sentences spoken in advance in an agent's own voice, for the moment when the model is out of reach.
//!
//! Each is spoken once by the model, outside any call, and kept as a file under the business. Until the
//! file exists, Twilio's `<Say>` speaks instead.

use std::collections::HashMap;
use std::fmt::Write;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use prosaas_core::leg::{BYTES_PER_MS, FRAME_BYTES, RequestId, SILENCE};
use prosaas_core::{
    AgentBrief, AiCommand, AiEvent, AiLeg, AudioBridge, Business, Clock, ReplyEnd, UnixMillis,
};
use prosaas_crm::PhoneStore;
use prosaas_crm::auth::TenantScope;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{agent, phrases};
use crate::files::create_private_dir;

/// The longest sentence kept: 30 seconds.
const MAX_BYTES: usize = 30_000 * BYTES_PER_MS;
/// How long the model may take to speak one.
const DEADLINE: Duration = Duration::from_secs(45);
/// How long after a failure the same sentence is not asked for again.
const RETRY_MS: i64 = 60_000;
/// The most sentences that wait to be spoken; more are asked for by the next call that misses them.
const MAX_QUEUED: usize = 256;

/// Why a sentence was not spoken.
#[derive(Debug, thiserror::Error)]
enum SpeakError {
    #[error(transparent)]
    Model(#[from] prosaas_core::AiError),
    #[error("the business's key could not be read")]
    Store(#[from] prosaas_core::Error),
    #[error("the model's connection ended before it had spoken")]
    Closed,
    #[error("the model did not finish the sentence: {0:?}")]
    Unfinished(ReplyEnd),
    #[error("the model spoke nothing, or far too long")]
    Length,
    #[error("the model took too long")]
    Deadline,
    #[error("this backend cannot be asked to speak a sentence")]
    Unsupported,
    #[error("the file could not be written")]
    Write(#[from] std::io::Error),
}

/// One sentence in one voice of one business.
#[derive(Clone, Debug)]
struct VoiceLine {
    scope: TenantScope,
    voice: String,
    sentence: String,
    brief: AgentBrief,
}

impl VoiceLine {
    fn of(scope: &TenantScope, business: &Business, sentence: &str) -> Self {
        Self {
            scope: *scope,
            voice: business.voice.voice.clone(),
            sentence: sentence.to_owned(),
            brief: AgentBrief {
                instructions: "You read sentences aloud, exactly as they are written.".to_owned(),
                voice: business.voice.voice.clone(),
                language: business.language,
                ..AgentBrief::default()
            },
        }
    }

    /// A hash, so neither voice nor text can shape a path. What is spoken depends on nothing else.
    fn name(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.voice, &self.sentence] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize()[..16]
            .iter()
            .fold(String::new(), |mut name, byte| {
                let _ = write!(name, "{byte:02x}");
                name
            })
    }

    fn path(&self, directory: &Path) -> PathBuf {
        directory
            .join(self.scope.tenant().to_string())
            .join(format!("{}.ulaw", self.name()))
    }
}

/// The kept sentences. Cheap to clone.
#[derive(Clone, Debug)]
pub struct VoiceCache {
    directory: Arc<Path>,
    queue: mpsc::Sender<VoiceLine>,
    /// Sentences that calls hold at the moment, by [`VoiceLine::name`]: all calls in one voice share one.
    held: Arc<Mutex<HashMap<String, Weak<[u8]>>>>,
}

/// What [`VoiceCache::new`] leaves to be run: speaks the sentences that are asked for.
pub struct VoiceSpeaker {
    directory: Arc<Path>,
    queue: mpsc::Receiver<VoiceLine>,
    bridge: Arc<dyn AudioBridge>,
    store: Arc<dyn PhoneStore>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for VoiceSpeaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceSpeaker")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl VoiceCache {
    /// A cache in `directory`, and the speaker that fills it.
    pub fn new(
        directory: &Path,
        bridge: Arc<dyn AudioBridge>,
        store: Arc<dyn PhoneStore>,
        clock: Arc<dyn Clock>,
    ) -> (Self, VoiceSpeaker) {
        let directory: Arc<Path> = Arc::from(directory);
        // A full queue drops the request: the next call that misses the file asks again.
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        let speaker = VoiceSpeaker {
            directory: Arc::clone(&directory),
            queue: receiver,
            bridge,
            store,
            clock,
        };
        (
            Self {
                directory,
                queue: sender,
                held: Arc::default(),
            },
            speaker,
        )
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Weak<[u8]>>> {
        // Every change is one insertion or removal, so a panic leaves a consistent map.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The business's fallback sentence, mu-law 8 kHz in whole frames; empty when it is not there yet,
    /// which asks for it.
    pub async fn fallback(&self, scope: &TenantScope, business: &Business) -> Arc<[u8]> {
        let sentence = phrases::fallback(business.language);
        self.spoken(VoiceLine::of(scope, business, sentence)).await
    }

    /// The lines that fill a gap, the first and the second, as [`Self::fallback`].
    pub async fn hold(&self, scope: &TenantScope, business: &Business) -> [Arc<[u8]>; 2] {
        let language = business.language;
        let line = |sentence| VoiceLine::of(scope, business, sentence);
        let first = self.spoken(line(phrases::hold(language))).await;
        [
            first,
            self.spoken(line(phrases::hold_again(language))).await,
        ]
    }

    async fn spoken(&self, line: VoiceLine) -> Arc<[u8]> {
        let name = line.name();
        let held = |held: &HashMap<_, Weak<_>>| held.get(&name).and_then(Weak::upgrade);
        if let Some(audio) = held(&self.held()) {
            return audio;
        }
        if let Some(audio) = read(&line.path(&self.directory)).await {
            let mut all = self.held();
            // Another call may have read it meanwhile.
            if let Some(audio) = held(&all) {
                return audio;
            }
            all.retain(|_, audio| audio.strong_count() > 0);
            all.insert(name.clone(), Arc::downgrade(&audio));
            return audio;
        }
        let _ = self.queue.try_send(line);
        Arc::from([])
    }
}

async fn read(path: &Path) -> Option<Arc<[u8]>> {
    let size = tokio::fs::metadata(path).await.ok()?.len();
    if size == 0 || size > MAX_BYTES as u64 {
        return None;
    }
    tokio::fs::read(path).await.ok().map(Arc::from)
}

impl VoiceSpeaker {
    /// Speaks what is asked for, one sentence at a time, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failed: HashMap<PathBuf, UnixMillis> = HashMap::new();
        while let Some(Some(line)) = stop.run_until_cancelled(self.queue.recv()).await {
            let now = self.clock.now();
            failed.retain(|_, since| now.since(*since) < RETRY_MS);
            let path = line.path(&self.directory);
            if failed.contains_key(&path) || read(&path).await.is_some() {
                continue;
            }
            let spoken = tokio::time::timeout(DEADLINE, self.speak(&line));
            let kept = match stop.run_until_cancelled(spoken).await {
                None => return,
                Some(Err(_)) => Err(SpeakError::Deadline),
                Some(Ok(Err(error))) => Err(error),
                Some(Ok(Ok(audio))) => write(&path, &audio).await.map_err(SpeakError::Write),
            };
            match kept {
                Ok(()) => {
                    tracing::info!(tenant = %line.scope.tenant(), "a sentence is kept in the agent's voice");
                }
                Err(error) => {
                    tracing::warn!(tenant = %line.scope.tenant(), %error, "a sentence could not be spoken in advance");
                    failed.insert(path, now);
                }
            }
        }
    }

    /// Lets the model speak a sentence and returns its audio, padded to whole frames.
    async fn speak(&self, line: &VoiceLine) -> Result<Vec<u8>, SpeakError> {
        if !self.bridge.capabilities().takes_requests {
            return Err(SpeakError::Unsupported);
        }
        let brief = AgentBrief {
            api_key: self.store.secrets(&line.scope).await?.openai_api_key,
            ..line.brief.clone()
        };
        let instructions = agent::say_exactly(&line.sentence);
        let mut leg = self.bridge.open(brief).await?;
        let mut audio = Vec::new();
        loop {
            match poll_fn(|cx| leg.poll_event(cx, &mut audio)).await {
                AiEvent::Ready => ask(leg.as_mut(), &instructions).await?,
                AiEvent::ReplyEnded {
                    end: ReplyEnd::Completed,
                    ..
                } => break,
                AiEvent::ReplyEnded { end, .. } => return Err(SpeakError::Unfinished(end)),
                AiEvent::Failed(error) if error.kind.ends_leg() => return Err(error.into()),
                AiEvent::Closed => return Err(SpeakError::Closed),
                _ => {}
            }
            if audio.len() > MAX_BYTES {
                return Err(SpeakError::Length);
            }
        }
        if audio.is_empty() {
            return Err(SpeakError::Length);
        }
        audio.resize(audio.len().next_multiple_of(FRAME_BYTES), SILENCE);
        Ok(audio)
    }
}

async fn ask(leg: &mut dyn AiLeg, instructions: &str) -> Result<(), SpeakError> {
    leg.send(AiCommand::RequestReply {
        request: RequestId(1),
        instructions: Some(instructions),
    })
    .map_err(|_| SpeakError::Closed)?;
    poll_fn(|cx| leg.poll_flush(cx))
        .await
        .map_err(|_| SpeakError::Closed)
}

/// Writes beside the file and renames, so that a reader never sees half of it.
async fn write(path: &Path, audio: &[u8]) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        create_private_dir(directory).await?;
    }
    let unfinished = path.with_extension("part");
    tokio::fs::write(&unfinished, audio).await?;
    tokio::fs::rename(&unfinished, path).await
}
