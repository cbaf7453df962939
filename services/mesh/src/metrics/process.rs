//! What the operating system knows of the process, read when somebody asks. Elsewhere than on Linux only its start is known.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{TypedMetric, counter::ConstCounter, gauge::ConstGauge},
};

// Linux shows times of processes in hundredths of a second, whatever its own clock does.
const TICKS: f64 = 100.0;

/// The metrics `process_*`.
#[derive(Debug)]
pub(super) struct Process {
    started: Duration,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut show = |name: &str, help: &str, metric: &dyn Shown| metric.show(&mut encoder, name, help);
        show(
            "process_start_time_seconds",
            "When the process began to count, since the Unix epoch",
            &ConstGauge::new(self.started.as_secs_f64()),
        )?;
        if let Some(bytes) = resident_bytes() {
            show("process_resident_memory_bytes", "Memory that the process holds", &ConstGauge::new(bytes))?;
        }
        if let Some(seconds) = cpu_seconds() {
            show(
                "process_cpu_seconds",
                "Time of processors that the process took",
                &ConstCounter::new(seconds),
            )?;
        }
        if let Some(open) = open_files() {
            show("process_open_fds", "File descriptors that the process holds", &ConstGauge::new(open))?;
        }
        if let Some(most) = most_files() {
            show("process_max_fds", "File descriptors that the process may hold", &ConstGauge::new(most))?;
        }
        Ok(())
    }
}

trait Shown {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric + TypedMetric> Shown for M {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, M::TYPE)?)
    }
}

// VmRSS:	   12345 kB
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok().map(|kib| kib * 1024)
}

// The name stands in parentheses and may hold anything; user and system time are the 12th and 13th field behind it.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS)
}

fn open_files() -> Option<i64> {
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

// Max open files            1024                 524288               files
fn most_files() -> Option<i64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_it() {
        assert!(resident_bytes().expect("memory") > 1 << 20);
        assert!(cpu_seconds().expect("time") >= 0.0);
        assert!(open_files().expect("files") >= 3);
        assert!(most_files().expect("a limit") >= open_files().expect("files"));
    }
}
