//! The Unleash server of the test run, with an operator's hands on it.
//!
//! There is one for all tests, and flags are global there: a test has it to itself for as long as it holds [`Unleash`], and
//! finds it without flags. Modules that use it have names that begin with `unleash`: nextest runs those one test at
//! a time (`.config/nextest.toml`), so that none waits for the other on its own time.
#![expect(clippy::unwrap_used, reason = "a test without its Unleash has nothing to go on with")]

use std::time::Duration;

use http::{Method, StatusCode};
use nova_flags::Token;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::{
    client::{Client, Reply},
    database,
    processes::eventually,
};

/// Held by the test that has the server to itself.
const LOCK: i64 = 0x756e_6c65_6173_6865;
/// How long other tests may have it before.
const TURN: Duration = Duration::from_mins(5);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The only project that there is.
const PROJECT: &str = "/api/admin/projects/default";

/// A server without flags, for one test.
#[derive(Debug)]
pub struct Unleash {
    /// Where it answers: `http://127.0.0.1:PORT`.
    pub url: String,
    /// A token for clients, of the environment `development`.
    pub token: String,
    /// A token for the admin API.
    pub admin_token: String,
    admin: Client,
    #[expect(dead_code, reason = "the connection holds the lock")]
    turn: PgConnection,
}

/// One activation strategy of a flag: a gradual rollout.
#[derive(Debug, Clone)]
pub struct Rollout(Value);

impl Rollout {
    /// To this percentage of users: `stickiness` is `userId`, `sessionId`, `default`, `random` or a field of the context.
    #[must_use]
    pub fn new(percent: u8, stickiness: &str) -> Self {
        Self(json!({
            "name": "flexibleRollout",
            "parameters": { "rollout": percent.to_string(), "stickiness": stickiness },
            "constraints": [],
            "variants": [],
        }))
    }

    /// The same, with a variant that all of these users have, and its payload.
    ///
    /// # Panics
    /// Never: it is an object.
    #[must_use]
    pub fn payload(mut self, payload: &Value) -> Self {
        let stickiness = self.0["parameters"]["stickiness"].clone();
        self.0["variants"].as_array_mut().unwrap().push(json!({
            "name": "payload",
            "weight": 1000,
            "weightType": "variable",
            "stickiness": stickiness,
            "payload": { "type": "json", "value": payload.to_string() },
        }));
        self
    }

    /// The same, for those only whose context fits this constraint, as the admin API has it.
    ///
    /// # Panics
    /// Never: it is an object.
    #[must_use]
    pub fn only(mut self, constraint: Value) -> Self {
        self.0["constraints"].as_array_mut().unwrap().push(constraint);
        self
    }
}

impl Unleash {
    /// Waits for the server and for this test's turn, and takes all flags away.
    ///
    /// # Panics
    /// When the environment names no server, or it does not answer.
    pub async fn from_env() -> Self {
        let [url, token, admin_token] =
            ["NOVA_TEST_UNLEASH_URL", "NOVA_TEST_UNLEASH_TOKEN", "NOVA_TEST_UNLEASH_ADMIN_TOKEN"].map(variable);
        let turn = timeout(TURN, database::lock(LOCK)).await.unwrap();
        eventually(|| answers(&url)).await;
        let admin = Client::new(&url).with("authorization", &admin_token).with("content-type", "application/json");
        let unleash = Self { url, token, admin_token, admin, turn };
        unleash.delete_flags().await;
        unleash
    }

    /// What a gateway is told that is to follow this server.
    #[must_use]
    pub fn access(&self) -> nova_flags::Unleash {
        nova_flags::Unleash {
            api_url: format!("{}/api", self.url),
            token: Token::from(self.token.clone()),
            environment: "development".into(),
            ca: None,
            cache: None,
        }
    }

    /// Makes a flag that is disabled everywhere.
    ///
    /// # Panics
    /// When the server refuses, as it does everywhere below.
    pub async fn create(&self, flag: &str) {
        self.call(Method::POST, &format!("{PROJECT}/features"), &json!({ "name": flag })).await;
    }

