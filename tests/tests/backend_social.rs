//! The social service: who likes what, who follows whom, how many, and what the viewer has to do with it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::HashMap;

use nova_core::ErrorCode;
use nova_proto::{Answer, IntoAnswer as _, KeyFailure, id_bytes, id_from_bytes, v1};
use nova_tests::backend::{Place, TestBackend, by_id, id, signed, statements, walk, with_token};
use tonic::{Code, Request};
use uuid::Uuid;
use v1::Direction::{Backward, Forward};

/// 14 people, every fifth deleted; 10 posts, of which 7 is deleted and 5 and 10 are of somebody deleted; likes and follows
/// that look random, several in the same minute.
const NETWORK: &str = "
    insert into users (id, username, display_name, deleted_at)
        select id(n), 'u' || n, 'U', case when n % 5 = 0 then now() end from generate_series(1, 14) n;
    insert into posts (id, author_id, body, deleted_at)
        select id(100 + n), id(n), 'x', case when n = 7 then now() end from generate_series(1, 10) n;
    insert into likes select id(100 + p), id(u), at((u * 3 + p) % 7) from generate_series(1, 10) p, generate_series(1, 14) u
        where (p * u + u) % 4 <> 0;
    insert into follows select id(a), id(b), at((a * 5 + b) % 9) from generate_series(1, 14) a, generate_series(1, 14) b
        where a <> b and (a * 7 + b * b) % 3 <> 0;";

const PEOPLE: [u128; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 3];
const POSTS: [u128; 12] = [101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 101];

async fn brute_force<T>(backend: &TestBackend, sql: &'static str) -> HashMap<Uuid, T>
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let rows: Vec<(Uuid, T)> = sqlx::query_as(sql).fetch_all(&backend.pool).await.unwrap();
    rows.into_iter().collect()
}

const LIKES: &str = "select p.id, count(l.user_id) from posts p join users a on a.id = p.author_id
    left join (likes l join users u on u.id = l.user_id and u.deleted_at is null) on l.post_id = p.id
    where p.deleted_at is null and a.deleted_at is null group by p.id";

#[tokio::test]
async fn like_counts_are_what_counting_gives_before_and_after_folding() {
    let backend = TestBackend::start(NETWORK).await;
    for change in [
        "",
        "select fold_counter_deltas(7)",
        "delete from likes where user_id = id(3)",
        "update users set deleted_at = now() where id = id(4)",
        "insert into likes select id(101), id(n) from generate_series(1, 14) n on conflict do nothing",
        "select fold_counter_deltas(100000)",
        "update users set deleted_at = null where id = id(10)",
    ] {
        backend.sql(change).await;
        let expected: HashMap<Uuid, i64> = brute_force(&backend, LIKES).await;
        let response = backend.social().batch_count_likes(by_id(POSTS)).await.unwrap();
        assert_eq!(statements(&response), 1);
        let told: Vec<_> =
            response.into_inner().results.into_iter().map(|result| result.into_answer().unwrap()).collect();
        assert_eq!(told, POSTS.map(|post| expected.get(&id(post)).copied()), "after {change:?}");
    }
}

