//! Whether a flag is the same for everybody, read from its strategies. Where that is not plain, the engine decides for each
//! caller: what is said here is never anything else than what the engine would say.

use std::collections::BTreeSet;

use unleash_types::client_features::{ClientFeature, Payload, Strategy};

/// For whom a flag is what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody gets the same.
    Everyone(bool),
    /// It depends on who asks.
    Rollout,
}

/// What holds for a strategy, whoever asks.
enum Reach {
    Nobody,
    Everybody,
    Some,
}

impl Rule {
    pub(crate) fn of(feature: &ClientFeature) -> Self {
        if !feature.enabled {
            return Self::Everyone(false);
        }
        if feature.dependencies.as_ref().is_some_and(|parents| !parents.is_empty()) {
            return Self::Rollout;
        }
        let strategies = feature.strategies.as_deref().unwrap_or_default();
        let reaches = || strategies.iter().map(reach);
        // No strategy at all means everybody; of several, one that lets the caller in is enough.
        let everybody = strategies.is_empty() || reaches().any(|reach| matches!(reach, Reach::Everybody));
        if everybody {
            return if offered(feature).len() == 1 { Self::Everyone(true) } else { Self::Rollout };
        }
        if reaches().all(|reach| matches!(reach, Reach::Nobody)) { Self::Everyone(false) } else { Self::Rollout }
    }
}

fn reach(strategy: &Strategy) -> Reach {
    let conditional = strategy.constraints.as_ref().is_some_and(|all| !all.is_empty())
        || strategy.segments.as_ref().is_some_and(|all| !all.is_empty());
    let parameter = |name| strategy.parameters.as_ref().and_then(|all| all.get(name)).map(String::as_str);
    // Who lacks what a rollout sticks to is out at any percentage; to these two nobody lacks anything.
    let sticks_to_all = matches!(parameter("stickiness"), None | Some("default" | "random"));
    match (strategy.name.as_str(), parameter("rollout")) {
        ("default", _) if !conditional => Reach::Everybody,
        ("flexibleRollout", Some("100")) if !conditional && sticks_to_all => Reach::Everybody,
        ("flexibleRollout", Some("0")) => Reach::Nobody,
        _ => Reach::Some,
    }
}

/// What callers get for whom the flag is on, each a payload or none. One, when there is no choice.
pub(crate) fn offered(feature: &ClientFeature) -> BTreeSet<Option<&str>> {
    let strategies = feature.strategies.as_deref().unwrap_or_default();
    let of_strategies = strategies.iter().map(|strategy| {
        let variants = strategy.variants.as_deref().unwrap_or_default();
        variants.iter().map(|variant| variant.payload.as_ref()).collect::<Vec<_>>()
    });
    let variants = feature.variants.as_deref().unwrap_or_default();
    let of_feature = variants.iter().map(|variant| variant.payload.as_ref()).collect::<Vec<_>>();
    // A strategy without variants leaves the choice to the feature's.
    let mut groups: Vec<Vec<Option<&Payload>>> = of_strategies
        .map(|of_strategy| if of_strategy.is_empty() { of_feature.clone() } else { of_strategy })
        .map(|group| if group.is_empty() { vec![None] } else { group })
        .collect();
    if groups.is_empty() {
        groups.push(if of_feature.is_empty() { vec![None] } else { of_feature });
    }
    groups.into_iter().flatten().map(|payload| payload.map(|payload| payload.value.as_str())).collect()
}

/// Takes away variants that can't be drawn from, which the engine does not survive: none has any weight, or they have more
/// than can be counted. Such a flag has no payload but its default.
pub(crate) fn drop_undrawable(feature: &mut ClientFeature) {
    for strategy in feature.strategies.iter_mut().flatten() {
        strategy.variants = strategy.variants.take().filter(|all| drawable(all.iter().map(|one| one.weight)));
    }
    feature.variants = feature.variants.take().filter(|all| drawable(all.iter().map(|one| one.weight)));
}

