//! The images: built, small, and of nothing that lies about on the host.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::site::Site;
use crate::process::{capture, command, run};
use crate::steps::spell;

/// What is built here, with the image it stands on.
const IMAGES: [(&str, &str); 3] = [
    ("prosaas-backend", "debian:trixie-slim"),
    ("prosaas-frontend", "nginx:stable-trixie"),
    ("prosaas-baileys", "node:24-trixie-slim"),
];
/// What an image may add to the one that it stands on.
const MOST_ADDED_BYTES: u64 = 60_000_000;
/// Put into `web/dist` of the host; found in an image it says that the image was not built from sources.
const MARKER: &str = "marker-of-the-host.txt";

/// Builds all of them.
pub(super) fn build(site: &Site) -> Result<()> {
    let marker = site.folder.join("web/dist").join(MARKER);
    fs::create_dir_all(site.folder.join("web/dist"))?;
    fs::write(&marker, "This file is of the host.\n")?;
    let began = Instant::now();
    run(&mut site.compose(&["build"]))?;
    fs::remove_file(&marker)?;
    println!("   built in {}", spell(began.elapsed()));
    let tag = site.tag()?;
    for (name, base) in IMAGES {
        look_at(&format!("{name}:{tag}"), base)?;
    }
    Ok(())
}

fn look_at(image: &str, base: &str) -> Result<()> {
    let find = format!("find / -xdev -name {MARKER} -print -quit");
    let mut look = command("docker");
    look.args([
        "run",
        "--rm",
        "--user",
        "0",
        "--entrypoint",
        "sh",
        image,
        "-c",
        &find,
    ]);
    let found = capture(&mut look)?;
    ensure!(
        found.trim().is_empty(),
        "{image} has a file of the host in it: {found}"
    );
    let added = size(image)?.saturating_sub(size(base)?);
    println!("   {image} adds {:.1} MB to {base}", added as f64 / 1e6);
    ensure!(
        added < MOST_ADDED_BYTES,
        "{image} adds {added} bytes, more than {MOST_ADDED_BYTES}"
    );
    Ok(())
}

fn size(image: &str) -> Result<u64> {
    let inspect = ["image", "inspect", "--format", "{{.Size}}", image];
    let bytes = capture(command("docker").args(inspect))?;
    bytes
        .trim()
        .parse()
        .with_context(|| format!("the size of {image}"))
}
