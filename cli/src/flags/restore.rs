//! `nova flags restore`: puts back what a file says of the catalogue's flags in an environment. What it can't put back is said
//! before anything is changed, and a flag of which a part can't be put back is left alone: without its segment, a rollout
//! would reach people that it never was for. Doing it again changes nothing.

use nova_flags::FlagId;
use serde_json::Value;

use super::{
    Admin, AdminError, FlagsFile,
    diff::{There, differences, warn_of_environment},
    model::{Feature, Segment, Strategy},
    setting::{Setting, definition},
};
use crate::{failure::Failure, say};

/// One request that brings a flag nearer to what the file says.
#[derive(Debug, PartialEq)]
enum Step {
    Off,
    /// Strategy with this id becomes this.
    Set(String, Value),
    Add(Value),
    Remove(String),
    On,
}

/// Puts back, or with `dry_run` says what it would.
///
/// # Errors
/// Exit code 1 when something can't be put back; [`Failure`] when Unleash does not answer: the rest is as it was, and the
/// same again goes on from there.
pub(crate) async fn restore(admin: &Admin, file: &FlagsFile, dry_run: bool) -> Result<(), Failure> {
    let there = There::ask(admin).await?;
    // The file may want a segment that nothing in Unleash uses now.
    let segments = admin.segments().await?;
    warn_of_environment(admin, file);
    let mut plans = Vec::new();
    let mut left = 0;
    for (id, want) in &file.flags {
        let name = id.flag().name;
        let Some(feature) = there.features.get(id) else {
            left += 1;
            say::result(format_args!("{name}: can't be put back: it is not in Unleash; `nova flags sync` creates it"));
            continue;
        };
        let have = Setting::of(feature, &admin.environment, &there.segments);
        let differences = differences(want, &have);
        match plan(want, &have, feature, &admin.environment, &segments) {
            Ok(steps) => plans.push((*id, differences, steps)),
            Err(obstacle) => {
                left += 1;
                say::result(format_args!("{name}: can't be put back, and is left as it is: {obstacle}"));
            }
        }
    }
    let (would, mut changed) = (if dry_run { "would put back: " } else { "" }, 0);
    for (id, differences, steps) in plans.iter().filter(|(_, _, steps)| !steps.is_empty()) {
        let name = id.flag().name;
        if !dry_run && let Err(error) = take(admin, *id, steps).await {
            if !error.is_of_one_request() {
                return Err(error.into());
            }
            left += 1;
            say::result(format_args!("{name}: put back in part at most: {error}"));
            continue;
        }
        changed += 1;
        for difference in differences {
            say::result(format_args!("{name}: {would}{}", difference.change()));
        }
    }
    let same = plans.len() - plans.iter().filter(|(_, _, steps)| !steps.is_empty()).count();
    let done = if dry_run { "to be put back" } else { "put back" };
    say::step(format_args!("{}: {changed} {done}, {same} as in the file, {left} left as they are", admin.environment));
    if left == 0 { Ok(()) } else { Err(Failure::Exit(1)) }
}

async fn take(admin: &Admin, id: FlagId, steps: &[Step]) -> Result<(), AdminError> {
    let name = id.flag().name;
    for step in steps {
        match step {
            Step::Off => admin.switch(name, false).await?,
            Step::Set(id, strategy) => admin.set_strategy(name, id, strategy).await?,
            Step::Add(strategy) => drop(admin.add_strategy(name, strategy).await?),
            Step::Remove(id) => admin.remove_strategy(name, id).await?,
            Step::On => admin.switch(name, true).await?,
        }
    }
    Ok(())
}

