//! A moment of a run: what was spent until then.

use std::time::{Duration, Instant};

use super::process::{Cpu, Memory, Tree, machine, own_cpu};

/// A moment.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// When.
    pub at: Option<Instant>,
    /// What had arrived, by direction.
    pub arrived: Vec<u64>,
    /// What the gateway had spent.
    pub gateway: Cpu,
    /// What this process had spent.
    pub own: Cpu,
    /// What all processes of the machine had spent.
    pub machine: Duration,
    /// The gateway's memory.
    pub memory: Memory,
}

impl Mark {
    /// Now.
    pub fn at(now: Instant, gateway: Option<Tree>) -> Self {
        Mark {
            at: Some(now),
            arrived: Vec::new(),
            gateway: gateway.map(Tree::cpu).unwrap_or_default(),
            own: own_cpu(),
            machine: machine().0,
            memory: gateway.map(|gateway| gateway.memory(true)).unwrap_or_default(),
        }
    }

    /// Seconds since an earlier one.
    pub fn seconds_since(&self, earlier: &Mark) -> f64 {
        let (Some(earlier), Some(at)) = (earlier.at, self.at) else { return 0.0 };
        at.saturating_duration_since(earlier).as_secs_f64()
    }

    /// The part of the machine's time since an earlier one that was neither the gateway's nor
    /// ours.
    pub fn others_since(&self, earlier: &Mark) -> f64 {
        let ours =
            self.gateway.since(earlier.gateway).total() + self.own.since(earlier.own).total();
        let spent = self.machine.saturating_sub(earlier.machine).saturating_sub(ours);
        let all = self.seconds_since(earlier) * f64::from(machine().1);
        if all > 0.0 { spent.as_secs_f64() / all } else { 0.0 }
    }
}
