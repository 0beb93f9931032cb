//! The steps that are one or a few cargo commands.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::panics::run_tests;
use crate::postgres::Postgres;
use crate::process::{self, cargo, command, in_ci, memory, program, run, succeeds, target_dir};
use crate::sidecar;
use crate::workspace::{everything, libraries, metadata, packages};

/// The version of cargo-deny that is installed when the machine has none.
const CARGO_DENY: &str = "0.20.2";

/// Formatting, as rustfmt would have it.
pub(crate) fn format() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

/// Every target with every feature; warnings are errors.
pub(crate) fn clippy() -> Result<()> {
    run(cargo()
        .arg("clippy")
        .args(everything()?)
        .args(["--all-targets", "--", "-D", "warnings"]))
}

/// Everything that later steps run.
pub(crate) fn build() -> Result<()> {
    process::build_all()
}

/// Unit and integration tests of the whole workspace, on SQLite, on a throw-away PostgreSQL and behind
/// PgBouncer in transaction mode, and against the local WhatsApp that the step `baileys` built.
pub(crate) fn tests() -> Result<()> {
    let mut postgres = Postgres::start()?;
    let mut tests = cargo();
    tests
        .envs(postgres.variables())
        .env("PROSAAS_TEST_WHATSAPP", sidecar::local_whatsapp())
        .envs(memory().map(|memory| ("TMPDIR", memory)))
        .arg("test")
        .args(everything()?)
        .args(["--lib", "--bins", "--tests", "--examples"]);
    let outcome = run_tests(&mut tests);
    outcome.with_context(|| postgres.health())
}

/// The examples in the documentation, compiled and run; those that must not compile fail with the error
/// that they name.
pub(crate) fn doctests() -> Result<()> {
    run(cargo()
        .env("RUSTDOC", strict_rustdoc()?)
        .arg("test")
        .args(everything()?)
        .arg("--doc"))
}

/// A rustdoc that compares the codes of `compile_fail,E0308`: the stable one takes any error, unless it is
/// told that it is a nightly one. Only rustdoc is told, so nothing is built again.
fn strict_rustdoc() -> Result<PathBuf> {
    let folder = target_dir().join("tmp");
    fs::create_dir_all(&folder)?;
    let rustdoc = folder.join("strict-rustdoc");
    fs::write(
        &rustdoc,
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n",
    )?;
    fs::set_permissions(&rustdoc, fs::Permissions::from_mode(0o755))?;
    let mistaken = folder.join("mistaken_code.rs");
    fs::write(
        &mistaken,
        "//! ```compile_fail,E0308\n//! let _ = undefined;\n//! ```\n",
    )?;
    if succeeds(command(&rustdoc).arg("--test").arg(&mistaken)) {
        bail!("rustdoc does not compare the codes of examples that must not compile any more");
    }
    Ok(rustdoc)
}

/// Each library crate with no features, and with each feature alone; with all of them every run lints it anyway.
///
/// Clippy rather than check, since its `-D warnings` reaches our crates only: the same compiled
/// dependencies serve every combination. Its own lints have seen all of the code in the step `clippy`; what a
/// combination can break (what is missing, unused, unreachable) rustc's say.
pub(crate) fn features() -> Result<()> {
    let mut combinations = 0;
    for (library, features) in libraries()? {
        let alone = features
            .iter()
            .map(|feature| vec!["--features".to_owned(), feature.clone()]);
        for choice in std::iter::once(Vec::new()).chain(alone) {
            run(cargo()
                .args([
                    "clippy",
                    "--quiet",
                    "--locked",
                    "--lib",
                    "--package",
                    &library,
                ])
                .arg("--no-default-features")
                .args(&choice)
                .args(["--", "-D", "warnings"])
                .args(["-A", "clippy::all", "-A", "clippy::pedantic"]))?;
            combinations += 1;
        }
    }
    println!("   {combinations} combinations");
    Ok(())
}

/// The documentation, without warnings (broken links among them).
pub(crate) fn rustdoc() -> Result<()> {
    run(cargo()
        .arg("doc")
        .args(everything()?)
        .arg("--no-deps")
        .env("RUSTDOCFLAGS", "-D warnings"))
}

