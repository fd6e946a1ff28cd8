//! The static guard: what no document may exceed, what flags forbid below that, and what describes the schema. Whatever is
//! refused is refused before it is validated, with a code, and costs nobody else anything.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;

use http::Method;
use insta::assert_snapshot;
use nova_core::{Environment, token::TokenType};
use nova_tests::{
    app::{TestApp, token},
    bombs::bombs,
    client::{Client, codes},
    flags::{flag, flag_with, set},
};
use serde_json::json;

const STRICT: &str = "application/graphql-response+json";

async fn production() -> TestApp {
    TestApp::over(&[nova_tests::world::WORLD], |options| options.gateway.environment = Environment::production()).await
}

/// How often the limit was exceeded, by what was done about it, as an operator sees it.
async fn exceeded(app: &TestApp, limit: &str, action: &str) -> u64 {
    let metrics = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let series = format!("nova_limits_exceeded_total{{limit=\"{limit}\",action=\"{action}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |count| count.parse().unwrap())
}

/// The corpus of bombs, with no flag to help: only the ceilings.
#[tokio::test]
async fn no_bomb_gets_far() {
    let app = production().await;
    let off = ["document", "depth", "complexity", "introspection"].map(|limit| flag(&format!("limits.{limit}"), false));
    set(&app.app.flags, &off);
    let client = app.user(1).with("accept", STRICT);
    let mut said = String::new();
    // Once as long as ordinary documents are at most, and once short enough to have no more tokens than those.
    for bomb in [4_000, 10_000].into_iter().flat_map(bombs) {
        let reply = client.post(bomb.request().to_string()).await;
        let answer = reply.json();
        let (status, error) = (reply.status.as_u16(), &answer["errors"][0]);
        // What else there is wrong with a document is told in any order.
        let why = match error["extensions"]["code"].as_str() {
            Some("LIMIT_EXCEEDED") => error["message"].as_str().unwrap(),
            Some(code) => code,
            None => "is answered",
        };
        let _ = writeln!(said, "{}, {} bytes: {status} {why}", bomb.name, bomb.document.len());
    }
    assert_snapshot!(said);
    assert_eq!(client.query("{ viewer { username } }").await, json!({ "data": { "viewer": { "username": "user1" } } }));
}

/// Each limit that a flag sets: its payload, and a document that is one over it. The last is what an error says.
#[tokio::test]
async fn each_limit_refuses_or_only_counts_or_is_off() {
    let app = TestApp::start().await;
    let client = app.user(1).with("accept", STRICT);
    let page = "{ feed(first: 2) { nodes { body } } }";
    for (name, limit, payload, document, value) in [
        ("limits.document", "bytes", json!({ "bytes": 100 }), format!("{{ __typename #{} }}\n}}", "x".repeat(83)), 101),
        (
            "limits.document",
            "tokens",
            json!({ "tokens": 10 }),
            "{ a: __typename b: __typename c: __typename }".into(),
            11,
        ),
        (
            "limits.document",
            "fragments",
            json!({ "fragments": 0 }),
            "{ ...F } fragment F on Query { __typename }".into(),
            1,
        ),
        ("limits.document", "aliases", json!({ "aliases": 0 }), "{ a: __typename }".into(), 1),
        ("limits.document", "directives", json!({ "directives": 0 }), "{ __typename @include(if: true) }".into(), 1),
        ("limits.document", "root_fields", json!({ "root_fields": 1 }), "{ __typename viewer { id } }".into(), 2),
        (
            "limits.document",
            "selections",
            json!({ "selections": 3 }),
            "{ viewer { ...F ...F } } fragment F on User { id }".into(),
            5,
        ),
        ("limits.depth", "depth", json!({ "max": 2 }), page.into(), 3),
        // The page and two posts are a point each, their bodies a tenth.
        ("limits.complexity", "complexity", json!({ "max": 3 }), page.into(), 4),
    ] {
        let with = |mode: &str| {
            let mut payload = payload.clone();
            payload["mode"] = mode.into();
            [flag_with(name, &payload)]
        };
        let max = payload.as_object().unwrap().values().next().unwrap().clone();
        set(&app.app.flags, &with("enforce"));
        let reply = client.post(json!({ "query": document }).to_string()).await;
        assert_eq!(reply.status.as_u16(), 400, "{limit}");
        let answer = reply.json();
        assert_eq!(codes(&answer), ["LIMIT_EXCEEDED"], "{limit}: {answer}");
        assert!(answer.get("data").is_none(), "{answer}");
        let said = &answer["errors"][0]["extensions"];
        assert_eq!((&said["limit"], &said["value"], &said["max"]), (&json!(limit), &json!(value), &max), "{answer}");
        assert_eq!(exceeded(&app, limit, "refused").await, 1, "{limit}");

        set(&app.app.flags, &with("measure"));
        assert_eq!(client.query(&document).await.get("errors"), None, "{limit}");
        assert_eq!(exceeded(&app, limit, "counted").await, 1, "{limit}");

        set(&app.app.flags, &[flag(name, false)]);
        assert_eq!(client.query(&document).await.get("errors"), None, "{limit}");
        assert_eq!((exceeded(&app, limit, "refused").await, exceeded(&app, limit, "counted").await), (1, 1), "{limit}");
    }
}

#[tokio::test]
async fn operations_that_are_not_meant_count_by_their_number() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag_with("limits.document", &json!({ "operations": 1 }))]);
    let two = json!({ "query": "query A { __typename } query B { __typename }", "operationName": "A" });
    let answer = app.user(1).post(two.to_string()).await.json();
    assert_eq!(answer["errors"][0]["extensions"]["limit"], "operations", "{answer}");
}

