//! Where and when an evaluation ran: its times are those of this machine under this load.

use std::fs;

use serde::Serialize;

use crate::io::date;

/// A machine and its state as an evaluation begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// What the processor calls itself; the architecture where it is not known.
    pub processor: String,
    /// Processors that the process may use.
    pub processors: usize,
    /// Threads of the parallel parts.
    pub threads: usize,
    /// Operating system.
    pub system: String,
    /// Processes that wanted a processor, on average over the minute before; None where the system does not say.
    pub load: Option<f64>,
    /// When it began, in UTC: "2026-03-01 12:30".
    pub date: String,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':'));
        let load = fs::read_to_string("/proc/loadavg").ok();
        Machine {
            processor: model.map_or_else(|| std::env::consts::ARCH.into(), |(_, name)| name.trim().into()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            system: std::env::consts::OS.into(),
            load: load.and_then(|text| text.split_whitespace().next()?.parse().ok()),
            date: date::utc(date::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_threads() {
        assert!(Machine::here().threads > 0);
    }
}
