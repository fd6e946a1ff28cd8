//! Taking states in, and deciding: on Unleash's own engine, without a server.

use prometheus_client::{encoding::text::encode, registry::Registry};
use proptest::prelude::*;
use serde_json::{Value, json};
use unleash_types::client_features::ClientFeatures;

use super::*;

fn instance() -> Instance {
    Instance {
        app_name: "nova".into(),
        instance_id: "instance-1".into(),
        environment: "development".into(),
        app_version: "1.2.3".into(),
        region: Some("eu".into()),
    }
}

fn answer(features: &[Value]) -> ClientFeatures {
    serde_json::from_value(json!({"version": 2, "features": features})).unwrap()
}

fn feature(name: &str, strategies: &[Value]) -> Value {
    json!({"name": name, "enabled": true, "strategies": strategies})
}

fn rollout(percent: u8) -> Value {
    let parameters = json!({"rollout": percent.to_string(), "stickiness": "default", "groupId": "g"});
    json!({"name": "flexibleRollout", "parameters": parameters})
}

fn with_payload(mut strategy: Value, payload: &str) -> Value {
    let payload = json!({"type": "json", "value": payload});
    strategy["variants"] = json!([{"name": "v", "weight": 1000, "stickiness": "default", "payload": payload}]);
    strategy
}

fn off(name: &str) -> Value {
    json!({"name": name, "enabled": false, "strategies": []})
}

fn apply(flags: &Flags, features: &[Value]) -> Result<(), Refused> {
    flags.apply(answer(features), Source::Unleash)
}

fn user(n: u32) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

fn of_user(flags: &Flags, n: u32) -> std::sync::Arc<Policy> {
    flags.decide(Caller { user_id: Some(&user(n)), session_id: None })
}

#[test]
fn at_first_the_catalogue_holds() {
    let flags = Flags::defaults();
    assert_eq!(*flags.decide(Caller::default()), Policy::defaults());
    assert_eq!(flags.state().source(), Source::Catalogue);
    let view = flags.state().explain(&flags.process());
    assert_eq!(view.len(), CATALOGUE.len());
    let json = serde_json::to_value(&view["loaders.batching"]).unwrap();
    assert_eq!(
        json,
        json!({"value": true, "reason": "catalogue default", "scope": "request", "payload": {"max_batch": 1000}})
    );
}

#[test]
fn what_is_said_holds_and_what_is_not_said_has_its_default() {
    let flags = Flags::defaults();
    apply(&flags, &[off("loaders.batching"), off("somebody.elses")]).unwrap();
    let policy = flags.decide(Caller::default());
    assert_eq!(*policy, Policy::defaults().with(FlagId::LoadersBatching, false));
    let view = flags.state().explain(&policy);
    assert_eq!(view["loaders.batching"].reason.to_string(), "unleash: everyone");
    assert_eq!(view["jobs.sweep"].reason.to_string(), "catalogue default: unleash does not have it");
}

#[test]
fn an_answer_without_a_flag_of_ours_changes_nothing() {
    let flags = Flags::defaults();
    apply(&flags, &[off("loaders.batching")]).unwrap();
    assert_eq!(apply(&flags, &[]), Err(Refused::Foreign(0)));
    assert_eq!(apply(&flags, &[off("somebody.elses")]), Err(Refused::Foreign(1)));
    assert!(flags.process().loaders_batching().is_none());
}

#[test]
fn what_is_the_same_for_everybody_is_one_policy_for_all() {
    let flags = Flags::defaults();
    apply(&flags, &[feature("loaders.batching", &[rollout(100)])]).unwrap();
    assert!(!flags.state().has_rollout());
    assert!(std::sync::Arc::ptr_eq(&of_user(&flags, 1), &of_user(&flags, 2)));
}

#[test]
fn a_rollout_takes_its_share_and_who_is_in_stays_in() {
    let flags = Flags::defaults();
    let name = "loaders.shared-flights";
    let mut inside: Vec<u32> = Vec::new();
    for percent in [10, 50, 100] {
        apply(&flags, &[feature(name, &[rollout(percent)])]).unwrap();
        let now: Vec<u32> = (0..2_000).filter(|n| of_user(&flags, *n).loaders_shared_flights()).collect();
        assert!(inside.iter().all(|n| now.contains(n)), "somebody fell out at {percent} %");
        // Four standard deviations of a binomial share.
        let expected = 2_000.0 * f64::from(percent) / 100.0;
        let deviation = (expected * (1.0 - f64::from(percent) / 100.0)).sqrt();
        let off_by = (f64::from(u32::try_from(now.len()).unwrap()) - expected).abs();
        assert!(off_by <= 4.0 * deviation, "{} of 2,000 are in at {percent} %", now.len());
        inside = now;
    }
}

