//! prosaas-twilio
