//! What is measured at the store, under OpenTelemetry's names.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tokio::time::Duration;

use crate::{
    policy::PolicyMetrics,
    pool::{Pool, PoolMetrics},
};

/// The statement's name in the code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

/// Whether a job's flag was on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Switched {
    flag: &'static str,
}

/// Which statement failed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    operation: &'static str,
    error_type: &'static str,
}

/// The store's instruments. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    durations: Family<Operation, Histogram>,
    waits: Histogram,
    failures: Family<Failure, Counter>,
    folded: Counter,
    sweeps: Family<Switched, Counter>,
    policies: PolicyMetrics,
    pool: PoolMetrics,
}

/// 0.1 ms to 3.3 s.
fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

impl Metrics {
    /// Creates the instruments and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            durations: Family::new_with_constructor(buckets as fn() -> Histogram),
            waits: buckets(),
            failures: Family::default(),
            folded: Counter::default(),
            sweeps: Family::default(),
            policies: PolicyMetrics::register(registry),
            pool: PoolMetrics::register(registry),
        };
        registry.register_with_unit(
            "db_client_operation_duration",
            "Time from sending a statement to having its rows",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register_with_unit(
            "db_client_connection_wait_time",
            "Time that a statement waited for a connection",
            Unit::Seconds,
            metrics.waits.clone(),
        );
        registry.register(
            "db_client_operation_failures",
            "Statements without an answer, by what went wrong",
            metrics.failures.clone(),
        );
        registry.register(
            "counter_deltas_folded",
            "Changes of counters that were moved into their roll-ups",
            metrics.folded.clone(),
        );
        registry.register(
            "nova_backend_sweeps",
            "Times at which the sweep of what is past its time was due, by whether the flag `jobs.sweep` was on",
            metrics.sweeps.clone(),
        );
        metrics
    }

    pub(crate) fn watch(&self, pool: &Pool) {
        self.pool.watch(pool);
    }

    /// A sweep was due, while its flag was on or off.
    pub(crate) fn swept(&self, on: bool) {
        self.sweeps.get_or_create(&Switched { flag: if on { "on" } else { "off" } }).inc();
    }

    pub(crate) fn policies(&self) -> PolicyMetrics {
        self.policies.clone()
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    pub(crate) fn ran(&self, operation: &'static str, time: Duration) {
        self.durations.get_or_create(&Operation { operation }).observe(time.as_secs_f64());
    }

    pub(crate) fn failed(&self, operation: &'static str, error_type: &'static str) {
        self.failures.get_or_create(&Failure { operation, error_type }).inc();
    }

    pub(crate) fn folded(&self, deltas: u64) {
        self.folded.inc_by(deltas);
    }
}
