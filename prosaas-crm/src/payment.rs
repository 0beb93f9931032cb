//! Payment providers: who makes the links that people pay by.

use std::fmt::Debug;

use async_trait::async_trait;
use prosaas_core::{Error, Result};
use url::Url;

use crate::model::id::PaymentId;
use crate::model::money::Money;
use crate::model::payment::PaymentStatus;

/// The longest address of a page to pay on, in bytes.
pub const MAX_LINK: usize = 2_000;

/// What a link is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// The payment. Asked twice for one, a provider answers with the same link.
    pub payment: PaymentId,
    /// How much.
    pub value: Money,
    /// For what, as the payer reads it.
    pub description: String,
    /// The page, when whoever asks has it already: for a provider that makes none itself.
    pub page: Option<String>,
}

/// Where a payment can be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentLink {
    /// The provider's name.
    pub provider: String,
    /// What the provider calls the payment.
    pub reference: String,
    /// The page.
    pub url: String,
}

/// A payment provider. It holds its own credentials, and never issues our invoices.
#[async_trait]
pub trait PaymentProvider: Debug + Send + Sync + 'static {
    /// Its name, as [`PaymentLink::provider`] has it.
    fn name(&self) -> &str;

    /// A page on which the payment can be paid.
    ///
    /// # Errors
    /// `Unavailable` when the provider does not answer; `Invalid` when it refuses the payment.
    async fn create_link(&self, request: &LinkRequest) -> Result<PaymentLink>;

    /// What became of a link of its own; `None` when the provider cannot know.
    ///
    /// # Errors
    /// `Unavailable` when the provider does not answer; `NotFound` when it has no such link.
    async fn state(&self, reference: &str) -> Result<Option<PaymentStatus>>;

    /// Closes a link of its own. After this nobody pays by it; a provider that cannot close its pages says
    /// so with `false`.
    ///
    /// # Errors
    /// `Unavailable` when the provider does not answer; `Conflict` `payment-settled` when it was paid.
    async fn cancel(&self, reference: &str) -> Result<bool>;
}

/// Pages that the business makes elsewhere, such as in its bank's application, and names here.
///
/// Nobody tells us whether they were paid, and nobody closes them: a member notes it at the payment.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExternalLinks;

#[async_trait]
impl PaymentProvider for ExternalLinks {
    fn name(&self) -> &'static str {
        "external"
    }

    async fn create_link(&self, request: &LinkRequest) -> Result<PaymentLink> {
        let page = request.page.as_deref().ok_or_else(|| {
            let expected =
                "expected the page on which it can be paid: this installation makes none";
            Error::invalid("url", expected)
        })?;
        Ok(PaymentLink {
            provider: self.name().to_owned(),
            reference: request.payment.to_string(),
            url: page_url(page)?,
        })
    }

    async fn state(&self, _reference: &str) -> Result<Option<PaymentStatus>> {
        Ok(None)
    }

    async fn cancel(&self, _reference: &str) -> Result<bool> {
        Ok(false)
    }
}

/// The address of a page that payers are sent to.
fn page_url(text: &str) -> Result<String> {
    let expected = || {
        Error::invalid(
            "url",
            "expected an https address without a name or password",
        )
    };
    let url: Url = text.parse().map_err(|_| expected())?;
    let plain = url.username().is_empty() && url.password().is_none();
    let is_page = url.scheme() == "https" && url.has_host() && plain;
    if !is_page || text.len() > MAX_LINK || text.chars().any(char::is_whitespace) {
        return Err(expected());
    }
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    #[tokio::test]
    async fn an_external_page_is_https_and_nobody_knows_its_state() {
        let payment = PaymentId::mint(UnixMillis(1));
        let ask = |page: Option<&str>| LinkRequest {
            payment,
            value: Money::ils(4_500),
            description: "Brakes".to_owned(),
            page: page.map(str::to_owned),
        };
        let good = ask(Some("https://pay.example.com/17?a=1"));
        let link = ExternalLinks.create_link(&good).await.unwrap();
        assert_eq!(link.url, "https://pay.example.com/17?a=1");
        assert_eq!(ExternalLinks.state(&link.reference).await.unwrap(), None);
        assert!(!ExternalLinks.cancel(&link.reference).await.unwrap());
        for bad in [
            None,
            Some("http://pay.example.com"),
            Some("javascript:alert(1)"),
            Some("https://bank@pay.example.com/"),
            Some("https://pay.example.com/a b"),
        ] {
            assert!(
                ExternalLinks.create_link(&ask(bad)).await.is_err(),
                "{bad:?}"
            );
        }
    }
}
