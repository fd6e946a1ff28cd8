//! What people ask for, and how often.

use bytes::Bytes;
use http::HeaderValue;
use nova_cli::failure::Failure;
use nova_core::{PostId, UserId};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    client::{Ask, bearers},
    load::Scenario,
    world::World,
};

/// A feed with its authors.
const FEED: &str = "{ feed(first: 20) { nodes { id body createdAt author { id username displayName avatarUrl isVerified } likeCount commentCount viewerHasLiked } pageInfo { hasNextPage endCursor } } }";
/// A person with their posts.
const USER: &str = "query ($username: String!) { user(username: $username) { id username displayName bio followerCount followingCount viewerFollows posts(first: 20) { nodes { id body createdAt likeCount commentCount } pageInfo { hasNextPage endCursor } } } }";
/// A post with its comments and who likes it.
const POST: &str = "query ($id: ID!) { post(id: $id) { id body createdAt author { id username displayName } likeCount commentCount viewerHasLiked comments(first: 20) { edges { cursor node { id body createdAt author { id username displayName } } } pageInfo { hasNextPage endCursor } } likers(first: 20) { nodes { id username displayName } pageInfo { hasNextPage endCursor } } } }";

/// Places in [`Mix::KINDS`].
pub(super) const KIND_FEED: usize = 0;
pub(super) const KIND_USER: usize = 1;
pub(super) const KIND_POST: usize = 2;

/// Users and posts that are asked for.
const SUBJECTS: i64 = 50_000;

/// What everybody does.
pub(super) struct Mix {
    pub(super) viewers: Vec<(UserId, HeaderValue)>,
    pub(super) users: Vec<(UserId, String)>,
    pub(super) posts: Vec<PostId>,
}

impl Mix {
    pub(super) async fn new(world: &World) -> Result<Self, Failure> {
        let viewers = world.viewers.iter().copied().zip(bearers(&world.tokens)?).collect();
        Ok(Self { viewers, users: users(&world.pool).await?, posts: posts(&world.pool).await? })
    }

    pub(super) fn feed(&self, viewer: usize) -> Ask {
        self.ask(viewer, KIND_FEED, body(FEED, &json!({})), r#"{"data":{"feed":{"nodes":["#.into())
    }

    pub(super) fn user(&self, viewer: usize, user: usize) -> Ask {
        let (id, username) = &self.users[user];
        let begins = format!(r#"{{"data":{{"user":{{"id":"{}""#, id.to_global());
        self.ask(viewer, KIND_USER, body(USER, &json!({ "username": username })), begins)
    }

    pub(super) fn post(&self, viewer: usize, post: usize) -> Ask {
        let id = self.posts[post].to_global();
        let begins = format!(r#"{{"data":{{"post":{{"id":"{id}""#);
        self.ask(viewer, KIND_POST, body(POST, &json!({ "id": id })), begins)
    }

    fn ask(&self, viewer: usize, kind: usize, body: Bytes, begins: String) -> Ask {
        Ask { kind, authorization: self.viewers[viewer].1.clone(), body, begins: begins.into() }
    }
}

impl Scenario for Mix {
    const KINDS: &'static [&'static str] = &["feed", "user", "post"];

    fn next(&self, rng: &mut ChaCha8Rng) -> Ask {
        let viewer = rng.random_range(0..self.viewers.len());
        match rng.random_range(0..95) {
            0..60 => self.feed(viewer),
            60..80 => self.user(viewer, rng.random_range(0..self.users.len())),
            _ => self.post(viewer, rng.random_range(0..self.posts.len())),
        }
    }
}

fn body(query: &'static str, variables: &Value) -> Bytes {
    json!({ "query": query, "variables": variables }).to_string().into()
}

async fn users(pool: &PgPool) -> Result<Vec<(UserId, String)>, Failure> {
    let sql = "select id, username from users where deleted_at is null order by md5(id::text || '-') limit $1";
    let users: Vec<(Uuid, String)> = sqlx::query_as(sql).bind(SUBJECTS).fetch_all(pool).await?;
    Ok(users.into_iter().map(|(id, username)| (UserId(id), username)).collect())
}

async fn posts(pool: &PgPool) -> Result<Vec<PostId>, Failure> {
    let sql = "select p.id from posts p join users a on a.id = p.author_id
        where p.deleted_at is null and a.deleted_at is null order by md5(p.id::text) limit $1";
    let posts: Vec<Uuid> = sqlx::query_scalar(sql).bind(SUBJECTS).fetch_all(pool).await?;
    Ok(posts.into_iter().map(PostId).collect())
}
