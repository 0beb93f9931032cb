//! Seeds are read from `fuzz/corpus/<target>/`, findings written to `fuzz/artifacts/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::target::{Outcome, Target};

/// The seeds of a target in the order of their names, so that a run is the same everywhere.
pub(crate) fn load(target: &Target) -> Result<Vec<Vec<u8>>> {
    let folder = home().join("corpus").join(target.name);
    let entries =
        fs::read_dir(&folder).with_context(|| format!("reading seeds in {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    ensure!(!paths.is_empty(), "no seeds in {}", folder.display());
    paths
        .iter()
        .map(|path| fs::read(path).with_context(|| format!("reading {}", path.display())))
        .collect()
}

/// Keeps an input that broke something, named by its content.
pub(crate) fn write_artifact(target: &Target, input: &[u8]) -> Result<PathBuf> {
    let folder = home().join("artifacts");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(format!("{}-{}", target.name, Outcome::of(input).hex()));
    fs::write(&path, input).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_every_folder_a_target() {
        let targets = crate::targets::all();
        for target in &targets {
            assert!(!load(target).unwrap().is_empty(), "{}", target.name);
        }
        for entry in fs::read_dir(home().join("corpus")).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(
                targets.iter().any(|target| *target.name == *name),
                "{name:?} has no target"
            );
        }
    }
}
