//! A process and all its descendants: time on the processor and memory, from /proc.

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

/// Time on the processor since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub kernel: Duration,
}

impl Cpu {
    /// Both.
    pub fn total(self) -> Duration {
        self.user + self.kernel
    }

    /// What was spent since `earlier`.
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            user: self.user.saturating_sub(earlier.user),
            kernel: self.kernel.saturating_sub(earlier.kernel),
        }
    }
}

/// Memory, KiB.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Resident, each process for itself: what they share counts several times.
    pub rss: u64,
    /// Resident, what is shared counted once; 0 where the system does not tell.
    pub pss: u64,
}

/// A process with its descendants.
#[derive(Debug, Clone, Copy)]
pub struct Tree(pub u32);

/// Time spent by this process alone.
pub fn own_cpu() -> Cpu {
    stat(std::process::id()).map(|stat| stat.alone).unwrap_or_default()
}

/// Time that the machine's processors spent on anything, and how many there are.
pub fn machine() -> (Duration, u32) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let processors = text.lines().filter(|line| line.starts_with("cpu")).count();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user.
    let ticks: Vec<u64> = fields.take(8).filter_map(|field| field.parse().ok()).collect();
    let busy = ticks.iter().enumerate().filter(|(index, _)| !matches!(index, 3 | 4));
    let busy = busy.map(|(_, ticks)| time(*ticks)).sum();
    (busy, u32::try_from(processors.saturating_sub(1)).unwrap_or(1).max(1))
}

/// A number of clock ticks.
fn time(count: u64) -> Duration {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    let ticks = ticks.and_then(|ticks| u32::try_from(ticks).ok()).unwrap_or(100);
    Duration::from_secs(count) / ticks
}

impl Tree {
    /// Whether its root still runs.
    pub fn runs(self) -> bool {
        stat(self.0).is_some_and(|stat| stat.state != "Z")
    }

    /// Time spent by all that live, and by those that the root has waited for.
    pub fn cpu(self) -> Cpu {
        let members = self.members().into_iter().filter_map(stat);
        members.map(|stat| stat.family).fold(Cpu::default(), |sum, cpu| Cpu {
            user: sum.user + cpu.user,
            kernel: sum.kernel + cpu.kernel,
        })
    }

    /// Resident memory; with `shares` also what of it is shared, which takes longer.
    pub fn memory(self, shares: bool) -> Memory {
        let mut memory = Memory::default();
        for member in self.members() {
            let name = if shares { "smaps_rollup" } else { "status" };
            let text = fs::read_to_string(format!("/proc/{member}/{name}")).unwrap_or_default();
            let value = |label: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(label))?;
                line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
            };
            memory.rss += value(if shares { "Rss:" } else { "VmRSS:" }).unwrap_or(0);
            memory.pss += value("Pss:").unwrap_or(0);
        }
        memory
    }

    /// The size of the store that it has open, octets.
    pub fn store(self) -> Option<u64> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0)).ok()?;
        let files = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let mut stores =
            files.filter(|file| file.extension().is_some_and(|extension| extension == "redb"));
        Some(fs::metadata(stores.next()?).ok()?.len())
    }

    fn members(self) -> Vec<u32> {
        let mut members = vec![self.0];
        let mut next = 0;
        while let Some(member) = members.get(next).copied() {
            next += 1;
            let threads = fs::read_dir(format!("/proc/{member}/task")).into_iter().flatten();
            for thread in threads.flatten() {
                let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                members.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        members
    }
}

struct Stat {
    state: String,
    alone: Cpu,
    /// With the children that it has waited for.
    family: Cpu,
}

/// proc(5), `/proc/PID/stat`: state, utime + cutime, stime + cstime, in clock ticks.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, also blanks and parentheses.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.to_string(),
        alone: Cpu { user: time(number(14)?), kernel: time(number(15)?) },
        family: Cpu {
            user: time(number(14)? + number(16)?),
            kernel: time(number(15)? + number(17)?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_has_memory() {
        let own = Tree(std::process::id());
        assert!(own.runs());
        assert!(own_cpu().total() < Duration::from_secs(600));
        let memory = own.memory(false);
        assert!(memory.rss > 100, "{memory:?}");
        assert!(own.cpu().user + own.cpu().kernel < Duration::from_secs(600));
        assert!(!Tree(u32::MAX).runs());
    }
}
