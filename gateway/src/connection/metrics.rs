//! What is counted of a listener's connections.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::verdict::Reason;

/// The metrics of one listener.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionMetrics {
    /// Connections that are open.
    pub(crate) open: Gauge,
    closed: Family<ReasonLabel, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: Reason,
}

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::HeaderTimeout => "header_timeout",
            Self::Idle => "idle",
            Self::WriteStalled => "write_stalled",
            Self::Evicted => "evicted",
            Self::AddressFull => "address_full",
        }
    }
}

impl ConnectionMetrics {
    /// The metrics of the public listener, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("nova_gateway_connections", "Open client connections", metrics.open.clone());
        registry.register(
            "nova_gateway_connections_closed",
            "Client connections that the gateway ended, by reason",
            metrics.closed.clone(),
        );
        metrics
    }

    pub(super) fn closed(&self, reason: Reason) {
        self.closed.get_or_create(&ReasonLabel { reason }).inc();
    }
}

#[cfg(test)]
impl ConnectionMetrics {
    pub(super) fn closed_for(&self, reason: Reason) -> u64 {
        self.closed.get_or_create(&ReasonLabel { reason }).get()
    }
}
