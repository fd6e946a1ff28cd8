//! How many upstream calls and store statements an operation costs: pinned, the same for pages of 5, 20 and 50, and at
//! most one call per source and level.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;

use insta::assert_snapshot;
use nova_core::{PostId, UserId};
use nova_tests::{
    app::TestApp,
    backend::id,
    client::codes,
    flags::{flag, set},
};
use serde_json::{Value, json};

/// Name and document. `$n` is the page size; `$post` and `$user` are ids.
const CORPUS: &[(&str, &str)] = &[
    ("feed, posts alone", "{ feed(first: $n) { nodes { body } } }"),
    (
        "feed with authors and counters",
        "{ feed(first: $n) { edges { cursor node { body author { username } likeCount commentCount viewerHasLiked } } } }",
    ),
    (
        "the same, backwards",
        "{ feed(last: $n) { nodes { author { username } likeCount commentCount viewerHasLiked } } }",
    ),
    (
        "feed with all that is known of its authors",
        "{ feed(first: $n) { nodes { author { username followerCount followingCount postCount viewerFollows } } } }",
    ),
    (
        "feed with comments and who wrote them",
        "{ feed(first: $n) { nodes { author { username } comments(first: $n) { nodes { body author { username } post { body } } } } } }",
    ),
    (
        "feed with likers",
        "{ feed(first: $n) { nodes { likers(first: $n) { nodes { username } pageInfo { hasNextPage } } } } }",
    ),
    (
        "four levels of follows",
        "{ viewer { following(first: $n) { nodes { following(first: 5) { nodes { username followerCount } } } } } }",
    ),
    (
        "two branches of unequal depth",
        "{ a: feed(first: $n) { nodes { author { username } } } b: viewer { posts(first: $n) { nodes { author { followerCount } } } } }",
    ),
    (
        "a user with posts",
        "{ user(username: \"user3\") { username followerCount posts(first: $n) { nodes { body likeCount commentCount } } } }",
    ),
    (
        "nodes of one type by two names",
        "{ a: node(id: $user) { ... on User { username } } b: node(id: $user) { ... on User { username followerCount } } posts: nodes(ids: [$post, $post]) { ... on Post { body author { username } } } }",
    ),
    (
        "followers of followers",
        "{ user(username: \"user2\") { followers(first: $n) { edges { cursor node { followers(first: 3) { edges { node { username postCount } } } } } } } }",
    ),
    ("the viewer alone", "{ viewer { username } }"),
    ("nothing that is fetched", "{ __typename }"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_costs_the_same_calls_whatever_the_size_of_its_pages() {
    let app = TestApp::start().await;
    // The largest pages are dearer than ordinary clients may ask for.
    set(&app.app.flags, &[flag("limits.complexity", false)]);
    let client = app.debugging(1);
    let ids = |document: &str, n: usize| {
        let (post, user) = (PostId(id(1008)).to_global(), UserId(id(3)).to_global());
        document
            .replace("$n", &n.to_string())
            .replace("$post", &format!("{post:?}"))
            .replace("$user", &format!("{user:?}"))
    };
    let mut report = String::new();
    for (name, document) in CORPUS {
        let mut costs = Vec::new();
        for n in [5, 20, 50] {
            let answer = client.query(&ids(document, n)).await;
            assert_eq!(codes(&answer), Vec::<String>::new(), "{name}");
            costs.push(cost(&answer));
        }
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{name}: {costs:#?}");
        writeln!(report, "{name}\n{}", costs[0]).unwrap();
    }
    assert_snapshot!(report);
}

fn cost(answer: &Value) -> String {
    let debug = &answer["extensions"]["debug"];
    let calls = debug["upstreamCalls"].as_object().unwrap();
    let mut lines: Vec<_> = calls.iter().map(|(rpc, count)| format!("  {rpc}: {}", count["calls"])).collect();
    lines.push(format!("  statements: {}\n", debug["statements"]));
    lines.join("\n")
}

#[tokio::test]
async fn a_level_splits_at_most_by_where_its_parents_come_from() {
    // Authors of comments come from one source, likers from another: whichever answers first is not held back.
    let app = TestApp::start().await;
    let document = "query($post: ID!) { post(id: $post) { author { username }
        comments(first: 50) { nodes { author { username } } } likers(first: 50) { nodes { username } } } }";
    let answer = app.debugging(1).run(document, json!({ "post": PostId(id(1008)).to_global() })).await;
    assert_eq!(codes(&answer), Vec::<String>::new());
    let calls = &answer["extensions"]["debug"]["upstreamCalls"];
    assert!((2..=3).contains(&calls["Users/BatchGetUsers"]["calls"].as_u64().unwrap()), "{calls}");
    for rpc in ["Content/BatchGetPosts", "Content/BatchListComments", "Social/BatchListLikers"] {
        assert_eq!(calls[rpc]["calls"], 1, "{rpc}");
    }
}

#[tokio::test]
async fn keys_are_asked_once_however_often_they_occur() {
    let app = TestApp::start().await;
    let answer = app.debugging(1).query("{ feed(first: 50) { nodes { author { username } } } }").await;
    let authors = answer["data"]["feed"]["nodes"].as_array().unwrap();
    let mut names: Vec<_> = authors.iter().map(|post| post["author"]["username"].to_string()).collect();
    names.sort();
    names.dedup();
    let calls = &answer["extensions"]["debug"]["upstreamCalls"];
    assert_eq!(calls["Users/BatchGetUsers"], json!({ "calls": 1, "keys": names.len() }));
    assert!(names.len() < 50);
}
