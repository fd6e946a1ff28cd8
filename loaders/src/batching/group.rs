//! One flush to one source, answered together: whoever waits for a part of it goes on when all of it is there, so that
//! a level of the query stays a level.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{
    flight::Batch,
    queue::Queue,
    source::{Answer, Caller, Source},
};

/// The keys of one flush and the answers that have come in.
pub(super) struct Group<S: Source> {
    /// Weak: a fetch that is under way does not keep a request alive that has ended.
    queue: Weak<Queue<S>>,
    /// On whose behalf.
    caller: Caller,
    /// The keys, with their entries in the queue.
    keys: Vec<(S::Key, u32)>,
    state: Mutex<State<S>>,
}

struct State<S: Source> {
    answers: Vec<Option<Answer<S::Value>>>,
    missing: usize,
    batches: Vec<Arc<Batch<S>>>,
}

impl<S: Source> Group<S> {
    pub(super) fn new(queue: Weak<Queue<S>>, caller: Caller, keys: Vec<(S::Key, u32)>) -> Arc<Self> {
        let state = State { answers: keys.iter().map(|_| None).collect(), missing: keys.len(), batches: Vec::new() };
        Arc::new(Self { queue, caller, keys, state: Mutex::new(state) })
    }

    /// On whose behalf the keys are asked for.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the request is still there.
    pub(super) fn is_wanted(&self) -> bool {
        self.queue.strong_count() > 0
    }

    /// The key at `position`.
    pub(super) fn key(&self, position: usize) -> &S::Key {
        &self.keys[position].0
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Some of the keys come with `batch`.
    pub(super) fn waits_for(&self, batch: &Arc<Batch<S>>) {
        let batches = &mut self.state.lock().batches;
        if !batches.iter().any(|known| Arc::ptr_eq(known, batch)) {
            batches.push(Arc::clone(batch));
        }
    }

    /// The batches that the keys come with; forgets them.
    pub(super) fn batches(&self) -> Vec<Arc<Batch<S>>> {
        std::mem::take(&mut self.state.lock().batches)
    }

    /// The answer of the key at `position`. The last one fills the queue.
    pub(super) fn answer(self: &Arc<Self>, position: usize, answer: Answer<S::Value>) {
        let answers = {
            let mut state = self.state.lock();
            if state.answers[position].replace(answer).is_none() {
                state.missing -= 1;
            }
            if state.missing > 0 {
                return;
            }
            state.batches.clear();
            std::mem::take(&mut state.answers)
        };
        if let Some(queue) = self.queue.upgrade() {
            let entries = self.keys.iter().map(|(_, entry)| *entry);
            queue.answered(self, entries.zip(answers).filter_map(|(entry, answer)| Some((entry, answer?))));
        }
    }
}
