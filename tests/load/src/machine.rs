//! The machine: what it is, who runs on which core, and what the kernel says of a process.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// The kernel counts CPU time in these (`USER_HZ`, which is 100 on every Linux that we run on).
const TICKS_PER_SECOND: u64 = 100;

/// Open files that a call takes in one process, and what the process takes besides.
const FILES_PER_CALL: u64 = 8;
const FILES_BESIDES: u64 = 512;

/// What the numbers were measured on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gb: u64,
    pub(crate) kernel: String,
}

/// Who runs where.
#[derive(Debug, Clone)]
pub(crate) struct Cores {
    /// The worker's own core; `None` where processes cannot be pinned.
    worker: Option<usize>,
    others: String,
}

/// What a process has used and holds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_kb: u64,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let kb: u64 = field(&memory, "MemTotal")
            .and_then(first_number)
            .unwrap_or(0);
        Self {
            cpu: field(&cpu_info, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            cores: cores(),
            memory_gb: (kb + 512 * 1024) / (1024 * 1024),
            kernel: kernel.trim().to_owned(),
        }
    }

    /// What it is, in words.
    pub(crate) fn in_words(&self) -> String {
        let Self {
            cpu,
            cores,
            memory_gb,
            kernel,
        } = self;
        format!("{cpu}, {cores} cores, {memory_gb} GB, Linux {kernel}")
    }
}

impl Cores {
    /// Gives core `core` to the worker and the others to everybody else, this process included. Call
    /// it before there are threads.
    pub(crate) fn divide(core: usize) -> anyhow::Result<Self> {
        let all = cores();
        anyhow::ensure!(core < all, "there is no core {core} here");
        let others: Vec<String> = (0..all)
            .filter(|other| *other != core)
            .map(|other| other.to_string())
            .collect();
        let others = others.join(",");
        let pid = std::process::id().to_string();
        let pinned = !others.is_empty()
            && std::process::Command::new("taskset")
                .args(["-acp", &others, &pid])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
        Ok(Self {
            worker: pinned.then_some(core),
            others,
        })
    }

    /// How it is divided, in words.
    pub(crate) fn in_words(&self) -> String {
        match self.worker {
            Some(core) => format!(
                "worker alone on core {core}, everything else on {}",
                self.others
            ),
            None => "processes are not pinned (one core, or no taskset)".to_owned(),
        }
    }

    /// How many cores everybody but the worker has.
    pub(crate) fn others(&self) -> usize {
        match self.worker {
            Some(_) => self.others.split(',').count(),
            None => cores(),
        }
    }

    /// The worker's core, where it has one to itself.
    pub(crate) const fn worker(&self) -> Option<usize> {
        self.worker
    }

    /// A command that will run on the worker's core.
    pub(crate) fn for_worker(&self, program: &std::path::Path) -> Command {
        match self.worker {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        }
    }
}

impl Usage {
    /// Of the process with this id.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        let stat = read("stat")?;
        // The name in brackets may hold spaces; the fields after it are numbered from 3.
        let (_, fields) = stat
            .rsplit_once(") ")
            .context("no fields in /proc/…/stat")?;
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        let status = read("status")?;
        Ok(Self {
            cpu: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
            resident_kb: field(&status, "VmRSS").and_then(first_number).unwrap_or(0),
        })
    }
}

/// How busy a core has been since the machine started, whoever kept it busy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Busy(Duration);

impl Busy {
    /// Of this core.
    pub(crate) fn of(core: usize) -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let name = format!("cpu{core}");
        let line = stat
            .lines()
            .find(|line| line.split(' ').next() == Some(&name));
        // user nice system idle iowait irq softirq steal: all but idle and iowait.
        let ticks = line.unwrap_or_default().split(' ').skip(1).take(8);
        let busy = ticks.zip(0..).filter(|(_, field)| !matches!(field, 3 | 4));
        let busy: u64 = busy
            .filter_map(|(ticks, _)| ticks.parse::<u64>().ok())
            .sum();
        Self(Duration::from_millis(busy * 1_000 / TICKS_PER_SECOND))
    }

    /// Since `before`.
    pub(crate) fn since(self, before: Self) -> Duration {
        self.0.saturating_sub(before.0)
    }
}

/// Lets this process and its children open what so many calls need.
pub(crate) fn allow_files(calls: usize) -> anyhow::Result<()> {
    let calls = u64::try_from(calls).unwrap_or(u64::MAX);
    let wanted = calls.saturating_mul(FILES_PER_CALL) + FILES_BESIDES;
    let allowed =
        rlimit::increase_nofile_limit(wanted).context("raising the limit of open files")?;
    anyhow::ensure!(
        allowed >= wanted,
        "{calls} calls need {wanted} open files and {allowed} are allowed: raise the hard limit (ulimit -Hn)"
    );
    Ok(())
}

fn cores() -> usize {
    // Not `available_parallelism`: this process is pinned by the time that it is asked.
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let listed = info.lines().filter(|line| line.starts_with("processor"));
    listed.count().max(1)
}

/// The value of a line `name: value` or `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        (known.trim() == name).then(|| value.trim())
    })
}

fn first_number(value: &str) -> Option<u64> {
    value.split(' ').next()?.parse().ok()
}
