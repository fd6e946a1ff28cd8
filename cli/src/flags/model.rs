//! What Unleash's admin API answers, as far as anybody here reads it.

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub(super) struct Environments {
    pub(super) environments: Vec<Environment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Environment {
    pub(super) name: String,
    /// Whether the project uses it.
    visible: bool,
    enabled: bool,
}

impl Environment {
    pub(super) fn is_used(&self) -> bool {
        self.visible && self.enabled
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Features {
    pub(super) features: Vec<Overview>,
}

/// A flag in the list of a project's flags.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overview {
    pub(super) name: String,
    /// In UTC, as ISO 8601 has it.
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) environments: Vec<EnvironmentOverview>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvironmentOverview {
    name: String,
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) has_strategies: bool,
}

impl Overview {
    /// What it is in `environment`; nothing, when it has never been there.
    pub(super) fn in_environment(&self, environment: &str) -> EnvironmentOverview {
        self.environments.iter().find(|it| it.name == environment).cloned().unwrap_or_default()
    }
}

/// All that is set of a flag.
#[derive(Debug, Deserialize)]
pub(super) struct Feature {
    pub(super) name: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    /// Whether somebody marked it as one that can go.
    #[serde(default)]
    pub(super) stale: bool,
    #[serde(default)]
    pub(super) environments: Vec<FeatureEnvironment>,
    #[serde(default)]
    pub(super) dependencies: Vec<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct FeatureEnvironment {
    name: String,
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) strategies: Vec<Strategy>,
    /// Variants of the time before strategies had theirs.
    #[serde(default)]
    pub(super) variants: Vec<Value>,
}

impl Feature {
    /// What it is in `environment`; nothing, when it has never been there.
    pub(super) fn in_environment(&self, environment: &str) -> FeatureEnvironment {
        self.environments.iter().find(|it| it.name == environment).cloned().unwrap_or_default()
    }
}

/// For whom a flag is on, and with which variants. Constraints and variants are handed on as they are.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Strategy {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    /// It counts as not there.
    #[serde(default)]
    pub(super) disabled: bool,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
    #[serde(default)]
    pub(super) constraints: Vec<Value>,
    #[serde(default)]
    pub(super) variants: Vec<Value>,
    #[serde(default)]
    pub(super) segments: Vec<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Segments {
    pub(super) segments: Vec<Segment>,
}

/// Constraints that strategies share.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Segment {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) constraints: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Events {
    pub(super) events: Vec<Event>,
}

/// Something that was done, the newest first.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    /// In UTC, as ISO 8601 has it: later ones are greater.
    pub(super) created_at: String,
    /// What it was.
    #[serde(rename = "type")]
    pub(super) kind: String,
}
