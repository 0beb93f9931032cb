//! The ProSaaS reference server: answers the phones of many businesses with an AI voice and writes what
//! the calls were about into the CRM.
//!
//! This crate is the only place where the libraries meet. [`wiring`] puts the parts together, [`server`]
//! runs them, [`routes`] is the HTTP surface, [`calls`] what happens to a call, [`standby`]
//! the database as calls see it, [`jobs`] what follows a call, [`reconcile`] what Twilio says about it later, [`whatsapp`] the way to the sidecar and back.

// Handlers hold the store's futures by value, some 130 deep; an optimised build computes their layout in one go.
#![recursion_limit = "256"]

mod api;
pub mod calls;
mod carrier;
pub mod commands;
pub mod config;
pub mod erasures;
pub mod files;
mod house;
pub mod jobs;
pub mod keys;
pub mod lag;
pub mod metrics;
pub mod reconcile;
pub mod routes;
pub mod server;
pub mod shutdown;
pub mod standby;
pub mod telemetry;
pub mod ui;
pub mod whatsapp;
pub mod wiring;
