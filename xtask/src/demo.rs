//! `cargo xtask demo`, and the demo calls that continuous integration places.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::process::{command, target_dir};
use crate::{sidecar, speech, web};

/// Faults as `prosaas demo --fault` takes them: a call survives each. The others are those of the fault bench,
/// which judges many calls of each.
const FAULTS: [&str; 5] = ["garbage", "slow", "noisy", "carrier-drop", "bad-line"];

/// The longest one of these calls may take: the clips are shorter than half a minute.
const CALL_LIMIT_S: &str = "120";

/// Builds the server and becomes `prosaas demo`.
///
/// In the development profile: it builds in half the time, and a demo is one call.
pub(crate) fn run(args: &[String]) -> Result<()> {
    web::build_if_possible()?;
    build()?;
    let mut demo = Command::new(binary());
    demo.arg("demo").args(args);
    if let Some(folder) = sidecar::build_for_demo()? {
        demo.arg("--whatsapp").arg(folder);
    }
    let error = demo.exec();
    Err(anyhow!(error)).with_context(|| format!("{} did not start", binary().display()))
}

/// Builds the server as the demo runs it.
pub(crate) fn build() -> Result<()> {
    crate::process::build("prosaas")
}

/// Places one call with the clip of this repository, and has the caller write by WhatsApp where there is Node.
pub(crate) fn smoke_default() -> Result<()> {
    build()?;
    let Some(folder) = sidecar::build_for_demo()? else {
        return place_call("default", &[]);
    };
    let folder = folder.to_str();
    let folder = folder.context("the sidecar's folder is not UTF-8")?;
    place_call("default", &["--whatsapp", folder])
}

/// Places one call with a person's recorded voice.
pub(crate) fn smoke_human() -> Result<()> {
    let clip = speech::prepare()?;
    let clip = clip
        .to_str()
        .context("the target folder's path is not UTF-8")?;
    place_call("human", &["--caller", clip])
}

/// Places one call under each of these faults, all at once since they wait most of their time: every one must still
/// leave a lead.
pub(crate) fn smoke_faults() -> Result<()> {
    thread::scope(|scope| {
        let calls = FAULTS.map(|fault| {
            let call = scope.spawn(move || place_call(fault, &["--fault", fault]));
            (fault, call)
        });
        calls.into_iter().try_for_each(|(fault, call)| {
            let outcome = call
                .join()
                .unwrap_or_else(|_| bail!("what placed the call panicked"));
            outcome.with_context(|| format!("fault `{fault}`"))
        })
    })
}

/// Runs `prosaas demo --once`, which exits 0 only when the call's lead is stored.
fn place_call(name: &str, args: &[&str]) -> Result<()> {
    let data = target_dir().join("demo-smoke").join(name);
    if data.exists() {
        std::fs::remove_dir_all(&data).context("an earlier run's data could not be removed")?;
    }
    std::fs::create_dir_all(&data)?;
    // A call that does not end is a failure with a name, not a run that hangs.
    let mut demo = command("timeout");
    demo.args(["--kill-after=10", CALL_LIMIT_S])
        .arg(binary())
        .args(["demo", "--once"])
        .args(args);
    // Nothing of the developer's own settings may reach these calls, least of all a real key.
    for name in [
        "OPENAI_API_KEY",
        "DATABASE_URL",
        "PUBLIC_BASE_URL",
        "PROSAAS_ENV",
        "FLASK_ENV",
    ] {
        demo.env_remove(name);
    }
    let output = demo.env("DATA_DIR", &data).env("PORT", "0").output();
    let output = output.context("the demo did not start")?;
    // In one piece: other calls may go on beside this one.
    let said = [output.stdout, output.stderr].concat();
    println!("{}", String::from_utf8_lossy(&said));
    ensure!(
        output.status.success(),
        "`prosaas demo` failed with {}",
        output.status
    );
    Ok(())
}

pub(crate) fn binary() -> PathBuf {
    target_dir().join("debug/prosaas")
}
