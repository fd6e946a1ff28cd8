//! Whether the answers are right, before anybody looks at how fast they come: the ids on their pages against statements
//! that are as plain as can be.

use nova_cli::{failure::Failure, say};
use nova_core::{CommentId, PostId, UserId};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::operations::Mix;
use crate::client::{Ask, Client};

/// Answers of each kind that are compared.
const COMPARED: usize = 50;

const FEED: &str = "
    select p.id from posts p join users a on a.id = p.author_id
    where p.deleted_at is null and a.deleted_at is null
        and (p.author_id = $1 or p.author_id in (select followee_id from follows where follower_id = $1))
    order by p.created_at desc, p.id desc limit 20";
const POSTS: &str = "
    select id from posts where author_id = $1 and deleted_at is null order by created_at desc, id desc limit 20";
const COMMENTS: &str = "
    select c.id from comments c join users a on a.id = c.author_id
    where c.post_id = $1 and c.deleted_at is null and a.deleted_at is null order by c.created_at, c.id limit 20";
const LIKERS: &str = "
    select u.id from likes l join users u on u.id = l.user_id
    where l.post_id = $1 and u.deleted_at is null order by l.created_at desc, u.id desc limit 20";

/// How many answers are not what the database says.
pub(super) async fn differing(client: &Client, mix: &Mix, pool: &PgPool) -> Result<u32, Failure> {
    let ids = async |sql: &'static str, id: Uuid| {
        Ok::<_, Failure>(sqlx::query_scalar::<_, Uuid>(sql).bind(id).fetch_all(pool).await?)
    };
    let posts = |ids: Vec<Uuid>| ids.into_iter().map(|id| PostId(id).to_global()).collect::<Vec<_>>();
    let mut differing = 0;
    for n in 0..COMPARED {
        let at = |len: usize| n % len.max(1);
        let (viewer, user, post) = (at(mix.viewers.len()), at(mix.users.len()), at(mix.posts.len()));
        let asks = [
            (mix.feed(viewer), "/data/feed/nodes", posts(ids(FEED, mix.viewers[viewer].0.0).await?)),
            (mix.user(viewer, user), "/data/user/posts/nodes", posts(ids(POSTS, mix.users[user].0.0).await?)),
            (mix.post(viewer, post), "/data/post/comments/edges", {
                let comments = ids(COMMENTS, mix.posts[post].0).await?;
                comments.into_iter().map(|id| CommentId(id).to_global()).collect()
            }),
            (mix.post(viewer, post), "/data/post/likers/nodes", {
                let likers = ids(LIKERS, mix.posts[post].0).await?;
                likers.into_iter().map(|id| UserId(id).to_global()).collect()
            }),
        ];
        for (ask, list, wanted) in asks {
            differing += u32::from(!is_right(client, &ask, list, &wanted).await?);
        }
    }
    Ok(differing)
}

async fn is_right(client: &Client, ask: &Ask, list: &str, wanted: &[String]) -> Result<bool, Failure> {
    let body = client.ask_once(ask).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let items = answer.pointer(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let id = |item: &Value| item.get("node").unwrap_or(item).get("id")?.as_str().map(str::to_owned);
    let got: Option<Vec<String>> = items.iter().map(id).collect();
    let right = ask.is_answered_by(&body) && got.as_deref() == Some(wanted);
    if !right {
        say::step(format_args!("{list}: wanted {wanted:?}, got {answer}"));
    }
    Ok(right)
}
