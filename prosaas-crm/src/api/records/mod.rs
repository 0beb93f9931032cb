//! The records around leads: `/api/crm/...`.

mod appointments;
mod consents;
mod custom_fields;
mod deals;
mod feeds;
mod notes;
mod payment_links;
mod payments;
mod pipelines;
mod promises;
mod stages;
mod tags;
mod tasks;
mod timeline;

use axum::Json;
use prosaas_core::UnixMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::kit::{ApiResult, List, Routes, Versioned};
use crate::model::appointment::Appointment;
use crate::model::consent::Consent;
use crate::model::custom_field::CustomField;
use crate::model::deal::{Deal, DealStage, Pipeline};
use crate::model::note::Note;
use crate::model::page::Page;
use crate::model::payment::Payment;
use crate::model::promise::Promise;
use crate::model::setup::{Stage, Tag};
use crate::model::task::Task;

/// Everything of this module.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(appointments::routes())
        .merge(consents::routes())
        .merge(custom_fields::routes())
        .merge(deals::routes())
        .merge(feeds::routes())
        .merge(notes::routes())
        .merge(payment_links::routes())
        .merge(payments::routes())
        .merge(pipelines::routes())
        .merge(promises::routes())
        .merge(stages::routes())
        .merge(tags::routes())
        .merge(tasks::routes())
        .merge(timeline::routes())
}

/// A short list that needs no pages: the store bounds how long it can be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Whole<T> {
    /// All of them.
    data: Vec<T>,
}

impl<T> Whole<T> {
    pub(crate) const fn of(data: Vec<T>) -> Json<Self> {
        Json(Self { data })
    }
}

/// The page that a list asks for.
pub(crate) fn page_of<I: DeserializeOwned, F>(list: &List<F>) -> ApiResult<Page<I>> {
    let before: Option<(UnixMillis, I)> = list.after()?;
    let limit = list.fetch();
    Ok(Page { before, limit })
}

macro_rules! versioned {
    ($($record:ty),+ $(,)?) => {$(
        impl Versioned for $record {
            fn version(&self) -> u64 {
                self.version
            }
        }
    )+};
}
pub(crate) use versioned;

versioned!(
    Appointment,
    CustomField,
    Deal,
    DealStage,
    Note,
    Payment,
    Pipeline,
    Promise,
    Stage,
    Tag,
    Task,
);

/// An entry of the ledger never changes.
impl Versioned for Consent {
    fn version(&self) -> u64 {
        1
    }
}
