//! `nova flags sync`: creates in Unleash the flags that are missing there, in the state that they have now, without Unleash, in
//! the gateway. Nothing that an operator has set is changed, and doing it again changes nothing.
//!
//! A flag of Unleash is in all environments of its project at once, off where nobody has set anything. So one that exists is
//! given its state in this environment when nothing was ever done to it there, as Unleash's own events tell. A flag that
//! somebody has switched off, or whose strategies somebody has removed, has such events, and is left alone.

use nova_flags::{CATALOGUE, Flag, payload_json};
use serde_json::{Value, json};

use super::{Admin, AdminError, model::Overview, setting::Rollout};
use crate::{failure::Failure, say};

/// The title of a strategy while its flag is not yet on. A flag that is found like this is one of an interrupted run.
const UNFINISHED: &str = "nova flags sync is not done with this";

/// Unleash's word for the adding of a strategy.
const STRATEGY_ADDED: &str = "feature-strategy-add";

/// What is to be done about a flag.
#[derive(Debug)]
enum Plan {
    /// It is not there.
    Create,
    /// It is there, for another environment.
    Begin,
    /// An earlier run was interrupted before it was on; this is its strategy.
    Finish(String),
    /// It is there, and like this.
    Leave(&'static str),
    /// It is not there and can't be created.
    Blocked(AdminError),
}

/// Creates what is missing, or with `dry_run` says what it would.
///
/// # Errors
/// Exit code 1 when a flag can't be created; [`Failure`] when Unleash does not answer: the same again goes on from there.
pub(crate) async fn sync(admin: &Admin, dry_run: bool) -> Result<(), Failure> {
    let environments = admin.check().await?;
    let there = admin.features().await?;
    let (mut created, mut given, mut left, mut failed) = (0, 0, 0, 0);
    for flag in &CATALOGUE {
        let plan = plan(admin, flag, there.iter().find(|overview| overview.name == flag.name)).await?;
        let plan = if dry_run { plan } else { carry_out(admin, flag, plan).await? };
        let would = if dry_run { "would be " } else { "" };
        let state = state(flag, &admin.environment);
        let name = flag.name;
        match plan {
            Plan::Create => {
                created += 1;
                say::result(format_args!("{name}: {would}created, {state}"));
            }
            Plan::Begin | Plan::Finish(_) => {
                given += 1;
                say::result(format_args!("{name}: {would}given its state, {state}"));
            }
            Plan::Leave(how) => {
                left += 1;
                say::result(format_args!("{name}: there, {how}; left as it is"));
            }
            Plan::Blocked(error) => {
                failed += 1;
                say::result(format_args!("{name}: can't be created: {error}{}", advice(&error)));
            }
        }
    }
    say::step(format_args!(
        "{}: {created} {}, {given} given their state, {left} left as they are, {failed} failed",
        admin.environment,
        if dry_run { "to be created" } else { "created" },
    ));
    let others: Vec<&str> = environments.iter().map(String::as_str).filter(|name| *name != admin.environment).collect();
    if created > 0 && !others.is_empty() {
        say::step(format_args!(
            "new flags are in every environment of the project, and off where nobody has set them: run this at once for {}, \
             too, if gateways read it",
            others.join(", ")
        ));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Exit(1)) }
}

async fn plan(admin: &Admin, flag: &Flag, there: Option<&Overview>) -> Result<Plan, AdminError> {
    let Some(overview) = there else {
        return match admin.validate(flag.name).await {
            Ok(()) => Ok(Plan::Create),
            Err(error) if error.is_of_one_request() => Ok(Plan::Blocked(error)),
            Err(error) => Err(error),
        };
    };
    let there = overview.in_environment(&admin.environment);
    Ok(match (there.enabled, there.has_strategies) {
        (true, _) => Plan::Leave("enabled"),
        (false, true) => {
            let strategies = admin.feature(flag.name).await?.in_environment(&admin.environment).strategies;
            match strategies.as_slice() {
                // Once it was on, it is somebody else who switched it off.
                [one]
                    if one.title.as_deref() == Some(UNFINISHED)
                        && admin.last_event(overview).await?.as_deref() == Some(STRATEGY_ADDED) =>
                {
                    Plan::Finish(one.id.clone())
                }
                _ => Plan::Leave("off"),
            }
        }
        (false, false) if admin.last_event(overview).await?.is_some() => Plan::Leave("off, and without a strategy"),
        (false, false) => Plan::Begin,
    })
}

/// Does it. A refusal of Unleash concerns this flag alone.
async fn carry_out(admin: &Admin, flag: &Flag, plan: Plan) -> Result<Plan, AdminError> {
    let done = match &plan {
        Plan::Create => create(admin, flag).await,
        Plan::Begin => begin(admin, flag).await,
        Plan::Finish(strategy) => finish(admin, flag, strategy).await,
        Plan::Leave(_) | Plan::Blocked(_) => Ok(()),
    };
    match done {
        Ok(()) => Ok(plan),
        Err(error) if error.is_of_one_request() => Ok(Plan::Blocked(error)),
        Err(error) => Err(error),
    }
}

async fn create(admin: &Admin, flag: &Flag) -> Result<(), AdminError> {
    let description = format!("On: {} Off: {}", flag.on, flag.off);
    admin.create(&json!({"name": flag.name, "type": flag.kind.as_str(), "description": description})).await?;
    begin(admin, flag).await
}

async fn begin(admin: &Admin, flag: &Flag) -> Result<(), AdminError> {
    if !flag.default {
        return admin.add_strategy(flag.name, &strategy(flag, "")).await.map(drop);
    }
    // Switching on is a request of its own. Without the mark, an interruption in between would look like an operator's off.
    let strategy = admin.add_strategy(flag.name, &strategy(flag, UNFINISHED)).await?;
    finish(admin, flag, &strategy.id).await
}

async fn finish(admin: &Admin, flag: &Flag, id: &str) -> Result<(), AdminError> {
    admin.switch(flag.name, true).await?;
    admin.set_strategy(flag.name, id, &strategy(flag, "")).await
}

/// Everybody, with the payload that the catalogue has.
fn strategy(flag: &Flag, title: &str) -> Value {
    let mut strategy = Rollout::everybody(flag.name).body(&[]);
    strategy["title"] = title.into();
    if let Some(payload) = payload(flag) {
        strategy["variants"] = json!([{
            "name": "payload", "weight": 1000, "weightType": "variable", "stickiness": "default",
            "payload": {"type": "json", "value": payload},
        }]);
    }
    strategy
}

fn payload(flag: &Flag) -> Option<String> {
    let defaults: Vec<u64> = flag.payload.iter().map(|field| field.default).collect();
    (!defaults.is_empty()).then(|| payload_json(flag, &defaults).to_string())
}

fn state(flag: &Flag, environment: &str) -> String {
    let with = payload(flag).map(|payload| format!(" with {payload}")).unwrap_or_default();
    format!("{} in {environment}{with}", if flag.default { "on" } else { "off" })
}

/// What to do about a refusal, where that is known.
fn advice(error: &AdminError) -> &'static str {
    match error {
        AdminError::Refused { words, .. } if words.contains("rchived") => "; revive or delete it in Unleash",
        _ => "",
    }
}
