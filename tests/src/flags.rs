//! States of flags, as Unleash would send them.
#![expect(clippy::unwrap_used, reason = "a test with a state that nobody can read has nothing to go on with")]

use nova_flags::{Flags, Source};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A flag that is the same for everybody.
#[must_use]
pub fn flag(name: &str, on: bool) -> Value {
    json!({ "name": name, "enabled": on, "strategies": [rollout(100)] })
}

/// A flag that is on for everybody, with this payload.
#[must_use]
pub fn flag_with(name: &str, payload: &Value) -> Value {
    let payload = json!({ "type": "json", "value": payload.to_string() });
    let mut strategy = rollout(100);
    strategy["variants"] = json!([{ "name": "v", "weight": 1000, "stickiness": "default", "payload": payload }]);
    json!({ "name": name, "enabled": true, "strategies": [strategy] })
}

/// A flag that is on for a share of the callers, in per cent.
#[must_use]
pub fn flag_for(name: &str, percent: u8) -> Value {
    json!({ "name": name, "enabled": true, "strategies": [rollout(percent)] })
}

fn rollout(percent: u8) -> Value {
    let parameters = json!({ "rollout": percent.to_string(), "stickiness": "default", "groupId": "test" });
    json!({ "name": "flexibleRollout", "parameters": parameters, "constraints": [] })
}

/// A bootstrap file with these; all others have the catalogue's default.
///
/// # Panics
/// When it can't be written.
#[must_use]
pub fn bootstrap(features: &[Value]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "version": 2, "features": features }).to_string()).unwrap();
    file
}

/// From here on these hold, and all others have the catalogue's default.
///
/// # Panics
/// When none of them is one of ours.
pub fn set(flags: &Flags, features: &[Value]) {
    let answer = json!({ "version": 2, "features": features });
    flags.apply(serde_json::from_value(answer).unwrap(), Source::Bootstrap).unwrap();
}
