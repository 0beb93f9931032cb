//! prosaas-realtime
