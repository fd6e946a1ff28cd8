//! What is counted of batches.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::refusal::Refusal;

/// Counts of batches. One for the process.
#[derive(Default)]
pub(crate) struct BatchMetrics {
    batches: Family<Labels, Counter>,
    operations: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: BatchResult,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum BatchResult {
    /// Its operations were run.
    Taken,
    /// The flag is off for the caller.
    Off,
    /// It has too many operations.
    TooLarge,
}

impl EncodeLabelValue for BatchResult {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let text = match self {
            Self::Taken => "taken",
            Self::Off => "off",
            Self::TooLarge => "too_large",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl BatchMetrics {
    /// The counts, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "nova_http_batches",
            "Batches of operations, by what became of them",
            metrics.batches.clone(),
        );
        registry.register("nova_http_batch_operations", "Operations that came in batches", metrics.operations.clone());
        metrics
    }

    /// A batch of this many operations is run.
    pub(crate) fn taken(&self, operations: usize) {
        self.count(BatchResult::Taken);
        self.operations.inc_by(operations as u64);
    }

    /// A body is refused. It counts when it is refused as a batch.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        match refusal {
            Refusal::BatchingOff => self.count(BatchResult::Off),
            Refusal::BatchTooLarge { .. } => self.count(BatchResult::TooLarge),
            _ => {}
        }
    }

    fn count(&self, result: BatchResult) {
        self.batches.get_or_create(&Labels { result }).inc();
    }
}
