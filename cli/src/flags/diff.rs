//! `nova flags diff`: what in Unleash is not as a file has it, flag by flag and setting by setting. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use nova_flags::FlagId;
use serde_json::Value;

use super::{
    Admin, AdminError, FlagsFile,
    model::{Feature, Segment},
    setting::Setting,
};
use crate::{failure::Failure, say};

/// What Unleash has of the catalogue's flags in the environment.
pub(super) struct There {
    pub(super) features: BTreeMap<FlagId, Feature>,
    pub(super) segments: Vec<Segment>,
}

impl There {
    /// Asks for it.
    pub(super) async fn ask(admin: &Admin) -> Result<Self, AdminError> {
        admin.check().await?;
        let mut features = BTreeMap::new();
        for overview in admin.features().await? {
            if let Some(id) = FlagId::named(&overview.name) {
                features.insert(id, admin.feature(&overview.name).await?);
            }
        }
        let with_segments = |feature: &Feature| {
            feature.environments.iter().flat_map(|it| &it.strategies).any(|strategy| !strategy.segments.is_empty())
        };
        let segments = if features.values().any(with_segments) { admin.segments().await? } else { Vec::new() };
        Ok(Self { features, segments })
    }

    pub(super) fn setting(&self, id: FlagId, environment: &str) -> Option<Setting> {
        self.features.get(&id).map(|feature| Setting::of(feature, environment, &self.segments))
    }
}

/// Says what differs.
///
/// # Errors
/// Exit code 1 when something does; [`Failure`] when Unleash does not tell.
pub(crate) async fn diff(admin: &Admin, file: &FlagsFile) -> Result<(), Failure> {
    let there = There::ask(admin).await?;
    warn_of_environment(admin, file);
    let mut count = 0;
    for id in FlagId::ALL {
        let name = id.flag().name;
        let lines = match (file.flags.get(id), there.setting(*id, &admin.environment)) {
            (None, None) => Vec::new(),
            (Some(_), None) => vec!["in the file only".to_owned()],
            (None, Some(_)) => vec!["in Unleash only".to_owned()],
            (Some(file), Some(unleash)) => differences(file, &unleash).iter().map(Difference::sides).collect(),
        };
        count += lines.len();
        for line in lines {
            say::result(format_args!("{name}: {line}"));
        }
    }
    say::step(format_args!("against {}: {count} differences in {}", file.name, admin.environment));
    if count == 0 { Ok(()) } else { Err(Failure::Exit(1)) }
}

/// A file of another environment is meant, or it is a mistake: who sees it knows.
pub(super) fn warn_of_environment(admin: &Admin, file: &FlagsFile) {
    if let Some(other) = file.environment.as_ref().filter(|environment| **environment != admin.environment) {
        say::step(format_args!("{} is of the environment {other}, and this is {}", file.name, admin.environment));
    }
}

/// A setting that is not the same on both sides.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// Where it is: `strategies.1.parameters.rollout`. People count from one.
    path: String,
    file: Option<Value>,
    unleash: Option<Value>,
}

impl Difference {
    /// Both sides.
    fn sides(&self) -> String {
        format!("{}: {} in the file, {} in Unleash", self.path, text(self.file.as_ref()), text(self.unleash.as_ref()))
    }

    /// What becomes of it when the file is put back.
    pub(super) fn change(&self) -> String {
        format!("{}: {} becomes {}", self.path, text(self.unleash.as_ref()), text(self.file.as_ref()))
    }
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Each setting that differs.
pub(super) fn differences(file: &Setting, unleash: &Setting) -> Vec<Difference> {
    let value = |setting: &Setting| serde_json::to_value(setting).unwrap_or_default();
    let mut all = Vec::new();
    compare("", Some(&value(file)), Some(&value(unleash)), &mut all);
    all
}

fn compare(path: &str, file: Option<&Value>, unleash: Option<&Value>, all: &mut Vec<Difference>) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (file, unleash) {
        _ if file == unleash => {}
        (Some(Value::Object(file)), Some(Value::Object(unleash))) => {
            let keys: BTreeSet<&String> = file.keys().chain(unleash.keys()).collect();
            for key in keys {
                compare(&at(key), file.get(key), unleash.get(key), all);
            }
        }
        (Some(Value::Array(file)), Some(Value::Array(unleash))) => {
            for n in 0..file.len().max(unleash.len()) {
                compare(&at(&(n + 1).to_string()), file.get(n), unleash.get(n), all);
            }
        }
        _ => all.push(Difference { path: path.to_owned(), file: file.cloned(), unleash: unleash.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::setting::Rollout, *};

    #[test]
    fn each_setting_that_differs_is_a_line() {
        let base = Setting {
            enabled: true,
            strategies: vec![Rollout::everybody("a.b")],
            variants: Vec::new(),
            dependencies: Vec::new(),
        };
        assert!(differences(&base, &base).is_empty());
        let mut other = base.clone();
        other.enabled = false;
        other.strategies[0].parameters["rollout"] = json!("10");
        other.strategies[0].constraints.push(json!({"contextName": "region"}));
        let said: Vec<String> = differences(&base, &other).iter().map(Difference::sides).collect();
        assert_eq!(
            said,
            [
                "enabled: true in the file, false in Unleash",
                r#"strategies.1.constraints.1: nothing in the file, {"contextName":"region"} in Unleash"#,
                r#"strategies.1.parameters.rollout: "100" in the file, "10" in Unleash"#,
            ]
        );
        assert_eq!(differences(&base, &other)[0].change(), "enabled: false becomes true");
        other = base.clone();
        other.strategies.clear();
        assert_eq!(differences(&base, &other).len(), 1);
    }
}
