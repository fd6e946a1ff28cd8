//! Flags as Unleash tells them, those of the catalogue and others, for measuring with more than there are.

use nova_flags::{CATALOGUE, Field, Flag, Scope};
use serde_json::{Value, json};
use unleash_api_client::client::FeatureKey;

/// All flags share it: who is in the rollout of one is in all of them.
const GROUP: &str = "bench";

/// A flag that is in no catalogue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Other {
    name: &'static str,
    /// Whether it has payloads to choose from.
    pub(super) choice: bool,
}

impl FeatureKey for Other {
    fn name(self) -> &'static str {
        self.name
    }
}

impl Other {
    /// Half of all callers have it.
    pub(super) fn in_rollout(self) -> Value {
        let payloads = [r#"{"size":1000}"#, r#"{"size":500}"#].map(str::to_owned);
        in_rollout(self.name, if self.choice { &payloads } else { &[] })
    }
}

/// So many flags that are in no catalogue, which keep their names for as long as the process. With `choice`, two of five
/// have payloads to choose from: so many had a payload in the catalogue when this was written.
pub(super) fn others(count: usize, choice: bool) -> Vec<Other> {
    let name = |n: usize| -> &'static str { format!("bench.some-flag-{n}").leak() };
    (0..count).map(|n| Other { name: name(n), choice: choice && n % 5 < 2 }).collect()
}

/// The flags of the catalogue that are decided for each request.
pub(super) fn of_requests() -> impl Iterator<Item = &'static Flag> {
    CATALOGUE.iter().filter(|flag| flag.scope == Scope::Request)
}

/// A flag of the catalogue that half of all callers have, with the payload that is its default; with `choice`, for some of
/// them the least that it may say.
pub(super) fn ours_in_rollout(flag: &Flag, choice: bool) -> Value {
    if flag.payload.is_empty() {
        return in_rollout(flag.name, &[]);
    }
    let payload = |value: fn(&Field) -> u64| {
        let values: Vec<u64> = flag.payload.iter().map(value).collect();
        nova_flags::payload_json(flag, &values).to_string()
    };
    let payloads = [payload(|field| field.default), payload(|field| field.min)];
    in_rollout(flag.name, if choice { &payloads } else { &payloads[..1] })
}

/// A flag that half of all callers have, by user or else by session, with one of these payloads.
fn in_rollout(name: &str, payloads: &[String]) -> Value {
    let weight = 1000 / payloads.len().max(1);
    let variant = |(n, text): (usize, &String)| {
        let payload = json!({"type": "json", "value": text});
        json!({
            "name": format!("payload-{n}"), "weight": weight, "weightType": "variable", "stickiness": "default",
            "payload": payload,
        })
    };
    feature(
        name,
        &json!({
            "name": "flexibleRollout",
            "constraints": [],
            "parameters": {"groupId": GROUP, "rollout": "50", "stickiness": "default"},
            "variants": payloads.iter().enumerate().map(variant).collect::<Vec<_>>(),
        }),
    )
}

/// A flag that is on for everybody with a certain property.
pub(super) fn for_some(name: &str) -> Value {
    let constraint = json!({
        "contextName": "region", "operator": "IN", "values": ["eu-central", "us-east"], "inverted": false,
        "caseInsensitive": false,
    });
    let parameters = json!({"groupId": name, "rollout": "100", "stickiness": "default"});
    feature(
        name,
        &json!({"name": "flexibleRollout", "constraints": [constraint], "parameters": parameters, "variants": []}),
    )
}

fn feature(name: &str, strategy: &Value) -> Value {
    json!({
        "name": name,
        "type": "release",
        "enabled": true,
        "project": "default",
        "stale": false,
        "strategies": [strategy],
        "variants": [],
        "description": null,
        "impressionData": false,
    })
}

/// An answer with these flags.
pub(super) fn answer(features: &[Value]) -> String {
    json!({"version": 2, "features": features, "query": {"environment": "production", "inlineSegmentConstraints": true}})
        .to_string()
}
