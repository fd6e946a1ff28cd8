//! Writing: what each mutation does, who may do it, and what it answers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nova_core::{CommentId, NodeId, PostId, UserId};
use nova_tests::{
    app::TestApp,
    backend::id,
    client::{Client, codes},
};
use serde_json::{Value, json};

const CREATE: &str = "mutation Create($input: CreatePostInput!) {
    createPost(input: $input) {
        post { id body contentType category likeCount commentCount viewerHasLiked author { username postCount } }
        postEdge { cursor node { id } }
    }
}";
const COMMENT: &str = "mutation Comment($input: AddCommentInput!) {
    addComment(input: $input) {
        comment { id body author { username } }
        commentEdge { cursor node { id } }
        post { id commentCount comments(last: 1) { nodes { body } } }
    }
}";

fn post(n: u128) -> String {
    PostId(id(n)).to_global()
}

fn user(n: u128) -> String {
    UserId(id(n)).to_global()
}

/// Runs a mutation with one input, which must succeed, and gives its payload.
async fn done(client: &Client, document: &str, input: Value) -> Value {
    let answer = client.run(document, json!({ "input": input })).await;
    assert_eq!(codes(&answer), Vec::<String>::new(), "{answer}");
    answer["data"].as_object().unwrap().values().next().unwrap().clone()
}

/// The same, for one that must fail: `CODE argument`.
async fn refused(client: &Client, document: &str, input: Value) -> String {
    let answer = client.run(document, json!({ "input": input })).await;
    assert!(answer["data"].as_object().is_none_or(|data| data.values().all(Value::is_null)), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    let text = |name| errors[0]["extensions"][name].as_str().unwrap_or_default();
    format!("{} {}", text("code"), text("argument")).trim_end().to_owned()
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
}

#[tokio::test]
async fn a_post_is_published_and_seen_at_once() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let before = viewer.query("{ viewer { postCount } }").await["data"]["viewer"]["postCount"].as_i64().unwrap();
    let input = json!({ "body": "Hello 🦀", "contentType": "VIDEO", "category": "tech" });
    let payload = done(&viewer, CREATE, input).await;
    let post = &payload["post"];
    assert_eq!(
        (&post["body"], &post["contentType"], &post["category"]),
        (&json!("Hello 🦀"), &json!("VIDEO"), &json!("tech"))
    );
    assert_eq!(
        (&post["likeCount"], &post["commentCount"], &post["viewerHasLiked"]),
        (&json!(0), &json!(0), &json!(false))
    );
    assert_eq!(post["author"], json!({ "username": "user1", "postCount": before + 1 }), "read after the write");
    assert_eq!(payload["postEdge"]["node"]["id"], post["id"]);

    // The edge is good in the feed: what comes before it is nothing, what comes after it is the feed as it was.
    let cursor = &payload["postEdge"]["cursor"];
    let pages = "query Pages($c: String) { first: feed(first: 1) { nodes { id } } newer: feed(last: 1, before: $c) { nodes { id } } older: feed(first: 1, after: $c) { nodes { id } } }";
    let answer = viewer.run(pages, json!({ "c": cursor })).await;
    assert_eq!(answer["data"]["first"]["nodes"][0]["id"], post["id"]);
    assert_eq!(answer["data"]["newer"]["nodes"], json!([]));
    assert_ne!(answer["data"]["older"]["nodes"][0]["id"], post["id"]);

    // Ids are UUIDv7, and the event is in the outbox.
    let Ok(NodeId::Post(made)) = NodeId::from_global(post["id"].as_str().unwrap()) else { panic!("{post}") };
    assert_eq!(made.0.get_version_num(), 7);
    let event: (String, String) =
        sqlx::query_as("select aggregate, payload->>'author' from outbox_events where kind = 'post.created'")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(event, (format!("post:{}", made.0), id(1).to_string()));
}