fn drawable(mut weights: impl Iterator<Item = i32>) -> bool {
    let total = weights.try_fold(0_i32, |total, weight| total.checked_add(weight).filter(|_| weight >= 0));
    total.is_some_and(|total| total > 0)
}

/// Every payload that somebody may get.
pub(crate) fn payloads(feature: &ClientFeature) -> BTreeSet<&str> {
    let strategies = feature.strategies.iter().flatten();
    let of_strategies = strategies.flat_map(|strategy| strategy.variants.iter().flatten()).map(|v| v.payload.as_ref());
    let of_feature = feature.variants.iter().flatten().map(|variant| variant.payload.as_ref());
    of_strategies.chain(of_feature).flatten().map(|payload| payload.value.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(feature: &Value) -> Rule {
        let mut all = json!({"name": "a.b", "enabled": true, "strategies": []});
        all.as_object_mut().unwrap().extend(feature.as_object().unwrap().clone());
        Rule::of(&serde_json::from_value(all).unwrap())
    }

    fn rollout(percent: &str) -> Value {
        json!({"name": "flexibleRollout", "parameters": {"rollout": percent, "stickiness": "default", "groupId": "a.b"}})
    }

    fn sticky(stickiness: &str) -> Value {
        let mut strategy = rollout("100");
        strategy["parameters"]["stickiness"] = stickiness.into();
        strategy
    }

    fn variant(name: &str, value: &str) -> Value {
        json!({"name": name, "weight": 500, "payload": {"type": "json", "value": value}})
    }

    #[test]
    fn what_is_the_same_for_everybody_is_known_at_once() {
        let mut conditional = rollout("100");
        conditional["constraints"] = json!([{"contextName": "region", "operator": "IN", "values": ["eu"]}]);
        for (feature, expected) in [
            (json!({"enabled": false}), Rule::Everyone(false)),
            (json!({"enabled": false, "strategies": [rollout("100")]}), Rule::Everyone(false)),
            (json!({}), Rule::Everyone(true)),
            (json!({"strategies": null}), Rule::Everyone(true)),
            (json!({"strategies": [{"name": "default"}]}), Rule::Everyone(true)),
            (json!({"strategies": [rollout("100")]}), Rule::Everyone(true)),
            (json!({"strategies": [rollout("0")]}), Rule::Everyone(false)),
            (json!({"strategies": [rollout("0"), rollout("100")]}), Rule::Everyone(true)),
            (json!({"strategies": [sticky("userId")]}), Rule::Rollout),
            (json!({"strategies": [sticky("random")]}), Rule::Everyone(true)),
            (json!({"strategies": [rollout("10")]}), Rule::Rollout),
            (json!({"strategies": [rollout("0"), rollout("10")]}), Rule::Rollout),
            (json!({"strategies": [conditional]}), Rule::Rollout),
            (json!({"strategies": [{"name": "userWithId", "parameters": {"userIds": "1"}}]}), Rule::Rollout),
            (json!({"strategies": [{"name": "default", "segments": [1]}]}), Rule::Rollout),
            (json!({"dependencies": [{"feature": "c.d"}]}), Rule::Rollout),
        ] {
            assert_eq!(rule(&feature), expected, "{feature}");
        }
    }

    #[test]
    fn several_payloads_are_a_choice_for_the_engine() {
        let with = |variants: Value| {
            let mut strategy = rollout("100");
            strategy["variants"] = variants;
            strategy
        };
        let one = with(json!([variant("x", "{}")]));
        let two = with(json!([variant("x", "{}"), variant("y", "{\"n\":1}")]));
        assert_eq!(rule(&json!({"strategies": [one]})), Rule::Everyone(true));
        assert_eq!(rule(&json!({"strategies": [two]})), Rule::Rollout);
        assert_eq!(rule(&json!({"strategies": [one, rollout("100")]})), Rule::Rollout, "one of them has none");
        assert_eq!(rule(&json!({"variants": [variant("x", "{}"), variant("y", "{}")]})), Rule::Everyone(true));
        assert_eq!(
            rule(&json!({"strategies": [one, rollout("100")], "variants": [variant("z", "{}")]})),
            Rule::Everyone(true)
        );
    }
}
