//! Child processes: always from the repository's root, never through a shell.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::workspace::everything;

/// Linux's file system in memory, open to all users.
const MEMORY: &str = "/dev/shm";
/// What the tests' files take at most, with room to spare.
const MEMORY_NEEDED_GB: u64 = 6;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where this workspace builds, and where throw-away files of the steps go.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo's own variable, not configuration of ours"
)]
pub(crate) fn target_dir() -> PathBuf {
    std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from)
}

/// Whether continuous integration runs us: then the tree must be clean and nobody reads along.
#[expect(clippy::disallowed_methods, reason = "the one variable every CI sets")]
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// A command that starts in the repository's root and reads no input.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs us. What it told about this package is taken away: `ring`'s build script looks at those
/// variables, and with them a build by `cargo xtask` and one by `cargo` would take turns at compiling `ring` and
/// all that stands on it.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(option_env!("CARGO").unwrap_or("cargo"));
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds a program of this workspace and returns it, ready for arguments.
pub(crate) fn program(name: &str) -> Result<Command> {
    build(name)?;
    Ok(command(target_dir().join("debug").join(name)))
}

/// Builds a program of this workspace. With the features of the whole workspace: what the tests compiled serves
/// again, and a package built alone would compile most of its dependencies a second time.
///
/// What tests depend on has features of its own, so a program built beside tests is another one than a program
/// built alone. Continuous integration has built the tests already and takes theirs; a developer who wants one
/// program does not wait for all of them.
pub(crate) fn build(name: &str) -> Result<()> {
    if was_built() {
        return Ok(());
    }
    if in_ci() {
        return build_all();
    }
    run(workspace_build()?.args(["--bin", name]))
}

/// Builds the workspace with its tests.
pub(crate) fn build_all() -> Result<()> {
    run(workspace_build()?.args(["--lib", "--bins", "--tests", "--examples"]))?;
    BUILT.get_or_init(|| ());
    Ok(())
}

/// Tells a process that runs some of our steps that all was built before.
pub(crate) const BUILT_BEFORE: &str = "PROSAAS_XTASK_BUILT";

/// Set once this process has built everything.
static BUILT: OnceLock<()> = OnceLock::new();

/// Whether this run has built everything. To ask cargo would mean to wait until what compiles beside us lets go of the
/// target folder.
pub(crate) fn was_built() -> bool {
    BUILT.get().is_some() || std::env::var_os(BUILT_BEFORE).is_some()
}

fn workspace_build() -> Result<Command> {
    let mut build = cargo();
    build.arg("build").args(everything()?);
    Ok(build)
}

/// Runs `command` with its output shown; a failure names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("  $ {}", printed(command));
    let status = command
        .status()
        .with_context(|| format!("`{}` did not start", printed(command)))?;
    if !status.success() {
        bail!("`{}` failed with {status}", printed(command));
    }
    Ok(())
}

/// [`run`], with each line of the output also given to `watch`.
pub(crate) fn run_watched(command: &mut Command, mut watch: impl FnMut(&str)) -> Result<()> {
    let name = printed(command);
    println!("  $ {name}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{name}` did not start"))?;
    let output = child.stdout.take().context("its output is a pipe")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        watch(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{name}` failed with {status}");
    }
    Ok(())
}

/// Runs `command` and returns what it printed; a failure carries its error output.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("`{}` did not start", printed(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed with {}: {}",
            printed(command),
            output.status,
            said.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` did not print UTF-8", printed(command)))
}

/// Whether `command` starts and exits with success; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Where files live in memory, when there is room for those of the tests. Each database of a test is some thousand files,
/// and a disk's file system takes longer to make them than the tests take to run.
pub(crate) fn memory() -> Option<&'static Path> {
    let place = Path::new(MEMORY);
    let free = capture(
        command("df")
            .args(["--output=avail", "--block-size=1G"])
            .arg(place),
    );
    let gigabytes: u64 = free.ok()?.lines().last()?.trim().parse().ok()?;
    (gigabytes >= MEMORY_NEEDED_GB).then_some(place)
}

/// Whether we may install packages and become other users.
pub(crate) fn is_root() -> bool {
    capture(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The command as somebody would type it, with paths of the repository made relative.
fn printed(command: &Command) -> String {
    let root = format!("{}/", root().display());
    let program = Path::new(command.get_program());
    let name = if program.ends_with("cargo") {
        OsStr::new("cargo")
    } else {
        program.as_os_str()
    };
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().replace(&root, ""))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named() {
        let error = run(command("false").arg("--loudly"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`false --loudly` failed"), "{error}");
        let error = capture(&mut command("no-such-program-anywhere"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not start"), "{error}");
    }

    #[test]
    fn captured_output_is_returned() {
        assert_eq!(capture(command("echo").arg("hello")).unwrap(), "hello\n");
        assert!(succeeds(&mut command("true")));
        assert!(!succeeds(&mut command("false")));
    }
}
