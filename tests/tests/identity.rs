//! Whose tokens open the gateway: an identity provider's, by keys that it publishes or that stand in a file. The issuer is a
//! real HTTP server that the tests make misbehave.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use http::{Method, StatusCode};
use nova_cli::{
    app::{App, AppOptions},
    clock::SystemClock,
    identity::{Identity, IdentityKeys, Jwks},
};
use nova_core::{
    clock::{Clock as _, FixedClock},
    token::{KeySet, TokenRules},
};
use nova_tests::{
    app::{TestApp, database},
    authority::Authority,
    backend::now,
    client::{Client, Reply, codes},
    files::Files,
    issuer::{Behaviour, Issuer},
    processes::{Process, eventually, refusal},
    signer::{Signer, claims},
    world::WORLD,
};
use serde_json::{Value, json};

/// Something of the viewer's own: the backend answers it only to a token that it has verified itself.
const FEED: &str = r#"{"query":"{ feed(first: 1) { nodes { viewerHasLiked } } }"}"#;

/// Believes the keys that `issuer` publishes.
fn published(issuer: &Issuer) -> Identity {
    let url = issuer.url.parse().unwrap();
    let keys = IdentityKeys::Published(Jwks { url, ca: None, refresh: Duration::from_mins(10) });
    Identity { keys, rules: TokenRules::default() }
}

async fn app(identity: Identity) -> TestApp {
    TestApp::over(&[WORLD], |options| options.gateway.identity = identity).await
}

async fn ask(url: &str, token: &str) -> Reply {
    Client::new(url).bearing(token).post(FEED).await
}

/// The status, and the codes of the errors.
async fn outcome(app: &TestApp, token: &str) -> String {
    let reply = ask(&app.app.url, token).await;
    format!("{} {}", reply.status.as_u16(), codes(&reply.json()).join(", ")).trim().to_owned()
}

fn good(signer: &Signer) -> String {
    signer.token(&claims(1, now().timestamp()))
}

