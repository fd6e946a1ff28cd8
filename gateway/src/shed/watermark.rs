//! Whether the process's memory is short: above a share of its limit, until it is clearly below again. Read a few times a
//! second, never by a request.

use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often it is read.
const EVERY: Duration = Duration::from_millis(100);
/// How far it must be below the mark before requests are taken again, in percent of the limit.
const BELOW: u64 = 5;

/// The memory of the process, as of the last reading.
pub(crate) struct Memory {
    /// In bytes; where nobody says, it is never short.
    limit: Option<u64>,
    short: watch::Sender<bool>,
    resident: Gauge,
    shedding: Gauge,
}

impl Memory {
    pub(crate) fn new(limit: Option<u64>, resident: Gauge, shedding: Gauge) -> Self {
        Self { limit, short: watch::Sender::new(false), resident, shedding }
    }

    /// In bytes.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Whether new requests are refused.
    pub(crate) fn is_short(&self) -> bool {
        *self.short.borrow()
    }

    /// Follows [`is_short`](Self::is_short).
    pub(crate) fn pressure(&self) -> watch::Receiver<bool> {
        self.short.subscribe()
    }

    /// Whether its mark, `percent` of the limit, is below so many bytes.
    pub(crate) fn mark_is_below(&self, bytes: u64, percent: Option<u64>) -> bool {
        short(false, bytes, self.limit, percent)
    }

    /// Keeps up with what the process has, for ever. `percent` of the limit is the mark; `None`: there is none. While memory
    /// is short, it lets `give_back`: what is kept would keep it short.
    pub(crate) async fn watch(&self, percent: impl Fn() -> Option<u64>, give_back: impl Fn()) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(resident) = resident() else { return };
            self.observe(resident, percent());
            if self.is_short() {
                give_back();
            }
        }
    }

    fn observe(&self, resident: u64, percent: Option<u64>) {
        self.resident.set(i64::try_from(resident).unwrap_or(i64::MAX));
        let short = short(self.is_short(), resident, self.limit, percent);
        if short == self.is_short() {
            return;
        }
        self.shedding.set(i64::from(short));
        self.short.send_replace(short);
        let (limit, percent) = (self.limit.unwrap_or_default(), percent.unwrap_or_default());
        if short {
            tracing::error!(resident, limit, percent, "memory is short: requests are refused with 503");
        } else {
            tracing::info!(resident, limit, "memory is no longer short: requests are taken again");
        }
    }
}

fn short(was: bool, resident: u64, limit: Option<u64>, percent: Option<u64>) -> bool {
    let (Some(limit), Some(percent)) = (limit, percent) else { return false };
    let percent = if was { percent.saturating_sub(BELOW) } else { percent };
    u128::from(resident) * 100 > u128::from(limit) * u128::from(percent)
}

/// The memory that the process has, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?;
    Some(kib.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn it_is_short_above_the_mark_and_until_it_is_clearly_below() {
        let memory = Memory::new(Some(1_000), Gauge::default(), Gauge::default());
        let pressure = memory.pressure();
        for (resident, percent, wanted) in [
            (800, Some(80), false),
            (801, Some(80), true),
            (790, Some(80), true),
            (751, Some(80), true),
            (750, Some(80), false),
            (800, Some(80), false),
            (2_000, Some(100), true),
            (2_000, None, false),
        ] {
            memory.observe(resident, percent);
            assert_eq!((memory.is_short(), *pressure.borrow()), (wanted, wanted), "{resident} of 1000, {percent:?}");
        }
        assert!(
            memory.mark_is_below(801, Some(80))
                && !memory.mark_is_below(800, Some(80))
                && !memory.mark_is_below(801, None)
        );
        let unknown = Memory::new(None, Gauge::default(), Gauge::default());
        unknown.observe(u64::MAX, Some(1));
        assert!(!unknown.is_short());
    }

    #[tokio::test(start_paused = true)]
    async fn it_keeps_up() {
        let memory = Memory::new(Some(1), Gauge::default(), Gauge::default());
        let given_back = Cell::new(0);
        let watch = memory.watch(|| Some(80), || given_back.set(given_back.get() + 1));
        let _ = timeout(EVERY * 10, watch).await;
        assert!(memory.is_short(), "unless this system does not say what a process has");
        assert!(given_back.get() > 1, "as long as it is short");
        assert!(memory.resident.get() > 1024 * 1024);
    }
}
