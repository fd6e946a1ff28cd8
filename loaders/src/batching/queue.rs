//! One request's keys of one source: the memo, who waits, and what is to be asked at the next stall.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use hashbrown::HashMap;
use nova_core::ErrorCode;
use parking_lot::Mutex;

use super::{
    flight::Flights,
    group::Group,
    scope::Scope,
    source::{Answer, Caller, LoadError, Source},
};

/// The keys of one source that one request has asked for, each at most once.
///
/// A queue is only ever flushed by the [`Drive`](super::Drive) of its scope, so its loads must be awaited inside it.
pub struct Queue<S: Source> {
    me: Weak<Self>,
    flights: Arc<Flights<S>>,
    scope: Arc<Scope>,
    caller: Caller,
    state: Mutex<State<S>>,
}

struct State<S: Source> {
    /// Where a key's entry is. Cleared by `renew`; entries stay for those who already wait.
    index: HashMap<S::Key, u32>,
    entries: Vec<Entry<S::Value>>,
    /// Keys to ask for at the next stall, with their entries.
    pending: Vec<(S::Key, u32)>,
    /// Flushes without an answer yet; they are left when the request ends.
    groups: Vec<Arc<Group<S>>>,
    /// Flights that started before this one are not joined.
    oldest_flight: u64,
}

struct Entry<V> {
    answer: Option<Answer<V>>,
    wakers: Vec<Waker>,
}

impl<S: Source> Queue<S> {
    /// An empty queue that asks through `flights`.
    #[must_use]
    pub fn new(flights: &Arc<Flights<S>>, scope: &Arc<Scope>, caller: Caller) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            flights: Arc::clone(flights),
            scope: Arc::clone(scope),
            caller,
            state: Mutex::new(State {
                index: HashMap::new(),
                entries: Vec::new(),
                pending: Vec::new(),
                groups: Vec::new(),
                oldest_flight: 0,
            }),
        })
    }

    /// The value of `key`: at once when the request has it, else after the next flush.
    pub fn load(&self, key: S::Key) -> Load<S> {
        let mut state = self.state.lock();
        if let Some(&entry) = state.index.get(&key) {
            if let Some(answer) = &state.entries[entry as usize].answer {
                return Load::Ready { answer: Some(answer.clone()) };
            }
            return self.waiting(entry);
        }
        if self.scope.is_expired() {
            return Load::Ready { answer: Some(Err(LoadError::from(ErrorCode::Timeout))) };
        }
        let entry = state.insert(key.clone(), None);
        state.pending.push((key, entry));
        self.scope.add_pending(1);
        self.waiting(entry)
    }

    /// Puts a value that came by another way into the memo, unless the key was already asked for.
    pub fn prime(&self, key: S::Key, value: S::Value) {
        let mut state = self.state.lock();
        if !state.index.contains_key(&key) {
            state.insert(key, Some(Ok(Some(value))));
        }
    }

    /// Forgets the memo and refuses to join what is already in flight: the request has written.
    pub fn renew(&self) {
        let mut state = self.state.lock();
        let State { index, pending, .. } = &mut *state;
        index.clear();
        // What is still to be asked is asked after the write, and once.
        index.extend(pending.iter().cloned());
        state.oldest_flight = self.flights.next_number();
    }

    /// Asks for all that is pending.
    pub fn flush(&self) {
        let (group, oldest) = {
            let mut state = self.state.lock();
            if state.pending.is_empty() {
                return;
            }
            let pending = std::mem::take(&mut state.pending);
            self.scope.take_pending(pending.len());
            let group = Group::new(self.me.clone(), self.caller.clone(), pending);
            state.groups.push(Arc::clone(&group));
            (group, state.oldest_flight)
        };
        self.scope.begin_wait();
        self.flights.launch(&group, oldest);
    }

    /// Answers whoever waits with TIMEOUT.
    pub fn expire(&self) {
        let late = {
            let mut state = self.state.lock();
            self.scope.take_pending(state.pending.len());
            state.pending.clear();
            let late: Vec<u32> =
                (0u32..).zip(&state.entries).filter(|(_, e)| e.answer.is_none()).map(|(i, _)| i).collect();
            late
        };
        self.fill(late.into_iter().map(|entry| (entry, Err(LoadError::from(ErrorCode::Timeout)))));
    }

    /// Called by `group` when the last of its keys has its answer.
    pub(super) fn answered(&self, group: &Arc<Group<S>>, answers: impl Iterator<Item = (u32, Answer<S::Value>)>) {
        self.state.lock().groups.retain(|other| !Arc::ptr_eq(other, group));
        self.scope.end_wait();
        self.fill(answers);
    }

    fn fill(&self, answers: impl Iterator<Item = (u32, Answer<S::Value>)>) {
        self.scope.begin_fill();
        let mut wakers = Vec::new();
        {
            let mut state = self.state.lock();
            for (entry, answer) in answers {
                let entry = &mut state.entries[entry as usize];
                if entry.answer.is_none() {
                    entry.answer = Some(answer);
                    wakers.append(&mut entry.wakers);
                }
            }
        }
        for waker in wakers {
            waker.wake();
        }
        self.scope.end_fill();
    }

    fn waiting(&self, entry: u32) -> Load<S> {
        // A queue is made by `new` alone, so it is always inside an `Arc`.
        match self.me.upgrade() {
            Some(queue) => Load::Waiting { queue, entry, waker: None },
            None => Load::Ready { answer: Some(Err(LoadError::from(ErrorCode::Internal))) },
        }
    }
}

impl<S: Source> State<S> {
    fn insert(&mut self, key: S::Key, answer: Option<Answer<S::Value>>) -> u32 {
        // 2^32 entries do not fit into the memory of a request that is limited to 10,000 selections.
        let entry = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { answer, wakers: Vec::new() });
        self.index.insert(key, entry);
        entry
    }
}

impl<S: Source> Drop for Queue<S> {
    fn drop(&mut self) {
        for group in self.state.get_mut().groups.drain(..) {
            self.flights.leave(&group);
        }
    }
}

/// A value that is there, or will be after the next flush.
#[must_use = "a load does nothing unless it is awaited"]
pub enum Load<S: Source> {
    /// The memo had it.
    Ready {
        /// `None` once it was taken.
        answer: Option<Answer<S::Value>>,
    },
    /// It is asked for, or will be at the next stall.
    Waiting {
        /// Whose key it is.
        queue: Arc<Queue<S>>,
        /// Where its answer will be.
        entry: u32,
        /// Where its waker is, once it was polled.
        waker: Option<usize>,
    },
}

// Nothing in it is ever pinned.
impl<S: Source> Unpin for Load<S> {}

impl<S: Source> Future for Load<S> {
    type Output = Answer<S::Value>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready { answer } => match answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending, // polled again after it was done
            },
            Self::Waiting { queue, entry, waker } => {
                let mut state = queue.state.lock();
                let entry = &mut state.entries[*entry as usize];
                if let Some(answer) = &entry.answer {
                    return Poll::Ready(answer.clone());
                }
                // Its own place and the newest are looked at, never all of them: a key may have thousands of waiters.
                let wakes = |at: &usize| entry.wakers.get(*at).is_some_and(|known| known.will_wake(cx.waker()));
                if !waker.as_ref().is_some_and(wakes) {
                    if !entry.wakers.len().checked_sub(1).as_ref().is_some_and(wakes) {
                        entry.wakers.push(cx.waker().clone());
                    }
                    *waker = entry.wakers.len().checked_sub(1);
                }
                Poll::Pending
            }
        }
    }
}
