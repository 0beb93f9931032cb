#![doc = include_str!("../README.md")]

pub mod agent;
pub mod audio_bridge;
pub mod business;
pub mod call;
pub mod error;
pub mod id;
pub mod lead;
pub mod leg;
pub mod memory;
pub mod message;
pub mod money;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod phone;
pub mod quality;
pub mod secret;
pub mod signature;
pub mod tenant_store;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod text_model;
pub mod time;
pub mod tool_host;
pub mod transcriber;
pub mod transcript;
pub mod whatsapp;

pub use agent::{AgentBrief, ToolSpec, ToolTurn};
pub use audio_bridge::{AiCapabilities, AudioBridge, Billing, BridgeHealth};
pub use business::{Business, BusinessSecrets, Language, TransferTarget};
pub use call::{CallDirection, CallEnd, CallOutcome, CallRecord, CallStatus, NewCall};
pub use error::{Error, ErrorClass, Result};
pub use id::{AccountSid, CallId, CallSid, LeadId, RecordingSid, StreamSid, TenantId};
pub use lead::LeadDraft;
pub use leg::{AiCommand, AiError, AiEvent, AiLeg, LegCommand, LegEvent, ReplyEnd, TelephonyLeg};
pub use money::{MicroUsd, Usage};
pub use phone::E164;
pub use quality::{CallQuality, Letters, QualityFigures, QualityReason, Verdict};
pub use secret::{ExposeSecret, SecretString};
pub use signature::{Rejected, SignatureVerifier, SignedRequest, Transport};
pub use tenant_store::{NumberOwner, TenantStore};
pub use text_model::{TextModel, TextReply, TextRequest};
pub use time::{CallTime, Clock, UnixMillis};
pub use tool_host::{AfterTool, CallContext, ToolHost, ToolReply, ToolRequest};
pub use transcriber::{Heard, Speech, Transcriber};
pub use transcript::{Speaker, TranscriptLine};
pub use whatsapp::{FileSink, WhatsAppInbox, WhatsAppTransport};
