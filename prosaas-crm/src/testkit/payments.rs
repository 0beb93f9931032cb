//! A payment provider of our own for tests: its links lead nowhere, and the test says what became of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use prosaas_core::{Error, Result};

use crate::model::payment::PaymentStatus;
use crate::payment::{LinkRequest, PaymentLink, PaymentProvider};

/// A provider in memory.
#[derive(Debug, Default)]
pub struct MemoryPayments {
    links: Mutex<BTreeMap<String, (LinkRequest, PaymentStatus)>>,
}

impl MemoryPayments {
    fn links(&self) -> MutexGuard<'_, BTreeMap<String, (LinkRequest, PaymentStatus)>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it was asked for, in the order of the payments.
    pub fn asked(&self) -> Vec<LinkRequest> {
        self.links().values().map(|link| link.0.clone()).collect()
    }

    /// Somebody pays by the link, or it comes to something else.
    pub fn becomes(&self, reference: &str, status: PaymentStatus) {
        if let Some(link) = self.links().get_mut(reference) {
            link.1 = status;
        }
    }
}

#[async_trait]
impl PaymentProvider for MemoryPayments {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn create_link(&self, request: &LinkRequest) -> Result<PaymentLink> {
        let reference = request.payment.to_string();
        let fresh = (request.clone(), PaymentStatus::Pending);
        self.links().entry(reference.clone()).or_insert(fresh);
        Ok(PaymentLink {
            provider: self.name().to_owned(),
            url: format!("https://pay.example.com/{reference}"),
            reference,
        })
    }

    async fn state(&self, reference: &str) -> Result<Option<PaymentStatus>> {
        match self.links().get(reference) {
            Some(link) => Ok(Some(link.1)),
            None => Err(Error::NotFound { what: "link" }),
        }
    }

    async fn cancel(&self, reference: &str) -> Result<bool> {
        let mut links = self.links();
        let link = links.get_mut(reference);
        let link = link.ok_or(Error::NotFound { what: "link" })?;
        if link.1 == PaymentStatus::Paid {
            return Err(Error::Conflict {
                what: "payment-settled",
                detail: "it was paid".to_owned(),
            });
        }
        link.1 = PaymentStatus::Cancelled;
        Ok(true)
    }
}
