//! A gateway that follows a real Unleash server: what an operator switches there, callers get here.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::Method;
use nova_cli::clock::SystemClock;
use nova_flags::{Caller, FlagId};
use nova_tests::{
    app::TestApp,
    client::{Client, codes},
    processes::eventually,
    unleash::{Rollout, Unleash},
    world::WORLD,
};
use serde_json::{Value, json};

const DEVELOPMENT: &str = "development";

/// A gateway that asks `unleash` often, over the rows that `sql` makes.
async fn following(unleash: &Unleash, sql: &[&'static str]) -> TestApp {
    let app = TestApp::over(sql, |options| {
        options.flags.unleash = Some(unleash.access());
        options.flags.poll = Duration::from_millis(200);
        options.flags.usage = Duration::from_millis(500);
    });
    app.await
}

async fn ops(app: &TestApp) -> Value {
    Client::new(&app.app.admin_url).send(Method::GET, "/ops", "").await.json()["flags"].take()
}

/// How many upstream calls the feed of user 1 takes, and what it answers.
async fn feed(app: &TestApp) -> (u64, Value) {
    let document = "{ feed(first: 20) { nodes { body author { username followerCount } likeCount } } }";
    let mut answer = app.debugging(1).query(document).await;
    assert_eq!(codes(&answer), Vec::<String>::new());
    let calls = answer["extensions"]["debug"]["upstreamCalls"].as_object().unwrap();
    (calls.values().map(|count| count["calls"].as_u64().unwrap()).sum(), answer["data"].take())
}

#[tokio::test]
async fn switching_batching_off_turns_a_handful_of_calls_into_dozens_and_back() {
    let unleash = Unleash::from_env().await;
    unleash.create("loaders.batching").await;
    unleash.enable("loaders.batching", DEVELOPMENT).await;
    let app = following(&unleash, &[WORLD]).await;
    let (batched, data) = feed(&app).await;
    assert!(batched <= 5, "{batched} calls");
    eventually(|| async { ops(&app).await["flags"]["loaders.batching"]["reason"] == "unleash: everyone" }).await;

    unleash.disable("loaders.batching", DEVELOPMENT).await;
    eventually(|| async { ops(&app).await["flags"]["loaders.batching"]["value"] == false }).await;
    let (single, same) = feed(&app).await;
    assert!(single >= 24, "{single} calls");
    assert_eq!(same, data);

    unleash.enable("loaders.batching", DEVELOPMENT).await;
    eventually(|| async { ops(&app).await["flags"]["loaders.batching"]["value"] == true }).await;
    assert_eq!(feed(&app).await, (batched, data));
}

#[tokio::test]
async fn a_rollout_grows_by_its_shares_and_who_is_in_stays_in() {
    const USERS: u128 = 300;
    const SESSIONS: u128 = 2_000;
    let users = "insert into users (id, username, display_name, created_at)
        select id(n), 'user' || n, 'User ' || n, at(n) from generate_series(1, 300) n;";
    let unleash = Unleash::from_env().await;
    let flag = "loaders.shared-flights";
    unleash.create(flag).await;
    unleash.set(flag, DEVELOPMENT, &[Rollout::new(0, "default")]).await;
    unleash.enable(flag, DEVELOPMENT).await;
    let app = following(&unleash, &[users]).await;
    let strategy = unleash.flag(flag).await["environments"]
        .as_array()
        .and_then(|all| all.iter().find(|environment| environment["name"] == DEVELOPMENT))
        .map(|environment| environment["strategies"][0].clone())
        .unwrap();
    let path = format!(
        "/api/admin/projects/default/features/{flag}/environments/{DEVELOPMENT}/strategies/{}",
        strategy["id"].as_str().unwrap()
    );
    let mut inside = (BTreeSet::new(), BTreeSet::new());
    for percent in [10_u8, 50, 100] {
        let mut changed = strategy.clone();
        changed["parameters"]["rollout"] = percent.to_string().into();
        unleash.call(Method::PUT, &path, &changed).await;
        // As Unleash itself says a moment later.
        eventually(|| async { app.app.flags.state().rollout_of(FlagId::LoadersSharedFlights) == Some(percent) }).await;
        let mut now = (BTreeSet::new(), BTreeSet::new());
        for n in 1..=USERS {
            let answer = app.debugging(n).query("{ __typename }").await;
            let seen = &answer["extensions"]["debug"]["flags"][flag];
            if seen["value"].as_bool().unwrap() {
                now.0.insert(n);
            }
        }
        for n in 0..SESSIONS {
            let session = uuid::Uuid::from_u128(n).to_string();
            let policy = app.app.flags.decide(Caller { user_id: None, session_id: Some(&session) });
            if policy.loaders_shared_flights() {
                now.1.insert(n);
            }
        }
        assert!(now.0.is_superset(&inside.0) && now.1.is_superset(&inside.1), "somebody fell out at {percent} %");
        assert_share(now.0.len(), USERS, percent);
        assert_share(now.1.len(), SESSIONS, percent);
        inside = now;
    }
}

/// Whether so many of `all` are a share of `percent`, within four standard deviations of a drawn one.
fn assert_share(inside: usize, all: u128, percent: u8) {
    let (share, all) = (f64::from(percent) / 100.0, f64::from(u32::try_from(all).unwrap()));
    let inside = f64::from(u32::try_from(inside).unwrap());
    let deviation = (all * share * (1.0 - share)).sqrt();
    assert!((inside - all * share).abs() <= 4.0 * deviation, "{inside} of {all} are in at {percent} %");
}

#[tokio::test]
async fn how_flags_are_used_reaches_unleash() {
    let unleash = Unleash::from_env().await;
    let flag = "loaders.batching";
    unleash.create(flag).await;
    unleash.set(flag, DEVELOPMENT, &[Rollout::new(100, "default").payload(&json!({ "max_batch": 50 }))]).await;
    unleash.enable(flag, DEVELOPMENT).await;
    // Reports outlive the flag they are of.
    let name = format!("usage-{}", std::process::id());
    let app = TestApp::over(&[WORLD], |options| {
        options.flags.unleash = Some(unleash.access());
        options.flags.poll = Duration::from_millis(200);
        options.flags.usage = Duration::from_millis(500);
        options.flags.instance.app_name.clone_from(&name);
        // Unleash files a report under the hour that it names.
        options.gateway.clock = Arc::new(SystemClock);
    })
    .await;
    // Unleash itself tells of a change within a second.
    eventually(|| async { ops(&app).await["flags"][flag]["payload"]["max_batch"] == 50 }).await;
    // Unleash looks only now and then which flags there are, and drops reports of others: some of these may be lost there.
    let asked = AtomicU64::new(0);
    let counted = AtomicU64::new(0);
    eventually(|| async {
        asked.fetch_add(1, Relaxed);
        app.anonymous().query("{ __typename }").await;
        let hours = unleash.usage(flag).await;
        let ours: Vec<_> = hours.iter().filter(|hour| hour["appName"] == name.as_str()).collect();
        let sum = |side: &str| ours.iter().map(|hour| hour[side].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("no"), 0);
        counted.store(sum("yes"), Relaxed);
        counted.load(Relaxed) > 0
    })
    .await;
    assert!(counted.load(Relaxed) <= asked.load(Relaxed), "{counted:?} of {asked:?}");
}

#[tokio::test]
async fn an_unleash_without_our_flags_is_refused_and_says_what_to_do() {
    let unleash = Unleash::from_env().await;
    unleash.create("somebody.elses").await;
    let app = following(&unleash, &[WORLD]).await;
    eventually(|| async { ops(&app).await["lastError"]["reason"] == "foreign" }).await;
    let seen = ops(&app).await;
    assert_eq!(seen["source"], "catalogue", "{seen}");
    assert!(seen["lastError"]["message"].as_str().unwrap().contains("nova flags sync"), "{seen}");
    assert!(feed(&app).await.0 <= 5, "and requests are answered");
}
