//! How much memory this process may have: the limits of the control groups it is in, or else what the machine has. Linux
//! only; elsewhere nobody says.

/// In bytes.
pub(super) fn of_this_process() -> Option<u64> {
    of(|path| std::fs::read_to_string(path).ok())
}

fn of(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    // `hierarchy:controllers:path`; version 2 has no controllers there.
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        let read = &read;
        // The limits of the groups around it hold too. In a container the path may be that outside, and the root is ours.
        ancestors(path).filter_map(|path| read(&format!("{root}{path}/{file}"))?.trim().parse::<u64>().ok()).collect()
    });
    let machine = read("/proc/meminfo").and_then(|text| {
        let kib =
            text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse::<u64>();
        Some(kib.ok()? * 1024)
    });
    // Version 1 says that there is no limit with a number larger than any machine.
    limits.chain(machine).min()
}

/// `/a/b`, `/a` and the root, which is empty here.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(path.trim_end_matches('/'));
    std::iter::from_fn(move || {
        let path = next?;
        next = path.rfind('/').map(|end| &path[..end]);
        Some(path)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const MACHINE: (&str, &str) = ("/proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\n");

    fn with(files: &[(&str, &str)]) -> Option<u64> {
        let files: HashMap<&str, &str> = files.iter().copied().collect();
        of(|path| files.get(path).map(|text| (*text).to_owned()))
    }

    #[test]
    fn the_least_limit_holds_and_the_machine_is_the_last_word() {
        let v2 = ("/proc/self/cgroup", "0::/a/b\n");
        let v1 = ("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/a\n0::/\n");
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[MACHINE]), Some(2048 * 1024));
        assert_eq!(with(&[MACHINE, v2]), Some(2048 * 1024));
        assert_eq!(with(&[MACHINE, v2, ("/sys/fs/cgroup/a/b/memory.max", "max\n")]), Some(2048 * 1024));
        assert_eq!(
            with(&[
                MACHINE,
                v2,
                ("/sys/fs/cgroup/a/b/memory.max", "9000\n"),
                ("/sys/fs/cgroup/a/memory.max", "8000\n")
            ]),
            Some(8000),
        );
        assert_eq!(with(&[MACHINE, v2, ("/sys/fs/cgroup/memory.max", "7000\n")]), Some(7000), "in a container");
        assert_eq!(with(&[MACHINE, v1, ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "6000\n")]), Some(6000));
        let unlimited = ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(with(&[MACHINE, v1, unlimited]), Some(2048 * 1024));
    }
}
