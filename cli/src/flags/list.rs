//! `nova flags list`: the catalogue as a table, and what its flags are in Unleash where there is one. It changes nothing.

use nova_flags::{FlagId, payload_json};
use serde_json::{Value, json};

use super::{Admin, diff::There, model::Feature, setting::Setting};
use crate::{failure::Failure, say};

/// Prints the table, or JSON: a list with an object for each flag.
///
/// # Errors
/// [`Failure`] when there is an Unleash that does not tell.
pub(crate) async fn list(admin: Option<&Admin>, as_json: bool) -> Result<(), Failure> {
    let there = match admin {
        Some(admin) => Some((admin.environment.as_str(), There::ask(admin).await?)),
        None => None,
    };
    let of = |id: FlagId| {
        let (environment, there) = there.as_ref()?;
        let stale = there.features.get(&id).is_some_and(|feature: &Feature| feature.stale);
        Some((there.setting(id, environment).map_or_else(|| "missing".into(), |it| state(&it)), stale))
    };
    if as_json {
        let all: Vec<Value> = FlagId::ALL.iter().map(|id| object(*id, of(*id))).collect();
        say::result(Value::from(all));
        return Ok(());
    }
    let mut header = vec!["NAME", "SCOPE", "KIND", "DEFAULT", "EQUIVALENCE", "OWNER", "END"].into_iter();
    let mut rows = vec![header.by_ref().map(str::to_owned).collect::<Vec<_>>()];
    if let Some((environment, _)) = &there {
        rows[0].push(environment.to_uppercase());
    }
    rows.extend(FlagId::ALL.iter().map(|id| row(*id, of(*id))));
    for line in table(&rows) {
        say::result(line);
    }
    Ok(())
}

fn object(id: FlagId, there: Option<(String, bool)>) -> Value {
    let flag = id.flag();
    let defaults: Vec<u64> = flag.payload.iter().map(|field| field.default).collect();
    let mut object = json!({
        "name": flag.name, "scope": flag.scope.as_str(), "kind": flag.kind.as_str(), "default": flag.default,
        "payload": payload_json(flag, &defaults), "equivalence": flag.equivalence.to_string(), "owner": flag.owner,
        "end": flag.end, "off": flag.off, "on": flag.on,
    });
    if let Some((state, stale)) = there {
        object["state"] = state.into();
        object["stale"] = stale.into();
    }
    object
}

fn row(id: FlagId, there: Option<(String, bool)>) -> Vec<String> {
    let flag = id.flag();
    let default = if flag.default { "on" } else { "off" };
    let (scope, kind, end) = (flag.scope.as_str(), flag.kind.as_str(), flag.end.unwrap_or("-"));
    let equivalence = flag.equivalence.to_string();
    // What differs is for the page of flags.
    let equivalence = equivalence.split(':').next().unwrap_or_default();
    let mut row: Vec<String> =
        [flag.name, scope, kind, default, equivalence, flag.owner, end].map(str::to_owned).into_iter().collect();
    row.extend(there.map(|(state, stale)| if stale { format!("{state} (stale)") } else { state }));
    row
}

/// For whom it is on.
fn state(setting: &Setting) -> String {
    if !setting.enabled {
        return "off".into();
    }
    let mut state = setting.strategies.iter().map(super::setting::Rollout::summary).collect::<Vec<_>>().join(" + ");
    if !setting.dependencies.is_empty() {
        state.push_str(", with its parents");
    }
    state
}

/// Columns as wide as their widest entry.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|text| text.chars().count()).max().unwrap_or(0);
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(n, text)| format!("{text:<0$}", width(n)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["A", "B"], ["long", "x"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), ["A     B", "long  x"]);
    }

    #[test]
    fn every_flag_has_a_row_as_long_as_the_header() {
        for id in FlagId::ALL {
            assert_eq!(row(*id, None).len(), 7);
            assert_eq!(row(*id, Some(("off".into(), true)))[7], "off (stale)");
        }
    }
}
