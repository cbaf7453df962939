//! Memory of a process, as the kernel counts it.

/// What a process holds now, in MB.
pub fn resident(pid: u32) -> f64 {
    megabytes(pid, "VmRSS:")
}

/// The most that a process ever held, in MB.
pub fn peak(pid: u32) -> f64 {
    megabytes(pid, "VmHWM:")
}

/// What a process holds, of what it shares its part, in MB.
pub fn proportional(pid: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process runs");
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).expect("memory is counted");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB");
    kib * 1024.0 / 1e6
}

fn megabytes(pid: u32, count: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with(count)).expect("memory is counted");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB");
    kib * 1024.0 / 1e6
}
