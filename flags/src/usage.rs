//! How often each flag was on and off, for Unleash's own metrics. Counted without a lock, where requests are.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::catalogue::FlagId;

const FLAGS: usize = FlagId::ALL.len();

/// For one flag: for how many it was on, and for how many off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// For how many it was on.
    pub yes: u64,
    /// For how many it was off.
    pub no: u64,
}

impl Count {
    pub(crate) fn add(&mut self, on: bool, times: u64) {
        if on { self.yes += times } else { self.no += times }
    }
}

/// What was counted, flag by flag, in the order of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage([Count; FLAGS]);

impl Default for Usage {
    fn default() -> Self {
        Self([Count::default(); FLAGS])
    }
}

impl Usage {
    /// The flags that were asked for, with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (FlagId, Count)> {
        let all = FlagId::ALL.iter().copied().zip(self.0);
        all.filter(|(_, count)| *count != Count::default())
    }

    /// This and `more`.
    pub fn merge(&mut self, more: &Self) {
        for (count, more) in self.0.iter_mut().zip(&more.0) {
            count.add(true, more.yes);
            count.add(false, more.no);
        }
    }

    pub(crate) fn of(&mut self, id: FlagId) -> &mut Count {
        &mut self.0[id as usize]
    }
}

/// Counts while it goes.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// What was counted under earlier states.
    earlier: Mutex<Usage>,
    rollouts: [(AtomicU64, AtomicU64); FLAGS],
}

impl Counter {
    /// One decision of a flag in rollout.
    pub(crate) fn decided(&self, id: FlagId, on: bool) {
        let (yes, no) = &self.rollouts[id as usize];
        if on { yes } else { no }.fetch_add(1, Relaxed);
    }

    /// Adds what a state has counted by itself.
    pub(crate) fn add(&self, usage: &Usage) {
        self.earlier.lock().merge(usage);
    }

    /// All of it; begins anew.
    pub(crate) fn take(&self) -> Usage {
        let mut usage = std::mem::take(&mut *self.earlier.lock());
        for (id, (yes, no)) in FlagId::ALL.iter().zip(&self.rollouts) {
            usage.of(*id).add(true, yes.swap(0, Relaxed));
            usage.of(*id).add(false, no.swap(0, Relaxed));
        }
        usage
    }
}
