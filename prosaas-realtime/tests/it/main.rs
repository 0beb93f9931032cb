//! Integration tests, one binary.

mod audio;
