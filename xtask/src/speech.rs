//! Real human speech for the demo: a person's recorded prompts from a Debian package.
//!
//! The recordings are Allison Smith's, under CC BY-SA; we fetch them for the test and commit none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{capture, command, target_dir};

/// The package with the recordings: 8 kHz, mono, 16-bit PCM.
pub(crate) const VOICE_PACKAGE: &str = "asterisk-core-sounds-en-wav";
/// The package with the transcripts.
pub(crate) const TRANSCRIPT_PACKAGE: &str = "asterisk-core-sounds-en";

/// The recording we play: 15 seconds, two long sentences with a pause between them.
const CLIP: &str = "demo-moreinfo";

/// The recording, when its package is installed.
pub(crate) fn voice() -> Option<PathBuf> {
    let path = format!("/usr/share/asterisk/sounds/en_US_f_Allison/{CLIP}.wav");
    Some(PathBuf::from(path)).filter(|path| path.is_file())
}

/// The transcripts of all recordings, when their package is installed.
pub(crate) fn transcripts() -> Option<PathBuf> {
    let path = format!("/usr/share/doc/{TRANSCRIPT_PACKAGE}/core-sounds-en.txt.gz");
    Some(PathBuf::from(path)).filter(|path| path.is_file())
}

/// Copies the recording to the target folder with its words beside it, as `FILE.wav` and `FILE.txt`.
pub(crate) fn prepare() -> Result<PathBuf> {
    let voice = voice().with_context(|| format!("{VOICE_PACKAGE} is not installed"))?;
    let transcripts =
        transcripts().with_context(|| format!("{TRANSCRIPT_PACKAGE} is not installed"))?;
    let all = capture(command("gzip").arg("-dc").arg(&transcripts))?;
    let words = spoken_in(&all, CLIP)
        .with_context(|| format!("no line for {CLIP} in {}", transcripts.display()))?;
    let folder = target_dir().join("speech");
    std::fs::create_dir_all(&folder)?;
    let copy = folder.join("human.wav");
    std::fs::copy(&voice, &copy)?;
    write_transcript(&copy, &words)?;
    Ok(copy)
}

fn write_transcript(wav: &Path, words: &str) -> Result<()> {
    std::fs::write(wav.with_extension("txt"), format!("{words}\n"))
        .with_context(|| format!("the transcript of {} could not be written", wav.display()))
}

/// The words of one clip in a list of `name: words` lines; runs of spaces become one.
fn spoken_in(list: &str, clip: &str) -> Option<String> {
    list.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == clip)
        .map(|(_, words)| words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_clip_are_found_by_its_whole_name() {
        let list = "; a comment\ndemo-more: No.\ndemo-moreinfo: It is  a PBX.  See: here.\n";
        assert_eq!(
            spoken_in(list, "demo-moreinfo").as_deref(),
            Some("It is a PBX. See: here.")
        );
        assert_eq!(spoken_in(list, "demo"), None);
    }
}
