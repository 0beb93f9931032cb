//! Twilio: the account, and whether its webhooks must be signed.

use prosaas_core::{AccountSid, E164, SecretString};

use super::{Environment, Vars, urls};

const DEFAULT_TWILIO_API_BASE: &str = "https://api.twilio.com";

/// Twilio: the account, and where its API is.
#[derive(Clone, Debug)]
pub struct TwilioConfig {
    /// `TWILIO_ACCOUNT_SID`.
    pub account_sid: Option<AccountSid>,
    /// `TWILIO_AUTH_TOKEN`, which signs webhooks and authenticates REST requests.
    pub auth_token: Option<SecretString>,
    /// `TWILIO_PHONE_NUMBER`: the number that set-up configures and the default caller id. Never used
    /// to find a business.
    pub phone_number: Option<E164>,
    /// `TWILIO_API_BASE`.
    pub api_base: String,
    /// Whether webhooks must be signed. `VALIDATE_TWILIO_SIGNATURE=false` counts in development only.
    pub validate_signature: bool,
}

/// The account as configured.
pub(super) fn of_account<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    environment: Environment,
    warnings: &mut Vec<String>,
) -> TwilioConfig {
    let asked = vars.switch("VALIDATE_TWILIO_SIGNATURE", true);
    let validate_signature = asked || environment == Environment::Production;
    if validate_signature && !asked {
        warnings.push(
            "VALIDATE_TWILIO_SIGNATURE=false is ignored in production: every webhook must be signed"
                .to_owned(),
        );
    } else if !asked {
        warnings.push(
            "VALIDATE_TWILIO_SIGNATURE=false: anybody who reaches this server can post webhooks"
                .to_owned(),
        );
    }
    let config = TwilioConfig {
        account_sid: vars.optional("TWILIO_ACCOUNT_SID", |text| {
            text.parse()
                .map_err(|_| "expected `AC` and 32 lower-case hex digits".to_owned())
        }),
        auth_token: vars.secret("TWILIO_AUTH_TOKEN"),
        phone_number: vars.optional("TWILIO_PHONE_NUMBER", |text| {
            E164::parse(text)
                .map_err(|_| "expected an international number such as +97231234567".to_owned())
        }),
        api_base: vars.parsed(
            "TWILIO_API_BASE",
            DEFAULT_TWILIO_API_BASE.to_owned(),
            |text| urls::checked_base(text, urls::HTTP),
        ),
        validate_signature,
    };
    if config.validate_signature && config.auth_token.is_none() {
        warnings.push(
            "TWILIO_AUTH_TOKEN is not set: no webhook can be verified, so every one is answered 500"
                .to_owned(),
        );
    }
    config
}
