//! What the caller of a simulated call says: a recording, cut into utterances, and its words.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use prosaas_core::leg::BYTES_PER_MS;
use prosaas_realtime::audio;
use prosaas_twilio::testkit::carrier::{CallScript, HangUp, Pace, Utterance, When};

use super::utterances;

/// Made by this project; see `testdata/README.md`.
const BUILT_IN: &[u8] = include_bytes!("../../../../../testdata/caller.wav");
const BUILT_IN_WORDS: &str = include_str!("../../../../../testdata/caller.txt");
/// The largest transcript that is read.
const MAX_WORDS_BYTES: u64 = 64 * 1024;

/// A polite caller waits until the agent has been silent for this long.
const POLITE_MS: u64 = 600;
/// The caller who interrupts does so this long after the agent began.
const RUDE_MS: u64 = 1_200;
/// Which utterance interrupts, counted from 0.
const RUDE: usize = 2;
/// The caller hangs up when the agent has been silent for this long after the last answer.
const FAREWELL_MS: u64 = 2_500;
/// How much longer than the recording a call may take.
const PATIENCE_MS: u64 = 120_000;

/// A recording of a caller.
#[derive(Clone)]
pub(crate) struct Clip {
    name: String,
    utterances: Vec<Vec<u8>>,
    length_ms: u64,
    words: Vec<String>,
    is_built_in: bool,
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clip")
            .field("name", &self.name)
            .field("utterances", &self.utterances.len())
            .field("length_ms", &self.length_ms)
            .finish_non_exhaustive()
    }
}

impl Clip {
    /// The recording in `file`, or the built-in one.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(file) = file {
            return Self::read(file);
        }
        let name = "the built-in clip".to_owned();
        let clip = Self::new(name, BUILT_IN, Some("wav"), lines(BUILT_IN_WORDS))?;
        Ok(Self {
            is_built_in: true,
            ..clip
        })
    }

    fn read(file: &Path) -> anyhow::Result<Self> {
        let name = file.display().to_string();
        let bytes = bounded(file, audio::MAX_FILE_BYTES as u64)
            .with_context(|| format!("{name} cannot be read"))?;
        let beside = file.with_extension("txt");
        let words = if beside.exists() {
            words(&beside)?
        } else {
            Vec::new()
        };
        let extension = file.extension().and_then(|extension| extension.to_str());
        Self::new(name.clone(), &bytes, extension, words)
            .with_context(|| format!("{name} cannot be played"))
    }

    fn new(
        name: String,
        bytes: &[u8],
        extension: Option<&str>,
        words: Vec<String>,
    ) -> anyhow::Result<Self> {
        let audio = audio::read(bytes, extension)?;
        let utterances: Vec<Vec<u8>> = utterances::find(&audio)
            .into_iter()
            .map(|range| audio[range].to_vec())
            .collect();
        if utterances.is_empty() {
            bail!("nobody speaks in it");
        }
        let length_ms = (audio.len() / BYTES_PER_MS) as u64;
        Ok(Self {
            name,
            utterances,
            length_ms,
            words,
            is_built_in: false,
        })
    }

    /// What is said, line by line, as far as it is known.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// How many utterances there are; at least one.
    pub(crate) fn turns(&self) -> u32 {
        u32::try_from(self.utterances.len()).unwrap_or(u32::MAX)
    }

    /// Whether the last utterance is a goodbye, so that the agent may end the call.
    pub(crate) const fn ends_politely(&self) -> bool {
        self.is_built_in
    }

    /// Whether the caller is known to ask for something to be done later.
    pub(crate) const fn asks_for_something(&self) -> bool {
        self.is_built_in
    }

    /// The call: each utterance follows when the agent has finished, except the third, which interrupts.
    pub(crate) fn script(&self) -> CallScript {
        let utterance = |(index, audio): (usize, &Vec<u8>)| {
            let when = if index == RUDE {
                When::AgentSpeaking(RUDE_MS)
            } else {
                When::AgentSilent(POLITE_MS)
            };
            Utterance {
                when,
                audio: audio.clone(),
            }
        };
        CallScript {
            utterances: self.utterances.iter().enumerate().map(utterance).collect(),
            hang_up: HangUp::WhenDone {
                silent_ms: FAREWELL_MS,
            },
            at_most_ms: self.length_ms + PATIENCE_MS,
            pace: Pace::RealTime,
            ..CallScript::listening()
        }
    }

    /// For the person who watches: which recording, how long, what is known of its words.
    pub(crate) fn describe(&self) -> String {
        let turns = match self.turns() {
            1 => "1 utterance".to_owned(),
            turns => format!("{turns} utterances"),
        };
        let words = match self.words.len() {
            0 => "no transcript beside it",
            _ => "with its transcript",
        };
        let (s, tenths) = (self.length_ms / 1000, self.length_ms % 1000 / 100);
        format!("{}, {s}.{tenths} s, {turns}, {words}", self.name)
    }
}

