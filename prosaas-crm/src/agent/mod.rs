//! What the agent is offered and what it asks for, whichever way people reach it: the tools as a model is told
//! about them, its words read into values, and the times it writes.
//!
//! Nothing here knows a model or a phone: texts in, values out. Which business and which person a tool acts
//! for is never among them.

mod asked;
pub mod specs;
pub mod when;

pub use asked::{
    Asked, Booking, MessageForBusiness, TaskRequest, WhatsAppForCaller, WhatsAppKind, read,
};
