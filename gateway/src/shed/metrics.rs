//! What is counted of the bounds: how much is taken, of how much, and what was refused.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::config::Config;

/// Why a request is refused for want of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ShedReason {
    /// As many requests as allowed are in work.
    InFlight,
    /// The bodies of requests have all the memory they may have.
    BodyMemory,
    /// The process has.
    ProcessMemory,
}

impl ShedReason {
    pub(crate) const ALL: [Self; 3] = [Self::InFlight, Self::BodyMemory, Self::ProcessMemory];

    /// As metrics have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::BodyMemory => "body_memory",
            Self::ProcessMemory => "process_memory",
        }
    }
}

impl fmt::Display for ShedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InFlight => "too many requests at a time",
            Self::BodyMemory => "too many bytes of requests at a time",
            Self::ProcessMemory => "no memory to spare for now",
        })
    }
}

impl EncodeLabelValue for ShedReason {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: ShedReason,
}

/// The metrics. Cheap to update; one set for the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShedMetrics {
    /// GraphQL requests in work.
    pub(crate) active_requests: Gauge,
    max_requests: Gauge,
    max_connections: Gauge,
    refused: Family<ReasonLabel, Counter>,
    /// What bodies of requests take.
    pub(crate) body_bytes: Gauge,
    max_body_bytes: Gauge,
    /// What the process has.
    pub(crate) resident_bytes: Gauge,
    max_memory_bytes: Gauge,
    /// 1 while memory is short.
    pub(crate) shedding: Gauge,
}

impl ShedMetrics {
    /// The metrics, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let gauges = [
            ("http_server_active_requests", "GraphQL requests in work", None, &metrics.active_requests),
            ("nova_gateway_requests_max", "GraphQL requests that may be in work", None, &metrics.max_requests),
            ("nova_gateway_connections_max", "Client connections that may be open", None, &metrics.max_connections),
            ("nova_gateway_body_memory", "What bodies of requests take", Some(Unit::Bytes), &metrics.body_bytes),
            ("nova_gateway_body_memory_max", "What they may take", Some(Unit::Bytes), &metrics.max_body_bytes),
            ("process_resident_memory", "What the process has", Some(Unit::Bytes), &metrics.resident_bytes),
            ("nova_gateway_memory_max", "What the process may have", Some(Unit::Bytes), &metrics.max_memory_bytes),
            ("nova_gateway_memory_short", "1 while requests are refused for memory", None, &metrics.shedding),
        ];
        for (name, help, unit, gauge) in gauges {
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, gauge.clone()),
                None => registry.register(name, help, gauge.clone()),
            }
        }
        registry.register("nova_gateway_shed", "Requests refused for want of room, by reason", metrics.refused.clone());
        metrics
    }

    /// Shows what was set.
    pub(super) fn bounds(&self, config: &Config, max_memory: Option<u64>) {
        let bytes = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.max_requests.set(config.max_requests.into());
        self.max_connections.set(config.max_connections.into());
        self.max_body_bytes.set(bytes(config.max_body_memory_bytes));
        self.max_memory_bytes.set(max_memory.map_or(0, bytes));
    }

    pub(super) fn refused(&self, reason: ShedReason) {
        self.refused.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// How many were refused for `reason`.
    pub(crate) fn refused_for(&self, reason: ShedReason) -> u64 {
        self.refused.get_or_create(&ReasonLabel { reason }).get()
    }
}
