//! The catalogue: every flag there is, with its meaning. `flags.rs` is the list; the rest is what an entry is made of.

mod define;
mod flag;
mod flags;
mod mode;

pub use flag::{Equivalence, Field, Flag, Kind, ReadIn, Scope};
pub use flags::{
    Batching, BulkheadLimit, CATALOGUE, ComplexityLimit, CostBudget, DbBreaker, DepthLimit, DocumentLimits,
    ExecutionTimeout, FlagId, GrpcBreaker, HealthProbes, Hedging, HttpBatching, IntrospectionLimit, Rate, RetryBudget,
    Shedding,
};
pub use mode::Mode;

impl FlagId {
    /// The flag that Unleash calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.flag().name == name)
    }

    /// What the catalogue says of it.
    #[must_use]
    pub const fn flag(self) -> &'static Flag {
        &CATALOGUE[self as usize]
    }

    /// Where its payload's values are among those of all flags.
    pub(crate) const fn slots(self) -> (usize, usize) {
        SLOTS[self as usize]
    }
}

/// How many numbers all payloads have together.
pub(crate) const SLOT_COUNT: usize = {
    let (start, len) = SLOTS[CATALOGUE.len() - 1];
    start + len
};

/// For each flag: its first slot, and how many it has.
const SLOTS: [(usize, usize); FlagId::ALL.len()] = {
    let mut slots = [(0, 0); FlagId::ALL.len()];
    let (mut flag, mut start) = (0, 0);
    while flag < slots.len() {
        let len = CATALOGUE[flag].payload.len();
        slots[flag] = (start, len);
        start += len;
        flag += 1;
    }
    slots
};

// A policy keeps one bit for each.
const _: () = assert!(FlagId::ALL.len() <= 64);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_makes_sense() {
        let mut names = BTreeSet::new();
        for (id, flag) in FlagId::ALL.iter().zip(&CATALOGUE) {
            assert_eq!((FlagId::named(flag.name), id.flag().name), (Some(*id), flag.name));
            assert!(names.insert(flag.name), "{} is there twice", flag.name);
            assert_eq!(flag.accessor, flag.name.replace(['.', '-'], "_"), "an accessor is called as its flag");
            assert!(flag.name.contains('.') && !flag.owner.is_empty());
            for text in [flag.on, flag.off] {
                assert!(text.ends_with('.'), "{}: {text}", flag.name);
            }
            let ends = flag.end.map(|end| end.parse::<chrono::NaiveDate>().unwrap());
            assert_eq!(ends.is_some(), flag.kind == Kind::Release, "{}: a release flag ends, others stay", flag.name);
            for Field { name, default, min, max, words, .. } in flag.payload {
                assert!(min <= default && default <= max, "{}: {name}", flag.name);
                assert!(words.is_empty() || words.len() as u64 == max + 1, "{}: {name}: {words:?}", flag.name);
            }
        }
    }
}
