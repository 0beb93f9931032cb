//! Implementations that live in memory, for tests and examples.
