//! What one sync costs when flags have changed: reading the text of Unleash's answer, and taking it in. An answer that is
//! what it was before costs nothing of this: Unleash says so instead of sending it.

use nova_cli::{failure::Failure, say};
use nova_flags::{Access, CATALOGUE, Flags, Source};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    features::{answer, for_some, ours_in_rollout},
    instance, refused,
};
use crate::{
    batching::median,
    report::{Goal, Report},
};

/// Syncs of a run.
const SYNCS: usize = 20;
/// Flags of others in the same project.
const FOREIGN: usize = 200;
/// Flags that ours depend on: with these, the engine has 35.
const ALL: usize = 35;

pub(super) fn measure(report: &mut Report, runs: u32) -> Result<(), Failure> {
    say::step("taking in answers");
    let ours: Vec<Value> = CATALOGUE.iter().map(|flag| ours_in_rollout(flag, false)).collect();
    let foreign: Vec<Value> = (0..FOREIGN).map(|n| for_some(&format!("somebody.else-{n}"))).collect();
    let parents: Vec<Value> = (ours.len()..ALL).map(|n| for_some(&format!("bench.parent-{n}"))).collect();
    let dependent = depending(&ours, &parents);
    let mut wrong = 0;
    for (name, features) in [
        (format!("sync_{}", ours.len()), ours.clone()),
        (format!("sync_{}_of_{}", ours.len(), ours.len() + FOREIGN), [&ours[..], &foreign].concat()),
        (format!("sync_{ALL}_of_{}", ALL + FOREIGN), [&dependent[..], &parents, &foreign].concat()),
    ] {
        let mut off = features.clone();
        off.iter_mut().take(ours.len()).for_each(|feature| feature["enabled"] = false.into());
        let answers = [answer(&features), answer(&off)];
        let flags = Flags::new(Access::none(), instance(), &mut Registry::default()).map_err(refused)?;
        let mut times = Vec::new();
        for run in 0..=runs {
            let mut syncs = Vec::new();
            for text in answers.iter().cycle().take(SYNCS) {
                let start = Instant::now();
                let features = serde_json::from_str(text).map_err(refused)?;
                flags.apply(features, Source::Unleash).map_err(refused)?;
                syncs.push(start.elapsed().as_secs_f64() * 1e3);
                wrong += u32::from(flags.state().has_rollout() != (text == &answers[0]));
            }
            // The first run warms up.
            if run > 0 {
                times.push(median(syncs));
            }
        }
        report.add(name, "ms", None, times);
    }
    report.add("wrong_syncs", "syncs", Some(Goal::Exactly(0.0)), vec![f64::from(wrong)]);
    Ok(())
}

/// `flags`, which share `parents` among them.
fn depending(flags: &[Value], parents: &[Value]) -> Vec<Value> {
    let mut flags = flags.to_vec();
    let count = flags.len();
    for (at, flag) in flags.iter_mut().enumerate() {
        let mine = parents.iter().skip(at).step_by(count);
        flag["dependencies"] = mine.map(|parent| json!({"feature": parent["name"], "enabled": true})).collect();
    }
    flags
}