#[test]
fn an_anonymous_caller_sticks_to_the_session_and_a_user_to_the_user() {
    let flags = Flags::defaults();
    apply(&flags, &[feature("loaders.shared-flights", &[rollout(50)])]).unwrap();
    let of_session =
        |session: &str| flags.decide(Caller { user_id: None, session_id: Some(session) }).loaders_shared_flights();
    let sessions: Vec<String> = (0..100).map(user).collect();
    for session in &sessions {
        assert_eq!(of_session(session), of_session(session));
    }
    let inside = sessions.iter().filter(|session| of_session(session)).count();
    assert!((25..75).contains(&inside), "{inside} of 100");
    for n in 0..100 {
        let id = user(n);
        let with = |session| flags.decide(Caller { user_id: Some(&id), session_id: session }).loaders_shared_flights();
        assert_eq!(with(None), with(Some("another")), "a user's sessions do not matter");
    }
}

#[test]
fn a_process_flag_in_rollout_is_decided_once_for_the_instance() {
    let on = |instance_id: &str| {
        let instance = Instance { instance_id: instance_id.into(), ..instance() };
        let flags = Flags::new(Access::none(), instance, &mut Registry::default()).unwrap();
        apply(&flags, &[feature("jobs.sweep", &[rollout(50)])]).unwrap();
        assert!(!flags.state().has_rollout(), "nothing is left to decide for a request");
        let policy = flags.process();
        assert_eq!(flags.state().explain(&policy)["jobs.sweep"].reason.to_string(), "unleash: rollout by instance");
        assert_eq!(of_user(&flags, 1).jobs_sweep(), policy.jobs_sweep());
        policy.jobs_sweep()
    };
    let inside = (0..100).filter(|n| on(&format!("instance-{n}"))).count();
    assert!((25..75).contains(&inside), "{inside} of 100");
}

#[test]
fn constraints_see_what_the_process_is() {
    let flags = Flags::new(Access::none(), instance(), &mut Registry::default()).unwrap();
    for (context, value, expected) in [
        ("region", "eu", true),
        ("region", "us", false),
        ("environment", "development", true),
        ("appName", "nova", true),
        ("appVersion", "1.2.3", true),
        ("userId", "u", false),
    ] {
        let mut strategy = rollout(100);
        strategy["constraints"] = json!([{"contextName": context, "operator": "IN", "values": [value]}]);
        apply(&flags, &[feature("loaders.shared-flights", &[strategy])]).unwrap();
        assert_eq!(of_user(&flags, 1).loaders_shared_flights(), expected, "{context}");
    }
}

