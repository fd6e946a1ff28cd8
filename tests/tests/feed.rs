//! The main job: a viewer's feed, with authors and counters, page by page.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use insta::assert_json_snapshot;
use nova_core::{PostId, UserId};
use nova_tests::{
    app::TestApp,
    backend::id,
    client::codes,
    flags::{flag, set},
};
use serde_json::{Value, json};

const FEED: &str = "query Feed($first: Int, $after: String, $last: Int, $before: String) {
    feed(first: $first, after: $after, last: $last, before: $before) {
        edges {
            cursor
            node {
                id body contentType category createdAt updatedAt likeCount commentCount viewerHasLiked
                author { id username displayName bio isVerified createdAt viewerFollows }
            }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

#[tokio::test]
async fn a_page_has_posts_authors_and_counters() {
    let app = TestApp::start().await;
    let answer = app.user(1).run(FEED, json!({ "first": 2 })).await;
    assert_json_snapshot!(answer);
}

#[tokio::test]
async fn everything_of_the_contract_so_far_can_be_asked_at_once() {
    let app = TestApp::start().await;
    let document = "query Everything($id: ID!, $ids: [ID!]!) {
        viewer { ...user }
        user(username: \"USER2\") { ...user }
        node(id: $id) { __typename id }
        nodes(ids: $ids) { __typename id ... on User { username } ... on Post { body } ... on Comment { body } }
        post(id: $id) {
            ...post
            comments(last: 2) { ...comments }
            likers(first: 2) { ...users }
        }
        feed(first: 1) { nodes { ...post } pageInfo { ...info } }
    }
    fragment user on User {
        id username displayName bio avatarUrl isVerified createdAt followerCount followingCount postCount viewerFollows
        posts(first: 1) { edges { cursor node { id } } nodes { body } pageInfo { ...info } }
        followers(first: 2) { ...users }
        following(first: 2) { ...users }
    }
    fragment post on Post {
        id body contentType category createdAt updatedAt likeCount commentCount viewerHasLiked author { username }
    }
    fragment comments on CommentConnection {
        edges { cursor node { id body createdAt author { username } post { id } } } nodes { body } pageInfo { ...info }
    }
    fragment users on UserConnection {
        edges { cursor node { username } } nodes { username } pageInfo { ...info }
    }
    fragment info on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
    let post = PostId(id(1008)).to_global();
    let ids = json!([post, UserId(id(3)).to_global(), nova_core::CommentId(id(100_005)).to_global()]);
    let answer = app.user(1).run(document, json!({ "id": post, "ids": ids })).await;
    assert_json_snapshot!(answer);
}

/// The bodies of a page.
fn bodies(answer: &Value) -> Vec<String> {
    assert_eq!(codes(answer), Vec::<String>::new());
    let edges = answer["data"]["feed"]["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["node"]["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_forwards_and_backwards_make_up_the_whole_feed() {
    let app = TestApp::start().await;
    let expected: Vec<String> = sqlx::query_scalar(
        "select body from posts where author_id = id(1) or author_id in
            (select followee_id from follows where follower_id = id(1)) order by created_at desc, id desc",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert!(expected.len() > 200, "{}", expected.len());

    let viewer = app.user(1);
    let mut forwards = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = viewer.run(FEED, json!({ "first": 60, "after": after })).await;
        let info = &answer["data"]["feed"]["pageInfo"];
        assert_eq!(info["hasPreviousPage"], json!(!forwards.is_empty()));
        forwards.extend(bodies(&answer));
        after = info["endCursor"].clone();
        if info["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(forwards, expected);

    let mut backwards: Vec<String> = Vec::new();
    let mut before = Value::Null;
    loop {
        let answer = viewer.run(FEED, json!({ "last": 60, "before": before })).await;
        let info = &answer["data"]["feed"]["pageInfo"];
        backwards.splice(0..0, bodies(&answer));
        before = info["startCursor"].clone();
        if info["hasPreviousPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(backwards, expected);
}

#[tokio::test]
async fn a_cursor_stays_good_when_its_post_is_deleted() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let all = bodies(&viewer.run(FEED, json!({ "first": 6 })).await);
    let page = viewer.run(FEED, json!({ "first": 3 })).await;
    app.sql(
        "update posts set deleted_at = at(400000) where id = (select id from posts where deleted_at is null and \
        (author_id = id(1) or author_id in (select followee_id from follows where follower_id = id(1))) \
        order by created_at desc, id desc offset 2 limit 1)",
    )
    .await;
    let after = page["data"]["feed"]["pageInfo"]["endCursor"].clone();
    assert_eq!(bodies(&viewer.run(FEED, json!({ "first": 3, "after": after })).await), all[3..]);
}

#[tokio::test]
async fn what_is_deleted_is_absent_everywhere_and_a_deleted_author_takes_the_posts_along() {
    let app = TestApp::start().await;
    // User 4 goes; so does post 7 (of user 8).
    app.sql(
        "update users set deleted_at = at(400000) where id = id(4);
             update posts set deleted_at = at(400000) where id = id(1007)",
    )
    .await;
    let ids = json!({
        "gone": UserId(id(4)).to_global(), "post": PostId(id(1007)).to_global(), "posts": PostId(id(1003)).to_global(),
        "comment": nova_core::CommentId(id(100_003)).to_global(),
    });
    let document = "query($gone: ID!, $post: ID!, $posts: ID!, $comment: ID!) {
        gone: node(id: $gone) { id } deletedPost: node(id: $post) { id } postOfGone: post(id: $posts) { id }
        commentOfGone: node(id: $comment) { id } named: user(username: \"user4\") { id }
        feed(first: 100) { nodes { author { username } comments(first: 100) { nodes { author { username } } } } }
    }";
    set(&app.app.flags, &[flag("limits.complexity", false)]);
    let answer = app.user(1).run(document, ids).await;
    assert_eq!(codes(&answer), Vec::<String>::new());
    for field in ["gone", "deletedPost", "postOfGone", "commentOfGone", "named"] {
        assert_eq!(answer["data"][field], Value::Null, "{field}");
    }
    let text = answer["data"]["feed"].to_string();
    assert!(text.contains("\"user8\"") && !text.contains("\"user4\"") && !text.contains("deleted"), "{text}");
}

#[tokio::test]
async fn an_anonymous_caller_reads_what_is_public_and_has_no_feed() {
    let app = TestApp::start().await;
    let document = "{ viewer { id } user(username: \"user3\") { username viewerFollows posts(first: 1) { nodes { body viewerHasLiked } } }
                      feed { nodes { id } } }";
    let answer = app.anonymous().query(document).await;
    assert_eq!(codes(&answer), ["feed UNAUTHENTICATED"]);
    assert_json_snapshot!(answer["data"]);
}
