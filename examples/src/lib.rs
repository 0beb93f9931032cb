//! Small programs, one question each:
//!
//! - `embed_bridge`: how do I put the voice bridge into my own axum application, with my own tenants?
//! - `verify_signature`: how do I verify a Twilio signature with nothing else of ProSaaS?
//! - `tests/three_minute_call.rs`: how do I test against a whole call without waiting for it?
//! - `signature_oracle`: reads what Twilio's own package says of random requests and compares (used by CI).
