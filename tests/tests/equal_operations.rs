//! The operations that both sides of every flag are asked: the corpus leaves out nothing of the contract, and what the
//! generator makes is valid, bounded and varied.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nova_tests::{
    app::TestApp,
    client::{Client, codes},
    equal::{
        answer::Answer,
        corpus,
        generate::{Operation, queries},
        scene::Scene,
        schema::Schema,
        values::Values,
    },
    flags::{flag, set},
};
use proptest::{
    prop_assert,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Codes that no valid operation gets from a healthy gateway.
const UNHEALTHY: [&str; 6] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "LIMIT_EXCEEDED",
    "INTERNAL",
    "TIMEOUT",
    "UPSTREAM_UNAVAILABLE",
];

#[test]
fn the_corpus_names_every_field_and_every_argument_of_the_contract() {
    let schema = Schema::pinned();
    let (nameable, named) = (corpus::nameable(&schema), corpus::named(&schema));
    let missing: Vec<_> = nameable.difference(&named).collect();
    assert_eq!(missing, Vec::<&String>::new(), "an operation in tests/corpus should name these");
    assert!(nameable.contains("Node.id") && nameable.contains("Query.feed(last)"));
    assert!(nameable.contains("CreatePostInput.contentType"));
}

#[tokio::test]
async fn the_corpus_is_answered_and_a_write_is_alike_in_every_scene() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let healthy = |name: &str, answer: &Answer| {
        let unhealthy = answer.errors.iter().any(|error| UNHEALTHY.iter().any(|code| error.ends_with(code)));
        assert!(answer.status.is_success() && !unhealthy, "{name}: {answer:?}");
    };
    for example in corpus::reads(&Values::of(&viewer).await) {
        let answer = Answer::of(&viewer, &example.operation).await;
        healthy(&example.name, &answer);
        assert_eq!(Answer::of(&viewer, &example.operation).await, answer, "{}", example.name);
        let expects_errors = ["refused-pages", "absent", "nodes"].contains(&example.name.as_str());
        assert_eq!(!answer.errors.is_empty(), expects_errors, "{}: {answer:?}", example.name);
    }
    let (first, second) = (Scene::set(&app, 1).await, Scene::set(&app, 2).await);
    for (one, other) in corpus::writes(&first).into_iter().zip(corpus::writes(&second)) {
        let answer = Answer::of(&first.actor(&app), &one.operation).await.masked();
        healthy(&one.name, &answer);
        assert_eq!(Answer::of(&second.actor(&app), &other.operation).await.masked(), answer, "{}", one.name);
        assert_eq!(answer.errors.len(), if one.name == "12-refused" { 10 } else { 0 }, "{}: {answer:?}", one.name);
    }
}

#[test]
fn made_queries_are_valid_bounded_and_varied() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let app = runtime.block_on(TestApp::start());
    // The bound here is what is loaded, not what could be.
    set(&app.app.flags, &[flag("limits.complexity", false)]);
    let client = app.debugging(1);
    let (schema, values) = (Arc::new(Schema::pinned()), Arc::new(runtime.block_on(Values::of(&client))));
    let seen = RefCell::new(Seen::default());
    // The same queries each time: what they leave out would otherwise be a matter of luck.
    let config = Config { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&queries(Arc::clone(&schema), values), |query| {
        let answer = runtime.block_on(answer(&client, &query));
        let codes = codes(&answer);
        // What is beyond a ceiling is not answered: it could load too much, or is longer than its bytes pay for.
        if answer["errors"][0]["extensions"]["limit"].is_string() {
            return Ok(());
        }
        prop_assert!(!codes.iter().any(|code| UNHEALTHY.iter().any(|bad| code.ends_with(bad))), "{}", answer["errors"]);
        let keys = keys(&answer);
        prop_assert!(keys <= 300, "it asks for {} keys", keys);
        seen.borrow_mut().note(&query, &codes, keys);
        Ok(())
    });
    outcome.unwrap();
    seen.into_inner().must_be_varied(&schema);
}

async fn answer(client: &Client, query: &Operation) -> Value {
    let reply = client.post(json!({ "query": query.document, "variables": query.variables }).to_string()).await;
    let answer = reply.json();
    assert!(reply.status.is_success(), "{answer}");
    answer
}

fn keys(answer: &Value) -> u64 {
    let calls = answer["extensions"]["debug"]["upstreamCalls"].as_object().unwrap();
    calls.values().map(|call| call["keys"].as_u64().unwrap()).sum()
}

/// What the queries were like.
#[derive(Debug, Default)]
struct Seen {
    words: BTreeMap<String, u32>,
    codes: BTreeMap<String, u32>,
    keys: Vec<u64>,
}

impl Seen {
    fn note(&mut self, query: &Operation, codes: &[String], keys: u64) {
        let words: BTreeSet<_> = query.document.split(|c: char| !(c.is_alphanumeric() || "@$_".contains(c))).collect();
        for word in words {
            *self.words.entry(word.to_owned()).or_default() += 1;
        }
        for code in codes.iter().filter_map(|code| code.split(' ').nth(1)).collect::<BTreeSet<_>>() {
            *self.codes.entry(code.to_owned()).or_default() += 1;
        }
        self.keys.push(keys);
    }

    fn must_be_varied(mut self, schema: &Schema) {
        self.keys.sort_unstable();
        let of_mutations =
            |name: &str| name.starts_with("Mutation") || name.contains("Payload") || name.contains("Input");
        for name in corpus::nameable(schema).iter().filter(|name| !of_mutations(name)) {
            for word in name.split(['.', '(', ')']).skip(1).filter(|word| !word.is_empty()) {
                assert!(self.words.contains_key(word), "no query has {name}");
            }
        }
        for word in ["fragment", "on", "@include", "@skip", "$v0", "null", "__typename", "User", "Post", "Comment"] {
            assert!(self.words.contains_key(word), "no query has {word}");
        }
        for code in ["INVALID_ID", "INVALID_CURSOR", "BAD_USER_INPUT"] {
            assert!(self.codes.contains_key(code), "no query gets {code}: {:?}", self.codes);
        }
        let median = self.keys[self.keys.len() / 2];
        assert!(median >= 5, "half of the queries ask for {median} keys or fewer");
    }
}
