//! What a file is: found in its first bytes, never believed. Nothing is served as a type that is not listed here.

use prosaas_core::message::MediaKind;

/// How many of a file's first bytes tell what it is.
pub const HEAD: usize = 4_096;

/// A type that files are stored and served as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Its name, such as `image/jpeg`.
    pub name: &'static str,
    /// The ending of a file's name, without the dot.
    pub extension: &'static str,
    /// Whether a browser may show or play it within a page: it is passive, and every browser knows it.
    pub is_inline: bool,
}

const fn shown(name: &'static str, extension: &'static str) -> MediaType {
    MediaType {
        name,
        extension,
        is_inline: true,
    }
}

const fn saved(name: &'static str, extension: &'static str) -> MediaType {
    MediaType {
        is_inline: false,
        ..shown(name, extension)
    }
}

/// Anything else, scripts and pages above all: only ever downloaded.
pub const UNKNOWN: &MediaType = &saved("application/octet-stream", "bin");

/// Every type that is told apart.
const KNOWN: [MediaType; 29] = [
    shown("image/jpeg", "jpg"),
    shown("image/png", "png"),
    shown("image/gif", "gif"),
    shown("image/webp", "webp"),
    saved("image/heic", "heic"),
    shown("audio/ogg", "ogg"),
    shown("audio/mpeg", "mp3"),
    shown("audio/mp4", "m4a"),
    shown("audio/aac", "aac"),
    shown("audio/amr", "amr"),
    shown("audio/wav", "wav"),
    shown("video/mp4", "mp4"),
    shown("video/3gpp", "3gp"),
    shown("video/webm", "webm"),
    saved("video/quicktime", "mov"),
    saved("application/pdf", "pdf"),
    saved("application/zip", "zip"),
    saved("application/msword", "doc"),
    saved("application/vnd.ms-excel", "xls"),
    saved("application/vnd.ms-powerpoint", "ppt"),
    saved(WORD, "docx"),
    saved(SHEET, "xlsx"),
    saved(SLIDES, "pptx"),
    saved("application/rtf", "rtf"),
    saved("text/plain", "txt"),
    saved("text/csv", "csv"),
    saved("text/vcard", "vcf"),
    saved("text/calendar", "ics"),
    *UNKNOWN,
];

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const SHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const SLIDES: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// What begins with these bytes is of this type, whatever anybody says.
const BEGINNINGS: [(&[u8], &str); 11] = [
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
];
/// The brands of files in the MP4 family that are something else than a film.
const BRANDS: [(&[u8], &str); 8] = [
    (b"M4A ", "audio/mp4"),
    (b"M4B ", "audio/mp4"),
    (b"3gp", "video/3gpp"),
    (b"3g2", "video/3gpp"),
    (b"qt  ", "video/quicktime"),
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
    (b"mif1", "image/heic"),
];
/// Documents that lie in a ZIP archive, and in Microsoft's older container.
const ZIPPED: [&str; 3] = [WORD, SHEET, SLIDES];
const CONTAINED: [&str; 3] = [
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
];

impl MediaType {
    /// The listed type of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == name)
    }

    /// The name of the type that a file of this name would be, for [`MediaType::found_in`]; empty when it is none
    /// of the listed ones.
    pub fn claimed_by(file_name: &str) -> &'static str {
        let (_, ending) = file_name.rsplit_once('.').unwrap_or_default();
        let named = |known: &&Self| known.extension.eq_ignore_ascii_case(ending);
        KNOWN.iter().find(named).map_or("", |known| known.name)
    }

    /// What a file is whose first bytes, [`HEAD`] of them or all, are these. The sender's word for it,
    /// `claimed`, only decides between types that begin alike and are no more dangerous than each other.
    pub fn found_in(head: &[u8], claimed: &str) -> &'static Self {
        let claimed = claimed.split(';').next().unwrap_or_default().trim();
        let claimed = claimed.to_ascii_lowercase();
        Self::named(found(head, &claimed)).unwrap_or(UNKNOWN)
    }

    /// Whether it is sound.
    pub fn is_audio(&self) -> bool {
        self.name.starts_with("audio/")
    }

    /// As what WhatsApp sends it; other types than these go as documents.
    pub fn sent_as(&self) -> MediaKind {
        match self.name {
            "image/jpeg" | "image/png" => MediaKind::Image,
            "audio/ogg" | "audio/mpeg" | "audio/mp4" | "audio/aac" | "audio/amr" => {
                MediaKind::Audio
            }
            "video/mp4" | "video/3gpp" => MediaKind::Video,
            _ => MediaKind::Document,
        }
    }
}

