//! A file with the states of flags, in the format of Unleash's `/api/client/features`: what `nova flags snapshot` writes, and
//! what a gateway takes as `NOVA_FLAGS_FILE`.

use std::{collections::BTreeMap, path::Path};

use nova_flags::FlagId;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    model::Segment,
    setting::{Rollout, Setting},
};
use crate::{failure::Failure, input};

/// Bytes that a file may have.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// What a file says of the flags of the catalogue.
#[derive(Debug)]
pub(crate) struct FlagsFile {
    /// Its name, for messages.
    pub(super) name: String,
    /// The environment that it was taken from, when it says so.
    pub(super) environment: Option<String>,
    pub(super) flags: BTreeMap<FlagId, Setting>,
}

#[derive(Deserialize)]
struct Answer {
    features: Vec<Feature>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
    #[serde(default)]
    query: Option<Query>,
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    environment: Option<String>,
}

#[derive(Deserialize)]
struct Feature {
    name: String,
    enabled: bool,
    #[serde(default)]
    strategies: Option<Vec<Strategy>>,
    #[serde(default)]
    variants: Option<Vec<Value>>,
    #[serde(default)]
    dependencies: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Strategy {
    name: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(default)]
    constraints: Option<Vec<Value>>,
    #[serde(default)]
    variants: Option<Vec<Value>>,
    #[serde(default)]
    segments: Option<Vec<i64>>,
}

impl FlagsFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Failure::NoInput`] when it is not there, [`Failure::Data`] when it is no such file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read("flags", path, MAX_FILE)?;
        let name = path.display().to_string();
        Self::parse(&name, &bytes).map_err(|why| Failure::Data(format!("flags: {name}: {why}")))
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            format!(
                "not in the format of Unleash's /api/client/features (line {}, column {})",
                error.line(),
                error.column()
            )
        })?;
        let segments = answer.segments.unwrap_or_default();
        let count = answer.features.len();
        let mut flags = BTreeMap::new();
        for feature in answer.features {
            let Some(id) = FlagId::named(&feature.name) else { continue };
            let name = feature.name.clone();
            if flags.insert(id, feature.setting(&segments)?).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        if flags.is_empty() {
            return Err(format!("none of its {count} flags is one of ours"));
        }
        Ok(Self { name: name.to_owned(), environment: answer.query.and_then(|query| query.environment), flags })
    }
}

impl Feature {
    fn setting(self, segments: &[Segment]) -> Result<Setting, String> {
        let rollout = |strategy: Strategy| {
            let definition = |id: i64| {
                let segment = segments.iter().find(|segment| segment.id == id);
                let segment = segment.ok_or_else(|| format!("{}: there is no segment {id} in the file", self.name))?;
                Ok(segment.constraints.clone())
            };
            Ok(Rollout {
                name: strategy.name,
                parameters: strategy.parameters.unwrap_or_default(),
                constraints: strategy.constraints.unwrap_or_default(),
                variants: strategy.variants.unwrap_or_default(),
                segments: strategy
                    .segments
                    .unwrap_or_default()
                    .into_iter()
                    .map(definition)
                    .collect::<Result<_, String>>()?,
            })
        };
        let strategies = self.strategies.unwrap_or_default().into_iter().map(rollout).collect::<Result<_, String>>()?;
        let (variants, dependencies) = (self.variants.unwrap_or_default(), self.dependencies.unwrap_or_default());
        Ok(Setting { enabled: self.enabled, strategies, variants, dependencies }.tidy(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<FlagsFile, String> {
        FlagsFile::parse("f", text.as_bytes())
    }

    #[test]
    fn what_is_not_in_the_format_is_told_so() {
        for (text, why) in [
            ("", "not in the format of Unleash's /api/client/features (line 1, column 0)"),
            ("[]", "not in the format"),
            ("{\"version\": 2,\n \"features\": 7}", "(line 2, column"),
            (r#"{"features": []}"#, "none of its 0 flags is one of ours"),
            (r#"{"features": [{"name": "x", "enabled": true}]}"#, "none of its 1 flags"),
            (r#"{"features": [{"name": "jobs.sweep"}]}"#, "not in the format"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
        let twice =
            json!({"features": [{"name": "jobs.sweep", "enabled": true}, {"name": "jobs.sweep", "enabled": false}]});
        assert_eq!(parse(&twice.to_string()).unwrap_err(), "jobs.sweep is there twice");
        let segment = json!({"features": [{"name": "jobs.sweep", "enabled": true,
                             "strategies": [{"name": "default", "segments": [7]}]}]});
        assert_eq!(parse(&segment.to_string()).unwrap_err(), "jobs.sweep: there is no segment 7 in the file");
    }

    #[test]
    fn the_flags_of_the_catalogue_are_read_and_no_others() {
        let file = json!({"version": 2, "query": {"environment": "production"}, "features": [
            {"name": "jobs.sweep", "enabled": false, "strategies": null}, {"name": "x", "enabled": true}]});
        let file = parse(&file.to_string()).unwrap();
        assert_eq!(file.environment.as_deref(), Some("production"));
        assert_eq!(file.flags.keys().collect::<Vec<_>>(), [&FlagId::JobsSweep]);
        assert!(!file.flags[&FlagId::JobsSweep].enabled);
    }
}
