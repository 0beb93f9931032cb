//! The encodings in which people's spreadsheets arrive.

use encoding_rs::{CoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1255};

/// How a file's text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// What Excel in Hebrew writes as "CSV".
    Windows1255,
}

impl TextEncoding {
    /// A word for it, as people who sent the file may know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1255 => "windows-1255",
        }
    }

    fn decoder(self) -> encoding_rs::Decoder {
        let encoding = match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Windows1255 => WINDOWS_1255,
        };
        encoding.new_decoder_with_bom_removal()
    }

    /// What these first bytes that are not ASCII, of a file or of a later part, are written in.
    fn guess(bytes: &[u8], at_start: bool) -> Self {
        match bytes {
            [0xff, 0xfe, ..] if at_start => return Self::Utf16Le,
            [0xfe, 0xff, ..] if at_start => return Self::Utf16Be,
            _ => {}
        }
        let nul_at = |offset: usize| {
            let units = bytes.iter().skip(offset).step_by(2);
            units.filter(|byte| **byte == 0).count() * 4 > bytes.len() / 2
        };
        // Digits, commas and line ends have a zero byte in UTF-16; no text file has one otherwise.
        match (at_start && nul_at(1), at_start && nul_at(0)) {
            (true, false) => return Self::Utf16Le,
            (false, true) => return Self::Utf16Be,
            _ => {}
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Self::Utf8,
            // Cut in the middle of a character at the end of what was looked at: fine so far.
            Err(error) if error.error_len().is_none() && bytes.len() - error.valid_up_to() < 4 => {
                Self::Utf8
            }
            Err(_) => Self::Windows1255,
        }
    }
}

/// Bytes into text, piece by piece, finding the encoding out by itself.
///
/// ASCII passes as it comes; the first piece that is not decides, because a long file may begin with a
/// thousand rows of digits. Bytes that mean nothing become U+FFFD, which the reader's user refuses row
/// by row.
#[derive(Debug)]
pub struct Decoder {
    /// What was kept back to decide about.
    undecided: Vec<u8>,
    chosen: Option<(TextEncoding, encoding_rs::Decoder)>,
    at_start: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            undecided: Vec::new(),
            chosen: None,
            at_start: true,
        }
    }
}

impl Decoder {
    /// How many bytes from the first that is not ASCII on are looked at.
    const SAMPLE: usize = 4 * 1024;

    /// Takes bytes and appends what they say. `last` ends the file.
    pub fn push(&mut self, bytes: &[u8], last: bool, text: &mut String) {
        if let Some((_, decoder)) = &mut self.chosen {
            decode(decoder, bytes, last, text);
            return;
        }
        self.undecided.extend_from_slice(bytes);
        let ascii = self.undecided.iter().take_while(|b| is_plain(**b)).count();
        let decidable = self.undecided.len() - ascii >= Self::SAMPLE || last;
        if ascii == self.undecided.len() && !self.at_start || ascii >= 2 {
            self.at_start = false;
            text.extend(self.undecided.drain(..ascii).map(char::from));
        }
        if !decidable || self.undecided.is_empty() && !last {
            return;
        }
        let encoding = TextEncoding::guess(&self.undecided, self.at_start);
        let mut decoder = encoding.decoder();
        decode(
            &mut decoder,
            &std::mem::take(&mut self.undecided),
            last,
            text,
        );
        self.chosen = Some((encoding, decoder));
    }

    /// What the file turned out to be written in; `None` while it could be anything.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.chosen.as_ref().map(|(encoding, _)| *encoding)
    }
}

/// ASCII that no encoding here writes as anything else; a zero byte is half a character of UTF-16.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii() && byte != 0
}

fn decode(decoder: &mut encoding_rs::Decoder, bytes: &[u8], last: bool, text: &mut String) {
    let mut rest = bytes;
    loop {
        text.reserve(rest.len() + 16);
        let (result, read, _) = decoder.decode_to_string(rest, text, last);
        rest = &rest[read..];
        if result == CoderResult::InputEmpty {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], piece: usize) -> (String, Option<TextEncoding>) {
        let mut decoder = Decoder::default();
        let mut text = String::new();
        for piece in bytes.chunks(piece.max(1)) {
            decoder.push(piece, false, &mut text);
        }
        decoder.push(&[], true, &mut text);
        (text, decoder.encoding())
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn every_encoding_is_found_out() {
        let text = "שם,טלפון\r\nדנה לוי,0501234567\r\n";
        let windows = WINDOWS_1255.encode(text).0.into_owned();
        let files = [
            (text.as_bytes().to_vec(), TextEncoding::Utf8),
            (format!("\u{feff}{text}").into_bytes(), TextEncoding::Utf8),
            (windows, TextEncoding::Windows1255),
            (utf16(text, u16::to_le_bytes, true), TextEncoding::Utf16Le),
            (utf16(text, u16::to_be_bytes, true), TextEncoding::Utf16Be),
            (utf16(text, u16::to_le_bytes, false), TextEncoding::Utf16Le),
            (utf16(text, u16::to_be_bytes, false), TextEncoding::Utf16Be),
        ];
        for (bytes, encoding) in files {
            for piece in [1, 2, 3, 7, 4096] {
                let (found, chosen) = decoded(&bytes, piece);
                assert_eq!((found.as_str(), chosen), (text, Some(encoding)), "{piece}");
            }
        }
    }

    #[test]
    fn hebrew_after_a_long_stretch_of_digits_is_still_found() {
        let rows = "0501234567,1\n".repeat(20_000);
        let text = format!("name,phone\n{rows}דנה,2\n");
        let windows = WINDOWS_1255.encode(&text).0.into_owned();
        assert_eq!(decoded(&windows, 8192).0, text);
        assert_eq!(decoded(text.as_bytes(), 8192).0, text);
        assert_eq!(decoded(b"a,b\n", 3).0, "a,b\n");
        assert_eq!(decoded(b"", 3).0, "");
        assert_eq!(decoded(b"a", 3).0, "a");
    }

    proptest! {
        #[test]
        fn utf_8_in_any_pieces_is_itself(text in "[a-z,\"\n]{0,20}[א-תa-z,\"\n€]{0,60}", piece in 1_usize..9) {
            prop_assert_eq!(decoded(text.as_bytes(), piece).0, text);
        }

        #[test]
        fn any_bytes_are_decoded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
            let (text, _) = decoded(&bytes, piece);
            prop_assert!(text.len() <= bytes.len() * 3 + 3);
        }
    }
}
