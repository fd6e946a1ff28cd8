//! What of a flag decides who has it, in a form that compares: a flag in Unleash and the same flag in a file are equal here
//! when an engine can't tell them apart. Names, titles and ids don't count.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::model::{Feature, Segment, Strategy};

/// A flag in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Setting {
    pub(super) enabled: bool,
    pub(super) strategies: Vec<Rollout>,
    pub(super) variants: Vec<Value>,
    pub(super) dependencies: Vec<Value>,
}

/// A strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Rollout {
    pub(super) name: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) constraints: Vec<Value>,
    pub(super) variants: Vec<Value>,
    /// What its segments say: their ids are of one server.
    pub(super) segments: Vec<Vec<Value>>,
}

impl Setting {
    /// What is set in Unleash. Strategies that are disabled count as not there.
    pub(super) fn of(feature: &Feature, environment: &str, segments: &[Segment]) -> Self {
        let there = feature.in_environment(environment);
        let strategies = there.strategies.iter().filter(|strategy| !strategy.disabled);
        let rollout = |strategy: &Strategy| {
            let definition = |id: &i64| {
                let segment = segments.iter().find(|segment| segment.id == *id);
                segment.map_or_else(Vec::new, |segment| segment.constraints.clone())
            };
            Rollout {
                name: strategy.name.clone(),
                parameters: strategy.parameters.clone(),
                constraints: strategy.constraints.clone(),
                variants: strategy.variants.clone(),
                segments: strategy.segments.iter().map(definition).collect(),
            }
        };
        let strategies = strategies.map(rollout).collect();
        Self {
            enabled: there.enabled,
            strategies,
            variants: there.variants,
            dependencies: feature.dependencies.clone(),
        }
        .tidy(&feature.name)
    }

    /// Without what says nothing: values that hold when they are left out.
    pub(super) fn tidy(self, flag: &str) -> Self {
        let mut strategies: Vec<Rollout> = self.strategies.into_iter().map(Rollout::tidy).collect();
        // No strategy means everybody, and Unleash has a strategy for that.
        if self.enabled && strategies.is_empty() {
            strategies.push(Rollout::everybody(flag));
        }
        Self {
            enabled: self.enabled,
            strategies,
            variants: tidy_all(self.variants),
            dependencies: tidy_dependencies(&self.dependencies),
        }
    }
}

impl Rollout {
    /// Everybody, as Unleash's own pages say it.
    pub(super) fn everybody(flag: &str) -> Self {
        let parameters = [("rollout", "100"), ("stickiness", "default"), ("groupId", flag)];
        Self {
            name: "flexibleRollout".into(),
            parameters: parameters.map(|(key, value)| (key.into(), value.into())).into_iter().collect(),
            constraints: Vec::new(),
            variants: Vec::new(),
            segments: Vec::new(),
        }
    }

    fn tidy(self) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let mut segments: Vec<Vec<Value>> = self.segments.into_iter().map(tidy_all).collect();
        segments.sort_by_key(|segment| Value::from(segment.clone()).to_string());
        Self {
            name: self.name,
            parameters: self.parameters.into_iter().map(|(key, value)| (key, Value::from(text(value)))).collect(),
            constraints: tidy_all(self.constraints),
            variants: tidy_all(self.variants),
            segments,
        }
    }

    /// As the admin API takes it.
    pub(super) fn body(&self, segments: &[i64]) -> Value {
        json!({
            "name": self.name, "parameters": self.parameters, "constraints": self.constraints,
            "variants": self.variants, "segments": segments,
        })
    }

    /// For whom it is, in a word or two.
    pub(super) fn summary(&self) -> String {
        let percent = match (self.name.as_str(), self.parameters.get("rollout").and_then(Value::as_str)) {
            ("default", _) | ("flexibleRollout", Some("100")) => "on",
            ("flexibleRollout", Some(percent)) => &format!("rollout {percent} %"),
            (name, _) => name,
        };
        let conditional = !self.constraints.is_empty() || !self.segments.is_empty();
        format!("{percent}{}", if conditional { ", conditional" } else { "" })
    }
}

