//! File descriptors: a connection takes one, and so does each connection to a store or a service. The soft limit is often
//! 1,024, far below the hard one, which anybody may go up to.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process needs beside its clients' connections: stores, services, the operator's listener, files.
const OTHERS: u64 = 512;

/// [`fit`] for the connections of a gateway's clients. With fewer it says in the log what to do.
#[must_use]
pub fn fit_clients(connections: u32) -> u32 {
    let fitting = fit(connections);
    if fitting < connections {
        let needed = u64::from(connections) + OTHERS;
        tracing::warn!(
            needed,
            "the limit of open files (RLIMIT_NOFILE) is too low for NOVA_MAX_CONNECTIONS={connections}: {fitting} are served at a time. \
             Raise the hard limit (`ulimit -Hn`, LimitNOFILE= in systemd, --ulimit nofile= of a container) to at least {needed}, or set NOVA_MAX_CONNECTIONS to {fitting}"
        );
    }
    fitting
}

/// Raises the limit for so many connections, and says how many of them fit.
#[must_use]
pub fn fit(connections: u32) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = u64::from(connections) + OTHERS;
    let wanted = raised(current, maximum, needed);
    let limit = match wanted {
        Some(wanted) => match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
            Ok(()) => Some(wanted),
            Err(error) => {
                tracing::warn!(%error, wanted, "the limit of open files could not be raised");
                current
            }
        },
        None => current,
    };
    fitting(limit, connections)
}

/// To what the soft limit is to be raised, if it is.
fn raised(soft: Option<u64>, hard: Option<u64>, needed: u64) -> Option<u64> {
    let soft = soft?;
    let wanted = hard.map_or(needed, |hard| hard.min(needed));
    (wanted > soft).then_some(wanted)
}

/// How many connections fit: where it is tight, a quarter of the descriptors is left to the rest.
fn fitting(limit: Option<u64>, connections: u32) -> u32 {
    let Some(limit) = limit else { return connections };
    let rest = OTHERS.min(limit / 4);
    u32::try_from(limit - rest).unwrap_or(u32::MAX).clamp(1, connections.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_must_and_may() {
        assert_eq!(raised(Some(1_024), Some(1_048_576), 16_896), Some(16_896));
        assert_eq!(raised(Some(1_024), None, 16_896), Some(16_896));
        assert_eq!(raised(Some(1_024), Some(4_096), 16_896), Some(4_096));
        assert_eq!(raised(Some(20_000), Some(20_000), 16_896), None, "it is never lowered");
        assert_eq!(raised(None, None, 16_896), None);
    }

    #[test]
    fn connections_are_as_many_as_fit_and_there_is_always_one() {
        assert_eq!(fitting(Some(16_896), 16_384), 16_384);
        assert_eq!(fitting(None, 16_384), 16_384);
        assert_eq!(fitting(Some(4_096), 16_384), 3_584);
        assert_eq!(fitting(Some(256), 16_384), 192);
        assert_eq!(fitting(Some(0), 16_384), 1);
    }
}