#[test]
fn a_payload_is_used_and_a_wrong_one_leaves_the_last_valid() {
    let mut registry = Registry::default();
    let flags = Flags::new(Access::none(), instance(), &mut registry).unwrap();
    let max_batch = |payload: &str| {
        let strategy = with_payload(rollout(100), payload);
        apply(&flags, &[feature("loaders.batching", &[strategy])]).unwrap();
        of_user(&flags, 1).loaders_batching().unwrap().max_batch
    };
    assert_eq!(max_batch(r#"{"max_batch": 7}"#), 7);
    assert_eq!(max_batch(r#"{"max_batch": "eight"}"#), 7);
    assert_eq!(max_batch(r#"{"max_batch": "eight"}"#), 7, "the same again is not counted again");
    assert_eq!(max_batch("8"), 7);
    let view = &flags.state().explain(&flags.process())["loaders.batching"];
    assert_eq!(view.payload, Some(json!({"max_batch": 7})));
    assert!(view.problems[0].contains("not a JSON object"), "{:?}", view.problems);
    assert_eq!(max_batch(r#"{"max_batch": 9}"#), 9);
    assert!(flags.state().explain(&flags.process())["loaders.batching"].problems.is_empty());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains(r#"nova_flags_invalid_payloads_total{flag="loaders.batching"} 2"#), "{text}");
}

#[test]
fn a_wrong_payload_of_a_rollout_leaves_the_last_valid_to_those_inside() {
    let flags = Flags::defaults();
    let seen = |payload: &str| {
        let strategy = with_payload(rollout(50), payload);
        apply(&flags, &[feature("loaders.batching", &[strategy])]).unwrap();
        let of = |n| of_user(&flags, n).loaders_batching().map(|batching| batching.max_batch);
        (0..50).filter_map(of).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(seen(r#"{"max_batch": 7}"#), [7].into());
    assert_eq!(seen(r#"{"max_batch": 70000}"#), [7].into());
}

#[test]
fn everybody_gets_the_payload_that_the_engine_gives() {
    let variant = |name: &str, batch: Option<u16>| {
        let mut variant = json!({"name": name, "weight": 500, "stickiness": "sessionId"});
        if let Some(batch) = batch {
            variant["payload"] = json!({"type": "json", "value": json!({"max_batch": batch}).to_string()});
        }
        variant
    };
    let (seven, eight, none) = (variant("seven", Some(7)), variant("eight", Some(8)), variant("none", None));
    let flags = Flags::new(Access::none(), instance(), &mut Registry::default()).unwrap();
    let engine = Engine::new(Access::none(), instance()).unwrap();
    for (of_strategy, of_feature) in [
        (json!([seven]), json!([])),
        (json!([seven, eight]), json!([])),
        (json!([seven, none]), json!([])),
        (json!([none]), json!([seven])),
        (json!([]), json!([seven])),
        (json!([]), json!([seven, eight])),
        (json!([]), json!([])),
    ] {
        let mut strategy = rollout(50);
        strategy["variants"] = of_strategy;
        let mut feature = feature("loaders.batching", &[strategy]);
        feature["variants"] = of_feature;
        apply(&flags, std::slice::from_ref(&feature)).unwrap();
        engine.take(answer(std::slice::from_ref(&feature))).unwrap();
        for user in (0..50).map(user) {
            let caller = Caller { user_id: Some(&user), session_id: Some(&user) };
            let context = engine.context(caller);
            let expected = engine.is_on(FlagId::LoadersBatching, &context, true).then(|| {
                let payload = engine.payload(FlagId::LoadersBatching, &context);
                let batch = |text: String| serde_json::from_str::<Value>(&text).unwrap()["max_batch"].as_u64().unwrap();
                payload.map_or(1_000, batch)
            });
            let batching = flags.decide(caller).loaders_batching();
            assert_eq!(batching.map(|batching| u64::from(batching.max_batch)), expected, "{feature}");
        }
    }
}

#[test]
fn a_flag_that_depends_on_another_is_left_to_the_engine() {
    let flags = Flags::defaults();
    let mut child = feature("loaders.batching", &[rollout(100)]);
    child["dependencies"] = json!([{"feature": "parent", "enabled": true}]);
    apply(&flags, &[child.clone(), off("parent")]).unwrap();
    assert!(of_user(&flags, 1).loaders_batching().is_none());
    apply(&flags, &[child, feature("parent", &[rollout(100)])]).unwrap();
    assert!(of_user(&flags, 1).loaders_batching().is_some());
}

#[test]
fn every_decision_is_counted_once() {
    let flags = Flags::defaults();
    apply(&flags, &[feature("loaders.shared-flights", &[rollout(50)]), off("loaders.batching")]).unwrap();
    let inside = (0..100).filter(|n| of_user(&flags, *n).loaders_shared_flights()).count() as u64;
    let usage = flags.take_usage();
    let of = |id| usage.counts().find(|(flag, _)| *flag == id).unwrap().1;
    assert_eq!(of(FlagId::LoadersSharedFlights), Count { yes: inside, no: 100 - inside });
    assert_eq!(of(FlagId::LoadersBatching), Count { yes: 0, no: 100 });
    assert_eq!(of(FlagId::GuardFastAcquire), Count { yes: 100, no: 0 });
    assert_eq!(flags.take_usage(), Usage::default());
    // What was counted under a state is not lost with it.
    let _ = of_user(&flags, 1);
    apply(&flags, &[off("loaders.batching")]).unwrap();
    let usage = flags.take_usage();
    assert_eq!(usage.counts().find(|(flag, _)| *flag == FlagId::LoadersBatching).unwrap().1.no, 1);
}

#[test]
fn variants_that_nobody_can_draw_are_no_variants() {
    let flags = Flags::defaults();
    for weights in [[0, 0], [-1, 1], [i32::MAX, 1]] {
        let mut strategy = rollout(100);
        let variant = |(at, weight): (usize, i32)| {
            let payload = json!({"type": "json", "value": format!("{{\"max_batch\": {}}}", at + 1)});
            json!({"name": at.to_string(), "weight": weight, "payload": payload})
        };
        strategy["variants"] = weights.into_iter().enumerate().map(variant).collect();
        apply(&flags, &[feature("loaders.batching", &[strategy])]).unwrap();
        assert_eq!(flags.decide(Caller::default()).loaders_batching(), Some(Batching { max_batch: 1_000 }));
    }
}

fn any_strategy() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["default", "flexibleRollout", "flexibleRollout", "userWithId", "unknown"]);
    let percent = prop::sample::select(vec!["0", "1", "50", "99", "100"]);
    let stickiness = prop::option::of(prop::sample::select(vec!["default", "random", "userId", "sessionId", "region"]));
    let payloads = prop::collection::vec((0_i32..3, 1_u32..4, prop::bool::ANY), 0..3);
    (name, percent, stickiness, payloads, prop::bool::weighted(0.2)).prop_map(
        |(name, percent, stickiness, payloads, conditional)| {
            let mut parameters = json!({"rollout": percent, "groupId": "g", "userIds": user(1)});
            if let Some(stickiness) = stickiness {
                parameters["stickiness"] = stickiness.into();
            }
            let variants = payloads.iter().enumerate().map(|(at, (weight, max_batch, has_payload))| {
                let payload = json!({"type": "json", "value": format!("{{\"max_batch\": {max_batch}}}")});
                let mut variant = json!({"name": at.to_string(), "weight": weight, "stickiness": "default"});
                if *has_payload {
                    variant["payload"] = payload;
                }
                variant
            });
            let constraint = json!({"contextName": "userId", "operator": "IN", "values": [user(2)]});
            let constraints = if conditional { json!([constraint]) } else { json!([]) };
            let variants: Value = variants.collect();
            json!({"name": name, "parameters": parameters, "constraints": constraints, "variants": variants})
        },
    )
}

proptest! {
    /// What is taken to be the same for everybody is what the engine says for everybody.
    #[test]
    fn a_flag_that_is_not_in_rollout_is_the_same_for_whoever_asks(
        enabled in prop::bool::weighted(0.9), strategies in prop::collection::vec(any_strategy(), 0..4),
    ) {
        let flags = Flags::defaults();
        let mut feature = feature("loaders.batching", &strategies);
        feature["enabled"] = enabled.into();
        apply(&flags, &[feature]).unwrap();
        let everybody = flags.process();
        let context = |caller| flags.engine_says(FlagId::LoadersBatching, caller);
        if !flags.state().has_rollout() {
            let (one, two, three) = (user(1), user(2), user(3));
            for user_id in [None, Some(one.as_str()), Some(&two), Some(&three)] {
                for session_id in [None, Some(one.as_str()), Some(&three)] {
                    let said = context(Caller { user_id, session_id });
                    prop_assert_eq!(everybody.loaders_batching().map(|batching| batching.max_batch), said);
                }
            }
        }
    }
}

#[test]
fn what_drifts_is_decided_again_while_unleash_says_the_same() {
    let flags = Flags::defaults();
    let mut news = flags.subscribe();
    // Drawn anew at each question: the quickest thing there is to drift. (A constraint on the time does so by the hour.)
    let mut drawn = rollout(50);
    drawn["parameters"]["stickiness"] = "random".into();
    apply(&flags, &[feature("jobs.sweep", &[drawn])]).unwrap();
    let first = flags.process().jobs_sweep();
    news.mark_unchanged();
    let changed = (0..200).any(|_| {
        flags.refresh();
        flags.process().jobs_sweep() != first
    });
    assert!(changed && news.has_changed().unwrap(), "jobs are told");
}

#[test]
fn nobody_is_told_when_nothing_has_drifted() {
    let flags = Flags::defaults();
    let mut news = flags.subscribe();
    let long_ago = chrono::DateTime::<chrono::Utc>::from(std::time::UNIX_EPOCH).to_rfc3339();
    let mut strategy = rollout(100);
    strategy["constraints"] = json!([{"contextName": "currentTime", "operator": "DATE_AFTER", "value": long_ago}]);
    apply(&flags, &[feature("jobs.sweep", &[strategy])]).unwrap();
    assert!(flags.process().jobs_sweep());
    news.mark_unchanged();
    flags.refresh();
    assert!(!news.has_changed().unwrap());
}
