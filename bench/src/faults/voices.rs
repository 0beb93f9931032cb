//! The sentences that an agent speaks in advance: made once, as in an installation that has been running, and
//! known to the judge, who tells them from the model's own words.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Context as _;
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Pace};
use prosaas_twilio::testkit::carrier::{CallScript, HangUp};
use tokio::time::{interval, timeout};

use super::installation::{Installation, Setup};

/// The fallback and the two lines that fill a gap.
const SENTENCES: usize = 3;
/// How long the model may take to speak them.
const SPOKEN_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Audio is compared in frames of 20 ms.
const FRAME: usize = 160;
/// So many bytes of a frame are looked up; the rest is compared.
const HEAD: usize = 8;

/// What was spoken in advance.
pub(super) struct Voices {
    /// Keeps the files.
    installation: Installation,
    sentences: Vec<Vec<u8>>,
    /// Where a frame may begin, by its first bytes: as number of the sentence and place in it.
    places: HashMap<[u8; HEAD], Vec<(usize, usize)>>,
}

impl Voices {
    /// Lets a healthy model speak them to a server of its own.
    pub(super) async fn prepare() -> anyhow::Result<Self> {
        let model = FakeModel::start(FakeModelConfig {
            pace: Pace::AtOnce,
            ..FakeModelConfig::default()
        });
        let model = model.await?;
        let setup = Setup {
            model: model.address(),
            limit: 10,
            voices: None,
            postgres: None,
            transfer: &[],
        };
        let mut installation = Installation::start(&setup).await?;
        // The sentences are asked for by the first call that misses them.
        let short = CallScript {
            hang_up: HangUp::At(200),
            ..CallScript::listening()
        };
        installation.place(0, short, None)?.await;
        let mut look = interval(LOOK_EVERY);
        let spoken = async {
            loop {
                look.tick().await;
                let found = read(&installation.voices()).unwrap_or_default();
                if found.len() == SENTENCES {
                    return found;
                }
            }
        };
        let sentences = timeout(SPOKEN_WITHIN, spoken).await;
        let sentences = sentences.context("the sentences were not spoken in advance")?;
        installation.kill().await?;
        Ok(Self {
            installation,
            places: places(&sentences),
            sentences,
        })
    }

    /// Where they are.
    pub(super) fn folder(&self) -> std::path::PathBuf {
        self.installation.voices()
    }

    /// Where in one of them this frame is, in bytes from the sentence's beginning; `None` when it is of none.
    pub(super) fn place(&self, frame: &[u8]) -> Option<usize> {
        let places = frame.first_chunk().and_then(|head| self.places.get(head))?;
        let is_there = |(sentence, at): &&(usize, usize)| {
            let rest = self.sentences[*sentence].get(*at..).unwrap_or_default();
            frame.len() == FRAME && rest.starts_with(frame)
        };
        let found = places.iter().filter(is_there);
        found.map(|(_, at)| *at).min()
    }
}

fn places(sentences: &[Vec<u8>]) -> HashMap<[u8; HEAD], Vec<(usize, usize)>> {
    let mut places: HashMap<_, Vec<_>> = HashMap::new();
    for (number, sentence) in sentences.iter().enumerate() {
        for (at, head) in sentence.windows(HEAD).enumerate() {
            if let Some(head) = head.first_chunk() {
                places.entry(*head).or_default().push((number, at));
            }
        }
    }
    places
}

fn read(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?.path();
        if entry.is_dir() {
            found.extend(read(&entry)?);
        } else if entry.extension().is_some_and(|ending| ending == "ulaw") {
            found.push(std::fs::read(&entry)?);
        }
    }
    Ok(found)
}
