//! What reaches the CRM from outside: files, what people type, addresses of webhooks, keys, settings.

use prosaas_core::{ExposeSecret, SecretString};
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::auth::token::{ApiKey, OpaqueToken};
use prosaas_crm::auth::totp::RecoveryCode;
use prosaas_crm::files::csv::{Columns, Reader, Row, Writer, guarded, unguarded};
use prosaas_crm::model::hours::OpeningHours;
use prosaas_crm::model::phone::{PhoneRegion, parse_phone};
use prosaas_crm::search::{Query, Tokens, normalise};
use prosaas_crm::webhook::{TargetPolicy, WebhookSecret};

use super::text;
use crate::target::{Outcome, Target};

/// `prosaas_crm::files::csv`: rows are the same however the bytes are cut, and written rows read back.
pub(crate) const CSV: Target = Target {
    name: "csv",
    run: |input| {
        let (whole, error) = read_rows(input, input.len().max(1));
        // Some hundred pieces at most: a file comes in pieces of kilobytes.
        let (pieces, same) = read_rows(input, (input.len() / 100).max(7));
        assert_eq!(cells(&whole), cells(&pieces), "the cut of the bytes shows");
        assert_eq!(error, same, "the cut of the bytes shows in the error");
        let mut writer = Writer::default();
        for row in &whole {
            writer.row(row.cells.iter().map(|cell| unguarded(cell)));
        }
        let (again, broken) = read_rows(writer.take().as_bytes(), 4_096);
        if broken.is_none() {
            for (row, back) in whole.iter().zip(&again) {
                for (cell, written) in row.cells.iter().zip(&back.cells) {
                    assert_eq!(unguarded(cell), unguarded(written), "a cell was changed");
                }
            }
        }
        let heading = whole
            .first()
            .map(|row| Columns::of_heading(&row.cells).is_ok());
        Outcome::of((whole.len().min(20), error, heading))
    },
    dictionary: &[
        "name",
        "phone",
        "email",
        "טלפון",
        "שם",
        ",",
        ";",
        "\t",
        "\"",
        "\"\"",
        "\r\n",
        "'=",
        "=1+1",
        "+972",
        "\u{feff}",
    ],
};

