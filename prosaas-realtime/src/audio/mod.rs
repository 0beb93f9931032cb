//! Telephone audio: ITU-T G.711 mu-law, reading recordings in the forms people have them, and
//! writing both sides of a call as a stereo WAV.
//!
//! Everything in ProSaaS is mu-law at 8 kHz, so 8 bytes are one millisecond.

pub mod g711;
mod resample;
pub mod wav;

pub use resample::to_8khz;

/// The largest recording that [`read`] accepts, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// File name extensions (without the dot) under which headerless mu-law audio is accepted.
pub const RAW_EXTENSIONS: [&str; 6] = ["ulaw", "mulaw", "ul", "mu", "pcmu", "raw"];

/// Why a recording could not be read. Each is a sentence to put behind the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// Nothing in it.
    #[error("it holds no audio")]
    Empty,
    /// More bytes than [`MAX_FILE_BYTES`].
    #[error("it is larger than {} MiB; cut it into shorter pieces", MAX_FILE_BYTES / 1024 / 1024)]
    TooLarge,
    /// No WAV header, and the name does not say that it is raw mu-law.
    #[error(
        "it is not a WAV file (no RIFF/WAVE header); headerless mu-law is accepted only from a \
         file named .{}", RAW_EXTENSIONS.join(", .")
    )]
    NotAudio,
    /// A WAV header that ends before it says what the audio is.
    #[error("its WAV header is damaged: {0}")]
    Damaged(&'static str),
    /// A WAV file of a kind we do not read.
    #[error(
        "it is a WAV file with {0}; expected 16-bit PCM or mu-law, mono or stereo, 8 to 48 kHz"
    )]
    Unsupported(String),
}

/// Reads a recording: a WAV file, or headerless mu-law at 8 kHz when `extension` is one of
/// [`RAW_EXTENSIONS`] (case does not matter). Returns mu-law, 8 kHz, mono.
///
/// # Errors
/// [`AudioError`]; its text continues a sentence that begins with the file's name.
pub fn read(bytes: &[u8], extension: Option<&str>) -> Result<Vec<u8>, AudioError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(AudioError::TooLarge);
    }
    if bytes.is_empty() {
        return Err(AudioError::Empty);
    }
    if wav::is_wav(bytes) {
        return wav::read(bytes);
    }
    let raw = extension.is_some_and(|e| RAW_EXTENSIONS.iter().any(|r| r.eq_ignore_ascii_case(e)));
    if raw {
        Ok(bytes.to_vec())
    } else {
        Err(AudioError::NotAudio)
    }
}