#[tokio::test]
async fn a_post_is_its_authors_to_change_and_to_delete() {
    let app = TestApp::start().await;
    let update = "mutation Update($input: UpdatePostInput!) { updatePost(input: $input) { post { id body createdAt updatedAt } } }";
    let delete = "mutation Delete($input: DeletePostInput!) { deletePost(input: $input) { deletedPostId } }";
    // Post 1040 is user 1's.
    let (author, other) = (app.user(1), app.user(2));
    assert_eq!(refused(&other, update, json!({ "postId": post(1040), "body": "mine" })).await, "FORBIDDEN");
    assert_eq!(refused(&other, delete, json!({ "postId": post(1040) })).await, "FORBIDDEN");
    let payload = done(&author, update, json!({ "postId": post(1040), "body": "better" })).await;
    assert_eq!(payload["post"]["body"], "better");
    assert!(payload["post"]["updatedAt"].as_str() > payload["post"]["createdAt"].as_str());

    let (one, two) = tokio::join!(
        author.run(delete, json!({ "input": { "postId": post(1040) } })),
        author.run(delete, json!({ "input": { "postId": post(1040) } })),
    );
    let mut outcomes = [codes(&one), codes(&two)];
    outcomes.sort();
    assert_eq!(outcomes, [vec![], vec!["deletePost NOT_FOUND".to_owned()]], "two clients delete one post once");
    assert_eq!(count(&app, "select count(*) from outbox_events where kind = 'post.deleted'").await, 1);
    assert_eq!(refused(&other, delete, json!({ "postId": post(1040) })).await, "NOT_FOUND");
    assert_eq!(refused(&author, update, json!({ "postId": post(1040), "body": "again" })).await, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_deleted_disappears_everywhere() {
    let app = TestApp::start().await;
    let author = app.user(1);
    let gone = post(1040);
    let comment = CommentId(
        sqlx::query_scalar("select id from comments where post_id = id(1040) limit 1")
            .fetch_one(&app.pool)
            .await
            .unwrap(),
    );
    let document = "query Everywhere($post: ID!, $comment: ID!) {
        post(id: $post) { id }
        node(id: $post) { id }
        comment: node(id: $comment) { id }
        viewer { postCount posts(first: 100) { nodes { id } } }
        feed(first: 100) { nodes { id } }
    }";
    let variables = json!({ "post": gone, "comment": comment.to_global() });
    let before = author.run(document, variables.clone()).await;
    assert_eq!(before["data"]["comment"]["id"], comment.to_global());
    let delete = "mutation Delete($input: DeletePostInput!) { deletePost(input: $input) { deletedPostId } }";
    assert_eq!(done(&author, delete, json!({ "postId": gone })).await["deletedPostId"], gone);

    let after = author.run(document, variables).await;
    for field in ["post", "node", "comment"] {
        assert_eq!(after["data"][field], Value::Null, "{field}");
    }
    let posts = |answer: &Value| answer["data"]["viewer"]["posts"]["nodes"].as_array().unwrap().len();
    assert_eq!(posts(&after), posts(&before) - 1);
    assert_eq!(
        after["data"]["viewer"]["postCount"].as_i64(),
        before["data"]["viewer"]["postCount"].as_i64().map(|n| n - 1)
    );
    assert!(!after.to_string().contains(&gone));
    for (document, input) in [
        (COMMENT, json!({ "postId": gone, "body": "late" })),
        (
            "mutation Like($input: LikePostInput!) { likePost(input: $input) { post { id } } }",
            json!({ "postId": gone }),
        ),
        (
            "mutation Unlike($input: UnlikePostInput!) { unlikePost(input: $input) { post { id } } }",
            json!({ "postId": gone }),
        ),
    ] {
        assert_eq!(refused(&app.user(2), document, input).await, "NOT_FOUND", "{document}");
    }
}

#[tokio::test]
async fn somebody_who_is_deleted_writes_nothing_and_is_followed_no_more() {
    let app = TestApp::start().await;
    app.sql("update users set deleted_at = now() where id = id(2)").await;
    let reply =
        app.user(2).post(json!({ "query": CREATE, "variables": { "input": { "body": "ghost" } } }).to_string()).await;
    assert_eq!(reply.status, 401);
    assert_eq!(count(&app, "select count(*) from posts where body = 'ghost'").await, 0);
    let follow = "mutation Follow($input: FollowUserInput!) { followUser(input: $input) { user { id } } }";
    assert_eq!(refused(&app.user(1), follow, json!({ "userId": user(2) })).await, "NOT_FOUND");
    // Their posts are gone, and so is what stands below them.
    assert_eq!(refused(&app.user(1), COMMENT, json!({ "postId": post(1041), "body": "x" })).await, "NOT_FOUND");
}

#[tokio::test]
async fn a_comment_is_added_and_deleted_by_its_author_or_the_posts() {
    let app = TestApp::start().await;
    let delete = "mutation Delete($input: DeleteCommentInput!) { deleteComment(input: $input) { deletedCommentId post { commentCount } } }";
    let before =
        app.user(1).run("query ($id: ID!) { post(id: $id) { commentCount } }", json!({ "id": post(1040) })).await;
    let before = before["data"]["post"]["commentCount"].as_i64().unwrap();
    let mut made = Vec::new();
    for n in 1..=2 {
        let payload = done(&app.user(2), COMMENT, json!({ "postId": post(1040), "body": "well said" })).await;
        assert_eq!(payload["comment"]["author"]["username"], "user2");
        assert_eq!(payload["post"]["commentCount"], before + n);
        assert_eq!(payload["post"]["comments"]["nodes"][0]["body"], "well said", "the newest is last");
        made.push(payload["comment"]["id"].clone());
    }
    assert_eq!(count(&app, "select count(*) from engagement_events where content_id = id(1040) and event_type = 'comment' and user_id = id(2)").await, 2);
    assert_eq!(refused(&app.user(3), delete, json!({ "commentId": made[0] })).await, "FORBIDDEN");
    let by_author = done(&app.user(2), delete, json!({ "commentId": made[0] })).await;
    assert_eq!(by_author, json!({ "deletedCommentId": made[0], "post": { "commentCount": before + 1 } }));
    let by_host = done(&app.user(1), delete, json!({ "commentId": made[1] })).await;
    assert_eq!(by_host["post"]["commentCount"], before);
    assert_eq!(refused(&app.user(2), delete, json!({ "commentId": made[1] })).await, "NOT_FOUND");
}

#[tokio::test]
async fn to_like_twice_at_once_is_to_like_once() {
    let app = TestApp::start().await;
    let like =
        "mutation Like($input: LikePostInput!) { likePost(input: $input) { post { likeCount viewerHasLiked } } }";
    let unlike =
        "mutation Unlike($input: UnlikePostInput!) { unlikePost(input: $input) { post { likeCount viewerHasLiked } } }";
    let input = json!({ "postId": post(1007) });
    let viewer = app.user(1);
    let before = count(&app, "select count(*) from likes where post_id = id(1007)").await;
    let likes = futures_util::future::join_all((0..8).map(|_| done(&viewer, like, input.clone()))).await;
    for payload in likes {
        assert_eq!(payload["post"], json!({ "likeCount": before + 1, "viewerHasLiked": true }));
    }
    assert_eq!(count(&app, "select count(*) from outbox_events where kind = 'like.added'").await, 1);
    assert_eq!(count(&app, "select count(*) from engagement_events where event_type = 'like'").await, 1);
    for _ in 0..2 {
        let payload = done(&viewer, unlike, input.clone()).await;
        assert_eq!(payload["post"], json!({ "likeCount": before, "viewerHasLiked": false }));
    }
    assert_eq!(count(&app, "select count(*) from outbox_events where kind = 'like.removed'").await, 1);
}

#[tokio::test]
async fn to_follow_is_idempotent_and_nobody_follows_themselves() {
    let app = TestApp::start().await;
    let follow = "mutation Follow($input: FollowUserInput!) { followUser(input: $input) { user { username viewerFollows followerCount } viewer { followingCount } } }";
    let unfollow = "mutation Unfollow($input: UnfollowUserInput!) { unfollowUser(input: $input) { user { viewerFollows followerCount } viewer { followingCount } } }";
    let viewer = app.user(1);
    let stranger: i32 = sqlx::query_scalar("select n from generate_series(2, 40) n where not exists (select from follows where follower_id = id(1) and followee_id = id(n)) limit 1")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let input = json!({ "userId": user(u128::try_from(stranger).unwrap()) });
    let first = done(&viewer, follow, input.clone()).await;
    assert_eq!(first["user"]["viewerFollows"], true);
    assert_eq!(done(&viewer, follow, input.clone()).await, first, "the second time changes nothing");
    let (followers, following) =
        (first["user"]["followerCount"].as_i64().unwrap(), first["viewer"]["followingCount"].as_i64().unwrap());
    for _ in 0..2 {
        let payload = done(&viewer, unfollow, input.clone()).await;
        assert_eq!(
            payload,
            json!({ "user": { "viewerFollows": false, "followerCount": followers - 1 }, "viewer": { "followingCount": following - 1 } })
        );
    }
    assert_eq!(refused(&viewer, follow, json!({ "userId": user(1) })).await, "BAD_USER_INPUT input.userId");
    assert_eq!(done(&viewer, unfollow, json!({ "userId": user(1) })).await["user"]["viewerFollows"], false);
    for document in [follow, unfollow] {
        assert_eq!(refused(&viewer, document, json!({ "userId": user(999) })).await, "NOT_FOUND");
        assert_eq!(refused(&viewer, document, json!({ "userId": post(1001) })).await, "INVALID_ID");
    }
}

#[tokio::test]
async fn a_profile_changes_where_it_was_asked_to() {
    let app = TestApp::start().await;
    let update = "mutation Update($input: UpdateProfileInput!) { updateProfile(input: $input) { viewer { displayName bio avatarUrl } } }";
    let viewer = app.user(2);
    let set = done(&viewer, update, json!({ "avatarUrl": "https://pictures.example/2.png" })).await;
    assert_eq!(
        set["viewer"],
        json!({ "displayName": "User 2", "bio": "I am 2", "avatarUrl": "https://pictures.example/2.png" })
    );
    let cleared = done(&viewer, update, json!({ "bio": null, "avatarUrl": null, "displayName": "Zwei" })).await;
    assert_eq!(cleared["viewer"], json!({ "displayName": "Zwei", "bio": null, "avatarUrl": null }));
    assert_eq!(done(&viewer, update, json!({})).await, cleared, "nothing is nothing");
    for (input, argument) in [
        (json!({ "displayName": null }), "input.displayName"),
        (json!({ "displayName": "" }), "input.displayName"),
        (json!({ "displayName": "x".repeat(101) }), "input.displayName"),
        (json!({ "bio": "x".repeat(1001) }), "input.bio"),
        (json!({ "bio": "a\0b" }), "input.bio"),
        (json!({ "avatarUrl": "javascript:alert(1)" }), "input.avatarUrl"),
    ] {
        assert_eq!(refused(&viewer, update, input).await, format!("BAD_USER_INPUT {argument}"));
    }
}

#[tokio::test]
async fn bodies_have_one_to_ten_thousand_characters_and_no_nul() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    for body in ["", " \n ", "a\0b", &"x".repeat(10_001), &"🦀".repeat(10_001)] {
        assert_eq!(refused(&viewer, CREATE, json!({ "body": body })).await, "BAD_USER_INPUT input.body");
        let input = json!({ "postId": post(1040), "body": body });
        assert_eq!(refused(&viewer, COMMENT, input).await, "BAD_USER_INPUT input.body");
    }
    let longest = "🦀".repeat(10_000);
    assert_eq!(done(&viewer, CREATE, json!({ "body": longest })).await["post"]["body"], longest.as_str());
    for (input, argument) in [
        (json!({ "body": "x", "category": "" }), "input.category"),
        (json!({ "body": "x", "category": "c".repeat(51) }), "input.category"),
        (json!({ "body": "x", "idempotencyKey": "" }), "input.idempotencyKey"),
        (json!({ "body": "x", "idempotencyKey": "k".repeat(65) }), "input.idempotencyKey"),
    ] {
        assert_eq!(refused(&viewer, CREATE, input).await, format!("BAD_USER_INPUT {argument}"));
    }
    for input in [json!({ "postId": "nonsense", "body": "x" }), json!({ "postId": user(1), "body": "x" })] {
        assert_eq!(refused(&viewer, COMMENT, input).await, "INVALID_ID");
    }
    assert_eq!(refused(&viewer, CREATE, json!({ "body": 1 })).await, "BAD_USER_INPUT input");
    assert_eq!(refused(&viewer, CREATE, json!({})).await, "BAD_USER_INPUT input");
}

