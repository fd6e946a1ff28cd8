//! What the process is fetching just now. Two requests that want one key at one time share one fetch, even when their
//! batches overlap only in part.
//!
//! A fetch belongs to the process, not to the request that started it: it is a task of its own, and is given up only when
//! nobody waits for any key of its batch. A request whose policy says so neither joins nor offers a flight, and one that does
//! shares with those alone whose calls the upstream would answer under the same policy.
//!
//! A fetch has as much time as the request that started it, within the source's cap. So nobody joins one that has much less
//! time left than he has; and who joined one that came to nothing, and has time left, may fetch once himself.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use nova_core::{Deadline, ErrorCode};
use nova_flags::Policy;
use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::AbortHandle, time::timeout_at};

use super::{
    group::Group,
    source::{Answer, Caller, LoadError, Source},
};

/// Calls of few keys that go to one source at a time, while batching is off or as good as that. More would only wait at the
/// store, where waiting is a failure.
const SMALL_CALLS: usize = 32;
/// Up to so many keys are few: the widest list has a hundred items, and goes in ten calls.
const FEW_KEYS: u16 = 10;

/// The fetches of one source that are under way.
pub struct Flights<S: Source> {
    source: Arc<S>,
    /// No code but that of keys (hash, compare, clone) runs under this lock, and it does not poison. Where a batch's
    /// lock is needed too, this one is taken first.
    table: Mutex<Table<S>>,
    /// Taken by each call of a request whose policy makes its calls small.
    small_calls: Semaphore,
}

/// What a flight is found by: the policy that the upstream sees, and the key.
type Place<K> = (u64, K);
/// The batch that a key comes with, and the key's place there.
type Seat<S> = (Arc<Batch<S>>, usize);

struct Table<S: Source> {
    /// Numbers batches in the order in which they start.
    next_number: u64,
    /// The newest flight of each key.
    flights: HashMap<Place<S::Key>, Seat<S>>,
}

/// One call to the source.
pub(super) struct Batch<S: Source> {
    number: u64,
    /// What of the policy the upstream sees.
    policy: u64,
    /// When it ends, whoever waits.
    deadline: Deadline,
    /// Whether that is sooner than the source allows: it has no more time than who started it.
    hurried: bool,
    keys: Vec<S::Key>,
    waiters: Mutex<Vec<Waiter<S>>>,
    abort: OnceLock<AbortHandle>,
}

/// A group that waits for one key of a batch.
struct Waiter<S: Source> {
    /// The key's place in the batch.
    key: usize,
    group: Arc<Group<S>>,
    /// The key's place in the group.
    position: usize,
    /// Whether it may be fetched once more: the batch was under way when the group came, and has another's time.
    may_repeat: bool,
}

/// Whether calls have few keys. They wait for one another, so nobody else joins them.
fn is_small(policy: &Policy) -> bool {
    policy.loaders_batching().is_none_or(|batching| batching.max_batch <= FEW_KEYS)
}

impl<S: Source> Flights<S> {
    /// No flights yet.
    #[must_use]
    pub fn new(source: S) -> Arc<Self> {
        let table = Table { next_number: 0, flights: HashMap::new() };
        Arc::new(Self { source: Arc::new(source), table: Mutex::new(table), small_calls: Semaphore::new(SMALL_CALLS) })
    }

