//! `nova flags` with a real Unleash: it creates what is missing, touches nothing that an operator has set, and puts a snapshot
//! back.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Stdio;

use http::Method;
use nova_flags::{CATALOGUE, Caller, FlagId, Flags, Policy, Source};
use nova_tests::{
    files::Files,
    processes::eventually,
    unleash::{Rollout, Unleash},
};
use serde_json::{Value, json};
use tokio::process::Command;

/// What a run of `nova flags` left behind.
#[derive(Debug)]
struct Outcome {
    code: i32,
    said: String,
    told: String,
}

async fn run(settings: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
    let Ok(binary) = std::env::var("NOVA_BIN") else { panic!("NOVA_BIN names no binary. Run `./nova test`") };
    let mut command = Command::new(binary);
    for variable in ["UNLEASH_URL", "UNLEASH_ADMIN_TOKEN", "UNLEASH_CA", "UNLEASH_ENVIRONMENT", "NOVA_ENVIRONMENT"] {
        command.env_remove(variable);
    }
    command.arg("flags").args(arguments).envs(settings.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let [said, told] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Outcome { code: output.status.code().unwrap(), said, told }
}

async fn flags(unleash: &Unleash, arguments: &[&str]) -> Outcome {
    let outcome = run(&[("UNLEASH_URL", &unleash.url), ("UNLEASH_ADMIN_TOKEN", &unleash.admin_token)], arguments).await;
    assert!(!format!("{outcome:?}").contains(&unleash.admin_token), "a token is a secret");
    outcome
}

/// The line that is said of a flag.
fn of<'a>(outcome: &'a Outcome, flag: &str) -> &'a str {
    let line = outcome.said.lines().find_map(|line| line.strip_prefix(flag)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("nothing of {flag}: {outcome:?}"))
}

/// All that is set of the catalogue's flags.
async fn everything(unleash: &Unleash) -> Vec<Value> {
    let mut all = Vec::new();
    for flag in &CATALOGUE {
        let mut value = unleash.flag(flag.name).await;
        // When it was last in use, and how old it is by Unleash's own counting.
        value.as_object_mut().unwrap().remove("lifecycle");
        all.push(value);
    }
    all
}

async fn names(unleash: &Unleash) -> Vec<String> {
    let there = unleash.call(Method::GET, "/api/admin/projects/default/features", &Value::Null).await;
    there["features"].as_array().unwrap().iter().map(|flag| flag["name"].as_str().unwrap().to_owned()).collect()
}

fn environment<'a>(flag: &'a Value, name: &str) -> &'a Value {
    flag["environments"].as_array().unwrap().iter().find(|environment| environment["name"] == name).unwrap()
}

