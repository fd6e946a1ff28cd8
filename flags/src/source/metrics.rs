//! What is measured of the sources.

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

use crate::Source;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InUse {
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The instruments. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    source: Family<InUse, Gauge>,
    failures: Family<Reason, Counter>,
    disk_errors: Counter,
    synced: Arc<Mutex<Option<Instant>>>,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("nova_flags_source", "1 for where the states of flags are from", metrics.source.clone());
        registry.register(
            "nova_flags_sync_failures",
            "Answers of Unleash that were of no use, by reason",
            metrics.failures.clone(),
        );
        registry.register(
            "nova_flags_disk_errors",
            "Times that the disk copy of the flags could not be read, used or written",
            metrics.disk_errors.clone(),
        );
        registry.register_collector(Box::new(Age(Arc::clone(&metrics.synced))));
        metrics
    }

    pub(super) fn uses(&self, source: Source) {
        for each in [Source::Catalogue, Source::Bootstrap, Source::Disk, Source::Unleash] {
            self.source.get_or_create(&InUse { source: each.as_str() }).set(i64::from(each == source));
        }
    }

    pub(super) fn synced(&self) {
        *self.synced.lock() = Some(Instant::now());
    }

    pub(super) fn failed(&self, reason: &'static str) {
        self.failures.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn disk_error(&self) {
        self.disk_errors.inc();
    }
}

/// Reads the age when somebody scrapes. There is none until the first sync succeeds.
#[derive(Debug)]
struct Age(Arc<Mutex<Option<Instant>>>);

impl Collector for Age {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(synced) = *self.0.lock() else { return Ok(()) };
        ConstGauge::new(synced.elapsed().as_secs_f64()).encode(encoder.encode_descriptor(
            "nova_flags_sync_age",
            "Time since Unleash was asked for the flags with success",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?)
    }
}
