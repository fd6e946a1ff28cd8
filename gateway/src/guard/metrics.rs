//! What the guard counts: how large operations are, and which limits they exceed. An operator sees here what a limit would refuse
//! before it does.

use nova_flags::Mode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::limits::{Load, Measure};

/// Counts, from one to beyond every ceiling.
const BUCKETS: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0,
    100_000.0,
];

/// The metrics of the guard.
pub(crate) struct LimitMetrics {
    /// One for each measure, in their order: found without a look-up.
    measures: Vec<Histogram>,
    exceeded: Family<ExceededLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MeasureLabel {
    measure: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExceededLabels {
    limit: &'static str,
    action: &'static str,
}

impl LimitMetrics {
    /// The metrics, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let sizes: Family<MeasureLabel, Histogram> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let exceeded = Family::default();
        registry.register(
            "nova_operation_size",
            "How large operations are that were parsed, by measure",
            sizes.clone(),
        );
        registry.register(
            "nova_limits_exceeded",
            "Operations over a limit, by limit, and whether they were refused or only counted",
            exceeded.clone(),
        );
        let size_of = |measure: &Measure| sizes.get_or_create_owned(&MeasureLabel { measure: measure.as_str() });
        Self { measures: Measure::ALL.iter().map(size_of).collect(), exceeded }
    }

    /// An operation was measured.
    pub(crate) fn measured(&self, load: &Load<'_>) {
        for (measure, sizes) in Measure::ALL.iter().zip(&self.measures) {
            #[expect(clippy::cast_precision_loss, reason = "a histogram takes floats, and buckets are far apart")]
            sizes.observe(load.of(*measure) as f64);
        }
    }

    /// An operation is over a limit.
    pub(crate) fn exceeded(&self, limit: &'static str, mode: Mode) {
        let action = match mode {
            Mode::Measure => "counted",
            Mode::Enforce => "refused",
        };
        self.exceeded.get_or_create(&ExceededLabels { limit, action }).inc();
    }
}
