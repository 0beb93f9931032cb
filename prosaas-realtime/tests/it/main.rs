//! Integration tests, one binary.

mod audio;
mod journal;
mod scripts;
mod shell;
mod simulation;