fn found(head: &[u8], claimed: &str) -> &'static str {
    let known = BEGINNINGS.iter().find(|(start, _)| head.starts_with(start));
    if let Some((_, name)) = known {
        return name;
    }
    let one_of = |names: &[&'static str], otherwise| {
        let said = names.iter().find(|name| **name == claimed);
        said.copied().unwrap_or(otherwise)
    };
    match head {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => "audio/wav",
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand, claimed),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "video/webm",
        [b'P', b'K', 3, 4, ..] => one_of(&ZIPPED, "application/zip"),
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => one_of(&CONTAINED, UNKNOWN.name),
        // A frame of sound: eleven bits set, then which kind of sound it is.
        [0xFF, kind, ..] if kind & 0xF6 == 0xF0 => "audio/aac",
        [0xFF, kind, ..] if kind & 0xE6 == 0xE2 => "audio/mpeg",
        head if is_plain_text(head) => one_of(&["text/csv"], "text/plain"),
        _ => UNKNOWN.name,
    }
}

fn of_brand(brand: &[u8], claimed: &str) -> &'static str {
    let known = BRANDS.iter().find(|(start, _)| brand.starts_with(start));
    match known {
        Some((_, name)) => name,
        // One container for both: without pictures it is sound.
        None if claimed == "audio/mp4" => "audio/mp4",
        None => "video/mp4",
    }
}

/// Whether it reads as text and does not begin like a page.
fn is_plain_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut off.
        Err(error) if error.error_len().is_none() && head.len() >= HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !text.is_empty() && !text.starts_with('<') && !text.chars().any(is_odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], claimed: &str, expected: &str) {
        let found = MediaType::found_in(head, claimed).name;
        assert_eq!(found, expected, "{claimed}: {:?}", head.escape_ascii());
    }

    #[test]
    fn bytes_outweigh_what_is_claimed() {
        check(b"\xFF\xD8\xFF\xE0", "text/html", "image/jpeg");
        check(b"%PDF-1.7", "image/png", "application/pdf");
        check(b"OggS\0\x02", "audio/ogg; codecs=opus", "audio/ogg");
        check(b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", "image/webp");
        check(b"\0\0\0\x18ftypmp42", "video/mp4", "video/mp4");
        check(b"\0\0\0\x18ftypisom", "audio/mp4", "audio/mp4");
        check(b"\0\0\0\x18ftyp3gp4", "video/mp4", "video/3gpp");
        check(b"\xFF\xFB\x90\x00", "audio/mpeg", "audio/mpeg");
        check(b"\xFF\xF1\x50\x80", "audio/aac", "audio/aac");
        check(b"PK\x03\x04", WORD, WORD);
        check(b"PK\x03\x04", "text/html", "application/zip");
    }

    #[test]
    fn what_a_browser_would_run_is_unknown() {
        for page in [
            "<!DOCTYPE html><script>alert(1)</script>",
            "\u{feff} \n<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
            "<?xml version='1.0'?><svg/>",
        ] {
            for claimed in ["image/svg+xml", "text/html", "image/png", "text/plain"] {
                check(page.as_bytes(), claimed, UNKNOWN.name);
            }
        }
        check(b"MZ\x90\0\x03", "image/jpeg", UNKNOWN.name);
        check(b"", "image/jpeg", UNKNOWN.name);
        let inline = KNOWN.iter().filter(|known| known.is_inline);
        for known in inline {
            let kind = known.name.split('/').next().unwrap();
            assert!(["image", "audio", "video"].contains(&kind), "{known:?}");
            assert!(!known.name.contains("svg"));
        }
    }

    #[test]
    fn text_is_text_also_where_its_head_cuts_a_character() {
        check("שלום, a,b\n".as_bytes(), "text/csv", "text/csv");
        check(b"hello", "application/x-sh", "text/plain");
        check(b"hel\0lo", "text/plain", UNKNOWN.name);
        let long = format!("a{}", "ד".repeat(HEAD));
        check(&long.as_bytes()[..HEAD], "text/plain", "text/plain");
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for known in &KNOWN {
            assert_eq!(MediaType::named(known.name), Some(known));
            let name = format!("a.b.{}", known.extension.to_uppercase());
            assert_eq!(MediaType::claimed_by(&name), known.name);
        }
        assert_eq!(MediaType::claimed_by("page.html"), "");
        assert_eq!(MediaType::named("text/html"), None);
    }
}
