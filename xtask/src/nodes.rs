//! The nodes for n8n: their types, and their tests against the API's document.

use anyhow::{Context, Result, bail};

use crate::process::{command, root, run};
use crate::sidecar::node_is_new_enough;

/// Installs exactly what the lock file names, checks the types, runs the tests.
pub(crate) fn check() -> Result<()> {
    if !node_is_new_enough() {
        bail!("the nodes for n8n need Node 20 or newer; `node --version` says otherwise");
    }
    npm(&["ci"]).context(
        "the lock file of `integrations/n8n-nodes-prosaas` and its package.json must agree",
    )?;
    npm(&["run", "typecheck"])?;
    npm(&["test"])
}

fn npm(args: &[&str]) -> Result<()> {
    run(command("npm")
        .args(args)
        .current_dir(root().join("integrations/n8n-nodes-prosaas")))
}
