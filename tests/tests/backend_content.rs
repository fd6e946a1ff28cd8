//! The content service: posts, comments, the feed, and their pages in both directions.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::HashMap;

use nova_core::ErrorCode;
use nova_proto::{IntoAnswer as _, KeyFailure, id_bytes, id_from_bytes, v1};
use nova_tests::backend::{Place, TestBackend, at, by_id, id, page, signed, statements, walk, with_token};
use tonic::Code;
use uuid::Uuid;
use v1::Direction::{Backward, Forward};

const SMALL: &str = "
    insert into users (id, username, display_name, deleted_at) values
        (id(1), 'ada', 'Ada', null), (id(2), 'grace', 'Grace', null), (id(3), 'gone', 'Gone', now());
    insert into posts (id, author_id, body, content_type, category, created_at, updated_at, deleted_at) values
        (id(11), id(1), 'first', 'video', 'science', at(1), at(5), null),
        (id(12), id(1), 'second', 'post', null, at(2), at(2), null),
        (id(13), id(1), 'deleted', 'post', null, at(3), at(3), at(4)),
        (id(14), id(3), 'of somebody gone', 'post', null, at(4), at(4), null);
    insert into comments (id, post_id, author_id, body, created_at, deleted_at) values
        (id(21), id(11), id(2), 'nice', at(2), null),
        (id(22), id(11), id(2), 'deleted', at(3), at(4)),
        (id(23), id(11), id(3), 'of somebody gone', at(4), null),
        (id(24), id(13), id(2), 'on a deleted post', at(4), null),
        (id(25), id(14), id(2), 'on a post of somebody gone', at(5), null);";

#[tokio::test]
async fn posts_are_there_unless_they_or_their_authors_are_deleted() {
    let backend = TestBackend::start(SMALL).await;
    let response = backend.content().batch_get_posts(by_id([12, 11, 13, 14, 99, 12])).await.unwrap();
    assert_eq!(statements(&response), 1);
    let answers: Vec<_> =
        response.into_inner().results.into_iter().map(|result| result.into_answer().unwrap()).collect();
    let bodies: Vec<_> = answers.iter().map(|post| post.as_ref().map(|post| post.body.as_str())).collect();
    assert_eq!(bodies, [Some("second"), Some("first"), None, None, None, Some("second")]);
    let first = v1::Post {
        id: id_bytes(id(11)),
        author_id: id_bytes(id(1)),
        body: "first".into(),
        content_type: v1::ContentType::Video.into(),
        category: Some("science".into()),
        created_at_micros: at(1).timestamp_micros(),
        updated_at_micros: at(5).timestamp_micros(),
    };
    assert_eq!(answers[1], Some(first));
}

#[tokio::test]
async fn comments_go_with_their_authors_and_their_posts() {
    let backend = TestBackend::start(SMALL).await;
    let response = backend.content().batch_get_comments(by_id([21, 22, 23, 24, 25, 99])).await.unwrap();
    assert_eq!(statements(&response), 1);
    let answers: Vec<_> =
        response.into_inner().results.into_iter().map(|result| result.into_answer().unwrap()).collect();
    let nice = v1::Comment {
        id: id_bytes(id(21)),
        post_id: id_bytes(id(11)),
        author_id: id_bytes(id(2)),
        body: "nice".into(),
        created_at_micros: at(2).timestamp_micros(),
    };
    assert_eq!(answers, [Some(nice), None, None, None, None, None]);
}

#[tokio::test]
async fn counts_leave_out_what_is_deleted() {
    let backend = TestBackend::start(SMALL).await;
    let response = backend.content().batch_count_posts(by_id([1, 2, 3, 99, 1])).await.unwrap();
    assert_eq!(statements(&response), 1);
    assert_eq!(counts(response.into_inner()), [Some(2), Some(0), None, None, Some(2)]);
    let response = backend.content().batch_count_comments(by_id([11, 12, 13, 14, 99])).await.unwrap();
    assert_eq!(statements(&response), 1);
    assert_eq!(counts(response.into_inner()), [Some(1), Some(0), None, None, None]);

    // Back from the dead, with everything that was theirs.
    backend.sql("update users set deleted_at = null where id = id(3)").await;
    let response = backend.content().batch_count_comments(by_id([11, 14])).await.unwrap();
    assert_eq!(counts(response.into_inner()), [Some(2), Some(1)]);
}

fn counts(response: v1::BatchCountResponse) -> Vec<Option<i64>> {
    response.results.into_iter().map(|result| result.into_answer().unwrap()).collect()
}

