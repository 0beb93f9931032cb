//! What a run needs beyond Rust, git and a C compiler: installed as root, named otherwise.

use anyhow::{Result, bail};

use crate::process::{command, is_root, run, succeeds};
use crate::{postgres, sidecar, speech, web};

/// Something the machine must have: how to see that it is there, and the Debian package it is in.
struct Need {
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: [Need; 9] = [
    Need {
        package: "postgresql",
        present: postgres::server_is_installed,
    },
    Need {
        package: "pgbouncer",
        present: postgres::pooler_is_installed,
    },
    Need {
        package: "python3-venv",
        present: || python_can_make_venvs(),
    },
    Need {
        package: "nodejs",
        present: sidecar::node_is_new_enough,
    },
    Need {
        package: "npm",
        present: sidecar::npm_is_installed,
    },
    Need {
        package: speech::VOICE_PACKAGE,
        present: || speech::voice().is_some(),
    },
    Need {
        package: speech::TRANSCRIPT_PACKAGE,
        present: || speech::transcripts().is_some(),
    },
    Need {
        package: web::BROWSER_PACKAGE,
        present: web::browser_is_installed,
    },
    Need {
        package: web::FONT_PACKAGE,
        present: web::font_is_installed,
    },
];

/// Makes sure that everything is there.
pub(crate) fn ensure() -> Result<()> {
    for component in ["fmt", "clippy"] {
        if !succeeds(crate::process::cargo().args([component, "--version"])) {
            bail!("`cargo {component}` is missing: install it beside Rust (rustup component add)");
        }
    }
    let missing: Vec<&str> = NEEDS
        .iter()
        .filter(|need| !(need.present)())
        .map(|need| need.package)
        .collect();
    if missing.is_empty() {
        println!("   everything is there");
        return Ok(());
    }
    if !is_root() {
        bail!(
            "these Debian packages are missing, install them and try again: {}",
            missing.join(" ")
        );
    }
    run(command("apt-get").args(["update", "-qq"]))?;
    run(command("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        // Images that leave out documentation would otherwise drop the transcript of the recordings.
        .args(["-o", "DPkg::Options::=--path-include=/usr/share/doc/*"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    match NEEDS.iter().find(|need| !(need.present)()) {
        Some(need) => bail!("{} was installed and still does not work", need.package),
        None => Ok(()),
    }
}

/// A Python that can make a virtual environment, if there is one.
pub(crate) fn python() -> Option<&'static str> {
    // The distribution's own comes second: the package above belongs to it.
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| succeeds(command(python).args(["-c", "import venv, ensurepip"])))
}

fn python_can_make_venvs() -> bool {
    python().is_some()
}
