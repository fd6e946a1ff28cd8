//! All guards of a process, as operators see them: in metrics, in views, and by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use parking_lot::RwLock;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use serde::Serialize;

use crate::{Breaker, Budget, Bulkhead, Phase};

/// The guards of a process. Cheap to clone; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<RwLock<Guards>>);

#[derive(Debug, Default)]
struct Guards {
    breakers: BTreeMap<&'static str, Arc<Breaker>>,
    bulkheads: BTreeMap<&'static str, Arc<Bulkhead>>,
    budgets: BTreeMap<&'static str, Arc<Budget>>,
}

/// All guards, now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardsView {
    /// By the party that they stand before.
    pub breakers: BTreeMap<&'static str, BreakerView>,
    /// By the party that they stand before.
    pub bulkheads: BTreeMap<&'static str, BulkheadView>,
    /// Second attempts that may be made now, by the party that they go to.
    pub retry_budgets: BTreeMap<&'static str, u64>,
}

/// A breaker, now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerView {
    /// `closed`, `open`, `half-open` or `isolated`.
    pub state: &'static str,
    /// Calls in the window.
    pub calls: u32,
    /// Failures among them.
    pub failures: u32,
    /// Slow ones among them.
    pub slow: u32,
    /// Length of the window, in seconds.
    pub window_seconds: u64,
    /// How often it opened, since the process began.
    pub opened: u64,
    /// Calls that it refused, since the process began.
    pub refused: u64,
}

/// A bulkhead, now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkheadView {
    /// Calls under way.
    pub active: u32,
    /// Most that ever were at a time.
    pub most: u32,
    /// Calls that it refused, since the process began.
    pub refused: u64,
}

/// There is no breaker of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownBreaker;

impl Board {
    /// An empty board, whose guards `registry` shows from now on.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let board = Self::default();
        registry.register_collector(Box::new(board.clone()));
        board
    }

    /// Puts a breaker up.
    pub fn add_breaker(&self, breaker: &Arc<Breaker>) {
        self.0.write().breakers.insert(breaker.name(), Arc::clone(breaker));
    }

    /// Puts a bulkhead up.
    pub fn add_bulkhead(&self, bulkhead: &Arc<Bulkhead>) {
        self.0.write().bulkheads.insert(bulkhead.name(), Arc::clone(bulkhead));
    }

    /// Puts up the budget of second attempts to `name`.
    pub fn add_budget(&self, name: &'static str, budget: &Arc<Budget>) {
        self.0.write().budgets.insert(name, Arc::clone(budget));
    }

    /// The breaker of this name.
    ///
    /// # Errors
    /// [`UnknownBreaker`] when there is none.
    pub fn breaker(&self, name: &str) -> Result<Arc<Breaker>, UnknownBreaker> {
        self.0.read().breakers.get(name).map(Arc::clone).ok_or(UnknownBreaker)
    }

    /// All guards, now.
    #[must_use]
    pub fn view(&self) -> GuardsView {
        let guards = self.0.read();
        GuardsView {
            breakers: guards.breakers.iter().map(|(name, breaker)| (*name, BreakerView::of(breaker))).collect(),
            bulkheads: guards.bulkheads.iter().map(|(name, bulkhead)| (*name, BulkheadView::of(bulkhead))).collect(),
            retry_budgets: guards.budgets.iter().map(|(name, budget)| (*name, budget.left())).collect(),
        }
    }
}

impl BreakerView {
    /// How `breaker` is.
    #[must_use]
    pub fn of(breaker: &Breaker) -> Self {
        let (calls, failures, slow) = breaker.counts();
        Self {
            state: breaker.phase().as_str(),
            calls,
            failures,
            slow,
            window_seconds: breaker.thresholds().window.as_secs(),
            opened: breaker.tallies.opened.load(Relaxed),
            refused: breaker.tallies.refused.load(Relaxed),
        }
    }
}

