//! The `prosaas` binary.

#![recursion_limit = "256"]

use std::process::ExitCode;

use clap::Parser as _;
use prosaas_server::commands::{Cli, run};

/// It gives memory back after a burst, which glibc's does not: `docs/decisions/0013-the-servers-allocator.md`. How it is
/// set up is said where it is built, in `.cargo/config.toml`.
#[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Before anything can open a TLS connection: the libraries are built without a provider of their own.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider was installed before");
    }
    // An unknown option is answered here, with exit code 2.
    let cli = Cli::parse();
    run(cli)
}