#[tokio::test]
async fn a_bad_page_key_fails_alone_and_repeats_are_answered_each() {
    let backend = TestBackend::start(SMALL).await;
    let ok = page(1, 1, Forward);
    let from = |created_at_micros, id| v1::PageKey {
        page: Some(v1::PageSpec { from: Some(v1::Keyset { created_at_micros, id }), ..ok.page.clone().unwrap() }),
        ..ok.clone()
    };
    let keys = vec![
        ok.clone(),
        v1::PageKey { id: vec![1, 2, 3].into(), ..ok.clone() },
        page(1, 0, Forward),
        page(1, 101, Forward),
        page(1, 1, v1::Direction::Unspecified),
        v1::PageKey { page: None, ..ok.clone() },
        from(i64::MAX, id_bytes(id(1))),
        from(i64::MIN, id_bytes(id(1))),
        from(0, vec![].into()),
        page(3, 1, Forward),
        ok.clone(),
    ];
    let response = backend.content().batch_list_posts_by_author(v1::BatchPageRequest { keys }).await.unwrap();
    assert_eq!(statements(&response), 1);
    let answers: Vec<_> = response
        .into_inner()
        .results
        .into_iter()
        .map(|result| result.into_answer().map(|found| found.is_some()))
        .collect();
    let bad = Err(KeyFailure(ErrorCode::InvalidId));
    assert_eq!(answers, [Ok(true), bad, bad, bad, bad, bad, bad, bad, bad, Ok(false), Ok(true)]);
}

#[tokio::test]
async fn a_cursor_outlives_its_row() {
    let backend = TestBackend::start(SMALL).await;
    // Post 13 is deleted, and still a place in the list.
    let mut key = page(1, 5, Forward);
    key.page.as_mut().unwrap().from =
        Some(v1::Keyset { created_at_micros: at(3).timestamp_micros(), id: id_bytes(id(13)) });
    let keys = v1::BatchPageRequest { keys: vec![key] };
    let response = backend.content().batch_list_posts_by_author(keys).await.unwrap().into_inner();
    assert_eq!(
        post_pages(response)[0].as_ref().unwrap().0,
        [(at(2).timestamp_micros(), id(12)), (at(1).timestamp_micros(), id(11))]
    );
}

#[tokio::test]
async fn a_feed_is_its_viewers_alone() {
    let backend = TestBackend::start(SMALL).await;
    let request = |parents: &[u128]| v1::BatchPageRequest {
        keys: parents.iter().map(|&parent| page(parent, 10, Forward)).collect(),
    };
    let response = backend.content().batch_list_feed(signed(id(1), request(&[1, 2, 1]))).await.unwrap();
    assert_eq!(statements(&response), 1);
    let answers: Vec<_> = response
        .into_inner()
        .results
        .into_iter()
        .map(|result| result.into_answer().map(|found| found.unwrap().posts.len()))
        .collect();
    assert_eq!(answers, [Ok(2), Err(KeyFailure(ErrorCode::Unauthenticated)), Ok(2)]);

    // No token: every key fails, and nothing is asked.
    let response = backend.content().batch_list_feed(request(&[1])).await.unwrap();
    assert_eq!(statements(&response), 0);
    let answer = response.into_inner().results.remove(0).into_answer();
    assert_eq!(answer.unwrap_err(), KeyFailure(ErrorCode::Unauthenticated));

    // A bad token is the call's failure.
    let status = backend.content().batch_list_feed(with_token("a.b.c", request(&[1]))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);

    // Nobody's feed.
    for viewer in [3, 99] {
        let response = backend.content().batch_list_feed(signed(id(viewer), request(&[viewer]))).await.unwrap();
        assert_eq!(response.into_inner().results.remove(0).into_answer(), Ok(None));
    }
}

/// 12 people, every fourth deleted; 90 posts, of which several share a minute and every seventh is deleted; comments
/// and follows that look random.
const NETWORK: &str = "
    insert into users (id, username, display_name, deleted_at)
        select id(n), 'u' || n, 'U', case when n % 4 = 0 then now() end from generate_series(1, 12) n;
    insert into posts (id, author_id, body, created_at, deleted_at)
        select id(100 + n), id(1 + (n * n + n / 5) % 11), 'x', at(n / 4), case when n % 7 = 0 then now() end
        from generate_series(1, 90) n;
    insert into comments (id, post_id, author_id, body, created_at, deleted_at)
        select id(1000 + n), id(101 + (n * n) % 13), id(1 + (n * 5 + n / 3) % 12), 'x', at(n / 3),
            case when n % 9 = 0 then now() end
        from generate_series(1, 400) n;
    insert into follows select id(a), id(b) from generate_series(1, 12) a, generate_series(1, 12) b
        where a <> b and (a * 7 + b * b) % 3 <> 0;";

async fn places(backend: &TestBackend, sql: &'static str) -> HashMap<Uuid, Vec<Place>> {
    let rows: Vec<(Uuid, chrono::DateTime<chrono::Utc>, Uuid)> =
        sqlx::query_as(sql).fetch_all(&backend.pool).await.unwrap();
    let mut lists: HashMap<Uuid, Vec<Place>> = HashMap::new();
    for (parent, created_at, id) in rows {
        lists.entry(parent).or_default().push((created_at.timestamp_micros(), id));
    }
    lists
}