/// The way from `have` to `want`, by no state that gives the flag to anybody who has it in neither; or what is in the way.
fn plan(
    want: &Setting,
    have: &Setting,
    feature: &Feature,
    environment: &str,
    segments: &[Segment],
) -> Result<Vec<Step>, String> {
    if want == have {
        return Ok(Vec::new());
    }
    if want.dependencies != have.dependencies {
        return Err("it depends on other flags than in the file".into());
    }
    if want.variants != have.variants {
        return Err("it has other variants of its own than in the file, and Unleash takes a strategy's alone".into());
    }
    let id_of = |wanted: &Vec<Value>| {
        let segment = segments.iter().find(|segment| definition(segment) == *wanted);
        segment.map(|segment| segment.id).ok_or_else(|| {
            let constraints = Value::from(wanted.clone());
            format!("Unleash has no segment with the constraints {constraints}")
        })
    };
    let there = feature.in_environment(environment);
    let active: Vec<&Strategy> = there.strategies.iter().filter(|strategy| !strategy.disabled).collect();
    let mut steps = Vec::new();
    if there.enabled && !want.enabled {
        steps.push(Step::Off);
    }
    for (n, wanted) in want.strategies.iter().enumerate() {
        // In Unleash it may be there without a strategy, which compares like the one for everybody.
        match active.get(n) {
            Some(_) if have.strategies.get(n) == Some(wanted) => {}
            Some(strategy) => {
                let ids = wanted.segments.iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
                steps.push(Step::Set(strategy.id.clone(), wanted.body(&ids)));
            }
            None => {
                let ids = wanted.segments.iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
                steps.push(Step::Add(wanted.body(&ids)));
            }
        }
    }
    let extra = active.iter().skip(want.strategies.len());
    steps.extend(extra.map(|strategy| Step::Remove(strategy.id.clone())));
    if want.enabled && !there.enabled {
        steps.push(Step::On);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::setting::Rollout, *};

    fn strategy(id: &str, rollout: &str) -> Value {
        let parameters = json!({"rollout": rollout, "stickiness": "default", "groupId": "a.b"});
        json!({"id": id, "name": "flexibleRollout", "title": null, "parameters": parameters})
    }

    fn feature(enabled: bool, strategies: &[Value]) -> Feature {
        let environment = json!({"name": "development", "enabled": enabled, "strategies": strategies});
        serde_json::from_value(json!({"name": "a.b", "environments": [environment]})).unwrap()
    }

    fn rollout(percent: &str) -> Rollout {
        let mut rollout = Rollout::everybody("a.b");
        rollout.parameters["rollout"] = json!(percent);
        rollout
    }

    fn want(enabled: bool, strategies: &[Rollout]) -> Setting {
        let strategies = strategies.to_vec();
        Setting { enabled, strategies, variants: Vec::new(), dependencies: Vec::new() }.tidy("a.b")
    }

    fn steps(want: &Setting, feature: &Feature) -> Result<Vec<Step>, String> {
        let segments = [Segment { id: 4, name: "eu".into(), constraints: vec![json!({"contextName": "region"})] }];
        plan(want, &Setting::of(feature, "development", &segments), feature, "development", &segments)
    }

    #[test]
    fn nothing_is_done_when_nothing_differs() {
        let there = feature(true, &[strategy("1", "10")]);
        assert_eq!(steps(&want(true, &[rollout("10")]), &there), Ok(vec![]));
        assert_eq!(steps(&want(true, &[]), &feature(true, &[strategy("1", "100")])), Ok(vec![]));
    }

    #[test]
    fn it_goes_off_first_and_on_last() {
        let there = feature(true, &[strategy("1", "10"), strategy("2", "50")]);
        let set = Step::Set("1".into(), rollout("20").body(&[]));
        assert_eq!(steps(&want(false, &[rollout("20")]), &there).unwrap(), [Step::Off, set, Step::Remove("2".into())]);
        let there = feature(false, &[]);
        assert_eq!(
            steps(&want(true, &[rollout("20")]), &there).unwrap(),
            [Step::Add(rollout("20").body(&[])), Step::On]
        );
    }

    #[test]
    fn a_disabled_strategy_is_left_where_it_is() {
        let mut disabled = strategy("1", "100");
        disabled["disabled"] = json!(true);
        let there = feature(true, &[disabled, strategy("2", "50")]);
        assert_eq!(
            steps(&want(true, &[rollout("20")]), &there).unwrap(),
            [Step::Set("2".into(), rollout("20").body(&[]))]
        );
    }

    #[test]
    fn a_segment_is_found_by_what_it_says_or_stands_in_the_way() {
        let mut wanted = rollout("20");
        wanted.segments = vec![vec![json!({"contextName": "region"})]];
        let there = feature(true, &[strategy("1", "20")]);
        assert_eq!(
            steps(&want(true, std::slice::from_ref(&wanted)), &there).unwrap(),
            [Step::Set("1".into(), wanted.body(&[4]))]
        );
        wanted.segments = vec![vec![json!({"contextName": "userId"})]];
        assert!(steps(&want(true, &[wanted]), &there).unwrap_err().contains("no segment"));
    }

    #[test]
    fn what_the_api_does_not_take_stands_in_the_way() {
        let there = feature(true, &[strategy("1", "20")]);
        let mut wanted = want(true, &[rollout("20")]);
        wanted.variants = vec![json!({"name": "x"})];
        assert!(steps(&wanted, &there).unwrap_err().contains("variants"));
        let mut wanted = want(true, &[rollout("20")]);
        wanted.dependencies = vec![json!({"feature": "p", "enabled": true})];
        assert!(steps(&wanted, &there).unwrap_err().contains("depends"));
    }
}