impl BulkheadView {
    fn of(bulkhead: &Bulkhead) -> Self {
        Self { active: bulkhead.taken(), most: bulkhead.most.load(Relaxed), refused: bulkhead.refused.load(Relaxed) }
    }
}

#[derive(Debug, EncodeLabelSet)]
struct Party {
    upstream: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct PartyState {
    upstream: &'static str,
    state: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct PartyOutcome {
    upstream: &'static str,
    outcome: &'static str,
}

impl Collector for Board {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let guards = self.0.read();
        let (gauge, counter) = (MetricType::Gauge, MetricType::Counter);
        let mut states =
            encoder.encode_descriptor("nova_breaker_state", "1 for the state that a breaker is in", None, gauge)?;
        for (upstream, breaker) in &guards.breakers {
            for phase in [Phase::Closed, Phase::Open, Phase::HalfOpen, Phase::Isolated] {
                let label = PartyState { upstream, state: phase.as_str() };
                ConstGauge::new(i64::from(breaker.phase() == phase)).encode(states.encode_family(&label)?)?;
            }
        }
        let mut turns = encoder.encode_descriptor(
            "nova_breaker_transitions",
            "Turns of a breaker, by the state after",
            None,
            counter,
        )?;
        for (upstream, breaker) in &guards.breakers {
            let tallies = &breaker.tallies;
            for (state, count) in [
                (Phase::Closed, &tallies.closed),
                (Phase::Open, &tallies.opened),
                (Phase::HalfOpen, &tallies.half_opened),
                (Phase::Isolated, &tallies.isolated),
            ] {
                let label = PartyState { upstream, state: state.as_str() };
                ConstCounter::new(count.load(Relaxed)).encode(turns.encode_family(&label)?)?;
            }
        }
        let mut calls = encoder.encode_descriptor(
            "nova_breaker_calls",
            "Calls by what they counted as: ok, failure, slow, ignored; refused ones were not made",
            None,
            counter,
        )?;
        for (upstream, breaker) in &guards.breakers {
            let tallies = &breaker.tallies;
            for (outcome, count) in [
                ("ok", &tallies.ok),
                ("failure", &tallies.failures),
                ("slow", &tallies.slow),
                ("ignored", &tallies.ignored),
                ("refused", &tallies.refused),
            ] {
                let label = PartyOutcome { upstream, outcome };
                ConstCounter::new(count.load(Relaxed)).encode(calls.encode_family(&label)?)?;
            }
        }
        guards.encode_bulkheads(&mut encoder)?;
        guards.encode_budgets(&mut encoder)
    }
}

impl Guards {
    fn encode_bulkheads(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut active = encoder.encode_descriptor(
            "nova_bulkhead_active",
            "Calls under way to an upstream",
            None,
            MetricType::Gauge,
        )?;
        for (upstream, bulkhead) in &self.bulkheads {
            ConstGauge::new(i64::from(bulkhead.taken())).encode(active.encode_family(&Party { upstream })?)?;
        }
        let mut refused = encoder.encode_descriptor(
            "nova_bulkhead_refused",
            "Calls that were not made because as many were under way as the flag `guard.bulkhead` allows",
            None,
            MetricType::Counter,
        )?;
        for (upstream, bulkhead) in &self.bulkheads {
            let count = bulkhead.refused.load(Relaxed);
            ConstCounter::new(count).encode(refused.encode_family(&Party { upstream })?)?;
        }
        Ok(())
    }

    fn encode_budgets(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut attempts = encoder.encode_descriptor(
            "nova_second_attempts",
            "Retries and hedges, by whether the budget covered them",
            None,
            MetricType::Counter,
        )?;
        for (upstream, budget) in &self.budgets {
            for (outcome, count) in [("made", &budget.spent), ("refused", &budget.refused)] {
                let label = PartyOutcome { upstream, outcome };
                ConstCounter::new(count.load(Relaxed)).encode(attempts.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