    /// Keys that are being fetched.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.table.lock().flights.len()
    }

    /// The number that the next batch will have: whoever refuses older ones joins only what starts from now on.
    pub(super) fn next_number(&self) -> u64 {
        self.table.lock().next_number
    }

    /// Sees to it that each key of `group` gets its answer: by a flight that is under way, if its number is at least
    /// `oldest`, else by a new one. Whether flights are shared, and how many keys go in one call, is the caller's policy.
    pub(super) fn launch(self: &Arc<Self>, group: &Arc<Group<S>>, oldest: u64) {
        self.launch_some(group, 0..group.len(), oldest, true);
    }

    /// The same, for the keys at `positions`. What runs out of another's time is fetched once more if it `may_repeat`.
    fn launch_some(
        self: &Arc<Self>,
        group: &Arc<Group<S>>,
        positions: impl Iterator<Item = usize>,
        oldest: u64,
        may_repeat: bool,
    ) {
        let caller = group.caller();
        let policy = caller.policy.calls_hash();
        let shared = !is_small(&caller.policy) && caller.policy.loaders_shared_flights();
        // Who has as much time as a flight waits for it. One that has half of what a new one could have is good enough:
        // requests that follow one another closely must not each fetch for themselves.
        let wanted = caller.deadline.capped(self.source.cap() / 2);
        let batches = {
            let mut table = self.table.lock();
            let (mut fresh, mut joined) = (Vec::new(), 0);
            for position in positions {
                let key = group.key(position);
                let flight = if shared { table.flights.get(&(policy, key.clone())) } else { None };
                match flight {
                    Some((batch, place)) if batch.number >= oldest && batch.deadline >= wanted => {
                        let group = Arc::clone(group);
                        group.waits_for(batch);
                        batch.waiters.lock().push(Waiter { key: *place, group, position, may_repeat });
                        joined += 1;
                    }
                    _ => fresh.push(position),
                }
            }
            if joined > 0 {
                self.source.joined(joined);
            }
            self.begin(&mut table, group, &fresh)
        };
        for batch in batches {
            self.spawn(&batch, caller.clone());
        }
    }

    /// New batches for these keys of `group`; others may join them, if the policy allows. Their calls are still to be made.
    fn begin(&self, table: &mut Table<S>, group: &Arc<Group<S>>, positions: &[usize]) -> Vec<Arc<Batch<S>>> {
        let caller = group.caller();
        let policy = caller.policy.calls_hash();
        let shared = !is_small(&caller.policy) && caller.policy.loaders_shared_flights();
        let batching = caller.policy.loaders_batching();
        let max_batch = batching.map_or(1, |batching| self.source.max_batch().min(batching.max_batch.into())).max(1);
        let full = Deadline::after(self.source.cap());
        let deadline = caller.deadline.min(full);
        let mut batches = Vec::new();
        for chunk in positions.chunks(max_batch) {
            let waiter = |(key, position): (usize, &usize)| Waiter {
                key,
                group: Arc::clone(group),
                position: *position,
                may_repeat: false,
            };
            let batch = Arc::new(Batch {
                number: table.next_number,
                policy,
                deadline,
                hurried: deadline < full,
                keys: chunk.iter().map(|position| group.key(*position).clone()).collect(),
                waiters: Mutex::new(chunk.iter().enumerate().map(waiter).collect()),
                abort: OnceLock::new(),
            });
            table.next_number += 1;
            // A flight of the same key that was refused above goes on for those who wait for it.
            if shared {
                for (place, key) in batch.keys.iter().enumerate() {
                    table.flights.insert((policy, key.clone()), (Arc::clone(&batch), place));
                }
            }
            group.waits_for(&batch);
            batches.push(batch);
        }
        batches
    }

    /// `group` waits no more. A batch for which nobody waits any more is given up.
    pub(super) fn leave(&self, group: &Arc<Group<S>>) {
        for batch in group.batches() {
            let mut table = self.table.lock();
            let mut waiters = batch.waiters.lock();
            // One that has landed has none any more.
            let was_awaited = !waiters.is_empty();
            waiters.retain(|waiter| !Arc::ptr_eq(&waiter.group, group));
            if was_awaited && waiters.is_empty() {
                table.land(&batch);
                self.source.abandoned();
                if let Some(abort) = batch.abort.get() {
                    abort.abort();
                }
            }
        }
    }

    /// The call runs as a task of its own, never polled by the request: it keeps tokio's budget, and its panic stays its.
    fn spawn(self: &Arc<Self>, batch: &Arc<Batch<S>>, caller: Caller) {
        let landing = Landing { flights: Arc::clone(self), batch: Arc::clone(batch) };
        let task = tokio::spawn(async move {
            let Landing { flights, batch } = &landing;
            let load = async {
                // Never closed.
                let _place = if is_small(&caller.policy) { flights.small_calls.acquire().await.ok() } else { None };
                flights.source.load(&batch.keys, caller, batch.deadline).await
            };
            let answers = timeout_at(batch.deadline.instant(), load).await;
            landing.land(&answers.unwrap_or_else(|_| vec![Err(LoadError::from(ErrorCode::Timeout)); batch.keys.len()]));
        });
        // Set after the task began: one that is left in between is not aborted, and ends by its cap.
        let _ = batch.abort.set(task.abort_handle());
    }
}

impl<S: Source> Table<S> {
    /// Nobody can join `batch` any more.
    fn land(&mut self, batch: &Arc<Batch<S>>) {
        for key in &batch.keys {
            let place = (batch.policy, key.clone());
            if self.flights.get(&place).is_some_and(|(flight, _)| Arc::ptr_eq(flight, batch)) {
                self.flights.remove(&place);
            }
        }
    }
}

/// Makes sure that a batch ends with an answer for every key, however its task ends.
struct Landing<S: Source> {
    flights: Arc<Flights<S>>,
    batch: Arc<Batch<S>>,
}

impl<S: Source> Landing<S> {
    fn land(&self, answers: &[Answer<S::Value>]) {
        self.flights.table.lock().land(&self.batch);
        let waiters = std::mem::take(&mut *self.batch.waiters.lock());
        let mut again: Vec<(Arc<Group<S>>, Vec<usize>)> = Vec::new();
        for Waiter { key, group, position, may_repeat } in waiters {
            let missing = || Err(LoadError::from(ErrorCode::Internal));
            let answer = answers.get(key).cloned().unwrap_or_else(missing);
            let is_late = || answer.as_ref().is_err_and(|error| error.code == ErrorCode::Timeout);
            if may_repeat && self.batch.hurried && is_late() {
                // It ran out of another's time.
                match again.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &group)) {
                    Some((_, positions)) => positions.push(position),
                    None => again.push((group, vec![position])),
                }
            } else {
                group.answer(position, answer);
            }
        }
        for (group, positions) in again {
            let caller = group.caller();
            if group.is_wanted()
                && !caller.deadline.remaining().is_zero()
                && self.flights.source.may_fetch_again(&caller.policy)
            {
                // All who come from here share the next one.
                self.flights.launch_some(&group, positions.into_iter(), self.batch.number + 1, false);
            } else {
                for position in positions {
                    group.answer(position, Err(LoadError::from(ErrorCode::Timeout)));
                }
            }
        }
    }
}

impl<S: Source> Drop for Landing<S> {
    /// After a landing nobody waits any more. Before one, the task panicked or the runtime is going down: each key that
    /// somebody waits for is INTERNAL.
    fn drop(&mut self) {
        self.land(&[]);
    }
}
