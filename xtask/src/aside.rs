//! Steps in a process of their own, beside those of this one.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result};

use crate::process::{BUILT_BEFORE, command, succeeds, target_dir, was_built};

/// A process that runs steps; dropping it ends it, with all that it started.
pub(crate) struct Aside {
    pub(crate) names: Vec<&'static str>,
    child: Child,
    /// What it prints: shown in one piece when it has ended.
    log: PathBuf,
}

/// What became of them.
pub(crate) struct Ended {
    /// Those that ended well, each with the time it took as it is shown.
    pub(crate) took: Vec<(&'static str, String)>,
    /// The one that did not.
    pub(crate) failed: Option<String>,
}

/// This program once more, for these steps alone, behind everything else that wants a processor.
///
/// By the link to the running program: a build of the workspace may have put another file in its place.
pub(crate) fn ourselves(names: &[&'static str]) -> Command {
    let mut ourselves = command("nice");
    ourselves
        .args(["-n", "19"])
        .arg(format!("/proc/{}/exe", std::process::id()))
        .arg("test");
    for name in names {
        ourselves.args(["--only", name]);
    }
    if was_built() {
        ourselves.env(BUILT_BEFORE, "1");
    }
    ourselves
}

impl Aside {
    /// Starts `command`, which runs the steps of these names.
    pub(crate) fn start(names: Vec<&'static str>, mut command: Command) -> Result<Self> {
        let folder = target_dir().join("tmp");
        fs::create_dir_all(&folder)?;
        let log = folder.join(format!("aside-{}.log", names.join("-").replace(' ', "-")));
        let output = File::create(&log)?;
        let child = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("the steps aside did not start")?;
        Ok(Self { names, child, log })
    }

    /// Whether it has ended, well or not.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the end and shows what was printed.
    pub(crate) fn finish(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        let said = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        println!("{said}");
        let time = |name| {
            let ok = format!("{name}: ok in ");
            let mut lines = said.lines();
            lines.find_map(|line| Some((name, line.trim().strip_prefix(&ok)?.to_owned())))
        };
        let took: Vec<_> = self.names.iter().copied().filter_map(time).collect();
        let is_missing = |name: &&&str| !took.iter().any(|(known, _)| *known == **name);
        let missing = self.names.iter().find(is_missing);
        let failed = match missing {
            Some(name) => Some((*name).to_owned()),
            None if status.success() => None,
            None => Some(self.names.join(", ")),
        };
        Ok(Ended { took, failed })
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_over() {
            let group = format!("-{}", self.child.id());
            succeeds(command("kill").args(["-TERM", "--", &group]));
            // Nothing more can be done about a process that does not end.
            drop(self.child.wait());
        }
    }
}
