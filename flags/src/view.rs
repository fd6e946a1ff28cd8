//! Flags as people see them: in the debug view and at `/ops`.

use serde::Serialize;
use serde_json::Value;

use crate::{
    catalogue::FlagId,
    payload,
    policy::Policy,
    state::{FlagState, Reason},
};

/// One flag under one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlagView {
    /// Whether it is on.
    pub value: bool,
    /// Why.
    pub reason: Reason,
    /// For whom it is decided.
    pub scope: &'static str,
    /// To how many per cent it is rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u8>,
    /// The payload in use, when it is on and has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// What is wrong with the payloads of the source; the last valid one is used instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl FlagView {
    pub(crate) fn new(id: FlagId, policy: &Policy, state: &FlagState, rollout: Option<u8>) -> Self {
        let (flag, value) = (id.flag(), policy.is_on(id));
        Self {
            value,
            reason: state.reason,
            scope: flag.scope.as_str(),
            rollout,
            payload: (value && !flag.payload.is_empty()).then(|| payload::write(flag, policy.values_of(id))),
            problems: state.problems().map(str::to_owned).collect(),
        }
    }
}
