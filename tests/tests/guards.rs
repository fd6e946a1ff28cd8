//! The guards before the upstreams, each on both sides of its flag: what they refuse, what they try again, whom they leave out.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use nova_tests::{
    app::database,
    client::{Client, codes},
    database::TestDatabase,
    faulty::{Fault, Faulty},
    flags::{bootstrap, flag, flag_with},
    metrics::count,
    processes::{Process, eventually},
    world::WORLD,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// Of each service something.
const DOCUMENT: &str = "{ feed(first: 2) { nodes { body author { username } likeCount } } }";
/// Of the social service alone, and no more than it.
const COUNTS: &str = "{ viewer { followerCount } }";

/// A gateway as a process, over a backend as a process; the social service lies behind a way that is faulty.
struct House {
    gateway: Process,
    social: Faulty,
    client: Client,
    _kept: (Process, NamedTempFile, TestDatabase),
}

impl House {
    async fn with(features: &[Value]) -> Self {
        let (database, _pool) = database(&[WORLD]).await;
        let backend = Process::backend("users,content,social", database.url(), None).await;
        let social = Faulty::before(backend.port).await;
        // Nobody asks how the endpoints are, unless that is what the test is about.
        let mut features = features.to_vec();
        if !features.iter().any(|feature| feature["name"] == "guard.health-probes") {
            features.push(flag("guard.health-probes", false));
        }
        let (gateway, file) = gateway([&backend.url(), &backend.url(), &social.url()], &features).await;
        let client = gateway.viewer();
        let house = Self { gateway, social, client, _kept: (backend, file, database) };
        eventually(|| async { codes(&house.client.query(DOCUMENT).await).is_empty() }).await;
        house
    }

    async fn count(&self, name: &str) -> u64 {
        count(&self.gateway.admin_url(), name).await
    }

    /// The codes of an answer to [`DOCUMENT`].
    async fn codes(&self) -> Vec<String> {
        codes(&self.client.query(DOCUMENT).await)
    }
}

/// A gateway under these flags, and the file that says them.
async fn gateway(urls: [&str; 3], features: &[Value]) -> (Process, NamedTempFile) {
    let file = bootstrap(features);
    let gateway = Process::gateway_with(urls, &[("NOVA_FLAGS_FILE", file.path().to_str().unwrap())]).await;
    (gateway, file)
}

const DEGRADED: [&str; 2] =
    ["feed.nodes.0.likeCount UPSTREAM_UNAVAILABLE", "feed.nodes.1.likeCount UPSTREAM_UNAVAILABLE"];

#[tokio::test]
async fn a_breaker_refuses_after_so_many_failures_and_tries_again_after_its_pause() {
    let breaker = json!({ "failures": 5, "window_secs": 30, "pause_ms": 500 });
    let house = House::with(&[flag_with("guard.grpc-breaker", &breaker), flag("guard.retry", false)]).await;
    house.social.set(Fault::Refuse);
    let before = house.social.calls();
    // The first ones are what the breaker counts; from then on nothing is sent, but one call after each pause.
    for _ in 0..5 {
        assert_eq!(house.codes().await, DEGRADED);
    }
    assert_eq!(house.social.calls() - before, 5);
    assert!(house.count("nova_breaker_transitions_total{upstream=\"social\",state=\"open\"}").await >= 1);
    for _ in 0..20 {
        assert_eq!(house.codes().await, DEGRADED);
    }
    assert!(house.count("nova_breaker_calls_total{upstream=\"social\",outcome=\"refused\"}").await >= 1);
    assert_eq!(house.count("nova_breaker_state{upstream=\"users\",state=\"closed\"}").await, 1, "and no other");
    house.social.set(Fault::None);
    eventually(|| async { house.codes().await.is_empty() }).await;
}

#[tokio::test]
async fn without_the_flag_every_call_goes_and_the_breaker_only_counts() {
    let house = House::with(&[flag("guard.grpc-breaker", false), flag("guard.retry", false)]).await;
    house.social.set(Fault::Refuse);
    let before = house.social.calls();
    for _ in 0..30 {
        assert_eq!(house.codes().await, DEGRADED);
    }
    assert_eq!(house.social.calls() - before, 30);
    assert_eq!(house.count("nova_breaker_calls_total{upstream=\"social\",outcome=\"refused\"}").await, 0);
    assert!(house.count("nova_breaker_transitions_total{upstream=\"social\",state=\"open\"}").await >= 1);
}

