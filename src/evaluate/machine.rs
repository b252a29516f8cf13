//! Where and when an evaluation ran: its times are those of this machine under this load.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

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
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Machine {
            processor: model.map_or_else(|| std::env::consts::ARCH.into(), |(_, name)| name.trim().into()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            system: std::env::consts::OS.into(),
            load: load.and_then(|text| text.split_whitespace().next()?.parse().ok()),
            date: date(seconds),
        }
    }
}

/// Seconds since 1970 as date and time of day.
///
/// Reference: Hinnant, chrono-compatible low-level date algorithms, `civil_from_days`.
fn date(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    // Years begin in March, so that the leap day is the last of its year.
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", of_day / 3600, of_day / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_the_date_command_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (1_709_251_199, "2024-02-29 23:59"),
            (1_735_689_540, "2024-12-31 23:59"),
            (4_107_542_400, "2100-03-01 00:00"),
        ] {
            assert_eq!(date(seconds), text);
        }
        assert!(Machine::here().threads > 0);
    }
}
