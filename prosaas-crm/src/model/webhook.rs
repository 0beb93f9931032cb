//! Addresses that are told of events.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::WebhookId;
use super::patch::{Replace, require_change};
use super::time::Time;
use crate::webhook::target::{Target, TargetPolicy};

/// The most webhooks of a business.
pub const MAX_WEBHOOKS: u64 = 20;

/// An address that is told of events. Its secret is shown once, when it is made or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where events are sent.
    pub url: String,
    /// Which kinds of events, such as `lead.created`; all when empty.
    pub events: Vec<String>,
    /// Whether anything is sent.
    pub active: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was removed.
    #[serde(skip)]
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A webhook as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "url": "https://example.com/hook", "events": ["lead.created"] })))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where events are sent: an `https` address.
    #[cfg_attr(
        feature = "axum",
        schema(max_length = 2_000, example = "https://example.com/hook")
    )]
    pub url: String,
    /// Which kinds of events; all when empty.
    #[serde(default)]
    pub events: Vec<String>,
}

impl NewWebhook {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self, policy: TargetPolicy) -> Result<Self> {
        self.url = check_url(&self.url, policy)?;
        check_events(&self.events)?;
        Ok(self)
    }
}

/// What changes about a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "active": false })))]
#[serde(deny_unknown_fields, default)]
pub struct WebhookPatch {
    /// Where events are sent.
    pub url: Replace<String>,
    /// Which kinds of events.
    pub events: Replace<Vec<String>>,
    /// Whether anything is sent.
    pub active: Replace<bool>,
}

impl WebhookPatch {
    /// The webhook after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, webhook: Webhook, policy: TargetPolicy) -> Result<Webhook> {
        require_change(&[
            self.url.is_change(),
            self.events.is_change(),
            self.active.is_change(),
        ])?;
        let events = self.events.apply(webhook.events);
        check_events(&events)?;
        Ok(Webhook {
            url: check_url(&self.url.apply(webhook.url), policy)?,
            events,
            active: self.active.apply(webhook.active),
            ..webhook
        })
    }
}

/// Where the address leads is checked again at every delivery: a name may point elsewhere by then.
fn check_url(text: &str, policy: TargetPolicy) -> Result<String> {
    match Target::parse(text, policy) {
        Ok(target) => Ok(target.url().to_string()),
        Err(error) => Err(Error::invalid("url", error.to_string())),
    }
}

fn check_events(events: &[String]) -> Result<()> {
    check::at_most("events", events, 50)?;
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_kind = |kind: &String| {
        kind.len() <= 60
            && kind
                .split_once('.')
                .is_some_and(|(a, b)| is_part(a) && is_part(b))
    };
    if events.iter().all(is_kind) {
        return Ok(());
    }
    Err(Error::invalid(
        "events",
        "expected kinds such as `lead.created`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_and_plain() {
        assert!(check_url("https://example.com/hook?a=1", TargetPolicy::Public).is_ok());
        for bad in [
            "",
            "http://example.com",
            "https://user:secret@example.com",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(check_url(bad, TargetPolicy::Public).is_err(), "{bad}");
        }
        assert!(check_events(&["lead.created".to_owned()]).is_ok());
        assert!(check_events(&["lead".to_owned()]).is_err());
    }
}
