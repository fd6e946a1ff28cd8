//! The bulkhead: so many calls at a time to one other party, and one more is refused at once. Nothing waits here.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// The places for calls to one other party.
#[derive(Debug)]
pub struct Bulkhead {
    name: &'static str,
    taken: AtomicU32,
    pub(crate) most: AtomicU32,
    pub(crate) refused: AtomicU64,
}

/// There is no place; nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// How many there are.
    pub limit: u32,
}

/// A place, until it is dropped.
#[derive(Debug)]
#[must_use = "a seat that is dropped is free"]
pub struct Seat<'a>(&'a Bulkhead);

impl Bulkhead {
    /// Nobody is in it. `name` is what operators call the other party.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, taken: AtomicU32::new(0), most: AtomicU32::new(0), refused: AtomicU64::new(0) }
    }

    /// What operators call the other party.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Takes a place. With a `limit` there must be one left; without, it is only counted.
    ///
    /// # Errors
    /// [`Full`] when `limit` places are taken.
    pub fn enter(&self, limit: Option<u32>) -> Result<Seat<'_>, Full> {
        let before = self.taken.fetch_add(1, Relaxed);
        let seat = Seat(self);
        if let Some(limit) = limit
            && before >= limit
        {
            self.refused.fetch_add(1, Relaxed);
            return Err(Full { limit });
        }
        self.most.fetch_max(before.saturating_add(1), Relaxed);
        Ok(seat)
    }

    /// How many are in it.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.taken.load(Relaxed)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_refused_and_takes_nothing() {
        let bulkhead = Bulkhead::new("users");
        let seats: Vec<_> = (0..3).map(|_| bulkhead.enter(Some(3)).unwrap()).collect();
        assert_eq!(bulkhead.enter(Some(3)).unwrap_err(), Full { limit: 3 });
        assert_eq!(bulkhead.taken(), 3);
        let uncounted = bulkhead.enter(None).unwrap();
        assert_eq!(bulkhead.taken(), 4, "who is not under the rule counts all the same");
        drop((seats, uncounted));
        assert_eq!(bulkhead.taken(), 0);
        assert!(bulkhead.enter(Some(3)).is_ok());
        assert_eq!(bulkhead.most.load(Relaxed), 4);
    }
}
