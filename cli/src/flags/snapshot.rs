//! `nova flags snapshot`: the catalogue's flags as they are in an environment, in the format that a gateway takes as
//! `NOVA_FLAGS_FILE`: what Unleash's client API would answer, and nothing that an engine would read otherwise.

use std::path::Path;

use nova_flags::FlagId;
use serde_json::{Value, json};

use super::{Admin, diff::There, model::Feature};
use crate::{failure::Failure, output, say};

/// Prints the snapshot, or writes it to `file`, whole or not at all.
///
/// # Errors
/// [`Failure::Unavailable`] when Unleash has none of the flags or does not tell, [`Failure::Io`] for the file.
pub(crate) async fn snapshot(admin: &Admin, file: Option<&Path>) -> Result<(), Failure> {
    let mut there = There::ask(admin).await?;
    if there.features.is_empty() {
        let project = &admin.project;
        return Err(Failure::Unavailable(format!(
            "project {project} has none of the flags: `nova flags sync` creates them"
        )));
    }
    let count = there.features.len();
    // A flag that depends on another means nothing without it.
    let parents: Vec<Feature> = parents(admin, &there).await?;
    if parents.iter().any(|parent| has_segments(parent, &admin.environment)) && there.segments.is_empty() {
        there.segments = admin.segments().await?;
    }
    let features: Vec<&Feature> = there.features.values().chain(&parents).collect();
    let text = format!("{:#}\n", answer(admin, &features, &there));
    match file {
        None => say::result(text.trim_end()),
        Some(path) => {
            output::write(path, &text).map_err(Failure::io(format_args!("write {}", path.display())))?;
            say::step(format_args!("{count} flags of {} are in {}", admin.environment, path.display()));
        }
    }
    Ok(())
}

/// The flags that ours depend on and that are not ours. Unleash has no parents of parents.
async fn parents(admin: &Admin, there: &There) -> Result<Vec<Feature>, Failure> {
    let dependencies = there.features.values().flat_map(|feature| &feature.dependencies);
    let names: std::collections::BTreeSet<&str> =
        dependencies.filter_map(|it| it["feature"].as_str()).filter(|name| FlagId::named(name).is_none()).collect();
    let mut parents = Vec::new();
    for name in names {
        parents.push(admin.feature(name).await?);
    }
    Ok(parents)
}

fn has_segments(feature: &Feature, environment: &str) -> bool {
    feature.in_environment(environment).strategies.iter().any(|strategy| !strategy.segments.is_empty())
}

fn answer(admin: &Admin, features: &[&Feature], there: &There) -> Value {
    let environment = admin.environment.as_str();
    let used = |id: i64| {
        let strategies = features.iter().flat_map(|feature| feature.in_environment(environment).strategies);
        strategies.filter(|strategy| !strategy.disabled).any(|strategy| strategy.segments.contains(&id))
    };
    let segments = there.segments.iter().filter(|segment| used(segment.id));
    json!({
        "version": 2,
        "features": features.iter().map(|feature| one(feature, environment)).collect::<Vec<_>>(),
        "segments": segments
            .map(|it| json!({"id": it.id, "name": it.name, "constraints": it.constraints}))
            .collect::<Vec<_>>(),
        "query": {"project": [admin.project], "environment": environment},
    })
}

fn one(feature: &Feature, environment: &str) -> Value {
    let there = feature.in_environment(environment);
    // The client API leaves out what is disabled, and an engine knows no such thing.
    let strategies = there.strategies.iter().filter(|strategy| !strategy.disabled).map(|strategy| {
        let mut value = json!({
            "name": strategy.name, "parameters": strategy.parameters, "constraints": strategy.constraints,
            "variants": strategy.variants,
        });
        if !strategy.segments.is_empty() {
            value["segments"] = json!(strategy.segments);
        }
        value
    });
    let mut value = json!({
        "name": feature.name, "type": feature.kind, "enabled": there.enabled, "stale": feature.stale,
        "strategies": strategies.collect::<Vec<_>>(), "variants": there.variants,
    });
    if !feature.dependencies.is_empty() {
        value["dependencies"] = json!(feature.dependencies);
    }
    value
}
