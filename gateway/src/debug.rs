//! The debug view: what an operation cost, told to callers who may know and who ask for it in so many words. Others never see it.

use std::{collections::BTreeMap, time::Duration};

use http::HeaderMap;
use nova_core::Viewer;
use nova_flags::FlagView;
use nova_loaders::{CallCount, CallTrace};
use serde::{Serialize, Serializer};

/// Asks for the view, with the value `1`.
const HEADER: &str = "x-nova-debug";

/// Whether this request gets the view.
pub(crate) fn wanted(headers: &HeaderMap, viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.scopes.debug) && headers.get(HEADER).is_some_and(|value| value == "1")
}

/// Where the time of one operation went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stages {
    /// Finding the document, or parsing and measuring it.
    pub(crate) parse: Duration,
    /// Choosing the operation, weighing it with its variables, and what the limits and the budget say.
    pub(crate) limits: Duration,
    /// Validation and execution, loads included.
    pub(crate) execute: Duration,
    /// All of it, from the parsed body to the answer.
    pub(crate) total: Duration,
}

/// What an operation may cost at most, as the guard measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Cost {
    /// Points.
    pub(crate) complexity: u64,
    /// Levels of fields.
    pub(crate) depth: u64,
}

/// `extensions.debug`. Times are milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DebugView {
    upstream_calls: BTreeMap<&'static str, Calls>,
    statements: u64,
    stages_ms: StagesMs,
    /// What no upstream call covers.
    overhead_ms: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    /// All flags, as they held for this request.
    flags: BTreeMap<&'static str, FlagView>,
}

/// How often an RPC was called, and for how many keys.
#[derive(Debug, Serialize)]
pub(crate) struct Calls {
    calls: u64,
    keys: u64,
}

impl From<CallCount> for Calls {
    fn from(count: CallCount) -> Self {
        Self { calls: count.calls, keys: count.keys }
    }
}

#[derive(Debug, Serialize)]
struct StagesMs {
    parse: Millis,
    limits: Millis,
    execute: Millis,
    total: Millis,
}

/// Written as milliseconds with three decimals.
#[derive(Debug, Clone, Copy)]
struct Millis(Duration);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1e6).round() / 1e3)
    }
}

impl DebugView {
    pub(crate) fn new(
        trace: CallTrace,
        stages: Stages,
        overhead: Duration,
        cost: Option<Cost>,
        flags: BTreeMap<&'static str, FlagView>,
    ) -> Self {
        Self {
            upstream_calls: trace.calls.into_iter().map(|(rpc, count)| (rpc, count.into())).collect(),
            statements: trace.statements,
            stages_ms: StagesMs {
                parse: Millis(stages.parse),
                limits: Millis(stages.limits),
                execute: Millis(stages.execute),
                total: Millis(stages.total),
            },
            overhead_ms: Millis(overhead),
            cost,
            flags,
        }
    }
}
