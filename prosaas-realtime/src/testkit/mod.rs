//! Peers to test against: a fake model that speaks the vendor's real wire on loopback.

pub mod model;
