//! Documents that are asked for by name: automatic ones, which clients register, and trusted ones, which the operator's manifest
//! has. Both sides of both flags, and everything that can be wrong.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    fs::File,
    path::Path,
    process::{Command, Output},
};

use http::{Method, StatusCode};
use nova_core::UserId;
use nova_flags::Caller;
use nova_tests::{
    app::TestApp,
    backend::id,
    client::{Client, Reply, codes},
    flags::{flag, flag_for, set},
    processes::refusal,
    world::WORLD,
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use uuid::Uuid;

const NAME: &str = "query Name { viewer { username } }";
const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

fn hash(document: &str) -> String {
    let digest = digest(&SHA256, document.as_bytes());
    digest.as_ref().iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// By its hash alone, as Apollo's clients ask.
fn by_hash(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

/// With its hash, as they ask when the hash was not known.
fn with_hash(document: &str, hash: &str) -> Value {
    let mut body = by_hash(hash);
    body["query"] = document.into();
    body
}

async fn post(client: &Client, body: &Value) -> Reply {
    client.post(body.to_string()).await
}

/// Status, code of the first error, and message.
fn told(reply: &Reply) -> (u16, String, String) {
    let body = reply.json();
    assert!(body.get("data").is_none(), "{body}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let error = &body["errors"][0];
    (reply.status.as_u16(), text(&error["extensions"]["code"]), text(&error["message"]))
}

async fn ops(app: &TestApp) -> Value {
    Client::new(&app.app.admin_url).send(Method::GET, "/ops", "").await.json()["persistedDocuments"].clone()
}

/// How often documents had this outcome.
async fn counted(app: &TestApp, outcome: &str) -> u64 {
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let line = format!("nova_persisted_documents_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|metric| metric.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
fn nova(arguments: &[&str]) -> Output {
    let Ok(binary) = std::env::var("NOVA_BIN") else { panic!("NOVA_BIN names no binary. Run `./nova test`") };
    Command::new(binary).arg("documents").args(arguments).output().unwrap()
}

/// Exit code, stdout, stderr.
fn ran(arguments: &[&str]) -> (i32, String, String) {
    let output = nova(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Documents as a client has them.
fn client_documents() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("name.graphql", NAME),
        ("feed.graphql", "query Feed($first: Int) { feed(first: $first) { nodes { ...Card } } }\n"),
        ("card.gql", "fragment Card on Post { body author { username } }"),
        (
            "like.graphql",
            "mutation Like($input: LikePostInput!) { likePost(input: $input) { post { viewerHasLiked } } }",
        ),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    home
}

/// A manifest of them, and an app that trusts it.
async fn trusting(format: &str) -> (Value, TestApp) {
    let home = client_documents();
    let path = home.path().join("manifest.json");
    let (code, _, said) =
        ran(&["build", home.path().to_str().unwrap(), "--format", format, "-o", path.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (0, format!("nova: 3 documents in {}\n", path.display()).as_str()));
    let manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.documents_manifest = Some(path)).await;
    (manifest, app)
}

#[tokio::test]
async fn a_document_is_sent_once_and_asked_for_by_its_hash_from_then_on() {
    let app = TestApp::start().await;
    for (accept, refused) in [(JSON, 200), (GRAPHQL, 400)] {
        let viewer = app.user(1).with("accept", accept);
        let document = format!("query A{refused} {{ viewer {{ username }} }}");
        let hash = hash(&document);
        let missing = (refused, "PERSISTED_QUERY_NOT_FOUND".to_owned(), "PersistedQueryNotFound".to_owned());
        assert_eq!(told(&post(&viewer, &by_hash(&hash)).await), missing);
        let answer = json!({ "data": { "viewer": { "username": "user1" } } });
        assert_eq!(post(&viewer, &with_hash(&document, &hash)).await.json(), answer);
        let reply = post(&viewer, &by_hash(&hash)).await;
        assert_eq!((reply.status, reply.json()), (StatusCode::OK, answer));
        // Another caller's, too: a document is nobody's.
        assert_eq!(post(&app.anonymous(), &by_hash(&hash)).await.json(), json!({ "data": { "viewer": null } }));
    }
    let documents = ops(&app).await;
    assert_eq!((&documents["automaticEntries"], &documents["trusted"]), (&json!(2), &Value::Null));
    assert!((1..2_000).contains(&documents["automaticBytes"].as_u64().unwrap()), "{documents}");
    for (outcome, times) in [("missing", 2), ("registered", 2), ("found", 4)] {
        assert_eq!(counted(&app, outcome).await, times, "{outcome}");
    }
}

#[tokio::test]
async fn operations_variables_and_mutations_go_with_a_hash_as_with_a_document() {
    let app = TestApp::start().await;
    let document = "query A($n: Int) { feed(first: $n) { nodes { id } } } mutation B($input: CreatePostInput!) { createPost(input: $input) { post { body } } }";
    let mut body = with_hash(document, &hash(document));
    body["operationName"] = "A".into();
    body["variables"] = json!({ "n": 2 });
    assert_eq!(post(&app.user(1), &body).await.json()["data"]["feed"]["nodes"].as_array().unwrap().len(), 2);
    let mut body = by_hash(&hash(document));
    body["operationName"] = "B".into();
    body["variables"] = json!({ "input": { "body": "by its hash" } });
    let answer = post(&app.user(1), &body).await.json();
    assert_eq!(answer, json!({ "data": { "createPost": { "post": { "body": "by its hash" } } } }));
}

#[tokio::test]
async fn only_what_was_accepted_is_kept() {
    let app = TestApp::start().await;
    // It is longer than the flag allows where nothing is said.
    set(&app.app.flags, &[flag("limits.document", false)]);
    let large = format!("query Large {{ viewer {{ username }} }} #{}", "x".repeat(64 * 1024));
    for (document, accepted) in [
        ("{ viewer {", false),
        ("{ nonsense }", false),
        ("query A { __typename } query B { __typename }", false),
        ("query ($id: ID!) { node(id: $id) { id } }", false),
        (&*large, true),
    ] {
        let answer = post(&app.user(1), &with_hash(document, &hash(document))).await.json();
        assert_eq!(answer.get("errors").is_none(), accepted, "{answer}");
        let told = told(&post(&app.user(1), &by_hash(&hash(document))).await);
        assert_eq!(told.1, "PERSISTED_QUERY_NOT_FOUND");
    }
    // Nor by a wrong hash, be it its own that another document brings.
    let mismatch = told(&post(&app.user(1), &with_hash(NAME, &hash("{ viewer { id } }"))).await);
    assert_eq!((mismatch.0, mismatch.1.as_str()), (400, "BAD_USER_INPUT"));
    assert_eq!(told(&post(&app.user(1), &by_hash(&hash("{ viewer { id } }"))).await).1, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(ops(&app).await["automaticEntries"], 0);
    assert_eq!((counted(&app, "registered").await, counted(&app, "mismatch").await), (0, 1));
}

#[tokio::test]
async fn with_automatic_documents_off_clients_are_told_to_send_whole_ones() {
    let app = TestApp::start().await;
    post(&app.user(1), &with_hash(NAME, &hash(NAME))).await;
    for (on, accept, status) in [(true, JSON, 200), (false, JSON, 200), (false, GRAPHQL, 400)] {
        set(&app.app.flags, &[flag("documents.automatic", on)]);
        let viewer = app.user(1).with("accept", accept);
        let reply = post(&viewer, &by_hash(&hash(NAME))).await;
        if on {
            assert_eq!(reply.json()["data"]["viewer"]["username"], "user1");
            continue;
        }
        let unsupported = ("PERSISTED_QUERY_NOT_SUPPORTED".to_owned(), "PersistedQueryNotSupported".to_owned());
        let (told_status, code, message) = told(&reply);
        assert_eq!((told_status, (code, message)), (status, unsupported));
        assert_eq!(codes(&post(&viewer, &with_hash(NAME, &hash(NAME))).await.json()), Vec::<String>::new());
    }
    assert_eq!(counted(&app, "unsupported").await, 2);
}

#[tokio::test]
async fn a_trusted_document_is_asked_for_in_whichever_way_a_client_knows() {
    for format in ["apollo", "relay"] {
        let (manifest, app) = trusting(format).await;
        let id = hash(NAME);
        match format {
            "apollo" => assert!(manifest["operations"].as_array().unwrap().iter().any(|it| it["id"] == *id)),
            _ => assert_eq!(manifest[&id], NAME),
        }
        for (n, only) in [(0, false), (1, true)] {
            set(&app.app.flags, &[flag("documents.trusted-only", only)]);
            for body in [
                by_hash(&id),
                with_hash(NAME, &id),
                json!({ "documentId": format!("sha256:{id}") }),
                json!({ "documentId": id }),
                json!({ "id": id, "query": null, "extensions": null }),
                json!({ "doc_id": id, "operationName": "Name", "variables": {} }),
            ] {
                let reply = post(&app.user(1), &body).await;
                assert_eq!(reply.json(), json!({ "data": { "viewer": { "username": "user1" } } }), "{body}");
            }
            let feed = "query Feed($first: Int) { feed(first: $first) { nodes { ...Card } } }\n\nfragment Card on Post { body author { username } }";
            let body = json!({ "documentId": hash(feed), "variables": { "first": 3 } });
            assert_eq!(post(&app.user(1), &body).await.json()["data"]["feed"]["nodes"].as_array().unwrap().len(), 3);
            assert_eq!(counted(&app, "trusted").await, 7 * (n + 1));
        }
        assert_eq!(ops(&app).await["trusted"], 3);
    }
}

#[tokio::test]
async fn where_only_trusted_documents_run_everything_else_is_refused_and_says_why() {
    let (_, app) = trusting("apollo").await;
    let other = "{ viewer { id } }";
    let cases = [
        (json!({ "query": other }), "without sending a document"),
        (json!({ "query": NAME }), "without sending a document"),
        (json!({ "query": "{" }), "without sending a document"),
        (with_hash(other, &hash(other)), "none has this id"),
        (by_hash(&hash(other)), "none has this id"),
        (json!({ "documentId": "unknown" }), "none has this id"),
    ];
    post(&app.user(1), &with_hash(other, &hash(other))).await;
    let free = counted(&app, "free").await;
    assert_eq!(codes(&app.user(1).query(other).await), Vec::<String>::new());
    assert_eq!(counted(&app, "free").await, free + 1, "seen before the flag is switched on");
    set(&app.app.flags, &[flag("documents.trusted-only", true)]);
    for (body, why) in &cases {
        for accept in [JSON, GRAPHQL] {
            let (status, code, message) = told(&post(&app.user(1).with("accept", accept), body).await);
            assert_eq!((status, code.as_str()), (403, "FORBIDDEN"), "{body}");
            assert!(message.starts_with("only trusted documents run here") && message.contains(why), "{message}");
        }
    }
    assert_eq!(counted(&app, "untrusted").await, 2 * cases.len() as u64);

    // What is no operation is not touched.
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(app.anonymous().send(Method::GET, path, "").await.status, StatusCode::OK);
    }
    let page = app.anonymous().with("accept", "text/html").send(Method::GET, "/graphql", "").await;
    assert_eq!(
        (page.status, page.headers["content-type"].to_str().unwrap()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    set(&app.app.flags, &[flag("documents.trusted-only", false)]);
    assert_eq!(codes(&app.user(1).query(other).await), Vec::<String>::new());
}

#[tokio::test]
async fn each_operation_of_a_batch_is_held_to_it() {
    let (_, app) = trusting("apollo").await;
    let other = "{ viewer { id } }";
    let batch = json!([
        by_hash(&hash(other)),
        with_hash(other, &hash(other)),
        by_hash(&hash(other)),
        { "documentId": hash(NAME) },
        { "query": other },
        with_hash(NAME, &hash(NAME)),
    ]);
    let answers = async |accept: &str| {
        let reply = app.user(1).with("accept", accept).post(batch.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK);
        let answers = reply.json();
        let told = |answer: &Value| match answer.get("data") {
            Some(data) => data["viewer"].to_string(),
            None => codes(answer).join(" "),
        };
        answers.as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let name = r#"{"username":"user1"}"#;
    let id = format!(r#"{{"id":"{}"}}"#, UserId(id(1)).to_global());
    set(&app.app.flags, &[flag("http.batching", true)]);
    // What an operation registers is there for those after it.
    assert_eq!(answers(JSON).await, ["PERSISTED_QUERY_NOT_FOUND", &id, &id, name, &id, name]);
    set(&app.app.flags, &[flag("http.batching", true), flag("documents.trusted-only", true)]);
    for accept in [JSON, GRAPHQL] {
        assert_eq!(answers(accept).await, ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", name, "FORBIDDEN", name]);
    }
}

#[tokio::test]
async fn without_a_manifest_only_trusted_documents_are_none() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag("documents.trusted-only", true)]);
    for body in [json!({ "query": NAME }), by_hash(&hash(NAME)), json!({ "id": "x" })] {
        assert_eq!(told(&post(&app.user(1), &body).await).0, 403);
    }
}

#[tokio::test]
async fn trusted_only_is_decided_for_each_user_and_each_session_and_sticks() {
    let (_, app) = trusting("relay").await;
    set(&app.app.flags, &[flag_for("documents.trusted-only", 50)]);
    let mut sides = [0; 2];
    for n in 1..=12 {
        let user = id(n).to_string();
        let only = app.app.flags.decide(Caller { user_id: Some(&user), session_id: None }).documents_trusted_only();
        sides[usize::from(only)] += 1;
        let expected = if only { StatusCode::FORBIDDEN } else { StatusCode::OK };
        for _ in 0..2 {
            assert_eq!(post(&app.user(n), &json!({ "query": "{ __typename }" })).await.status, expected);
        }
        assert_eq!(post(&app.user(n), &by_hash(&hash(NAME))).await.status, StatusCode::OK);
    }
    assert!(sides.iter().all(|side| *side > 0), "{sides:?}");
    // Who is refused hears of the session, too, and is refused in it again.
    let mut refused = 0;
    for _ in 0..40 {
        let reply = post(&app.anonymous(), &json!({ "query": "{ __typename }" })).await;
        let cookie = reply.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(Uuid::try_parse(cookie.strip_prefix("nova_session=").unwrap()).is_ok());
        let again = post(&app.anonymous().with("cookie", cookie), &json!({ "query": "{ __typename }" })).await;
        assert_eq!(again.status, reply.status);
        refused += u32::from(reply.status == StatusCode::FORBIDDEN);
    }
    assert!((1..40).contains(&refused), "{refused} of 40");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_400_with_a_code_and_costs_nothing() {
    let (_, app) = trusting("apollo").await;
    let good = hash(NAME);
    for (body, why) in [
        (json!({ "extensions": { "persistedQuery": { "version": 2, "sha256Hash": good } } }), "version must be 1"),
        (json!({ "extensions": { "persistedQuery": { "sha256Hash": good } } }), "version must be 1"),
        (json!({ "extensions": { "persistedQuery": 1 } }), "version must be 1"),
        (by_hash("feed"), "64 lower-case"),
        (by_hash(&good[1..]), "64 lower-case"),
        (by_hash(&good.to_uppercase()), "64 lower-case"),
        (by_hash(&"g".repeat(64)), "64 lower-case"),
        (with_hash(NAME, "feed"), "64 lower-case"),
        (with_hash("{ viewer { id } }", &good), "not the SHA-256"),
        (json!({ "query": NAME, "documentId": good }), "not both"),
        (json!({ "query": NAME, "id": good }), "not both"),
        (json!({ "documentId": good, "id": good }), "named twice"),
        (json!({ "documentId": 7 }), "expected a string"),
        (json!({ "documentId": [good] }), "expected a string"),
        (json!({ "documentId": null }), "`query` must be a string"),
        (json!({ "extensions": { "persistedQuery": null } }), "`query` must be a string"),
    ] {
        let (status, code, message) = told(&post(&app.user(1).with("accept", GRAPHQL), &body).await);
        assert_eq!((status, code.as_str()), (400, "BAD_USER_INPUT"), "{body}");
        assert!(message.contains(why), "{body}: {message}");
    }
    for (body, code) in [
        (json!({ "documentId": "unknown" }), "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "documentId": "sha256:unknown" }), "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "documentId": "x".repeat(100_000) }), "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "id": "" }), "PERSISTED_QUERY_NOT_FOUND"),
    ] {
        assert_eq!(told(&post(&app.user(1).with("accept", GRAPHQL), &body).await).1, code);
    }
    assert_eq!(ops(&app).await["automaticEntries"], 0);
    assert_eq!(post(&app.user(1), &by_hash(&good)).await.json()["data"]["viewer"]["username"], "user1");
}

#[tokio::test]
async fn a_manifest_that_is_wrong_ends_the_start_and_names_what_is_wrong() {
    let file = NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let wrong = json!({ "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": hash("{ other }"), "name": "Feed", "type": "query", "body": NAME }] });
    for (content, why) in [
        (
            wrong.to_string(),
            format!("document \"{}\" (Feed): its id is not the SHA-256 of its text", hash("{ other }")),
        ),
        (r#"{"a":"{ __typename }","a":"{ __typename }"}"#.to_owned(), "document \"a\": its id is there twice".into()),
        ("{".to_owned(), "EOF while parsing".into()),
        (String::new(), "EOF while parsing".into()),
        ("[]".to_owned(), "neither Apollo's persisted query manifest nor Relay's map".into()),
    ] {
        std::fs::write(path, content).unwrap();
        let said = refusal("gateway", &[("NOVA_DOCUMENTS_MANIFEST", path)]).await;
        assert!(said.contains("NOVA_DOCUMENTS_MANIFEST") && said.contains(path) && said.contains(&why), "{said}");
        assert_eq!(ran(&["check", path]).0, 65);
    }
    // A gigabyte, of which no more is read than a manifest may have.
    File::create(path).unwrap().set_len(1 << 30).unwrap();
    assert!(refusal("gateway", &[("NOVA_DOCUMENTS_MANIFEST", path)]).await.contains("larger than it may be (64 MiB)"));
    assert_eq!(ran(&["check", path]).0, 65);
    assert!(refusal("gateway", &[("NOVA_DOCUMENTS_MANIFEST", "/nowhere")]).await.contains("No such file"));
    assert_eq!(ran(&["check", "/nowhere"]).0, 66);
}

#[tokio::test]
async fn a_trusted_document_that_does_not_fit_the_schema_costs_its_callers_an_error_and_nobody_else_anything() {
    let file = NamedTempFile::new().unwrap();
    let manifest = json!({ "gone": "{ viewer { wasOnceHere } }", "torn": "{ viewer", "good": NAME });
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let path = file.path().to_owned();
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.documents_manifest = Some(path)).await;
    let ask = async |id: &str| post(&app.user(1), &json!({ "id": id })).await;
    assert_eq!(told(&ask("gone").await).1, "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(told(&ask("torn").await).1, "GRAPHQL_PARSE_FAILED");
    assert_eq!(ask("good").await.json()["data"]["viewer"]["username"], "user1");
    let documents = ops(&app).await;
    assert_eq!((&documents["trusted"], &documents["unfit"]), (&json!(3), &json!(2)));

    let (code, out, said) = ran(&["check", file.path().to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    assert!(out.contains("\"gone\", line 1: Unknown field \"wasOnceHere\" on type \"User\"."), "{out}");
    assert!(out.contains("\"torn\", line 1: the document is not valid GraphQL"), "{out}");
    assert!(said.contains("3 documents, of which 2 can't run"), "{said}");
}

#[test]
fn a_manifest_is_built_the_same_each_time_or_not_at_all() {
    let home = client_documents();
    let directory = home.path().to_str().unwrap();
    let (code, printed, said) = ran(&["build", directory]);
    assert_eq!((code, said.as_str()), (0, ""));
    let path = home.path().join("manifest.json");
    let output = path.to_str().unwrap();
    for _ in 0..2 {
        assert_eq!(ran(&["build", directory, "-o", output]).0, 0);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
    }
    assert_eq!(ran(&["check", output]), (0, String::new(), format!("nova: {output}: 3 documents, and all can run\n")));

    std::fs::write(home.path().join("card.gql"), "fragment Card on Post {\n  body\n  nonsense\n}").unwrap();
    let (code, out, said) = ran(&["build", directory, "-o", output]);
    assert_eq!((code, out.as_str()), (65, ""));
    assert!(said.contains("card.gql:3: Unknown field \"nonsense\" on type \"Post\"."), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed, "the old one is still there");
    assert_eq!(ran(&["build", "/nowhere"]).0, 66);
    assert_eq!(ran(&["build"]).0, 2);
    assert_eq!(ran(&["build", directory, "--format", "other"]).0, 2);
    assert!(!Path::new(&format!("{output}.unfinished")).exists());
}
