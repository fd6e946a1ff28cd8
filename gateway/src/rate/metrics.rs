//! What is told of the limits: how often each let something through or did not, and how many buckets there are. Never of whom.

use std::{collections::BTreeMap, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry,
};
use serde::Serialize;

use super::{Limit, buckets::Buckets};

/// What became of what was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was within the limit.
    Allowed,
    /// It was refused.
    Limited,
    /// It would have been refused in mode `enforce`.
    WouldLimit,
}

const LIMITS: [(Limit, &str); 3] = [(Limit::User, "user"), (Limit::Address, "address"), (Limit::Cost, "cost")];
const OUTCOMES: [(Outcome, &str); 3] =
    [(Outcome::Allowed, "allowed"), (Outcome::Limited, "limited"), (Outcome::WouldLimit, "would_limit")];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    limit: &'static str,
    outcome: &'static str,
}

/// Counts for each limit and outcome, looked up once: a check takes no lock for them.
pub(super) struct Checks([[Counter; OUTCOMES.len()]; LIMITS.len()]);

impl Checks {
    pub(super) fn register(registry: &mut Registry, buckets: &Buckets) -> Self {
        let family: Family<Labels, Counter> = Family::default();
        let checks = LIMITS
            .map(|(_, limit)| OUTCOMES.map(|(_, outcome)| family.get_or_create(&Labels { limit, outcome }).clone()));
        registry.register("nova_rate_checks", "Checks of requests against their limits, by outcome", family);
        registry.register_collector(Box::new(Kept(buckets.clone())));
        Self(checks)
    }

    pub(super) fn count(&self, limit: Limit, outcome: Outcome) {
        self.0[limit as usize][outcome as usize].inc();
    }

    pub(super) fn view(&self, buckets: &Buckets) -> RatesView {
        let outcomes = |limit: usize| {
            OUTCOMES.iter().zip(&self.0[limit]).map(|((_, outcome), counter)| (*outcome, counter.get())).collect()
        };
        let checks = LIMITS.iter().enumerate().map(|(at, (_, limit))| (*limit, outcomes(at))).collect();
        RatesView { buckets: buckets.len(), max_buckets: buckets.capacity(), checks }
    }
}

/// How often each limit let something through or did not, since the process began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RatesView {
    buckets: u64,
    max_buckets: u64,
    checks: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

/// Counts the buckets when somebody scrapes.
#[derive(Debug)]
struct Kept(Buckets);

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "Callers whose rates are kept in mind";
        let gauge = ConstGauge::new(i64::try_from(self.0.len()).unwrap_or(i64::MAX));
        gauge.encode(encoder.encode_descriptor("nova_rate_buckets", help, None, MetricType::Gauge)?)
    }
}
