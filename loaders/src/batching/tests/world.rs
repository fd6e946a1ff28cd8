//! A source that keeps a log of its calls, and a request over it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nova_core::{Deadline, ErrorCode};
use nova_flags::{FlagId, Policy};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::batching::{Answer, Caller, Drive, Flights, Load, Queue, Queues, Scope, Source};

/// Keys from here on are absent.
pub(super) const ABSENT: u64 = 1_000_000;
/// Keys from here on fail.
pub(super) const FAILED: u64 = 2_000_000;
/// A batch with this key panics.
pub(super) const PANIC: u64 = 3_000_000;
/// What one call may take.
pub(super) const CAP: Duration = Duration::from_secs(2);

/// Ten times the key.
pub(super) struct Tens {
    pub(super) log: Arc<Mutex<Vec<Vec<u64>>>>,
    pub(super) aborted: Arc<AtomicU64>,
    pub(super) second_attempts: Arc<AtomicU64>,
    /// A call takes one of these before it answers.
    pub(super) gate: Arc<Semaphore>,
    pub(super) max_batch: usize,
}

impl Source for Tens {
    type Key = u64;
    type Value = u64;

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn cap(&self) -> Duration {
        CAP
    }

    fn may_fetch_again(&self, _policy: &Policy) -> bool {
        let take = |tokens: u64| tokens.checked_sub(1);
        self.second_attempts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok()
    }

    async fn load(&self, keys: &[u64], _caller: Caller, _deadline: Deadline) -> Vec<Answer<u64>> {
        struct Unfinished<'a>(&'a AtomicU64, bool);
        impl Drop for Unfinished<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(u64::from(!self.1), Ordering::SeqCst);
            }
        }
        self.log.lock().push(keys.to_vec());
        let mut unfinished = Unfinished(&self.aborted, false);
        self.gate.acquire().await.unwrap().forget();
        unfinished.1 = true;
        assert!(!keys.contains(&PANIC), "scripted");
        keys.iter()
            .map(|key| match *key {
                FAILED.. => Err(ErrorCode::UpstreamUnavailable.into()),
                ABSENT.. => Ok(None),
                key => Ok(Some(key * 10)),
            })
            .collect()
    }
}

/// Polls until all that can happen has happened.
pub(super) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// A process: two sources of the same kind.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) tens: Arc<Flights<Tens>>,
    pub(super) other: Arc<Flights<Tens>>,
    pub(super) log: Arc<Mutex<Vec<Vec<u64>>>>,
    pub(super) other_log: Arc<Mutex<Vec<Vec<u64>>>>,
    pub(super) aborted: Arc<AtomicU64>,
    /// How often a key may be fetched again.
    pub(super) second_attempts: Arc<AtomicU64>,
    pub(super) gate: Arc<Semaphore>,
    pub(super) other_gate: Arc<Semaphore>,
}

impl Process {
    pub(super) fn new(max_batch: usize, calls: usize) -> Self {
        let (log, other_log) = (Arc::default(), Arc::default());
        let aborted: Arc<AtomicU64> = Arc::default();
        let second_attempts: Arc<AtomicU64> = Arc::default();
        let (gate, other_gate) = (Arc::new(Semaphore::new(calls)), Arc::new(Semaphore::new(calls)));
        let source = |log: &Arc<_>, gate: &Arc<_>| Tens {
            log: Arc::clone(log),
            aborted: Arc::clone(&aborted),
            second_attempts: Arc::clone(&second_attempts),
            gate: Arc::clone(gate),
            max_batch,
        };
        Self {
            tens: Flights::new(source(&log, &gate)),
            other: Flights::new(source(&other_log, &other_gate)),
            log,
            other_log,
            aborted,
            second_attempts,
            gate,
            other_gate,
        }
    }

    /// A process whose sources answer at once and take any number of keys.
    pub(super) fn open() -> Self {
        Self::new(usize::MAX, 1 << 20)
    }

    pub(super) fn request(&self) -> Arc<Request> {
        // What these tests are about is not cut by a policy.
        self.request_under(Self::sharing())
    }

    /// A policy under which requests share fetches of any size.
    pub(super) fn sharing() -> Policy {
        Policy::defaults().with_payload(FlagId::LoadersBatching, &[u64::MAX])
    }

    pub(super) fn request_under(&self, policy: Policy) -> Arc<Request> {
        self.request_by(policy, Deadline::after(Duration::from_mins(1)))
    }

    pub(super) fn request_by(&self, policy: Policy, deadline: Deadline) -> Arc<Request> {
        let scope = Arc::new(Scope::default());
        let caller = Caller::anonymous(Arc::new(policy), deadline);
        Arc::new(Request {
            tens: Queue::new(&self.tens, &scope, caller.clone()),
            other: Queue::new(&self.other, &scope, caller),
            forced: AtomicU64::new(0),
            scope,
        })
    }

    /// The sizes of the calls to the first source, in order.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.log.lock().iter().map(Vec::len).collect()
    }
}

/// One request.
pub(super) struct Request {
    pub(super) tens: Arc<Queue<Tens>>,
    pub(super) other: Arc<Queue<Tens>>,
    pub(super) forced: AtomicU64,
    scope: Arc<Scope>,
}

impl Request {
    pub(super) fn load(&self, key: u64) -> Load<Tens> {
        self.tens.load(key)
    }

    pub(super) fn run<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.run_until(future, Deadline::after(Duration::from_secs(30)))
    }

    pub(super) fn run_until<F: Future>(
        self: &Arc<Self>,
        future: F,
        deadline: Deadline,
    ) -> impl Future<Output = F::Output> + use<F> {
        Drive::run(future, Held(Arc::clone(self)), Arc::clone(&self.scope), deadline)
    }
}

struct Held(Arc<Request>);

impl Queues for Held {
    fn flush(&self) {
        self.0.tens.flush();
        self.0.other.flush();
    }

    fn expire(&self) {
        self.0.tens.expire();
        self.0.other.expire();
    }

    fn forced(&self) {
        self.0.forced.fetch_add(1, Ordering::SeqCst);
    }
}
