//! What becomes of documents that are asked for by name, counted.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What became of a request's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    /// It is one of the manifest's.
    Trusted,
    /// The request brought it and named none, while there is a manifest.
    Free,
    /// It is one that a client registered.
    Found,
    /// Nobody has registered it, or none has this id.
    Missing,
    /// It was registered.
    Registered,
    /// A hash came, and automatic documents are off.
    Unsupported,
    /// The hash was that of another document.
    Mismatch,
    /// It is none of the manifest's, and only those run.
    Untrusted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        let text = match self {
            Self::Trusted => "trusted",
            Self::Free => "free",
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Registered => "registered",
            Self::Unsupported => "unsupported",
            Self::Mismatch => "mismatch",
            Self::Untrusted => "untrusted",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

pub(super) struct PersistedMetrics {
    outcomes: Family<OutcomeLabel, Counter>,
    trusted: Gauge,
    unfit: Gauge,
}

impl PersistedMetrics {
    /// The metrics, known to `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self { outcomes: Family::default(), trusted: Gauge::default(), unfit: Gauge::default() };
        registry.register(
            "nova_persisted_documents",
            "Documents that were asked for by name, by what became of it",
            metrics.outcomes.clone(),
        );
        registry.register("nova_trusted_documents", "Documents of the manifest", metrics.trusted.clone());
        registry.register(
            "nova_trusted_documents_unfit",
            "Documents of the manifest that the schema can't run",
            metrics.unfit.clone(),
        );
        metrics
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.outcomes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(super) fn trusted(&self, entries: usize, unfit: usize) {
        self.trusted.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.unfit.set(i64::try_from(unfit).unwrap_or(i64::MAX));
    }
}
