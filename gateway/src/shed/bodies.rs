//! The memory that bodies of requests take together. A body counts with what has arrived of it, until its request ends. For
//! more than the bound, the body that has been arriving longest gives way, so that those who send slowly hold nobody up; where
//! none is arriving, the new bytes are refused. It never reads a body.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

/// The budget.
pub(crate) struct Bodies {
    max: u64,
    state: Mutex<State>,
    /// What is taken, for people.
    taken: Gauge,
}

#[derive(Default)]
struct State {
    taken: u64,
    next: u64,
    /// Of `taken`, what bodies have of which something is still to come.
    to_come: u64,
    /// Bodies of which something is still to come, the one that began first in front.
    arriving: BTreeMap<u64, Arriving>,
}

struct Arriving {
    bytes: u64,
    gave_way: Arc<Notify>,
}

impl State {
    /// A body of which something was to come, if it is one of those still.
    fn take(&mut self, id: u64) -> Option<Arriving> {
        let body = self.arriving.remove(&id)?;
        self.to_come -= body.bytes;
        Some(body)
    }
}

/// There is no room for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

impl Bodies {
    pub(crate) fn new(max: u64, taken: Gauge) -> Self {
        Self { max, state: Mutex::default(), taken }
    }

    /// Room for a body that begins to arrive, `bytes` for now. Without `bounded` it is counted, and neither refused nor given
    /// away.
    pub(crate) fn claim(&self, bounded: bool, bytes: usize) -> Result<Claim<'_>, Denied> {
        let gave_way = Arc::new(Notify::new());
        let mut state = self.state.lock();
        let id = state.next;
        state.next += 1;
        let mut claim = Claim { bodies: self, id, gave_way, kept: (!bounded).then_some(0) };
        if bounded {
            state.arriving.insert(id, Arriving { bytes: 0, gave_way: Arc::clone(&claim.gave_way) });
        }
        let grown = claim.grow_in(&mut state, bytes);
        // A claim that goes locks.
        drop(state);
        grown.map(|()| claim)
    }

    fn show(&self, state: &State) {
        self.taken.set(i64::try_from(state.taken).unwrap_or(i64::MAX));
    }

    #[cfg(test)]
    fn taken(&self) -> u64 {
        self.state.lock().taken
    }
}

/// The room of one body, until it is dropped.
pub(crate) struct Claim<'a> {
    bodies: &'a Bodies,
    id: u64,
    gave_way: Arc<Notify>,
    /// What it has, once it can not be taken away any more; before that it stands in the budget.
    kept: Option<u64>,
}