/// A document is cached with its cost as an expression: one that ran with a small page does not run with a large one.
#[tokio::test]
async fn what_a_variable_bounds_is_weighed_with_its_value_each_time() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag_with("limits.complexity", &json!({ "max": 50 }))]);
    let client = app.user(1);
    let document = "query ($n: Int, $m: Int = 5) { feed(first: $n) { nodes { author { id } } } viewer { posts(first: $m) { nodes { id } } } }";
    for (variables, complexity) in [
        (json!({ "n": 1 }), None),
        (json!({ "n": 100 }), Some(219)),
        (json!({ "n": 1, "m": 100 }), Some(116)),
        // A page without a bound counts as the largest.
        (json!({}), Some(219)),
        (json!({ "n": null }), Some(219)),
        (json!({ "n": 1, "m": null }), Some(116)),
        (json!({ "n": 1 }), None),
    ] {
        let answer = client.run(document, variables.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["value"].as_u64(), complexity, "{variables}: {answer}");
    }
}

#[tokio::test]
async fn the_debug_view_says_what_an_operation_may_cost() {
    let app = TestApp::start().await;
    for (document, complexity, depth) in [
        ("{ __typename }", 1, 1),
        ("{ feed(first: 3) { nodes { author { username } } } }", 8, 4),
        ("{ viewer { username followerCount } }", 3, 2),
    ] {
        let answer = app.debugging(1).query(document).await;
        let cost = &answer["extensions"]["debug"]["cost"];
        assert_eq!(*cost, json!({ "complexity": complexity, "depth": depth }), "{document}");
    }
}

#[tokio::test]
async fn the_schema_is_described_to_developers_and_whoever_debugs() {
    let app = production().await;
    let asks = ["{ __schema { queryType { name } } }", "{ __type(name: \"User\") { name } }"];
    let refused = async |client: &Client, document: &str| codes(&client.query(document).await) == ["FORBIDDEN"];
    let debugs = app.anonymous().bearing(&token(1, TokenType::Access, "debug"));
    for document in asks {
        assert!(refused(&app.anonymous(), document).await && refused(&app.user(1), document).await, "{document}");
        assert!(!refused(&debugs, document).await, "{document}");
    }
    assert!(!refused(&app.user(1), "{ __typename viewer { __typename } }").await);
    assert_eq!(exceeded(&app, "introspection", "refused").await, 4);
    set(&app.app.flags, &[flag_with("limits.introspection", &json!({ "mode": "measure" }))]);
    assert!(!refused(&app.user(1), asks[0]).await);
    assert_eq!(exceeded(&app, "introspection", "counted").await, 1);
    set(&app.app.flags, &[flag("limits.introspection", false)]);
    assert!(!refused(&app.user(1), asks[0]).await);

    let development = TestApp::start().await;
    assert!(!refused(&development.anonymous(), asks[0]).await);
}

#[tokio::test]
async fn likely_names_are_told_where_that_is_wanted() {
    for (environment, suggestions, told) in [
        (Environment::production(), None, false),
        (Environment::production(), Some(true), true),
        (Environment::development(), None, true),
        (Environment::development(), Some(false), false),
    ] {
        let app = TestApp::over(&[], |options| {
            options.gateway.environment = environment;
            options.gateway.http.suggestions = suggestions;
        })
        .await;
        let answer = app.anonymous().query("{ viewr { id } }").await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert_eq!(message.contains("viewer"), told, "{message}");
    }
}

/// Values of variables count as often as they are used: what is sent once may be read a thousand times.
#[tokio::test]
async fn a_large_variable_is_used_so_often_and_no_more() {
    let app = TestApp::start().await;
    let document = |uses: usize| -> String {
        let field = |n| format!("a{n}: likePost(input: $input) {{ post {{ id }} }} ");
        format!("mutation ($input: LikePostInput!) {{ {} }}", (0..uses).map(field).collect::<Vec<_>>().concat())
    };
    // With what holds them, ten thousand values.
    let input = json!({ "postId": "x", "nonsense": vec![1; 9_997] });
    for (uses, limit) in [(10, None), (11, Some("values"))] {
        let answer = app.user(1).run(&document(uses), json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["limit"].as_str(), limit, "{uses}: {answer}");
    }
}
