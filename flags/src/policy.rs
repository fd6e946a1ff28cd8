//! The policy: the value of every flag for one request, or for the instance. It is decided once and never changes, so that
//! nobody sees two values of one flag; the rest of the code reads it and never a flag. The accessors come from the catalogue.

use std::fmt;

use bytes::Bytes;

use crate::{
    catalogue::{FlagId, SLOT_COUNT},
    wire,
};

/// The values of all flags. Cheap to read: a bit, and a number for each field of a payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Policy {
    values: Values,
    /// What a call to the backend carries of it.
    wire: Bytes,
    /// Stands for `wire`, and for the guards before calls.
    calls_hash: u64,
}

/// Bits and payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Values {
    on: u64,
    slots: [u64; SLOT_COUNT],
}

impl Values {
    /// What the catalogue says.
    pub(crate) fn defaults() -> Self {
        let mut values = Self { on: 0, slots: [0; SLOT_COUNT] };
        for id in FlagId::ALL.iter().copied() {
            values.set(id, id.flag().default);
            for (slot, field) in values.slots_mut(id).iter_mut().zip(id.flag().payload) {
                *slot = field.default;
            }
        }
        values
    }

    pub(crate) fn set(&mut self, id: FlagId, on: bool) {
        let bit = 1 << id as u64;
        if on { self.on |= bit } else { self.on &= !bit }
    }

    pub(crate) fn is_on(&self, id: FlagId) -> bool {
        self.on & (1 << id as u64) != 0
    }

    pub(crate) fn slots(&self, id: FlagId) -> &[u64] {
        let (start, len) = id.slots();
        &self.slots[start..start + len]
    }

    pub(crate) fn slots_mut(&mut self, id: FlagId) -> &mut [u64] {
        let (start, len) = id.slots();
        &mut self.slots[start..start + len]
    }
}

impl Policy {
    /// What the catalogue says, whatever anybody else does.
    #[must_use]
    pub fn defaults() -> Self {
        Self::of(&Values::defaults())
    }

    pub(crate) fn of(values: &Values) -> Self {
        let wire = wire::encode(values);
        Self { calls_hash: wire::calls_hash(&wire, values), wire, values: *values }
    }

    /// This policy with another value of one flag: for jobs, measurements and tests that want one side of it.
    #[must_use]
    pub fn with(&self, id: FlagId, on: bool) -> Self {
        let mut values = self.values;
        values.set(id, on);
        Self::of(&values)
    }

    /// This policy with another payload of one flag, as far as it has the fields. What it says is not checked: for
    /// measurements and tests.
    #[must_use]
    pub fn with_payload(&self, id: FlagId, payload: &[u64]) -> Self {
        let mut values = self.values;
        for (slot, value) in values.slots_mut(id).iter_mut().zip(payload) {
            *slot = *value;
        }
        Self::of(&values)
    }

    /// Whether a flag is on.
    #[must_use]
    pub fn is_on(&self, id: FlagId) -> bool {
        self.values.is_on(id)
    }

    /// What a call to the backend carries: the flags that are read there. The metadata is [`crate::METADATA`].
    #[must_use]
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// Equal for policies under which calls pass the same guards, and of which the backend sees the same: their fetches may be
    /// shared.
    #[must_use]
    pub fn calls_hash(&self) -> u64 {
        self.calls_hash
    }

    pub(crate) fn values_of(&self, id: FlagId) -> &[u64] {
        self.values.slots(id)
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::defaults()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_map();
        for id in FlagId::ALL {
            all.entry(&id.flag().name, &(self.is_on(*id), self.values_of(*id)));
        }
        all.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Batching, ExecutionTimeout};

    #[test]
    fn the_defaults_are_those_of_the_catalogue() {
        let policy = Policy::defaults();
        assert_eq!(policy.loaders_batching(), Some(Batching { max_batch: 1_000 }));
        assert_eq!(policy.limits_execution_timeout(), Some(ExecutionTimeout { ms: 30_000 }));
        assert!(policy.loaders_shared_flights() && policy.guard_fast_acquire() && policy.jobs_sweep());
    }

    #[test]
    fn one_flag_changes_and_no_other() {
        for id in FlagId::ALL.iter().copied() {
            let policy = Policy::defaults().with(id, !id.flag().default);
            for other in FlagId::ALL.iter().copied() {
                assert_eq!(policy.is_on(other), (other == id) != other.flag().default, "{id:?} {other:?}");
            }
            assert_eq!(policy.with(id, id.flag().default), Policy::defaults());
        }
    }
}
