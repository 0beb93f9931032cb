//! Payment providers: who makes the links that people pay by.

use std::fmt::Debug;
use std::sync::Mutex;

use async_trait::async_trait;
use prosaas_core::{Error, Result};

use crate::model::id::PaymentId;
use crate::model::money::Money;

/// What a link is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// The payment. Asked twice for one, a provider answers with the same link.
    pub payment: PaymentId,
    /// How much.
    pub value: Money,
    /// For what, as the payer reads it.
    pub description: String,
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
    /// A page on which the payment can be paid.
    ///
    /// # Errors
    /// `Unavailable` when the provider does not answer; `Invalid` when it refuses the payment.
    async fn create_link(&self, request: &LinkRequest) -> Result<PaymentLink>;
}

/// A provider that makes links which lead nowhere, and remembers what it was asked for.
#[derive(Debug, Default)]
pub struct MemoryPayments {
    asked: Mutex<Vec<LinkRequest>>,
}

impl MemoryPayments {
    /// What it was asked for, in order.
    pub fn asked(&self) -> Vec<LinkRequest> {
        self.asked
            .lock()
            .map(|asked| asked.clone())
            .unwrap_or_default()
    }
}

#[async_trait]
impl PaymentProvider for MemoryPayments {
    async fn create_link(&self, request: &LinkRequest) -> Result<PaymentLink> {
        let poisoned = |_| Error::internal("payments", "a test panicked meanwhile");
        self.asked.lock().map_err(poisoned)?.push(request.clone());
        Ok(PaymentLink {
            provider: "memory".to_owned(),
            reference: request.payment.to_string(),
            url: format!("https://pay.example.com/{}", request.payment),
        })
    }
}
