//! A real n8n with the workflows of `deploy/n8n`: it takes our signed events and no others, and makes a lead.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::calls::{counted, leads};
use super::console::Connected;
use super::site::Site;
use crate::process::{capture, run};

/// The credential's id in n8n, which the workflows name by "ProSaaS".
const CREDENTIAL: &str = "prosaasapikey001";

/// How many events of new leads n8n has taken.
const TAKEN: &str = "select count(*) from webhook_deliveries \
                     where kind = 'lead.created' and state = 'delivered' and last_status = 204";

/// Imports the workflows, and has both directions work.
pub(super) fn connected(site: &Site) -> Result<()> {
    let console = &Connected::read(site)?;
    site.set("N8N_WEBHOOK_SECRET", &console.secret)?;
    run(&mut site.compose(&["up", "--detach", "--no-deps", "--wait", "n8n"]))?;
    let credential = json!([{
        "id": CREDENTIAL, "name": "ProSaaS", "type": "httpBearerAuth", "data": { "token": console.key },
    }]);
    import(site, "credentials", &credential)?;
    for (file, id) in [
        ("receive-events", "receiveevents001"),
        ("create-lead", "createlead000001"),
    ] {
        import(site, "workflow", &workflow(site, file, id)?)?;
        run(&mut site.compose(&[
            "exec",
            "-T",
            "n8n",
            "n8n",
            "publish:workflow",
            &format!("--id={id}"),
        ]))?;
    }
    run(&mut site.compose(&["restart", "--timeout", "40", "n8n"]))?;
    run(&mut site.compose(&["up", "--detach", "--no-deps", "--wait", "n8n"]))?;

    let before = leads(site)?;
    super::until("a form of n8n becomes a lead", || {
        form(site)?;
        Ok((leads(site)? > before).then_some(()))
    })?;
    println!("   n8n's HTTP node made a lead");
    let unsigned = posted(site, "http://n8n:5678/webhook/prosaas")?;
    ensure!(
        unsigned == "401",
        "n8n answers an event without a signature {unsigned}"
    );
    super::until("n8n takes the event of that lead", || {
        Ok((counted(site, TAKEN)? > 0).then_some(()))
    })?;
    println!("   n8n took our signed event with 204, and refused one without a signature with 401");
    Ok(())
}

fn workflow(site: &Site, file: &str, id: &str) -> Result<Value> {
    let path = site
        .folder
        .join("deploy/n8n")
        .join(file)
        .with_extension("json");
    let mut workflow: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    workflow["id"] = json!(id);
    let nodes = workflow["nodes"]
        .as_array_mut()
        .context("a workflow has nodes")?;
    for node in nodes {
        if let Some(credential) = node.pointer_mut("/credentials/httpBearerAuth") {
            credential["id"] = json!(CREDENTIAL);
        }
    }
    Ok(workflow)
}

fn import(site: &Site, what: &str, content: &Value) -> Result<()> {
    let line = format!("cat >/tmp/import.json && n8n import:{what} --input=/tmp/import.json");
    let mut import = site.compose(&["exec", "-T", "n8n", "sh", "-c", &line]);
    let mut child = import.stdin(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("its input is a pipe")?;
    input.write_all(content.to_string().as_bytes())?;
    drop(input);
    ensure!(child.wait()?.success(), "n8n does not import the {what}");
    Ok(())
}

/// Somebody fills in the form of the workflow.
fn form(site: &Site) -> Result<()> {
    let path = site.folder.join("deploy/n8n/create-lead.json");
    let workflow: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let form = workflow["nodes"][0]["webhookId"]
        .as_str()
        .context("the form's id")?;
    let fill = "const f = new FormData(); f.append('field-0', 'Noa'); f.append('field-1', '+972501234567'); \
                f.append('field-2', 'A leaking boiler'); \
                fetch(process.argv[1], { method: 'POST', body: f }).then((r) => console.log(r.status))";
    let url = format!("http://n8n:5678/form/{form}");
    let status =
        capture(&mut site.compose(&["exec", "-T", "baileys", "node", "-e", fill, "--", &url]))?;
    println!("   the form of n8n: {}", status.trim());
    Ok(())
}

/// The status of a POST without a body, asked from the sidecar's container, which has a client.
fn posted(site: &Site, url: &str) -> Result<String> {
    let ask = "fetch(process.argv[1], { method: 'POST' }).then((r) => console.log(r.status))";
    let mut post = site.compose(&["exec", "-T", "baileys", "node", "-e", ask, "--", url]);
    Ok(capture(&mut post)?.trim().to_owned())
}