/// Banned and doubled crates, licences and sources; security advisories where they can be had.
pub(crate) fn deny() -> Result<()> {
    let tool = cargo_deny()?;
    let check = |what: &[&str]| {
        let mut command = command(&tool);
        command
            .args(["--workspace", "--all-features", "--locked", "check"])
            .args(what);
        command
    };
    run(&mut check(&["bans", "licenses", "sources"]))?;
    // The database of advisories comes from the net, which not every machine reaches.
    if !succeeds(&mut check(&["advisories"])) {
        println!(
            "   warning: advisories were not checked, or some apply: `cargo deny check advisories`"
        );
    }
    Ok(())
}

/// Packs every library crate as for publishing, and builds each from its package, in a place of its own: what was
/// built from an earlier package counts as fresh, for cargo takes a package's version as its whole identity.
pub(crate) fn package() -> Result<()> {
    let place = target_dir().join("packages");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    let mut command = cargo();
    command.args(["package", "--locked", "--target-dir"]);
    command.arg(&place);
    // A package knows nothing of the workspace's profiles.
    command.env("CARGO_PROFILE_DEV_DEBUG", "false");
    for (library, _) in libraries()? {
        forget_unpacked(&library)?;
        command.args(["--package", &library]);
    }
    if !in_ci() {
        // A developer runs this before committing.
        command.arg("--allow-dirty");
    }
    run(&mut command)?;
    fs::remove_dir_all(&place).context("the packages cannot be removed")
}

/// Takes away what an earlier `cargo package` unpacked of `library`. Cargo keeps those sources by version and path of
/// the workspace and does not look whether the package changed since (seen with cargo 1.95): the crates that stand
/// on this one would be built against an older state of it.
fn forget_unpacked(library: &str) -> Result<()> {
    let unpacked = cargo_home()?.join("registry").join("src");
    for registry in children(&unpacked)? {
        for source in children(&registry)? {
            let name = source.file_name().unwrap_or_default().to_string_lossy();
            let version = name
                .strip_prefix(library)
                .and_then(|rest| rest.strip_prefix('-'));
            if version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
                fs::remove_dir_all(&source)
                    .with_context(|| format!("{} cannot be removed", source.display()))?;
            }
        }
    }
    Ok(())
}

/// What lies in `folder`; nothing when there is no such folder.
fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

/// Where cargo keeps what it downloads and unpacks.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo's own variable, not configuration of ours"
)]
fn cargo_home() -> Result<PathBuf> {
    if let Ok(home) = std::env::var("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::home_dir().context("this user has no home directory")?;
    Ok(home.join(".cargo"))
}

/// Runs every example; each asserts what it shows and ends by itself. (Those that are tests ran there.)
pub(crate) fn examples() -> Result<()> {
    let metadata = metadata()?;
    let examples = packages(&metadata)
        .find(|package| package["name"] == "prosaas-examples")
        .context("the workspace has no package `prosaas-examples`")?;
    let names: Vec<&str> = examples["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|target| target["kind"][0] == "bin")
        .filter_map(|target| target["name"].as_str())
        .filter(|name| *name != crate::oracle::JUDGE)
        .collect();
    if names.is_empty() {
        bail!("`prosaas-examples` has no programs");
    }
    for name in names {
        run(&mut program(name)?)?;
    }
    Ok(())
}

/// The machine's cargo-deny, else our own under the target folder, built when it is missing.
fn cargo_deny() -> Result<PathBuf> {
    if succeeds(Command::new("cargo-deny").arg("--version")) {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let tools = target_dir().join("tools");
    let binary = tools.join("bin/cargo-deny");
    if !succeeds(Command::new(&binary).arg("--version")) {
        // The development profile: one minute to build instead of five, and it runs for seconds.
        run(cargo()
            .args(["install", "cargo-deny", "--version", CARGO_DENY, "--locked"])
            .args(["--profile", "dev", "--root"])
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_TARGET_DIR", tools.join("build")))?;
    }
    Ok(binary)
}
