//! Phone numbers of the account: find, point at our webhooks.

use std::fmt;
use std::str::FromStr;

use prosaas_core::E164;
use serde::Deserialize;

use super::{Client, Error, Repeat};

/// A list that does not end is not followed further than this many pages.
const MAX_PAGES: usize = 100;

/// Twilio's id of a phone number: `PN` and 32 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct NumberSid(String);

impl NumberSid {
    /// The text as Twilio wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NumberSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NumberSid {
    type Err = prosaas_core::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("PN") {
            Some(hex)
                if hex.len() == 32
                    && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(prosaas_core::Error::invalid(
                "NumberSid",
                "expected `PN` and 32 lower-case hex digits",
            )),
        }
    }
}

impl TryFrom<String> for NumberSid {
    type Error = prosaas_core::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A phone number of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PhoneNumber {
    /// Its id.
    pub sid: NumberSid,
    /// The number.
    pub phone_number: E164,
    /// Requested for incoming calls.
    #[serde(default)]
    pub voice_url: Option<String>,
    /// Told about the end of incoming calls.
    #[serde(default)]
    pub status_callback: Option<String>,
    /// When not empty, it overrides `voice_url`.
    #[serde(default)]
    pub voice_application_sid: Option<String>,
    /// When not empty, it overrides `voice_url`.
    #[serde(default)]
    pub trunk_sid: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    incoming_phone_numbers: Vec<PhoneNumber>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

/// Where a number's webhooks shall go. All are requested with POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberSetup {
    /// Requested for incoming calls.
    pub voice_url: String,
    /// Requested when `voice_url` fails.
    pub voice_fallback_url: Option<String>,
    /// Told about the end of calls.
    pub status_callback: Option<String>,
}

impl Client {
    /// The account's numbers, or those equal to `number`. Follows all pages.
    pub async fn list_numbers(&self, number: Option<&E164>) -> Result<Vec<PhoneNumber>, Error> {
        const WHAT: &str = "list of phone numbers";
        let mut url = self.account_url("IncomingPhoneNumbers.json");
        if let Some(number) = number {
            url.query_pairs_mut()
                .append_pair("PhoneNumber", number.expose());
        }
        let mut numbers = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: Page = self.send_json(&Self::get(WHAT, url)).await?;
            numbers.extend(page.incoming_phone_numbers);
            match page.next_page_uri.filter(|next| !next.is_empty()) {
                Some(next) => url = self.page_url(WHAT, &next)?,
                None => return Ok(numbers),
            }
        }
        Err(Error::UnexpectedAnswer {
            what: WHAT,
            detail: "expected at most 100 pages",
        })
    }

    /// The account's number equal to `number`.
    pub async fn find_number(&self, number: &E164) -> Result<Option<PhoneNumber>, Error> {
        let found = self.list_numbers(Some(number)).await?;
        Ok(found
            .into_iter()
            .find(|candidate| candidate.phone_number == *number))
    }

    /// Points a number at our webhooks.
    pub async fn update_number(
        &self,
        number: &NumberSid,
        setup: NumberSetup,
    ) -> Result<PhoneNumber, Error> {
        let post = || "POST".to_owned();
        let mut form = vec![("VoiceUrl", setup.voice_url), ("VoiceMethod", post())];
        if let Some(url) = setup.voice_fallback_url {
            form.extend([("VoiceFallbackUrl", url), ("VoiceFallbackMethod", post())]);
        }
        if let Some(url) = setup.status_callback {
            form.extend([("StatusCallback", url), ("StatusCallbackMethod", post())]);
        }
        let path = format!("IncomingPhoneNumbers/{number}.json");
        self.send_json(&self.post("phone number", &path, form, Repeat::Harmless))
            .await
    }
}
