//! What is measured of an issuer's keys.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use tokio::time::Instant;

use super::fetch::FetchError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The instruments. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    fetches: Family<Outcome, Counter>,
    keys: Gauge,
    fetched: Arc<Mutex<Option<Instant>>>,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "nova_identity_key_fetches",
            "Fetches of the token issuer's keys, by outcome",
            metrics.fetches.clone(),
        );
        registry.register("nova_identity_keys", "Keys of the token issuer that are in use", metrics.keys.clone());
        registry.register_collector(Box::new(Age(Arc::clone(&metrics.fetched))));
        metrics
    }

    /// A fetch brought `keys` keys.
    pub(super) fn fetched(&self, keys: usize) {
        self.count("ok");
        self.keys.set(i64::try_from(keys).unwrap_or(i64::MAX));
        *self.fetched.lock() = Some(Instant::now());
    }

    /// A fetch brought nothing.
    pub(super) fn failed(&self, error: &FetchError) {
        self.count(match error {
            FetchError::Unreachable(_) => "unreachable",
            FetchError::Status(_) => "status",
            FetchError::TooLarge => "too_large",
            FetchError::Timeout => "timeout",
            FetchError::Garbage(_) => "garbage",
        });
    }

    fn count(&self, outcome: &'static str) {
        self.fetches.get_or_create(&Outcome { outcome }).inc();
    }

    #[cfg(test)]
    pub(super) fn fetches(&self, outcome: &'static str) -> u64 {
        self.fetches.get_or_create(&Outcome { outcome }).get()
    }
}

/// Reads the age when somebody scrapes. There is none until the first fetch succeeds.
#[derive(Debug)]
struct Age(Arc<Mutex<Option<Instant>>>);

impl Collector for Age {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(fetched) = *self.0.lock() else { return Ok(()) };
        ConstGauge::new(fetched.elapsed().as_secs_f64()).encode(encoder.encode_descriptor(
            "nova_identity_keys_age",
            "Time since the token issuer's keys were fetched last",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?)
    }
}
