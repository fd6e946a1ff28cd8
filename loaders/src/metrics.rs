//! What the loaders count. Labels are RPC names and error codes, both compiled in.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use nova_core::ErrorCode;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::trace::CallCount;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rpc {
    rpc_method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    rpc_method: &'static str,
    code: &'static str,
}

/// Calls and keys of one RPC since the process began.
#[derive(Debug, Default)]
struct Total {
    calls: AtomicU64,
    keys: AtomicU64,
}

/// The metrics of all loaders.
#[derive(Debug)]
pub(crate) struct Metrics {
    duration: Family<Rpc, Histogram>,
    keys: Family<Rpc, Histogram>,
    failures: Family<Failure, Counter>,
    joined: Family<Rpc, Counter>,
    abandoned: Family<Rpc, Counter>,
    /// Filled when the process starts.
    totals: Mutex<BTreeMap<&'static str, Arc<Total>>>,
    pub(crate) forced_flushes: Counter,
}

/// The metrics of one RPC.
#[derive(Debug, Clone)]
pub(crate) struct RpcMetrics {
    rpc: &'static str,
    pub(crate) duration: Histogram,
    keys: Histogram,
    total: Arc<Total>,
    joined: Counter,
    abandoned: Counter,
    failures: Family<Failure, Counter>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_25, 2.0, 16))),
            keys: Family::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 2.0, 13))),
            failures: Family::default(),
            joined: Family::default(),
            abandoned: Family::default(),
            totals: Mutex::default(),
            forced_flushes: Counter::default(),
        };
        registry.register_with_unit(
            "rpc_client_call_duration",
            "How long calls to upstreams take",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register("nova_loader_batch_keys", "Keys of one upstream call", metrics.keys.clone());
        registry.register(
            "nova_loader_failures",
            "Upstream calls that failed as a whole, by what clients were told",
            metrics.failures.clone(),
        );
        registry.register(
            "nova_loader_joined_keys",
            "Keys that came with the fetch of another request, under the flag `loaders.shared-flights`",
            metrics.joined.clone(),
        );
        registry.register(
            "nova_loader_abandoned_calls",
            "Upstream calls that were given up because nobody waited for them any more",
            metrics.abandoned.clone(),
        );
        registry.register(
            "nova_loader_forced_flushes",
            "Flushes of a request that kept waking itself; anything but 0 is a resolver that awaits something else",
            metrics.forced_flushes.clone(),
        );
        metrics
    }

    pub(crate) fn of(&self, rpc: &'static str) -> RpcMetrics {
        RpcMetrics {
            rpc,
            duration: self.duration.get_or_create_owned(&Rpc { rpc_method: rpc }),
            keys: self.keys.get_or_create_owned(&Rpc { rpc_method: rpc }),
            total: Arc::clone(self.totals.lock().entry(rpc).or_default()),
            failures: self.failures.clone(),
            joined: self.joined.get_or_create_owned(&Rpc { rpc_method: rpc }),
            abandoned: self.abandoned.get_or_create_owned(&Rpc { rpc_method: rpc }),
        }
    }

    /// What was asked of each RPC since the process began.
    pub(crate) fn totals(&self) -> BTreeMap<&'static str, CallCount> {
        let count = |total: &Total| CallCount { calls: total.calls.load(Relaxed), keys: total.keys.load(Relaxed) };
        self.totals.lock().iter().map(|(rpc, total)| (*rpc, count(total))).collect()
    }
}

impl RpcMetrics {
    /// A call for `keys` keys begins.
    pub(crate) fn called(&self, keys: usize) {
        self.total.calls.fetch_add(1, Relaxed);
        self.total.keys.fetch_add(keys as u64, Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most some thousand keys")]
        self.keys.observe(keys as f64);
    }

    /// Keys that need no call of their own.
    pub(crate) fn joined(&self, keys: usize) {
        self.joined.inc_by(keys as u64);
    }

    /// A call was given up.
    pub(crate) fn abandoned(&self) {
        self.abandoned.inc();
    }

    pub(crate) fn failed(&self, code: ErrorCode) {
        self.failures.get_or_create(&Failure { rpc_method: self.rpc, code: code.as_str() }).inc();
    }
}
