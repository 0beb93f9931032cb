//! The machine a run was made on, and how much of it others used meanwhile.

use std::{fmt, fs, process::Command};

/// What a reader needs to judge figures.
#[derive(Debug, Clone)]
pub struct Environment {
    /// CPU model name.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// `rustc --version`.
    pub rustc: String,
    /// Short commit id, with `+` when the tree had changes.
    pub commit: String,
}

impl Environment {
    /// Looks around; whatever cannot be found out is `unknown`.
    pub fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        let changed = output("git", &["status", "--porcelain", "--untracked-files=no"])
            .is_some_and(|changes| !changes.is_empty());
        let commit = output("git", &["rev-parse", "--short", "HEAD"])
            .map(|id| if changed { format!("{id}+") } else { id });
        Self {
            cpu: cpu.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.map_or_else(unknown, |text| text.trim().to_owned()),
            rustc: output("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit.unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            cores,
            kernel,
            rustc,
            commit,
        } = self;
        write!(
            f,
            "{cpu}, {cores} core(s), Linux {kernel}, {rustc}, commit {commit}"
        )
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Milliseconds in which some core was busy since boot, over all cores and processes, including
/// time stolen by the hypervisor. With the known processes' shares taken off, the difference of
/// two readings tells whether a run was disturbed.
pub fn busy_ms() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "))
    else {
        return 0;
    };
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .flat_map(str::parse)
        .take(8)
        .collect();
    // user nice system idle iowait irq softirq steal
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    (ticks.iter().sum::<u64>() - idle) * 10
}
