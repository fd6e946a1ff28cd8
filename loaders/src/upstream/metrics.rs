//! What is counted of upstreams beside their guards: second attempts, endpoints, and what probes find.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry,
};

use super::{Upstream, endpoint::Health};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    upstream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Found {
    upstream: &'static str,
    result: &'static str,
}

/// The metrics of all upstreams. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct UpstreamMetrics {
    retries: Family<Name, Counter>,
    hedges: Family<Name, Counter>,
    hedges_won: Family<Name, Counter>,
    probes: Family<Found, Counter>,
    watched: Watched,
}

/// The upstreams whose endpoints are shown.
#[derive(Debug, Clone, Default)]
struct Watched(Arc<Mutex<Vec<Upstream>>>);

/// Second attempts at one upstream, and what probes of it find.
#[derive(Debug)]
pub(super) struct AttemptCounts {
    pub(super) retries: Counter,
    pub(super) hedges: Counter,
    pub(super) hedges_won: Counter,
    probes: Family<Found, Counter>,
    upstream: &'static str,
}

impl UpstreamMetrics {
    /// The metrics, known to `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "nova_upstream_retries",
            "Attempts that were made because one before had failed, under the flag `guard.retry`",
            metrics.retries.clone(),
        );
        registry.register(
            "nova_upstream_hedges",
            "Attempts that were made beside a slow one, under the flag `guard.hedging`",
            metrics.hedges.clone(),
        );
        registry.register(
            "nova_upstream_hedges_won",
            "Attempts beside a slow one that were answered first",
            metrics.hedges_won.clone(),
        );
        registry.register(
            "nova_upstream_probes",
            "Questions to endpoints how they are, by the answer, under the flag `guard.health-probes`",
            metrics.probes.clone(),
        );
        registry.register_collector(Box::new(metrics.watched.clone()));
        metrics
    }

    pub(super) fn of(&self, upstream: &'static str) -> AttemptCounts {
        let name = Name { upstream };
        AttemptCounts {
            retries: self.retries.get_or_create_owned(&name),
            hedges: self.hedges.get_or_create_owned(&name),
            hedges_won: self.hedges_won.get_or_create_owned(&name),
            probes: self.probes.clone(),
            upstream,
        }
    }

    pub(super) fn watch(&self, upstream: &Upstream) {
        self.watched.0.lock().push(upstream.clone());
    }
}

impl AttemptCounts {
    pub(super) fn probed(&self, health: Health) {
        let result = match health {
            Health::Serving => "serving",
            Health::NotServing => "not_serving",
            Health::Unreachable => "unreachable",
        };
        self.probes.get_or_create(&Found { upstream: self.upstream, result }).inc();
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let mut endpoints = encoder.encode_descriptor(
            "nova_upstream_endpoints",
            "Endpoints of an upstream, by whether calls go there (used) or it is left out",
            None,
            MetricType::Gauge,
        )?;
        for upstream in self.0.lock().iter() {
            let all = upstream.0.endpoints.all();
            let out = all.iter().filter(|endpoint| endpoint.is_out()).count();
            for (result, count) in [("used", all.len() - out), ("out", out)] {
                let label = Found { upstream: upstream.name(), result };
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(endpoints.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
