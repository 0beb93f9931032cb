#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(all(
        any(feature = "sqlite", feature = "postgres"),
        feature = "axum",
        feature = "mail",
        feature = "passkeys",
        feature = "testkit",
        feature = "webhooks"
    )),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what one feature offers another one uses; with all of them on nothing is left over"
    )
)]

pub mod agent;
#[cfg(all(feature = "axum", any(feature = "sqlite", feature = "postgres")))]
pub mod api;
pub mod auth;
pub mod files;
#[cfg(feature = "axum")]
pub mod live;
pub mod mail;
pub mod model;
pub mod payment;
#[cfg(feature = "push")]
pub mod push;
pub mod rules;
pub mod search;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod shelf;
pub mod store;
#[cfg(feature = "axum")]
pub mod talk;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod webhook;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod whatsapp;

pub use model::business::default_business;
pub use model::call::{
    AfterStream, MissedCall, Recording, RecordingState, RecordingUpdate, StatusUpdate, StoredCall,
};
pub use model::job::{ClaimedJob, JobCounts, JobFate, JobId, JobWork, RetryPolicy};
pub use model::lead::{Lead, LeadSource};
pub use model::page::Page;
pub use model::token::StreamGrant;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use store::{BackupSummary, CrmStore, Isolation, PoolerMode, StoreOptions};
pub use store::{
    BusinessAdmin, CallReconciler, CallStore, HostStore, Jobs, LeadStore, ListedBusiness,
    PhoneStore, Store, StreamTokens,
};
#[cfg(all(feature = "auth", any(feature = "sqlite", feature = "postgres")))]
pub use store::{ErasureKey, TombstoneKeeper};