    /// Replaces the strategies of a flag in an environment. A flag without any is on for everybody while it is enabled.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn set(&self, flag: &str, environment: &str, rollouts: &[Rollout]) {
        let path = format!("{}/strategies", place(flag, environment));
        for old in self.call(Method::GET, &path, &Value::Null).await.as_array().unwrap() {
            self.call(Method::DELETE, &format!("{path}/{}", old["id"].as_str().unwrap()), &Value::Null).await;
        }
        for rollout in rollouts {
            self.call(Method::POST, &path, &rollout.0).await;
        }
    }

    /// Enables a flag in an environment; one without strategies gets one for everybody.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn enable(&self, flag: &str, environment: &str) {
        self.call(Method::POST, &format!("{}/on", place(flag, environment)), &Value::Null).await;
    }

    /// Disables a flag in an environment.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn disable(&self, flag: &str, environment: &str) {
        self.call(Method::POST, &format!("{}/off", place(flag, environment)), &Value::Null).await;
    }

    /// Takes all flags away, archived ones, too.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn delete_flags(&self) {
        let there = self.call(Method::GET, &format!("{PROJECT}/features"), &Value::Null).await;
        self.call(Method::POST, &format!("{PROJECT}/archive"), &names(&there)).await;
        let archive = "/api/admin/search/features?project=IS:default&archived=IS:true&limit=1000";
        let archived = names(&self.call(Method::GET, archive, &Value::Null).await);
        // Unleash says that a flag is archived before it has noted it down, and its note fails when the flag is gone by then.
        for flag in archived["features"].as_array().unwrap() {
            let path = format!("{PROJECT}/features/{}/lifecycle", flag.as_str().unwrap());
            eventually(|| async {
                let stages = self.call(Method::GET, &path, &Value::Null).await;
                stages.as_array().unwrap().iter().any(|stage| stage["stage"] == "archived")
            })
            .await;
        }
        self.call(Method::POST, &format!("{PROJECT}/delete"), &archived).await;
        // Clients are told within a second.
        eventually(|| async { self.client_features(&self.token).await.json()["features"] == json!([]) }).await;
    }

    /// A new token for clients of an environment.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn new_token(&self, environment: &str) -> String {
        let wanted = json!({
            "type": "backend",
            "environment": environment,
            "projects": ["default"],
            "tokenName": environment,
        });
        let token = self.call(Method::POST, "/api/admin/api-tokens", &wanted).await;
        token["secret"].as_str().unwrap().to_owned()
    }

    /// The flag as the admin API has it.
    ///
    /// # Panics
    /// When there is none.
    pub async fn flag(&self, flag: &str) -> Value {
        self.call(Method::GET, &format!("{PROJECT}/features/{flag}"), &Value::Null).await
    }

    /// What clients have reported of a flag in the last two days: by hour, client and environment, `yes`, `no` and
    /// `variants`. Unleash takes reports down every few seconds; hours without any are left out.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn usage(&self, flag: &str) -> Vec<Value> {
        let path = format!("/api/admin/client-metrics/features/{flag}/raw?hoursBack=48");
        let mut metrics = self.call(Method::GET, &path, &Value::Null).await;
        let mut hours: Vec<Value> = serde_json::from_value(metrics["data"].take()).unwrap();
        hours.retain(|hour| hour["yes"] != 0 || hour["no"] != 0);
        hours
    }

    /// What a client with this token is told: the flags of the token's environment.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn client_features(&self, token: &str) -> Reply {
        let client = Client::new(&self.url).with("authorization", token);
        timeout(PATIENCE, client.send(Method::GET, "/api/client/features", "")).await.unwrap()
    }

    /// Reports usage, as a client with this token does.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn report(&self, token: &str, report: &Value) {
        let client = Client::new(&self.url).with("authorization", token).with("content-type", "application/json");
        let reply = client.send(Method::POST, "/api/client/metrics", report.to_string());
        let reply = timeout(PATIENCE, reply).await.unwrap();
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// Asks the admin API, as `nova` and an operator's page do; null is no body.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = timeout(PATIENCE, self.admin.send(method.clone(), path, body)).await.unwrap();
        let text = String::from_utf8_lossy(&reply.body);
        assert!(reply.status.is_success(), "{method} {path}: {} {text}", reply.status);
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }
}

fn place(flag: &str, environment: &str) -> String {
    format!("{PROJECT}/features/{flag}/environments/{environment}")
}

fn names(features: &Value) -> Value {
    let features = features["features"].as_array().unwrap();
    json!({ "features": features.iter().map(|feature| feature["name"].clone()).collect::<Vec<_>>() })
}

async fn answers(url: &str) -> bool {
    // Nobody listens while it starts.
    let Some(address) = url.strip_prefix("http://") else { panic!("{url} is no address of a test's server") };
    if tokio::net::TcpStream::connect(address).await.is_err() {
        return false;
    }
    Client::new(url).send(Method::GET, "/health", "").await.status == StatusCode::OK
}

fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
    let value = std::env::var(name);
    let Ok(value) = value else {
        panic!("{name} is not set: no Unleash server. Run `./nova test`, which starts one, and says why when it can't")
    };
    value
}
