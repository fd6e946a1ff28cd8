//! What the gateway builds on in a real Unleash server: what an operator sets there is what a client's token sees, each
//! environment for itself.

use http::StatusCode;
use nova_cli::clock::SystemClock;
use nova_core::clock::Clock as _;
use nova_tests::{
    processes::eventually,
    unleash::{Rollout, Unleash},
};
use serde_json::{Value, json};

/// What a client with this token is told of the flag `greeting`.
async fn greeting(unleash: &Unleash, token: &str) -> Value {
    let reply = unleash.client_features(token).await;
    assert_eq!(reply.status, StatusCode::OK);
    let features = reply.json()["features"].as_array().cloned().unwrap_or_default();
    features.into_iter().find(|feature| feature["name"] == "greeting").unwrap_or_default()
}

#[tokio::test]
async fn what_an_operator_sets_is_what_clients_of_that_environment_see() {
    let unleash = Unleash::from_env().await;
    let production = unleash.new_token("production").await;
    assert_eq!(unleash.client_features("default:development.wrong").await.status, StatusCode::UNAUTHORIZED);

    unleash.create("greeting").await;
    let half = Rollout::new(50, "userId").payload(&json!({ "text": "hello" }));
    unleash.set("greeting", "development", &[half]).await;
    unleash.enable("greeting", "development").await;
    eventually(|| async { greeting(&unleash, &unleash.token).await["enabled"] == true }).await;
    let seen = greeting(&unleash, &unleash.token).await;
    assert_eq!(seen["strategies"].as_array().map(Vec::len), Some(1), "{seen}");
    let strategy = &seen["strategies"][0];
    assert_eq!((&strategy["name"], &strategy["parameters"]["rollout"]), (&json!("flexibleRollout"), &json!("50")));
    assert_eq!(strategy["variants"][0]["payload"], json!({ "type": "json", "value": r#"{"text":"hello"}"# }));

    eventually(|| async { !greeting(&unleash, &production).await.is_null() }).await;
    let elsewhere = greeting(&unleash, &production).await;
    assert_eq!((&elsewhere["enabled"], &elsewhere["strategies"]), (&json!(false), &json!([])), "{elsewhere}");

    unleash.set("greeting", "development", &[Rollout::new(100, "userId")]).await;
    unleash.disable("greeting", "development").await;
    unleash.enable("greeting", "production").await;
    eventually(|| async { greeting(&unleash, &unleash.token).await["enabled"] == false }).await;
    let seen = greeting(&unleash, &unleash.token).await;
    assert_eq!(seen["strategies"][0]["parameters"]["rollout"], "100", "replaced, not added: {seen}");
    eventually(|| async { greeting(&unleash, &production).await["enabled"] == true }).await;

    unleash.delete_flags().await;
    eventually(|| async { greeting(&unleash, &unleash.token).await.is_null() }).await;
}

#[tokio::test]
async fn what_clients_report_is_counted() {
    let unleash = Unleash::from_env().await;
    unleash.create("greeting").await;
    let app = format!("test {}", std::process::id()); // reports outlive the flag they are of
    let now = SystemClock.now().to_rfc3339();
    let report = json!({
        "appName": app,
        "instanceId": "1",
        "bucket": { "start": now, "stop": now, "toggles": { "greeting": { "yes": 3, "no": 2, "variants": {} } } },
    });
    let counted = async || {
        let hours = unleash.usage("greeting").await;
        hours.into_iter().find(|hour| hour["appName"] == app)
    };
    // Unleash looks only now and then which flags there are, and drops reports of others.
    eventually(|| async {
        unleash.report(&unleash.token, &report).await;
        counted().await.is_some()
    })
    .await;
    let hour = counted().await.unwrap();
    let [yes, no] = ["yes", "no"].map(|side| hour[side].as_u64().unwrap());
    assert_eq!((&hour["environment"], yes % 3, no * 3), (&json!("development"), 0, yes * 2), "{hour}");
}
