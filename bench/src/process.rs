//! What a process has cost so far, from `/proc`.

use std::{fs, time::Duration};

/// Ticks per second of the times in `/proc`: the kernel's `USER_HZ`, which is 100 on every platform that Rust knows.
const TICKS: u64 = 100;

/// Processor time of one process, all its threads, in and for it.
pub(crate) fn cpu(pid: u32) -> Duration {
    Duration::from_millis(ticks(pid, false) * 1000 / TICKS)
}

/// Processor time of a process, its children, and those that have ended and were waited for.
pub(crate) fn cpu_of_family(pid: u32) -> Duration {
    let children = children(pid).into_iter().map(|child| ticks(child, true)).sum::<u64>();
    Duration::from_millis((ticks(pid, true) + children) * 1000 / TICKS)
}

/// The most memory that a process has had at a time, in MiB.
pub(crate) fn peak_rss_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u32 = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    f64::from(kib) / 1024.0
}

/// From here on the peak is that of what comes.
pub(crate) fn forget_peak_rss(pid: u32) {
    // Where the kernel does not let us, the figure is that of the whole life so far.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The fields of `/proc/PID/stat` behind the name, which may hold anything: the first one is the state.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn ticks(pid: u32, with_ended_children: bool) -> u64 {
    // utime, stime, and of children that were waited for: cutime, cstime.
    let fields = if with_ended_children { 11..15 } else { 11..13 };
    let stat = stat(pid).unwrap_or_default();
    stat.get(fields).unwrap_or_default().iter().filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| stat(*child).is_some_and(|stat| stat.get(1).is_some_and(|parent| *parent == pid.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_has_cost_something() {
        let me = std::process::id();
        let mut sum = 0_u64;
        while cpu(me) < Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_of_family(me) >= cpu(me));
        assert!(peak_rss_mib(me) > 0.5);
    }
}