#[tokio::test]
async fn sync_creates_what_is_missing_as_the_gateway_has_it_and_nothing_the_second_time() {
    let unleash = Unleash::from_env().await;
    let dry = flags(&unleash, &["sync", "--dry-run"]).await;
    assert_eq!((dry.code, of(&dry, "jobs.sweep")), (0, "would be created, on in development"));
    assert!(names(&unleash).await.is_empty(), "a dry run changes nothing");

    let first = flags(&unleash, &["sync"]).await;
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(of(&first, "loaders.batching"), r#"created, on in development with {"max_batch":1000}"#);
    assert!(first.told.contains("production"), "other environments have the flags now, and off: {first:?}");
    for flag in &CATALOGUE {
        let there = unleash.flag(flag.name).await;
        let development = environment(&there, "development");
        assert_eq!((&there["type"], &development["enabled"]), (&json!(flag.kind.as_str()), &json!(flag.default)));
        assert!(there["description"].as_str().unwrap().contains(flag.on));
        let strategy = &development["strategies"][0];
        assert_eq!(strategy["name"], "flexibleRollout");
        assert_eq!(strategy["parameters"], json!({"rollout": "100", "stickiness": "default", "groupId": flag.name}));
        assert_eq!(strategy["variants"].as_array().unwrap().len(), usize::from(!flag.payload.is_empty()));
    }
    // A gateway that reads it does what it did before.
    let gateway = Flags::defaults();
    eventually(|| async {
        let answer = unleash.client_features(&unleash.token).await;
        let answer = serde_json::from_slice(&answer.body).unwrap();
        gateway.apply(answer, Source::Unleash).is_ok() && *gateway.decide(Caller::default()) == Policy::defaults()
    })
    .await;

    let before = everything(&unleash).await;
    let second = flags(&unleash, &["sync"]).await;
    assert_eq!((second.code, of(&second, "jobs.sweep")), (0, "there, enabled; left as it is"));
    assert_eq!(everything(&unleash).await, before);
}

#[tokio::test]
async fn sync_touches_nothing_that_an_operator_has_set() {
    let unleash = Unleash::from_env().await;
    assert_eq!(flags(&unleash, &["sync"]).await.code, 0);
    unleash.disable("loaders.batching", "development").await;
    unleash.set("loaders.shared-flights", "development", &[Rollout::new(10, "userId")]).await;
    // Taking the last strategy away switches off, too.
    unleash.set("jobs.sweep", "development", &[]).await;
    let before = everything(&unleash).await;

    let again = flags(&unleash, &["sync"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(of(&again, "loaders.batching"), "there, off; left as it is");
    assert_eq!(of(&again, "jobs.sweep"), "there, off, and without a strategy; left as it is");
    assert_eq!(everything(&unleash).await, before);

    // In another environment nobody has set anything: there, each gets its state, and development keeps its own.
    let production = flags(&unleash, &["sync", "--environment", "production"]).await;
    assert_eq!(of(&production, "jobs.sweep"), "given its state, on in production");
    for (before, after) in before.iter().zip(everything(&unleash).await) {
        assert_eq!(environment(before, "development"), environment(&after, "development"));
        let flag = FlagId::named(after["name"].as_str().unwrap()).unwrap().flag();
        assert_eq!(environment(&after, "production")["enabled"], flag.default, "{}", flag.name);
    }
}

#[tokio::test]
async fn an_interrupted_sync_is_finished_by_the_next() {
    let unleash = Unleash::from_env().await;
    // Created, and no more.
    unleash.create("jobs.sweep").await;
    // Created, and not yet on: the strategy tells that nobody wanted it off.
    unleash.create("guard.fast-acquire").await;
    let path = "/api/admin/projects/default/features/guard.fast-acquire/environments/development/strategies";
    let strategy = json!({
        "name": "flexibleRollout",
        "title": "nova flags sync is not done with this",
        "parameters": { "rollout": "100", "stickiness": "default", "groupId": "guard.fast-acquire" },
    });
    let strategy = unleash.call(Method::POST, path, &strategy).await;

    let next = flags(&unleash, &["sync"]).await;
    assert_eq!((next.code, of(&next, "guard.fast-acquire")), (0, "given its state, on in development"));
    let there = unleash.flag("guard.fast-acquire").await;
    let development = environment(&there, "development");
    assert_eq!((&development["enabled"], &development["strategies"][0]["title"]), (&json!(true), &json!("")));
    assert_eq!(environment(&unleash.flag("jobs.sweep").await, "development")["enabled"], true);
    // From here on it is an operator who switches it off, be it that an interrupted run left its mark.
    let mut marked = strategy.clone();
    marked.as_object_mut().unwrap().retain(|key, _| ["name", "parameters", "title"].contains(&key.as_str()));
    let path = format!("{path}/{}", strategy["id"].as_str().unwrap());
    unleash.call(Method::PUT, &path, &marked).await;
    unleash.disable("guard.fast-acquire", "development").await;
    assert_eq!(of(&flags(&unleash, &["sync"]).await, "guard.fast-acquire"), "there, off; left as it is");
}

#[tokio::test]
async fn an_archived_flag_stands_in_the_way_of_itself_alone() {
    let unleash = Unleash::from_env().await;
    unleash.create("jobs.sweep").await;
    unleash.call(Method::DELETE, "/api/admin/projects/default/features/jobs.sweep", &Value::Null).await;
    for dry_run in [&["--dry-run"][..], &[]] {
        let outcome = flags(&unleash, &[&["sync"], dry_run].concat()).await;
        assert_eq!(outcome.code, 1, "{outcome:?}");
        let line = of(&outcome, "jobs.sweep");
        assert!(line.starts_with("can't be created") && line.contains("archived"), "{line}");
        assert!(line.contains("revive or delete it"), "{line}");
    }
    assert_eq!(names(&unleash).await.len(), CATALOGUE.len() - 1);
}

#[tokio::test]
async fn list_says_what_flags_are_in_unleash() {
    let unleash = Unleash::from_env().await;
    assert_eq!(flags(&unleash, &["sync"]).await.code, 0);
    unleash.disable("loaders.batching", "development").await;
    unleash.set("loaders.shared-flights", "development", &[Rollout::new(10, "userId")]).await;
    unleash.enable("loaders.shared-flights", "development").await;
    unleash.call(Method::DELETE, "/api/admin/projects/default/features/jobs.sweep", &Value::Null).await;
    let path = "/api/admin/projects/default/features/guard.fast-acquire";
    unleash.call(Method::PATCH, path, &json!([{"op": "replace", "path": "/stale", "value": true}])).await;

    let table = flags(&unleash, &["list"]).await;
    let last =
        |flag: &str| table.said.lines().find(|line| line.starts_with(flag)).unwrap().rsplit("  ").next().unwrap();
    assert_eq!(last("loaders.batching"), "off");
    assert_eq!(last("loaders.shared-flights"), "rollout 10 %");
    assert_eq!(last("jobs.sweep"), "missing");
    assert_eq!(last("guard.fast-acquire"), "on (stale)");

    let json = flags(&unleash, &["list", "--json"]).await;
    let all: Vec<Value> = serde_json::from_str(&json.said).unwrap();
    assert_eq!(all.len(), CATALOGUE.len());
    let stale = all.iter().find(|flag| flag["name"] == "guard.fast-acquire").unwrap();
    assert_eq!((&stale["state"], &stale["stale"], &stale["default"]), (&json!("on"), &json!(true), &json!(true)));
}

/// A segment of its own, and its id.
async fn segment(unleash: &Unleash) -> Value {
    let name = format!("segment of {}", std::process::id());
    let constraints = json!([{"contextName": "userId", "operator": "IN", "values": [name]}]);
    unleash.call(Method::POST, "/api/admin/segments", &json!({"name": name, "constraints": constraints})).await["id"]
        .clone()
}

async fn add(unleash: &Unleash, flag: &str, segment: &Value) {
    let path = format!("/api/admin/projects/default/features/{flag}/environments/development/strategies");
    let parameters = json!({"rollout": "30", "stickiness": "default", "groupId": flag});
    let strategy = json!({"name": "flexibleRollout", "parameters": parameters, "segments": [segment]});
    unleash.call(Method::POST, &path, &strategy).await;
}

#[tokio::test]
async fn a_snapshot_is_put_back_and_serves_a_gateway() {
    let unleash = Unleash::from_env().await;
    assert_eq!(flags(&unleash, &["sync"]).await.code, 0);
    let constraint = json!({"contextName": "region", "operator": "IN", "values": ["eu"]});
    let rollouts =
        [Rollout::new(10, "userId").only(constraint), Rollout::new(50, "userId").payload(&json!({"max_batch": 7}))];
    unleash.set("loaders.batching", "development", &rollouts).await;
    unleash.enable("loaders.batching", "development").await;
    unleash.disable("guard.fast-acquire", "development").await;
    let segment = segment(&unleash).await;
    add(&unleash, "jobs.sweep", &segment).await;

    let files = Files::new();
    let file = files.write("flags.json", "");
    assert_eq!(flags(&unleash, &["snapshot", "--file", &file]).await.code, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(flags(&unleash, &["snapshot"]).await.said, text);
    let gateway = Flags::defaults();
    gateway.apply(serde_json::from_str(&text).unwrap(), Source::Bootstrap).unwrap();
    assert!(!gateway.decide(Caller::default()).guard_fast_acquire());
    // It says what the client API says.
    eventually(|| async {
        let answer = unleash.client_features(&unleash.token).await;
        let client = Flags::defaults();
        client.apply(serde_json::from_slice(&answer.body).unwrap(), Source::Bootstrap).is_ok()
            && (0..200).map(|n| n.to_string()).all(|user| {
                let caller = Caller { user_id: Some(&user), session_id: None };
                *client.decide(caller) == *gateway.decide(caller)
            })
    })
    .await;
    let before = everything(&unleash).await;
    assert_eq!(flags(&unleash, &["diff", &file]).await.code, 0);

    // Everything changes.
    unleash.set("loaders.batching", "development", &[Rollout::new(100, "userId")]).await;
    unleash.disable("loaders.shared-flights", "development").await;
    unleash.enable("guard.fast-acquire", "development").await;
    unleash.set("jobs.sweep", "development", &[Rollout::new(20, "default")]).await;
    unleash.enable("jobs.sweep", "development").await;

    let diff = flags(&unleash, &["diff", &file]).await;
    assert_eq!(diff.code, 1);
    for line in [
        "loaders.shared-flights: enabled: true in the file, false in Unleash",
        "guard.fast-acquire: enabled: false in the file, true in Unleash",
        "jobs.sweep: strategies.1.parameters.rollout: \"100\" in the file, \"20\" in Unleash",
    ] {
        assert!(diff.said.lines().any(|said| said == line), "{line}: {diff:?}");
    }
    let changed = everything(&unleash).await;
    let dry = flags(&unleash, &["restore", "--dry-run", &file]).await;
    assert_eq!(dry.code, 0, "{dry:?}");
    assert_eq!(of(&dry, "guard.fast-acquire"), "would put back: enabled: true becomes false");
    assert_eq!(everything(&unleash).await, changed, "a dry run changes nothing");

    let restored = flags(&unleash, &["restore", &file]).await;
    assert_eq!((restored.code, of(&restored, "guard.fast-acquire")), (0, "enabled: true becomes false"));
    assert_eq!(flags(&unleash, &["diff", &file]).await.code, 0);
    let again = flags(&unleash, &["restore", &file]).await;
    assert_eq!((again.code, again.said.as_str()), (0, ""), "there is nothing left to do");
    for (before, after) in before.iter().zip(everything(&unleash).await) {
        let of = |flag: &Value| {
            let mut environment = environment(flag, "development").clone();
            // When a gateway last told that it uses the flag.
            environment.as_object_mut().unwrap().remove("lastSeenAt");
            for strategy in environment["strategies"].as_array_mut().unwrap() {
                strategy
                    .as_object_mut()
                    .unwrap()
                    .retain(|key, _| !["id", "title", "sortOrder"].contains(&key.as_str()));
            }
            environment
        };
        assert_eq!(of(before), of(&after));
    }

    // Without its segment the flag can't be put back; it is left alone, and the others are not.
    unleash.set("jobs.sweep", "development", &[Rollout::new(20, "default")]).await;
    unleash.call(Method::DELETE, &format!("/api/admin/segments/{segment}"), &Value::Null).await;
    unleash.enable("guard.fast-acquire", "development").await;
    let without = flags(&unleash, &["restore", &file]).await;
    assert_eq!(without.code, 1, "{without:?}");
    let first = without.said.lines().next().unwrap();
    assert!(first.starts_with("jobs.sweep: can't be put back") && first.contains("no segment"), "{first}");
    assert_eq!(of(&without, "guard.fast-acquire"), "enabled: true becomes false");
    let sweep = unleash.flag("jobs.sweep").await;
    assert_eq!(environment(&sweep, "development")["strategies"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_exit_code() {
    let unleash = Unleash::from_env().await;
    let (url, token) = (unleash.url.as_str(), unleash.admin_token.as_str());
    for (settings, arguments, code, why) in [
        (vec![], &["sync"][..], 78, "UNLEASH_URL is not set"),
        (vec![("UNLEASH_URL", url)], &["sync"], 78, "UNLEASH_ADMIN_TOKEN is not set"),
        (vec![("UNLEASH_URL", url), ("UNLEASH_ADMIN_TOKEN", "*:*.x")], &["sync"], 78, "refused it (401"),
        (vec![("UNLEASH_URL", url), ("UNLEASH_ADMIN_TOKEN", &unleash.token)], &["sync"], 78, "refused it (403"),
        (vec![("UNLEASH_URL", "http://127.0.0.1:1"), ("UNLEASH_ADMIN_TOKEN", token)], &["sync"], 69, "does not answer"),
        (vec![("UNLEASH_URL", "http://u.example"), ("UNLEASH_ADMIN_TOKEN", token)], &["sync"], 78, "https:// only"),
        (
            vec![("UNLEASH_URL", url), ("UNLEASH_ADMIN_TOKEN", token)],
            &["sync", "--project", "nope"],
            78,
            "no project \"nope\"",
        ),
        (
            vec![("UNLEASH_URL", url), ("UNLEASH_ADMIN_TOKEN", token)],
            &["list", "--environment", "nope"],
            78,
            "it has: development, production",
        ),
        (
            vec![("UNLEASH_URL", url), ("UNLEASH_ADMIN_TOKEN", token)],
            &["snapshot"],
            69,
            "`nova flags sync` creates them",
        ),
    ] {
        let outcome = run(&settings, arguments).await;
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.told.contains(why), "{why}: {outcome:?}");
        assert!(!outcome.told.contains(token), "{outcome:?}");
    }
    assert!(names(&unleash).await.is_empty());
}

#[tokio::test]
async fn a_file_that_is_none_is_told_so_before_unleash_is_asked() {
    let files = Files::new();
    let garbage = files.write("garbage", "{\"features\": [");
    let foreign = files.write("foreign", r#"{"version": 2, "features": [{"name": "x", "enabled": true}]}"#);
    for command in ["diff", "restore"] {
        for (file, code, why) in [
            ("/nowhere/flags.json", 66, "No such file"),
            ("/", 66, "is a directory"),
            (garbage.as_str(), 65, "not in the format of Unleash's /api/client/features (line 1, column 14)"),
            (foreign.as_str(), 65, "none of its 1 flags is one of ours"),
        ] {
            let outcome = run(&[], &[command, file]).await;
            assert_eq!(outcome.code, code, "{outcome:?}");
            assert!(outcome.told.contains(why) && outcome.told.contains(file), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn without_unleash_the_catalogue_is_listed_all_the_same() {
    let table = run(&[], &["list"]).await;
    assert_eq!((table.code, table.said.lines().count()), (0, 1 + CATALOGUE.len()), "{table:?}");
    let json = run(&[], &["list", "--json"]).await;
    let all: Vec<Value> = serde_json::from_str(&json.said).unwrap();
    assert!(
        all.iter().all(|flag| flag.get("state").is_none() && FlagId::named(flag["name"].as_str().unwrap()).is_some())
    );
}