#[tokio::test]
async fn a_full_bulkhead_refuses_at_once_and_only_its_own_upstream() {
    const PLACES: u64 = 4;
    for (bulkhead, refuses) in
        [(flag_with("guard.bulkhead", &json!({ "max_calls": PLACES })), true), (flag("guard.bulkhead", false), false)]
    {
        let house = House::with(&[bulkhead, flag("loaders.shared-flights", false)]).await;
        house.social.set(Fault::Hold);
        let before = house.social.calls();
        let ask = || {
            let client = house.client.clone();
            tokio::spawn(async move { client.query(DOCUMENT).await })
        };
        let mut held = Vec::new();
        for n in 1..=PLACES {
            held.push(ask());
            eventually(|| async { house.social.calls() - before == n }).await;
        }
        let next = ask();
        if refuses {
            let answer = next.await.unwrap();
            assert_eq!(codes(&answer), DEGRADED, "while the others still wait");
            assert!(!answer["data"]["feed"]["nodes"][0]["author"].is_null());
            assert_eq!(house.count("nova_bulkhead_refused_total{upstream=\"social\"}").await, 1);
        } else {
            eventually(|| async { house.social.calls() - before == PLACES + 1 }).await;
            held.push(next);
        }
        house.social.set(Fault::None);
        for held in held {
            assert_eq!(codes(&held.await.unwrap()), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_read_whose_stream_broke_is_tried_again() {
    // Half of the calls fail: with the breaker it would be open soon.
    let house = House::with(&[flag("guard.retry", true), flag("guard.grpc-breaker", false)]).await;
    house.social.set(Fault::ResetHalf);
    for _ in 0..20 {
        assert_eq!(house.codes().await, Vec::<String>::new());
    }
    assert!(house.count("nova_upstream_retries_total{upstream=\"social\"}").await >= 5);

    let without = House::with(&[flag("guard.retry", false), flag("guard.grpc-breaker", false)]).await;
    without.social.set(Fault::ResetHalf);
    let mut failed = 0;
    for _ in 0..20 {
        let answer = without.client.query(DOCUMENT).await;
        assert!(codes(&answer).is_empty() || codes(&answer) == DEGRADED, "{answer}");
        failed += u64::from(!codes(&answer).is_empty());
    }
    assert_eq!(failed, without.social.broken(), "each of them");
    assert!(failed >= 5);
    assert_eq!(without.count("nova_upstream_retries_total{upstream=\"social\"}").await, 0);
}

#[tokio::test]
async fn a_write_is_never_tried_again() {
    let house = House::with(&[flag("guard.retry", true)]).await;
    house.social.set(Fault::Reset);
    let before = house.social.calls();
    let ids = house.client.query("{ feed(first: 1) { nodes { id } } }").await;
    let like = format!(
        "mutation {{ likePost(input: {{ postId: {} }}) {{ post {{ id }} }} }}",
        ids["data"]["feed"]["nodes"][0]["id"]
    );
    assert_eq!(codes(&house.client.query(&like).await), ["likePost OUTCOME_UNKNOWN"]);
    assert_eq!(house.social.calls() - before, 1);
}

#[tokio::test]
async fn an_answer_without_end_costs_its_fields_and_no_memory() {
    let house = House::with(&[flag("guard.retry", true)]).await;
    house.social.set(Fault::Endless);
    for _ in 0..20 {
        assert_eq!(house.codes().await, DEGRADED);
    }
    assert_eq!(house.count("nova_breaker_state{upstream=\"social\",state=\"closed\"}").await, 1);
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.gateway.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kilobytes: u64 = peak.strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(kilobytes < 400_000, "{peak}");
}

#[tokio::test]
async fn what_is_left_of_the_budget_goes_with_the_call_and_nobody_waits_longer() {
    let house = House::with(&[flag_with("limits.execution-timeout", &json!({ "ms": 800 }))]).await;
    drop(house.social.take_timeouts());
    house.social.set(Fault::Hold);
    let answer = house.client.query(DOCUMENT).await;
    assert_eq!(codes(&answer), ["feed.nodes.0.likeCount TIMEOUT", "feed.nodes.1.likeCount TIMEOUT"]);
    assert!(!answer["data"]["feed"]["nodes"][1]["author"].is_null(), "what is ready is there");
    let given = house.social.take_timeouts();
    assert_eq!(given.len(), 1);
    assert!(given[0] <= Duration::from_millis(800), "{given:?}");
    eventually(|| async { house.social.left() == 1 }).await;
}

#[tokio::test]
async fn who_hangs_up_stops_the_work_that_nobody_else_waits_for() {
    let house = House::with(&[flag("guard.retry", true)]).await;
    house.social.set(Fault::Hold);
    let ask = || {
        let client = house.client.clone();
        tokio::spawn(async move { client.query(COUNTS).await })
    };
    let before = house.social.calls();
    let (first, second) = (ask(), ask());
    let joined = "nova_loader_joined_keys_total{rpc_method=\"Social/BatchCountFollows\"}";
    eventually(|| async { house.social.calls() > before && house.count(joined).await >= 1 }).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    // The other one still waits for the same fetch. That nothing is given up can't be waited for; the answer shows it.
    house.social.set(Fault::None);
    assert_eq!(codes(&second.await.unwrap()), Vec::<String>::new());
    assert_eq!((house.social.calls() - before, house.social.left()), (1, 0));

    house.social.set(Fault::Hold);
    let alone = ask();
    eventually(|| async { house.social.calls() - before == 2 }).await;
    alone.abort();
    eventually(|| async { house.social.left() == 1 }).await;
    let abandoned = "nova_loader_abandoned_calls_total{rpc_method=\"Social/BatchCountFollows\"}";
    assert_eq!(house.count(abandoned).await, 1);
}

#[tokio::test]
async fn an_upstream_that_takes_connections_and_does_not_answer_is_found_and_left_out() {
    let probes = json!({ "interval_ms": 100, "timeout_ms": 300 });
    let (database, _pool) = database(&[WORLD]).await;
    let backend = Process::backend("users,content,social", database.url(), None).await;
    let (well, ill) = (Faulty::before(backend.port).await, Faulty::before(backend.port).await);
    let social = format!("{},{}", well.url(), ill.url());
    let urls = [backend.url(), backend.url(), social];
    let (house, _file) =
        gateway(urls.each_ref().map(String::as_str), &[flag_with("guard.health-probes", &probes)]).await;
    let client = house.viewer();
    let admin = house.admin_url();
    eventually(|| async { codes(&client.query(DOCUMENT).await).is_empty() && well.calls() > 0 && ill.calls() > 0 })
        .await;

    ill.answer_probes(false);
    ill.set(Fault::Hold);
    let out = "nova_upstream_endpoints{upstream=\"social\",result=\"out\"}";
    eventually(|| async { count(&admin, out).await == 1 }).await;
    let before = ill.calls();
    for _ in 0..10 {
        assert_eq!(codes(&client.query(DOCUMENT).await), Vec::<String>::new());
    }
    assert_eq!(ill.calls(), before);

    // With nobody left to answer, the breaker opens before a single call has failed.
    well.answer_probes(false);
    eventually(|| async { count(&admin, "nova_breaker_state{upstream=\"social\",state=\"open\"}").await == 1 }).await;
    assert_eq!(codes(&client.query(DOCUMENT).await), DEGRADED);
    well.answer_probes(true);
    eventually(|| async { codes(&client.query(DOCUMENT).await).is_empty() }).await;
}

#[tokio::test]
async fn without_probes_nobody_asks() {
    let house = House::with(&[flag("guard.health-probes", false)]).await;
    house.social.answer_probes(false);
    assert_eq!(house.codes().await, Vec::<String>::new());
    for result in ["serving", "not_serving", "unreachable"] {
        let probes = format!("nova_upstream_probes_total{{upstream=\"social\",result=\"{result}\"}}");
        assert_eq!(house.count(&probes).await, 0);
    }
}

#[tokio::test]
async fn a_slow_read_is_sent_to_another_endpoint_too() {
    for on in [true, false] {
        let (database, _pool) = database(&[WORLD]).await;
        let backend = Process::backend("users,content,social", database.url(), None).await;
        let (fast, slow) = (Faulty::before(backend.port).await, Faulty::before(backend.port).await);
        let social = format!("{},{}", fast.url(), slow.url());
        let hedging = if on {
            flag_with("guard.hedging", &json!({ "after_ms": 20, "percent": 100 }))
        } else {
            flag("guard.hedging", false)
        };
        let urls = [backend.url(), backend.url(), social];
        let (house, _file) = gateway(urls.each_ref().map(String::as_str), &[hedging]).await;
        let client = house.viewer();
        eventually(|| async { codes(&client.query(DOCUMENT).await).is_empty() && slow.calls() > 0 }).await;
        slow.set(Fault::Hold);
        let before = slow.calls();
        let asking = {
            let client = client.clone();
            // One after the other, until one goes to the slow endpoint.
            tokio::spawn(async move {
                for _ in 0..4 {
                    assert_eq!(codes(&client.query(COUNTS).await), Vec::<String>::new());
                }
            })
        };
        eventually(|| async { slow.calls() > before }).await;
        if on {
            asking.await.unwrap();
            assert!(count(&house.admin_url(), "nova_upstream_hedges_won_total{upstream=\"social\"}").await >= 1);
        } else {
            slow.set(Fault::None);
            asking.await.unwrap();
            assert_eq!(count(&house.admin_url(), "nova_upstream_hedges_total{upstream=\"social\"}").await, 0);
        }
    }
}

#[tokio::test]
async fn calls_that_break_at_one_of_two_endpoints_are_made_at_the_other_and_open_no_breaker() {
    let (database, _pool) = database(&[WORLD]).await;
    let backend = Process::backend("users,content,social", database.url(), None).await;
    let (well, ill) = (Faulty::before(backend.port).await, Faulty::before(backend.port).await);
    let social = format!("{},{}", well.url(), ill.url());
    let urls = [backend.url(), backend.url(), social];
    let breaker = flag_with("guard.grpc-breaker", &json!({ "failures": 5, "window_secs": 30 }));
    let features = [breaker, flag("guard.health-probes", false), flag("loaders.shared-flights", false)];
    let (house, _file) = gateway(urls.each_ref().map(String::as_str), &features).await;
    let client = house.viewer();
    eventually(|| async { codes(&client.query(DOCUMENT).await).is_empty() && well.calls() > 0 && ill.calls() > 0 })
        .await;

    // Many are under way at one endpoint, and break at once.
    ill.set(Fault::Hold);
    let before = ill.calls();
    let readers: Vec<_> = (0..40)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.query(DOCUMENT).await })
        })
        .collect();
    eventually(|| async { ill.calls() - before >= 10 }).await;
    ill.set(Fault::Reset);
    for reader in readers {
        let answer = reader.await.unwrap();
        assert_eq!(codes(&answer), Vec::<String>::new(), "{answer}");
    }
    assert!(ill.broken() >= 10);
    assert_eq!(
        count(&house.admin_url(), "nova_breaker_transitions_total{upstream=\"social\",state=\"open\"}").await,
        0
    );
}