#[tokio::test]
async fn nobody_writes_without_a_token() {
    let app = TestApp::start().await;
    assert_eq!(refused(&app.anonymous(), CREATE, json!({ "body": "x" })).await, "UNAUTHENTICATED");
    assert_eq!(count(&app, "select count(*) from outbox_events").await, 0);
}

#[tokio::test]
async fn fields_run_one_after_the_other_and_one_that_fails_hides_no_other() {
    let app = TestApp::start().await;
    let document = "mutation Three($mine: ID!, $other: ID!) {
        a: likePost(input: { postId: $mine }) { post { likeCount viewerHasLiked } }
        b: deletePost(input: { postId: $other }) { deletedPostId }
        c: unlikePost(input: { postId: $mine }) { post { likeCount viewerHasLiked } }
    }";
    let before = count(&app, "select count(*) from likes where post_id = id(1007)").await;
    let answer = app.user(1).run(document, json!({ "mine": post(1007), "other": post(1041) })).await;
    assert_eq!(codes(&answer), ["b FORBIDDEN"]);
    assert_eq!(answer["data"]["a"]["post"], json!({ "likeCount": before + 1, "viewerHasLiked": true }));
    assert_eq!(answer["data"]["b"], Value::Null);
    assert_eq!(
        answer["data"]["c"]["post"],
        json!({ "likeCount": before, "viewerHasLiked": false }),
        "the memo is cleared"
    );
}

#[tokio::test]
async fn a_write_is_one_call_and_its_payload_is_read_in_batches() {
    let app = TestApp::start().await;
    let document = "mutation Like($input: LikePostInput!) {
        likePost(input: $input) { post { likeCount commentCount viewerHasLiked author { username } likers(first: 10) { nodes { username } } } }
    }";
    let answer = app.debugging(1).run(document, json!({ "input": { "postId": post(1007) } })).await;
    insta::assert_json_snapshot!(answer["extensions"]["debug"]["upstreamCalls"]);
}
