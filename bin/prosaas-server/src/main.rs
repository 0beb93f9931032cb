//! The `prosaas` binary.

#![recursion_limit = "256"]

use std::process::ExitCode;

use clap::Parser as _;
use prosaas_server::commands::{Cli, run};

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