#[tokio::test]
async fn an_endpoint_that_refuses_for_its_store_is_not_the_one_that_gets_the_calls() {
    let (database, _pool) = database(&[WORLD]).await;
    let well = Process::backend("users,content,social", database.url(), None).await;
    // A store that is not there: its breaker is open soon, and its refusals are fast.
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    let ill = Process::backend("users,content,social", nowhere, None).await;
    let both = format!("{},{}", well.url(), ill.url());
    let (house, _file) = gateway([&both, &both, &both], &[flag("guard.health-probes", false)]).await;
    let client = house.viewer();
    eventually(|| async { codes(&client.query(DOCUMENT).await).is_empty() }).await;
    for _ in 0..40 {
        assert_eq!(codes(&client.query(DOCUMENT).await), Vec::<String>::new());
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_one_upstream_the_others_answer_as_before() {
    let house = House::with(&[flag_with("guard.bulkhead", &json!({ "max_calls": 16 }))]).await;
    let others = "{ feed(first: 2) { nodes { body author { username } commentCount } } }";
    let whole = house.client.query(others).await;
    for fault in [Fault::Hold, Fault::ResetHalf, Fault::Endless, Fault::Refuse] {
        house.social.set(fault);
        let ill: Vec<_> = (0..100)
            .map(|_| {
                let client = house.client.clone();
                tokio::spawn(async move { client.query(DOCUMENT).await })
            })
            .collect();
        for _ in 0..50 {
            assert_eq!(house.client.query(others).await, whole, "{fault:?}");
        }
        house.social.set(Fault::None);
        for answer in ill {
            let answer = answer.await.unwrap();
            let codes = codes(&answer);
            assert!(codes.is_empty() || codes == DEGRADED, "{fault:?}: {answer}");
            assert!(answer["data"]["feed"]["nodes"].as_array().unwrap().iter().all(|node| !node["author"].is_null()));
        }
        eventually(|| async { house.codes().await.is_empty() }).await;
    }
    for upstream in ["users", "content"] {
        for outcome in ["failure", "slow", "refused"] {
            let calls = format!("nova_breaker_calls_total{{upstream=\"{upstream}\",outcome=\"{outcome}\"}}");
            assert_eq!(house.count(&calls).await, 0, "{calls}");
        }
        assert_eq!(house.count(&format!("nova_bulkhead_refused_total{{upstream=\"{upstream}\"}}")).await, 0);
        eventually(|| async { house.count(&format!("nova_bulkhead_active{{upstream=\"{upstream}\"}}")).await == 0 })
            .await;
    }
}
