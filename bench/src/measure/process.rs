//! CPU time, memory and context switches of one process, from `/proc`.

use std::{fs, path::PathBuf};

use anyhow::Context as _;

/// Linux reports CPU time to user space in hundredths of a second on every architecture we run on
/// (`USER_HZ`).
const TICK_MS: u64 = 10;

/// A reading of a process's counters; the difference of two is a measurement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// User plus system time since the start, in milliseconds.
    pub cpu_ms: u64,
    /// Resident set (`VmRSS`), in KiB.
    pub rss_kib: u64,
    /// Context switches because a thread waited.
    pub voluntary: u64,
    /// Context switches because a thread was preempted.
    pub involuntary: u64,
    /// Threads now.
    pub threads: u64,
    /// Open file descriptors now.
    pub descriptors: u64,
}

impl Reading {
    /// Reads the counters of `pid`; fails when the process is gone.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let root = PathBuf::from(format!("/proc/{pid}"));
        let read = |name: &str| {
            let path = root.join(name);
            fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}: has the process ended?", path.display()))
        };
        let mut reading = Self {
            cpu_ms: cpu_ticks(&read("stat")?).context("/proc/PID/stat has no CPU times")? * TICK_MS,
            rss_kib: field(&read("status")?, "VmRSS:"),
            descriptors: fs::read_dir(root.join("fd"))?.count() as u64,
            ..Self::default()
        };
        for task in fs::read_dir(root.join("task"))? {
            // A thread may end between the listing and the reading.
            let Ok(status) = fs::read_to_string(task?.path().join("status")) else {
                continue;
            };
            reading.threads += 1;
            reading.voluntary += field(&status, "voluntary_ctxt_switches:");
            reading.involuntary += field(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(reading)
    }
}

/// Fields 14 and 15 of `stat`. The second field is the program's name in parentheses and may
/// contain anything, so counting starts after the last `)`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The first number on the line that starts with `name`, 0 when there is none.
fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_ascii_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "17 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 700 30 0 0 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some(730));
    }

    #[test]
    fn reads_this_process() {
        let reading = Reading::of(std::process::id()).unwrap();
        assert!(reading.rss_kib > 100);
        assert!(reading.threads >= 1);
        assert!(reading.descriptors >= 3);
    }
}