/// What is said in a recording: a text file with one line per utterance.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub(crate) fn words(file: &Path) -> anyhow::Result<Vec<String>> {
    let name = file.display();
    let words = bounded(file, MAX_WORDS_BYTES).with_context(|| format!("{name} cannot be read"))?;
    if words.len() as u64 > MAX_WORDS_BYTES {
        bail!("{name} is larger than a transcript can be (64 KiB)");
    }
    match String::from_utf8(words) {
        Ok(words) => Ok(lines(&words)),
        Err(_) => bail!("{name} is not UTF-8 text"),
    }
}

fn lines(words: &str) -> Vec<String> {
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// At most `limit` bytes and one more, which tells that there are more.
fn bounded(file: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_clip_has_three_utterances_with_their_words() {
        let clip = Clip::open(None).unwrap();
        assert_eq!((clip.turns(), clip.words().len()), (3, 3));
        assert!(clip.ends_politely());
        let script = clip.script();
        let whens: Vec<When> = script.utterances.iter().map(|said| said.when).collect();
        assert_eq!(
            whens,
            [
                When::AgentSilent(600),
                When::AgentSilent(600),
                When::AgentSpeaking(1_200)
            ]
        );
        assert_eq!(
            clip.describe(),
            "the built-in clip, 22.3 s, 3 utterances, with its transcript"
        );
    }

    fn refusal(name: &str, bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let error = format!("{:#}", Clip::open(Some(&file)).unwrap_err());
        error.replace(folder.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn a_file_that_is_not_a_caller_is_refused_by_name_and_reason() {
        let text = refusal("notes.txt", b"hello");
        assert!(
            text.starts_with("DIR/notes.txt cannot be played: it is not a WAV file"),
            "{text}"
        );
        assert_eq!(
            refusal("a.wav", b""),
            "DIR/a.wav cannot be played: it holds no audio"
        );
        assert_eq!(
            refusal("silence.ulaw", &[0xFF; 16_000]),
            "DIR/silence.ulaw cannot be played: nobody speaks in it"
        );
        let missing = Clip::open(Some(Path::new("no/such.wav"))).unwrap_err();
        assert!(
            format!("{missing:#}").starts_with("no/such.wav cannot be read: "),
            "{missing:#}"
        );
    }

    #[test]
    fn the_words_stand_beside_the_recording_and_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clip.wav");
        std::fs::write(&file, BUILT_IN).unwrap();
        assert!(Clip::open(Some(&file)).unwrap().words().is_empty());
        std::fs::write(file.with_extension("txt"), "שלום\n\n  לא  \n").unwrap();
        let clip = Clip::open(Some(&file)).unwrap();
        assert_eq!(clip.words(), ["שלום", "לא"]);
        assert!(!clip.ends_politely());
        std::fs::write(file.with_extension("txt"), [0xFF, 0xFE]).unwrap();
        let error = Clip::open(Some(&file)).unwrap_err().to_string();
        assert!(error.ends_with("clip.txt is not UTF-8 text"), "{error}");
    }
}