fn read_rows(bytes: &[u8], piece: usize) -> (Vec<Row>, Option<String>) {
    let mut reader = Reader::default();
    let mut rows = Vec::new();
    let mut take = |reader: &mut Reader| loop {
        match reader.next_row() {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    for part in bytes.chunks(piece) {
        reader.push(part);
        if let Some(error) = take(&mut reader) {
            return (rows, Some(error));
        }
    }
    reader.finish();
    let error = take(&mut reader);
    (rows, error)
}

fn cells(rows: &[Row]) -> Vec<&[String]> {
    rows.iter().map(|row| row.cells.as_slice()).collect()
}

/// The guard against formulas: nothing is lost, and nothing that is left is a formula.
pub(crate) const FORMULA: Target = Target {
    name: "formula",
    run: |input| {
        let cell = text(input);
        let safe = guarded(&cell);
        assert_eq!(unguarded(&safe), cell, "a cell was changed");
        assert!(
            !safe.starts_with(['=', '+', '-', '@', '\t', '\r']),
            "a formula got through"
        );
        Outcome::of((safe.len() == cell.len(), cell.chars().next()))
    },
    dictionary: &["=", "+", "-", "@", "'", "\t", "\r", "\u{ff1d}", " "],
};

/// What is typed into the search: bounded, and a name is found by its own beginning.
pub(crate) const SEARCH: Target = Target {
    name: "search",
    run: |input| {
        let typed = text(input);
        let normal = normalise(&typed);
        assert_eq!(
            normalise(&normal),
            normal,
            "normalising twice is not normalising once"
        );
        let query = Query::parse(&typed, PhoneRegion::IL);
        let tokens = Tokens::default().name(&typed);
        if let Some(query) = &query {
            assert!(query.terms().len() <= Query::MAX_TERMS);
            assert!(query.terms().iter().all(|term| !term.is_empty()));
        }
        let found = query.as_ref().is_some_and(|query| query.matches(&tokens));
        Outcome::of((
            query.map(|query| query.terms().len()),
            found,
            tokens.iter().len().min(30),
        ))
    },
    dictionary: &[
        "ה",
        "המזגן",
        "צה\"ל",
        "שָׁלוֹם",
        "ך",
        "\u{200f}",
        "050",
        "+972",
        " ",
    ],
};

/// Phone numbers as people type them: what is read is canonical.
pub(crate) const PHONE: Target = Target {
    name: "phone",
    run: |input| {
        let parsed = parse_phone(&text(input), PhoneRegion::IL);
        if let Ok(number) = &parsed {
            let again = parse_phone(number.expose(), PhoneRegion::IL);
            assert_eq!(
                again.ok().as_ref(),
                Some(number),
                "a number does not read back"
            );
        }
        Outcome::parsed(&parsed, |number| number.expose().len())
    },
    dictionary: &[
        "+972", "972", "050", "*", "-", "(", ")", "00", "\u{200e}", "\u{2068}",
    ],
};

/// Addresses of webhooks: what is allowed is https, on its port, without credentials.
pub(crate) const WEBHOOK_TARGET: Target = Target {
    name: "webhook_target",
    run: |input| {
        let parsed = prosaas_crm::webhook::Target::parse(&text(input), TargetPolicy::Public);
        if let Ok(target) = &parsed {
            assert_eq!(target.port(), 443);
            let loopback = [
                "127.0.0.1",
                "10.0.0.1",
                "169.254.169.254",
                "::1",
                "::ffff:10.0.0.1",
            ];
            for address in loopback {
                let address = address.parse().expect("a constant address");
                assert!(
                    target.admit(&[address]).is_err(),
                    "a private address was admitted"
                );
            }
        }
        Outcome::parsed(&parsed, |target| target.name().map(str::len))
    },
    dictionary: &[
        "https://",
        "@",
        ":443",
        "127.0.0.1",
        "0x7f",
        "[::1]",
        "[::ffff:",
        "localhost",
        ".",
        "%2e",
        "\\",
        "xn--",
    ],
};

/// Secrets as they come in: what is read is written again the same way, and is not printed.
pub(crate) const SECRETS: Target = Target {
    name: "secrets",
    run: |input| {
        let text = text(input);
        let token = OpaqueToken::parse(&text);
        if let Ok(token) = &token {
            assert_eq!(token.expose(), text);
            assert!(
                !format!("{token:?}").contains(&*text),
                "a token was printed"
            );
        }
        let key = ApiKey::parse(&text);
        if let Ok(key) = &key {
            assert_eq!(key.expose().expose_secret(), text);
            assert!(!format!("{key:?}").contains(&*text), "a key was printed");
        }
        let kinds = [
            token.is_ok(),
            key.is_ok(),
            RecoveryCode::parse(&text).is_ok(),
            WebhookSecret::parse(&text).is_ok(),
            MasterKeys::parse(&SecretString::from(text.into_owned())).is_ok(),
        ];
        Outcome::of(kinds)
    },
    dictionary: &[
        "psk_", "live_", "test_", "key_", "whsec_", "1:", ",", "-", "_", "=",
    ],
};

/// Opening hours as the API takes them: what passes the check can be asked at any time.
pub(crate) const OPENING_HOURS: Target = Target {
    name: "opening_hours",
    run: |input| {
        let parsed = serde_json::from_slice::<OpeningHours>(input);
        if let Ok(hours) = &parsed {
            let written = serde_json::to_vec(hours).expect("hours can be written");
            let again: OpeningHours = serde_json::from_slice(&written).expect("hours read back");
            assert_eq!(&again, hours);
        }
        Outcome::parsed(&parsed, |hours| {
            (hours.check().is_ok(), hours.time_zone.name().len())
        })
    },
    dictionary: &[
        "\"week\":{",
        "\"sunday\":[",
        "\"from\":\"09:00\"",
        "\"to\":\"24:00\"",
        "\"time_zone\":",
        "Asia/Jerusalem",
        "\"rest\":",
        "israel",
    ],
};
