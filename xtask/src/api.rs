//! The HTTP API's document: written, compared and validated.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::prerequisites::python;
use crate::process::{capture, cargo, command, root, run as run_child, succeeds, target_dir};

/// Where the document is committed.
const DOCUMENT: &str = "docs/openapi.json";
/// The validator of the OpenAPI initiative's schemas, and the tester that reads the document.
const PACKAGES: [(&str, &str); 2] = [
    ("openapi-spec-validator", "0.9.0"),
    ("schemathesis", "4.32.5"),
];

/// What schemathesis looks at. Left out is what no honest API passes: that every request of the right form
/// is accepted (ids must exist, cursors be ours), and that a token given for all requests is sometimes wrong.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance";

/// `cargo xtask openapi`: writes the document as the code has it.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(DOCUMENT), printed()?).with_context(|| format!("writing {DOCUMENT}"))?;
    println!("   written: {DOCUMENT}");
    Ok(())
}

/// Fails when the committed document is not what the code says, or is no OpenAPI.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read_to_string(root().join(DOCUMENT)).unwrap_or_default();
    if committed != printed()? {
        bail!("{DOCUMENT} is stale: run `cargo xtask openapi` and commit it");
    }
    run_child(
        command(environment()?)
            .args(["-m", "openapi_spec_validator"])
            .arg(DOCUMENT),
    )
}

/// Has schemathesis ask the API for so many seconds: no answer of 500 and above, none that the document
/// does not know.
pub(crate) fn explore(seconds: u32) -> Result<()> {
    let python = environment()?;
    run_child(
        cargo()
            .args(["build", "--quiet", "--locked", "--all-features"])
            .args(["--package", "prosaas-crm", "--example", "embedded"]),
    )?;
    let folder = target_dir().join("api").join("run");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let server = Server::start(&folder)?;
    run_child(
        command(python.with_file_name("st"))
            .current_dir(&folder)
            .arg("run")
            .arg(format!("{}/api/openapi.json", server.origin))
            // What the example's login asks for.
            .args(["--header", "Authorization: Bearer let-me-in"])
            .args(["--max-time", &seconds.to_string(), "--no-color"])
            .args(["--generation-database", "none", "--checks", CHECKS])
            // A stream without an end: its own tests read it.
            .args(["--exclude-path", "/api/events"]),
    )
}

/// The example server; ends with this value.
struct Server {
    child: Child,
    origin: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self> {
        let program = target_dir().join("debug").join("examples").join("embedded");
        let mut child = command(program)
            .arg(folder.join("crm.db"))
            .stdout(Stdio::piped())
            .spawn()
            .context("the example server did not start")?;
        let mut origin = String::new();
        let out = child.stdout.take().context("it has no output")?;
        BufReader::new(out).read_line(&mut origin)?;
        let origin = origin.trim().to_owned();
        if origin.is_empty() {
            bail!("the example server said nothing");
        }
        Ok(Self { child, origin })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn printed() -> Result<String> {
    capture(cargo().args(["run", "--quiet", "--locked"]).args([
        "--package",
        "prosaas-server",
        "--bin",
        "prosaas",
        "--",
        "openapi",
    ]))
}

/// The virtual environment's Python, with the packages installed.
pub(crate) fn environment() -> Result<PathBuf> {
    let folder = target_dir().join("api").join("venv");
    let inside = folder.join("bin/python");
    let pins = PACKAGES.map(|(name, version)| format!("{name}=={version}"));
    let checks = PACKAGES.map(|(name, version)| format!("version('{name}') == '{version}'"));
    let check = format!(
        "from importlib.metadata import version\nimport sys\nsys.exit(not ({}))",
        checks.join(" and ")
    );
    if succeeds(command(&inside).args(["-c", &check])) {
        return Ok(inside);
    }
    let python = python().context("no Python 3 that can make virtual environments")?;
    run_child(command(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    run_child(
        command(&inside)
            .args(["-m", "pip", "install", "--quiet"])
            .args(&pins),
    )?;
    Ok(inside)
}