/// Every parent's list, walked both ways in pages of several sizes, is what a plain sort of everything gives.
macro_rules! assert_walks {
    ($backend:expr, $parents:expr, $absent:expr, $expected:expr, $call:expr) => {
        for (size, direction) in [(1, Forward), (3, Forward), (100, Forward), (1, Backward), (4, Backward)] {
            let lists = walk(&$parents, size, direction, $call).await;
            for parent in $parents {
                let expected =
                    (!$absent.contains(&parent)).then(|| $expected.get(&parent).cloned().unwrap_or_default());
                assert_eq!(lists[&parent], expected, "{parent} by {size} {direction:?}");
            }
        }
    };
}

fn post_pages(response: v1::BatchPostPageResponse) -> Vec<Option<(Vec<Place>, bool)>> {
    let place = |post: &v1::Post| (post.created_at_micros, id_from_bytes(&post.id).unwrap());
    let page = |page: v1::PostPage| (page.posts.iter().map(place).collect(), page.has_more);
    response.results.into_iter().map(|result| result.into_answer().unwrap().map(page)).collect()
}

#[tokio::test]
async fn pages_of_an_authors_posts_are_the_whole_list_in_order() {
    let backend = TestBackend::start(NETWORK).await;
    let expected = places(
        &backend,
        "select author_id, created_at, id from posts where deleted_at is null order by created_at desc, id desc",
    )
    .await;
    let parents: [Uuid; 13] = std::array::from_fn(|n| id(n as u128 + 1));
    assert_walks!(backend, parents, [4, 8, 12, 13].map(id), expected, async |keys| {
        let response = backend.content().batch_list_posts_by_author(v1::BatchPageRequest { keys }).await.unwrap();
        assert_eq!(statements(&response), 1);
        post_pages(response.into_inner())
    });
}

#[tokio::test]
async fn pages_of_a_posts_comments_are_the_whole_list_oldest_first() {
    let backend = TestBackend::start(NETWORK).await;
    let expected = places(
        &backend,
        "select c.post_id, c.created_at, c.id from comments c join users u on u.id = c.author_id
         where c.deleted_at is null and u.deleted_at is null order by c.created_at, c.id",
    )
    .await;
    let visible: Vec<Uuid> = sqlx::query_scalar(
        "select p.id from posts p join users u on u.id = p.author_id where p.deleted_at is null and u.deleted_at is null",
    )
    .fetch_all(&backend.pool)
    .await
    .unwrap();
    let parents: [Uuid; 16] = std::array::from_fn(|n| id(n as u128 + 100));
    let absent: Vec<_> = parents.into_iter().filter(|parent| !visible.contains(parent)).collect();
    assert!(absent.len() > 2 && absent.len() < 10);
    assert_walks!(backend, parents, absent, expected, async |keys| {
        let response = backend.content().batch_list_comments(v1::BatchPageRequest { keys }).await.unwrap();
        assert_eq!(statements(&response), 1);
        let place = |comment: &v1::Comment| (comment.created_at_micros, id_from_bytes(&comment.id).unwrap());
        let page = |page: v1::CommentPage| (page.comments.iter().map(place).collect(), page.has_more);
        response.into_inner().results.into_iter().map(|result| result.into_answer().unwrap().map(page)).collect()
    });
}

#[tokio::test]
async fn pages_of_a_feed_are_the_whole_feed_in_order() {
    let backend = TestBackend::start(NETWORK).await;
    let expected = places(
        &backend,
        "select v.id, p.created_at, p.id from users v join posts p on p.author_id = v.id
             or exists (select from follows f where f.follower_id = v.id and f.followee_id = p.author_id)
         join users a on a.id = p.author_id
         where p.deleted_at is null and a.deleted_at is null order by p.created_at desc, p.id desc",
    )
    .await;
    for viewer in 1..=12 {
        let absent = if viewer % 4 == 0 { vec![id(viewer)] } else { vec![] };
        assert_walks!(backend, [id(viewer)], absent, expected, async |keys| {
            let request = signed(id(viewer), v1::BatchPageRequest { keys });
            let response = backend.content().batch_list_feed(request).await.unwrap();
            assert_eq!(statements(&response), 1);
            post_pages(response.into_inner())
        });
    }
}

#[tokio::test]
async fn both_directions_in_one_call_are_two_statements() {
    let backend = TestBackend::start(NETWORK).await;
    let keys = vec![page(1, 2, Backward), page(1, 2, Forward), page(2, 2, Backward)];
    let response = backend.content().batch_list_posts_by_author(v1::BatchPageRequest { keys }).await.unwrap();
    assert_eq!(statements(&response), 2);
    let pages = post_pages(response.into_inner());
    assert!(pages[0].as_ref().unwrap().0 < pages[1].as_ref().unwrap().0, "the last two are older than the first two");
}
