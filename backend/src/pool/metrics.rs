//! What the pool has to show, under OpenTelemetry's names where there is one.

use std::{
    fmt::Error,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        MetricType,
        counter::ConstCounter,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::Pool;

/// What a pool has seen, since the process began.
#[derive(Debug)]
pub(super) struct Tallies {
    /// Time to make a connection: 1 ms to 8 s.
    create: Histogram,
    made: AtomicU32,
    pub(super) timeouts: AtomicU64,
    pub(super) refused_breaker: AtomicU64,
    pub(super) refused_saturated: AtomicU64,
    pub(super) closed_hard: AtomicU64,
    pub(super) spared: AtomicU64,
}

impl Default for Tallies {
    fn default() -> Self {
        Self {
            create: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            made: AtomicU32::new(0),
            timeouts: AtomicU64::new(0),
            refused_breaker: AtomicU64::new(0),
            refused_saturated: AtomicU64::new(0),
            closed_hard: AtomicU64::new(0),
            spared: AtomicU64::new(0),
        }
    }
}

impl Tallies {
    /// A connection was made within `time`. Says which it was.
    pub(super) fn created(&self, time: Duration) -> u32 {
        self.create.observe(time.as_secs_f64());
        self.made.fetch_add(1, Relaxed)
    }
}

#[derive(Debug, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Shows the pool of the process, once there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolMetrics(Arc<OnceLock<Pool>>);

impl PoolMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    pub(crate) fn watch(&self, pool: &Pool) {
        // The first one stays: a process has one.
        let _ = self.0.set(pool.clone());
    }
}

impl Collector for PoolMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let Some(Pool(pool)) = self.0.get() else { return Ok(()) };
        let tallies = &pool.tallies;
        let (idle, existing) = pool.idle.counts();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);

        let help = "Connections for calls, by state";
        let mut counts = encoder.encode_descriptor("db_client_connection_count", help, None, MetricType::Gauge)?;
        for (state, count) in [("idle", idle), ("used", existing.saturating_sub(idle))] {
            ConstGauge::new(number(count)).encode(counts.encode_family(&State { state })?)?;
        }
        for (name, help, count) in [
            (
                "db_client_connection_max",
                "Connections that exist at most, the prober's among them",
                pool.limits.connections,
            ),
            ("db_client_connection_pending_requests", "Calls that wait for a connection", pool.waiting.load(Relaxed)),
        ] {
            ConstGauge::new(number(count)).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let help = "Time that it took to make a connection";
        let create = encoder.encode_descriptor(
            "db_client_connection_create_time",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        tallies.create.encode(create)?;
        let help = "Calls that waited for a connection until their patience ended";
        let timeouts = encoder.encode_descriptor("db_client_connection_timeouts", help, None, MetricType::Counter)?;
        ConstCounter::new(tallies.timeouts.load(Relaxed)).encode(timeouts)?;

        let help = "Calls that were refused before anything was sent to the store";
        let mut refused = encoder.encode_descriptor("nova_store_refused", help, None, MetricType::Counter)?;
        for (reason, count) in [("breaker", &tallies.refused_breaker), ("saturated", &tallies.refused_saturated)] {
            ConstCounter::new(count.load(Relaxed)).encode(refused.encode_family(&Reason { reason })?)?;
        }
        let help = "Statements that nobody waited for, by whether their connection was closed or left to end by itself";
        let mut abandoned = encoder.encode_descriptor("nova_store_abandoned", help, None, MetricType::Counter)?;
        for (outcome, count) in [("closed", &tallies.closed_hard), ("spared", &tallies.spared)] {
            ConstCounter::new(count.load(Relaxed)).encode(abandoned.encode_family(&Outcome { outcome })?)?;
        }
        Ok(())
    }
}