impl Claim<'_> {
    /// Room for so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Denied> {
        let bodies = self.bodies;
        self.grow_in(&mut bodies.state.lock(), bytes)
    }

    fn grow_in(&mut self, state: &mut State, bytes: usize) -> Result<(), Denied> {
        let bytes = bytes as u64;
        if let Some(kept) = &mut self.kept {
            *kept += bytes;
            state.taken += bytes;
        } else {
            let own = state.arriving.get(&self.id).ok_or(Denied)?.bytes;
            // Nobody gives way for what would not fit even then.
            let others = state.to_come - own;
            if state.taken - others + bytes > self.bodies.max {
                return Err(Denied);
            }
            while state.taken + bytes > self.bodies.max {
                let oldest = state.arriving.iter().find(|(id, other)| **id != self.id && other.bytes > 0);
                let oldest = oldest.map(|(id, _)| *id).ok_or(Denied)?;
                if let Some(other) = state.take(oldest) {
                    state.taken -= other.bytes;
                    other.gave_way.notify_one();
                }
            }
            state.taken += bytes;
            state.to_come += bytes;
            if let Some(own) = state.arriving.get_mut(&self.id) {
                own.bytes += bytes;
            }
        }
        self.bodies.show(state);
        Ok(())
    }

    /// Waits until its room is somebody else's.
    pub(crate) async fn gave_way(&self) {
        self.gave_way.notified().await;
    }

    /// All of the body is there, and needs so many bytes more: nobody takes its room any more.
    pub(crate) fn arrived(&mut self, bytes: usize) -> Result<(), Denied> {
        let bodies = self.bodies;
        let mut state = bodies.state.lock();
        self.grow_in(&mut state, bytes)?;
        if self.kept.is_none() {
            self.kept = Some(state.take(self.id).ok_or(Denied)?.bytes);
        }
        Ok(())
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.bodies.state.lock();
        let own = match self.kept {
            Some(kept) => kept,
            None => state.take(self.id).map_or(0, |own| own.bytes),
        };
        state.taken -= own;
        self.bodies.show(&state);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn budget(max: u64) -> Bodies {
        Bodies::new(max, Gauge::default())
    }

    #[test]
    fn the_body_that_has_been_arriving_longest_gives_way() {
        let bodies = budget(100);
        let claim = |bytes| bodies.claim(true, bytes).unwrap();
        let (mut first, mut second, mut third) = (claim(40), claim(0), claim(30));
        second.grow(40).unwrap();
        assert!(first.gave_way().now_or_never().is_some() && second.gave_way().now_or_never().is_none());
        assert_eq!((first.grow(1), first.arrived(0), bodies.taken()), (Err(Denied), Err(Denied), 70));
        second.arrived(0).unwrap();
        assert_eq!(third.grow(31), Err(Denied), "what has arrived is worked on, and is not taken away");
        third.grow(30).unwrap();
        drop(first);
        assert_eq!(bodies.taken(), 100);
        drop((second, third));
        assert_eq!(bodies.taken(), 0);
    }

    #[test]
    fn without_the_bound_it_only_counts() {
        let bodies = budget(10);
        let mut body = bodies.claim(false, 0).unwrap();
        body.grow(1_000).unwrap();
        assert_eq!(bodies.taken(), 1_000);
        assert_eq!(bodies.claim(true, 1).err(), Some(Denied));
        drop(body);
        assert_eq!(bodies.taken(), 0);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Begin(usize),
        Grow(usize, usize),
        Arrived(usize, usize),
        End(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..60).prop_map(Step::Begin),
            (any::<usize>(), 0_usize..60).prop_map(|(of, bytes)| Step::Grow(of, bytes)),
            (any::<usize>(), 0_usize..60).prop_map(|(of, bytes)| Step::Arrived(of, bytes)),
            any::<usize>().prop_map(Step::End),
        ]
    }

    proptest! {
        #[test]
        fn never_more_than_the_bound_and_all_of_it_comes_back(steps in vec(step(), 0..200)) {
            let bodies = budget(100);
            let mut claims = Vec::new();
            for step in steps {
                let count = claims.len();
                match step {
                    Step::Begin(bytes) => claims.extend(bodies.claim(true, bytes)),
                    _ if count == 0 => {}
                    Step::Grow(of, bytes) => {
                        let claim: &mut Claim<'_> = &mut claims[of % count];
                        if claim.kept.is_none() {
                            let _ = claim.grow(bytes);
                        }
                    }
                    Step::Arrived(of, bytes) => {
                        let claim: &mut Claim<'_> = &mut claims[of % count];
                        if claim.kept.is_none() {
                            let _ = claim.arrived(bytes);
                        }
                    }
                    // As when a client goes away in the middle.
                    Step::End(of) => drop(claims.swap_remove(of % count)),
                }
                prop_assert!(bodies.taken() <= 100);
                let kept: u64 = claims.iter().filter_map(|claim| claim.kept).sum();
                let arriving: u64 = bodies.state.lock().arriving.values().map(|own| own.bytes).sum();
                prop_assert_eq!(bodies.taken(), kept + arriving);
                prop_assert_eq!(bodies.state.lock().to_come, arriving);
            }
            drop(claims);
            prop_assert_eq!(bodies.taken(), 0);
        }
    }
}
