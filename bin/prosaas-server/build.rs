//! Writes the list of the console's files that are embedded into the server.
//!
//! They are what `npm run build` left in `web/dist`. Without it the list is empty, and the server says how
//! to get the console: a plain `cargo build` needs no Node.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
        files.sort();
    }
    let mut list = String::from("&[\n");
    for file in &files {
        entry(&mut list, &dist, file)?;
    }
    list.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("console.rs"), list)?;
    Ok(())
}

/// Every file that a browser may ask for: not the packed doubles, not what is hidden.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !name.starts_with('.') && !name.ends_with(".gz") && !name.ends_with(".br") {
            files.push(path);
        }
    }
    Ok(())
}

/// One `File { .. }` of the list.
fn entry(list: &mut String, dist: &Path, file: &Path) -> Result<()> {
    let path = file
        .strip_prefix(dist)?
        .to_str()
        .ok_or("a name is not UTF-8")?;
    let absolute = fs::canonicalize(file)?;
    let mut hasher = DefaultHasher::new();
    fs::read(file)?.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let brotli = packed(&absolute, ".br")?;
    let gzip = packed(&absolute, ".gz")?;
    let absolute = absolute.to_str().ok_or("a path is not UTF-8")?;
    writeln!(
        list,
        "File {{ path: {path:?}, tag: {tag:?}, body: include_bytes!({absolute:?}), brotli: {brotli}, gzip: {gzip} }},"
    )?;
    Ok(())
}

/// The packed double of a file with this ending, as the list says it.
fn packed(file: &Path, ending: &str) -> Result<String> {
    let mut packed = file.as_os_str().to_owned();
    packed.push(ending);
    if !Path::new(&packed).is_file() {
        return Ok("None".to_owned());
    }
    let packed = packed.to_str().ok_or("a path is not UTF-8")?;
    Ok(format!("Some(include_bytes!({packed:?}))"))
}