#[tokio::test]
async fn follow_counts_leave_deleted_people_out_at_both_ends() {
    let backend = TestBackend::start(NETWORK).await;
    let followers: HashMap<Uuid, i64> = brute_force(
        &backend,
        "select u.id, (select count(*) from follows f join users o on o.id = f.follower_id
             where f.followee_id = u.id and o.deleted_at is null) from users u where u.deleted_at is null",
    )
    .await;
    let following: HashMap<Uuid, i64> = brute_force(
        &backend,
        "select u.id, (select count(*) from follows f join users o on o.id = f.followee_id
             where f.follower_id = u.id and o.deleted_at is null) from users u where u.deleted_at is null",
    )
    .await;
    let response = backend.social().batch_count_follows(by_id(PEOPLE)).await.unwrap();
    assert_eq!(statements(&response), 1);
    let told: Vec<_> = response.into_inner().results.into_iter().map(|result| result.into_answer().unwrap()).collect();
    let expected = PEOPLE.map(|person| {
        let person = id(person);
        let followers = followers.get(&person).copied()?;
        Some(v1::FollowCounts { followers, following: following[&person] })
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn changes_of_counters_are_folded_in_the_background() {
    let backend = TestBackend::start(NETWORK).await;
    let left = || sqlx::query_scalar::<_, i64>("select count(*) from counter_deltas").fetch_one(&backend.pool);
    tokio::time::timeout(std::time::Duration::from_secs(20), async { while left().await.unwrap() > 0 {} })
        .await
        .expect("folded within seconds");
    let expected: HashMap<Uuid, i64> = brute_force(&backend, LIKES).await;
    let response = backend.social().batch_count_likes(by_id([101])).await.unwrap();
    assert_eq!(response.into_inner().results.remove(0).into_answer(), Ok(Some(expected[&id(101)])));
}

fn seen_by(viewer: u128, ids: &[u128]) -> v1::BatchByViewerRequest {
    v1::BatchByViewerRequest { viewer_id: id_bytes(id(viewer)), ids: by_id(ids.iter().copied()).ids }
}

fn told(response: v1::BatchBoolResponse) -> Vec<Answer<bool>> {
    response.results.into_iter().map(v1::BoolResult::into_answer).collect()
}

#[tokio::test]
async fn the_viewer_sees_their_own_likes_and_follows() {
    let backend = TestBackend::start(NETWORK).await;
    let likes: HashMap<Uuid, bool> = brute_force(
        &backend,
        "select p.id, exists (select from likes where post_id = p.id and user_id = id(2))
         from posts p join users a on a.id = p.author_id where p.deleted_at is null and a.deleted_at is null",
    )
    .await;
    let response = backend.social().batch_viewer_likes(signed(id(2), seen_by(2, &POSTS))).await.unwrap();
    assert_eq!(statements(&response), 1);
    assert_eq!(told(response.into_inner()), POSTS.map(|post| Ok(likes.get(&id(post)).copied())));

    let follows: HashMap<Uuid, bool> = brute_force(
        &backend,
        "select u.id, exists (select from follows where follower_id = id(2) and followee_id = u.id)
         from users u where deleted_at is null",
    )
    .await;
    let response = backend.social().batch_viewer_follows(signed(id(2), seen_by(2, &PEOPLE))).await.unwrap();
    assert_eq!(statements(&response), 1);
    assert_eq!(told(response.into_inner()), PEOPLE.map(|person| Ok(follows.get(&id(person)).copied())));
    assert!(follows.values().any(|&follows| follows) && follows.values().any(|&follows| !follows));
}

#[tokio::test]
async fn nobody_sees_with_anothers_eyes() {
    let backend = TestBackend::start(NETWORK).await;
    let refused = Err(KeyFailure(ErrorCode::Unauthenticated));
    let invalid = Err(KeyFailure(ErrorCode::InvalidId));

    // Another viewer's key, then no token at all.
    let anonymous = Request::new(seen_by(2, &[101, 102]));
    for request in [signed(id(1), seen_by(2, &[101, 102])), anonymous] {
        let response = backend.social().batch_viewer_likes(request).await.unwrap();
        assert_eq!(statements(&response), 0);
        assert_eq!(told(response.into_inner()), [refused, refused]);
    }
    // A bad key is a bad key whoever asks; a bad viewer spoils them all.
    let mut request = seen_by(1, &[2, 3]);
    request.ids[0] = vec![7; 17].into();
    let response = backend.social().batch_viewer_follows(signed(id(1), request.clone())).await.unwrap();
    assert_eq!(told(response.into_inner())[0], invalid);
    request.viewer_id = vec![].into();
    let response = backend.social().batch_viewer_follows(signed(id(1), request)).await.unwrap();
    assert_eq!(told(response.into_inner()), [invalid, invalid]);

    for token in ["", "a.b.c", "Bearer"] {
        let status = backend.social().batch_viewer_follows(with_token(token, seen_by(1, &[2]))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{token:?}");
    }
    let mut basic = Request::new(seen_by(1, &[2]));
    basic.metadata_mut().insert("authorization", "Basic dTpw".parse().unwrap());
    assert_eq!(backend.social().batch_viewer_follows(basic).await.unwrap_err().code(), Code::Unauthenticated);
}

fn pages(response: v1::BatchEdgePageResponse) -> Vec<Option<(Vec<Place>, bool)>> {
    let place = |edge: &v1::Edge| (edge.created_at_micros, id_from_bytes(&edge.id).unwrap());
    let page = |page: v1::EdgePage| (page.edges.iter().map(place).collect(), page.has_more);
    response.results.into_iter().map(|result| result.into_answer().unwrap().map(page)).collect()
}

/// The lists of one kind of edge, both ways and in several sizes, against a plain sort of everything.
async fn assert_walks(
    backend: &TestBackend,
    parents: &[u128],
    visible: &'static str,
    edges: &'static str,
    call: impl AsyncFn(v1::BatchPageRequest) -> tonic::Response<v1::BatchEdgePageResponse>,
) {
    let visible: Vec<Uuid> = sqlx::query_scalar(visible).fetch_all(&backend.pool).await.unwrap();
    let rows: Vec<(Uuid, chrono::DateTime<chrono::Utc>, Uuid)> =
        sqlx::query_as(edges).fetch_all(&backend.pool).await.unwrap();
    let mut parents: Vec<_> = parents.iter().copied().map(id).collect();
    parents.sort_unstable();
    parents.dedup();
    for (size, direction) in [(1, Forward), (3, Forward), (100, Forward), (1, Backward), (4, Backward)] {
        let lists = walk(&parents, size, direction, async |keys| {
            let response = call(v1::BatchPageRequest { keys }).await;
            assert_eq!(statements(&response), 1);
            pages(response.into_inner())
        })
        .await;
        for &parent in &parents {
            let mine = rows.iter().filter(|(owner, ..)| *owner == parent);
            let list: Vec<Place> = mine.map(|&(_, created_at, other)| (created_at.timestamp_micros(), other)).collect();
            let expected = visible.contains(&parent).then_some(list);
            assert_eq!(lists[&parent], expected, "{parent} by {size} {direction:?}");
        }
    }
}

const VISIBLE_USERS: &str = "select id from users where deleted_at is null";

#[tokio::test]
async fn pages_of_followers_are_the_whole_list_newest_first() {
    let backend = TestBackend::start(NETWORK).await;
    let edges = "select f.followee_id, f.created_at, f.follower_id from follows f join users u on u.id = f.follower_id
        where u.deleted_at is null order by f.created_at desc, f.follower_id desc";
    assert_walks(&backend, &PEOPLE, VISIBLE_USERS, edges, async |request| {
        backend.social().batch_list_followers(request).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn pages_of_followees_are_the_whole_list_newest_first() {
    let backend = TestBackend::start(NETWORK).await;
    let edges = "select f.follower_id, f.created_at, f.followee_id from follows f join users u on u.id = f.followee_id
        where u.deleted_at is null order by f.created_at desc, f.followee_id desc";
    assert_walks(&backend, &PEOPLE, VISIBLE_USERS, edges, async |request| {
        backend.social().batch_list_following(request).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn pages_of_likers_are_the_whole_list_newest_first() {
    let backend = TestBackend::start(NETWORK).await;
    let visible = "select p.id from posts p join users a on a.id = p.author_id
        where p.deleted_at is null and a.deleted_at is null";
    let edges = "select l.post_id, l.created_at, l.user_id from likes l join users u on u.id = l.user_id
        where u.deleted_at is null order by l.created_at desc, l.user_id desc";
    assert_walks(&backend, &POSTS, visible, edges, async |request| {
        backend.social().batch_list_likers(request).await.unwrap()
    })
    .await;
}