/// The constraints of a segment, to be compared.
pub(super) fn definition(segment: &Segment) -> Vec<Value> {
    tidy_all(segment.constraints.clone())
}

fn tidy_all(values: Vec<Value>) -> Vec<Value> {
    values.into_iter().map(tidy).collect()
}

fn tidy(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let all = object.into_iter().map(|(key, value)| (key, tidy(value)));
            Value::Object(all.filter(|(_, value)| !says_nothing(value)).collect())
        }
        other => other,
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(array) => array.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Parents by name. What is wanted of one is that it is on, unless it says something else.
fn tidy_dependencies(dependencies: &[Value]) -> Vec<Value> {
    let one = |dependency: &Value| {
        let mut parent = json!({"feature": dependency["feature"], "enabled": dependency["enabled"] != json!(false)});
        if dependency["variants"].as_array().is_some_and(|variants| !variants.is_empty()) {
            parent["variants"] = dependency["variants"].clone();
        }
        parent
    };
    let mut all: Vec<Value> = dependencies.iter().map(one).collect();
    all.sort_by_key(|dependency| dependency["feature"].to_string());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(feature: Value) -> Setting {
        let feature: Feature = serde_json::from_value(feature).unwrap();
        let segments = [Segment { id: 3, name: "eu".into(), constraints: vec![json!({"contextName": "region"})] }];
        Setting::of(&feature, "development", &segments)
    }

    fn with(environment: &Value) -> Setting {
        let mut all = json!({"name": "development", "enabled": true});
        all.as_object_mut().unwrap().extend(environment.as_object().unwrap().clone());
        setting(json!({"name": "a.b", "environments": [all]}))
    }

    fn strategy(more: &Value) -> Value {
        let mut all = json!({"id": "1", "name": "flexibleRollout", "title": "t", "parameters": {"rollout": "10"}});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    }

    #[test]
    fn what_an_engine_cannot_tell_apart_is_equal() {
        let full = json!({"contextName": "region", "operator": "IN", "values": ["eu"], "inverted": false,
                          "caseInsensitive": false, "value": null});
        let short = json!({"contextName": "region", "operator": "IN", "values": ["eu"]});
        let one = with(&json!({"strategies": [strategy(&json!({"constraints": [full]}))]}));
        let other = json!({"id": "2", "title": null, "constraints": [short], "parameters": {"rollout": 10}});
        assert_eq!(one, with(&json!({"strategies": [strategy(&other)]})));
        let disabled = strategy(&json!({"disabled": true}));
        assert_eq!(with(&json!({"strategies": [disabled]})), with(&json!({})));
        assert_eq!(with(&json!({})).strategies, [Rollout::everybody("a.b")]);
    }

    #[test]
    fn what_an_engine_can_tell_apart_is_not() {
        let base = with(&json!({"strategies": [strategy(&json!({}))]}));
        for other in [
            json!({"strategies": [strategy(&json!({}))], "enabled": false}),
            json!({"strategies": [strategy(&json!({"parameters": {"rollout": "11"}}))]}),
            json!({"strategies": [strategy(&json!({"segments": [3]}))]}),
            json!({"strategies": [strategy(&json!({"constraints": [{"inverted": true}]}))]}),
            json!({"strategies": [strategy(&json!({})), strategy(&json!({}))]}),
        ] {
            assert_ne!(with(&other), base, "{other}");
        }
        let child = |parents: Value| setting(json!({"name": "a.b", "dependencies": parents}));
        assert_eq!(child(json!([{"feature": "p"}])), child(json!([{"feature": "p", "enabled": true, "variants": []}])));
        assert_ne!(child(json!([{"feature": "p"}])), child(json!([{"feature": "p", "enabled": false}])));
    }

    #[test]
    fn a_strategy_in_a_word() {
        let of = |more: Value| with(&json!({"strategies": [strategy(&more)]})).strategies[0].summary();
        assert_eq!(of(json!({})), "rollout 10 %");
        assert_eq!(of(json!({"parameters": {"rollout": "100"}})), "on");
        assert_eq!(of(json!({"segments": [3], "name": "default"})), "on, conditional");
        assert_eq!(of(json!({"name": "userWithId"})), "userWithId");
    }
}
