//! The HTTP API under `/api` and its OpenAPI document.

pub mod accounts;
mod agent;
mod audit;
mod business;
mod calls;
mod conversations;
mod deliveries;
mod events;
mod jobs;
pub mod kit;
mod leads;
mod privacy;
mod push;
mod records;
mod system;
mod wa_cloud;
mod wa_replies;
mod webhooks;
mod whatsapp;

use axum::Router;
use serde_json::Value;

pub use calls::CallScripts;
use kit::{ApiState, Routes};

/// Every operation, one line a resource.
fn routes() -> Routes {
    Routes::default()
        .merge(accounts::routes())
        .merge(agent::routes())
        .merge(audit::routes())
        .merge(business::routes())
        .merge(calls::routes())
        .merge(conversations::routes())
        .merge(deliveries::routes())
        .merge(events::routes())
        .merge(jobs::routes())
        .merge(leads::routes())
        .merge(privacy::routes())
        .merge(push::routes())
        .merge(records::routes())
        .merge(system::routes())
        .merge(wa_cloud::routes())
        .merge(wa_replies::routes())
        .merge(webhooks::routes())
        .merge(whatsapp::routes())
}

/// The API as a router; merge it into the host's own.
pub fn router(state: &ApiState) -> Router {
    Routes::router(routes, state)
}

/// The OpenAPI document.
pub fn document() -> Value {
    routes().document()
}