/// The number that a metric has; 0 when it is not there.
async fn metric(app: &TestApp, name: &str) -> f64 {
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn each_algorithm_opens_gateway_and_backend_with_published_keys() {
    let signers = Signer::of_each_kind();
    let issuer = Issuer::publishing(&signers.each_ref()).await;
    let app = app(published(&issuer)).await;
    for signer in &signers {
        let reply = ask(&app.app.url, &good(signer)).await;
        let answer = reply.json();
        assert!(answer["data"]["feed"]["nodes"][0]["viewerHasLiked"].is_boolean(), "{}: {answer}", signer.algorithm());
    }
    assert_eq!(issuer.requests(), 1);
    assert!((metric(&app, "nova_identity_keys ").await - 3.0).abs() < f64::EPSILON);
    assert!((metric(&app, r#"nova_identity_key_fetches_total{outcome="ok"}"#).await - 1.0).abs() < f64::EPSILON);
    assert!(metric(&app, "nova_identity_keys_age_seconds ").await > 0.0);
}

#[tokio::test]
async fn each_algorithm_opens_gateway_and_backend_with_keys_of_a_file() {
    let signers = Signer::of_each_kind();
    let file: String = signers.iter().map(Signer::pem).collect();
    let keys = IdentityKeys::Fixed(Arc::new(KeySet::from_pem(file.as_bytes()).unwrap()));
    let app = app(Identity { keys, rules: TokenRules::default() }).await;
    for signer in &signers {
        assert_eq!(outcome(&app, &good(signer)).await, "200", "{}", signer.algorithm());
        let stranger = if signer.algorithm() == "EdDSA" { Signer::eddsa("ed") } else { Signer::es256("ec") };
        assert_eq!(outcome(&app, &good(&stranger)).await, "401 UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_token_is_refused_for_everything_that_can_be_wrong_with_it() {
    let signers = Signer::of_each_kind();
    let [rsa, ec, ed] = &signers;
    let issuer = Issuer::publishing(&[rsa, ec, ed]).await;
    let app = app(published(&issuer)).await;
    assert_eq!(outcome(&app, &good(ec)).await, "200");

    let now = now().timestamp();
    let with = |member: &str, value: Value| {
        let mut claims = claims(1, now);
        claims[member] = value;
        claims
    };
    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
    let hmac = |secret: &[u8]| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let token = ec.sign(&json!({ "alg": "HS256", "kid": "rsa" }), &claims(1, now));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let signature = ring::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature))
    };
    for (name, token) in [
        ("another key with the same kid", good(&Signer::es256("ec"))),
        ("one key's algorithm, another's kid", ec.sign(&header("ES256", "rsa"), &claims(1, now))),
        ("another algorithm than the key's", ec.sign(&header("RS256", "ec"), &claims(1, now))),
        ("a larger hash", rsa.sign(&header("RS512", "rsa"), &claims(1, now))),
        ("alg none", ed.sign(&header("none", "ed"), &claims(1, now))),
        ("the public key as a secret", hmac(rsa.pem().as_bytes())),
        ("the published key as a secret", hmac(rsa.jwk()["n"].as_str().unwrap().as_bytes())),
        (
            "an extension that it insists on",
            ed.sign(&json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false }), &claims(1, now)),
        ),
        (
            "a key that it brings along",
            Signer::eddsa("x").sign(&json!({ "alg": "EdDSA", "jwk": Signer::eddsa("x").jwk() }), &claims(1, now)),
        ),
        ("expired, beyond the leeway", ed.token(&with("exp", json!(now - 30)))),
        ("not valid yet, beyond the leeway", ed.token(&with("nbf", json!(now + 31)))),
        ("of another issuer", ed.token(&with("iss", json!("other")))),
        ("for another audience", ed.token(&with("aud", json!(["other", "others"])))),
        ("a refresh token", ed.token(&with("token_type", json!("refresh")))),
        ("of somebody who is no user", ed.token(&with("sub", json!("alice")))),
    ] {
        assert_eq!(outcome(&app, &token).await, "401 UNAUTHENTICATED", "{name}");
    }
    for (name, token) in [
        ("expired, within the leeway", ed.token(&with("exp", json!(now - 29)))),
        ("not valid yet, within the leeway", ed.token(&with("nbf", json!(now + 30)))),
        ("for several audiences", ed.token(&with("aud", json!(["other", "nova-gateway"])))),
        ("without a kid", ed.sign(&json!({ "alg": "EdDSA" }), &claims(1, now))),
    ] {
        assert_eq!(outcome(&app, &token).await, "200", "{name}");
    }
}

#[tokio::test]
async fn issuer_audience_and_leeway_are_settings() {
    let signer = Signer::es256("k");
    let issuer = Issuer::publishing(&[&signer]).await;
    let mut identity = published(&issuer);
    identity.rules =
        TokenRules { issuer: "https://id.example/".into(), audience: "social".into(), leeway: Duration::ZERO };
    let app = app(identity).await;
    let mut claims = claims(1, now().timestamp());
    assert_eq!(outcome(&app, &signer.token(&claims)).await, "401 UNAUTHENTICATED");
    claims["iss"] = json!("https://id.example/");
    claims["aud"] = json!("social");
    assert_eq!(outcome(&app, &signer.token(&claims)).await, "200");
    claims["exp"] = json!(now().timestamp());
    assert_eq!(outcome(&app, &signer.token(&claims)).await, "401 UNAUTHENTICATED");
}

#[tokio::test]
async fn rotated_keys_are_fetched_when_they_are_first_seen_and_once_a_minute_at_most() {
    let (old, new) = (Signer::es256("2026-10"), Signer::es256("2026-11"));
    let issuer = Issuer::publishing(&[&old]).await;
    let app = app(published(&issuer)).await;
    assert_eq!(outcome(&app, &good(&old)).await, "200");
    assert_eq!(issuer.requests(), 1);

    issuer.publish(&[&new]);
    let at_once = (0..20).map(|_| async { outcome(&app, &good(&new)).await });
    assert_eq!(
        futures_util::future::join_all(at_once).await,
        vec!["200"; 20],
        "whoever meets the rotation waits it out"
    );
    assert_eq!(issuer.requests(), 2, "one fetch for all of them");
    assert_eq!(outcome(&app, &good(&old)).await, "401 UNAUTHENTICATED", "a key that is gone opens nothing");

    for n in 0..20 {
        let unknown = good(&Signer::es256(&format!("made up {n}")));
        assert_eq!(outcome(&app, &unknown).await, "401 UNAUTHENTICATED");
    }
    assert_eq!(issuer.requests(), 2, "kids that somebody makes up cost the issuer nothing");
}

#[tokio::test]
async fn an_issuer_that_goes_bad_takes_nothing_away() {
    let (known, unknown) = (Signer::es256("known"), Signer::es256("unknown"));
    let (database, _pool) = database(&[WORLD]).await;
    for (behaviour, counted) in [
        (Some(Behaviour::Fails(500)), "status"),
        (Some(Behaviour::Fails(302)), "status"),
        (Some(Behaviour::Says("<html>sign in</html>".into())), "garbage"),
        (Some(Behaviour::Says(r#"{"keys":[]}"#.into())), "garbage"),
        (Some(Behaviour::Floods), "too_large"),
        (Some(Behaviour::Hangs), "timeout"),
        (None, "unreachable"),
    ] {
        let mut issuer = Issuer::publishing(&[&known]).await;
        let mut options = AppOptions::new(database.url(), nova_tests::backend::secret());
        options.gateway.clock = Arc::new(FixedClock(now()));
        options.gateway.identity = published(&issuer);
        let app = App::start(options).await.unwrap();
        assert_eq!(ask(&app.url, &good(&known)).await.status, StatusCode::OK);
        match behaviour.clone() {
            Some(behaviour) => issuer.behave(behaviour),
            None => issuer.go_away().await,
        }
        // The first token of an unknown key makes it ask; it comes back with nothing, and what was good is still good.
        let refused = ask(&app.url, &good(&unknown)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{behaviour:?}");
        assert_eq!(ask(&app.url, &good(&known)).await.status, StatusCode::OK, "{behaviour:?}");
        let fresh = known.token(&claims(2, now().timestamp()));
        assert_eq!(ask(&app.url, &fresh).await.status, StatusCode::OK, "{behaviour:?}");
        // A fetch that hangs goes on for longer than the token waited.
        eventually(|| async {
            let metrics = Client::new(&app.admin_url).send(Method::GET, "/metrics", "").await;
            let text = String::from_utf8(metrics.body.to_vec()).unwrap();
            text.contains(&format!(r#"nova_identity_key_fetches_total{{outcome="{counted}"}} 1"#))
        })
        .await;
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_issuer_over_tls_shows_a_certificate_of_an_authority_that_is_named() {
    let signer = Signer::es256("k");
    let (authority, files) = (Authority::new(), Files::new());
    let issuer = Issuer::over_tls(&[&signer], &authority.papers("127.0.0.1")).await;
    let other = files.write("other.pem", &Authority::new().certificate());
    let theirs = files.write("theirs.pem", &authority.certificate());
    for (ca, expected) in
        [(Some(theirs), "200"), (Some(other), "503 UPSTREAM_UNAVAILABLE"), (None, "503 UPSTREAM_UNAVAILABLE")]
    {
        let mut identity = published(&issuer);
        let IdentityKeys::Published(jwks) = &mut identity.keys else { unreachable!() };
        jwks.ca = ca.map(Into::into);
        let app = app(identity).await;
        assert_eq!(outcome(&app, &good(&signer)).await, expected);
    }
    assert_eq!(issuer.requests(), 1, "nothing is asked of a server that nobody vouches for");
}

#[tokio::test]
async fn a_start_waits_for_no_issuer_and_until_keys_are_there_nobody_can_say() {
    let signer = Signer::eddsa("k");
    let mut issuer = Issuer::away().await;
    issuer.publish(&[&signer]);
    let app = app(published(&issuer)).await;
    let reply = ask(&app.app.url, &good(&signer)).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(codes(&reply.json()), ["UPSTREAM_UNAVAILABLE"]);
    assert_eq!(reply.headers["retry-after"], "1");
    assert!(!reply.headers.contains_key("www-authenticate"), "a client must not throw the token away");
    assert_eq!(outcome(&app, "letmein").await, "401 UNAUTHENTICATED", "what is no token never will be one");
    let anonymous = app.anonymous().query("{ user(username: \"user1\") { username } }").await;
    assert_eq!(anonymous["data"]["user"]["username"], "user1", "who needs no key is served");

    issuer.come_back().await;
    eventually(|| async { outcome(&app, &good(&signer)).await == "200" }).await;
}

#[tokio::test]
async fn processes_in_production_believe_the_issuer_and_each_verifies_for_itself() {
    let (ours, theirs) = (Signer::rs256("ours"), Signer::es256("theirs"));
    let (our_issuer, their_issuer) = (Issuer::publishing(&[&ours]).await, Issuer::publishing(&[&theirs]).await);
    let (database, _pool) = database(&[WORLD]).await;
    let trusting = |issuer: &Issuer| {
        [
            ("NOVA_ENVIRONMENT", ""),
            ("NOVA_TOKEN_SECRET", ""),
            ("NOVA_CURSOR_SECRET", "signs cursors, and nothing but them"),
            ("NOVA_TOKEN_JWKS_URL", &*issuer.url.clone().leak()),
        ]
    };
    let all = "users,content,social";
    let backend = Process::backend_with(all, database.url(), None, &trusting(&our_issuer)).await;
    let stranger = Process::backend_with(all, database.url(), None, &trusting(&their_issuer)).await;
    let url = backend.url();
    let gateway = Process::gateway_with([&url; 3], &trusting(&our_issuer)).await;
    let content = stranger.url();
    let mixed = Process::gateway_with([&url, &content, &url], &trusting(&our_issuer)).await;

    let token = ours.token(&claims(1, (SystemClock.now() - TimeDelta::seconds(1)).timestamp()));
    let client = Client::new(&gateway.url()).bearing(&token);
    eventually(|| async { client.post(FEED).await.json().get("errors").is_none() }).await;
    let client = Client::new(&mixed.url()).bearing(&token);
    let expected = ["feed UNAUTHENTICATED"];
    eventually(|| async { codes(&client.post(FEED).await.json()) == expected }).await;

    // A backend that has no keys yet says so, and that nothing has begun.
    let missing = Process::backend_with(all, database.url(), None, &trusting(&Issuer::away().await)).await;
    let content = missing.url();
    let early = Process::gateway_with([&url, &content, &url], &trusting(&our_issuer)).await;
    let client = Client::new(&early.url()).bearing(&token);
    let expected = ["feed UPSTREAM_UNAVAILABLE"];
    eventually(|| async { codes(&client.post(FEED).await.json()) == expected }).await;
    let written = client.query(r#"mutation { createPost(input: { body: "hello" }) { post { id } } }"#).await;
    assert_eq!(codes(&written), ["createPost UPSTREAM_UNAVAILABLE"], "{written}");
}

#[tokio::test]
async fn a_shared_secret_starts_nothing_outside_development() {
    let production = ("NOVA_ENVIRONMENT", "");
    for command in ["gateway", "backend"] {
        for environment in [production, ("NOVA_ENVIRONMENT", "staging")] {
            let text = refusal(command, &[environment]).await;
            for part in
                ["NOVA_TOKEN_SECRET", "NOVA_ENVIRONMENT=development", "NOVA_TOKEN_JWKS_URL", "NOVA_TOKEN_PUBLIC_KEY"]
            {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
        let text = refusal(command, &[production, ("NOVA_TOKEN_SECRET", "")]).await;
        assert!(text.contains("NOVA_TOKEN_JWKS_URL"), "{text}");
    }
    let files = Files::new();
    let key = files.write("key.pem", &Signer::eddsa("k").pem());
    let text = refusal("gateway", &[production, ("NOVA_TOKEN_SECRET", ""), ("NOVA_TOKEN_PUBLIC_KEY", &key)]).await;
    assert!(text.contains("NOVA_CURSOR_SECRET"), "{text}");
}
