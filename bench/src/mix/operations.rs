//! What people ask for, and how often.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
/// A new post.
const CREATE: &str =
    "mutation ($input: CreatePostInput!) { createPost(input: $input) { post { id } postEdge { cursor } } }";

/// Places in [`Mix::KINDS`].
pub(super) const KIND_FEED: usize = 0;
pub(super) const KIND_USER: usize = 1;
pub(super) const KIND_POST: usize = 2;
pub(super) const KIND_CREATE: usize = 3;

/// Users and posts that are asked for.
const SUBJECTS: i64 = 50_000;

/// What everybody does.
pub(super) struct Mix {
    pub(super) viewers: Vec<(UserId, HeaderValue)>,
    pub(super) users: Vec<(UserId, String)>,
    pub(super) posts: Vec<PostId>,
    /// What the posts of this bench begin with, and no others.
    mark: String,
    /// Posts that were sent, each once.
    sent: AtomicU64,
}

impl Mix {
    pub(super) async fn new(world: &World) -> Result<Self, Failure> {
        let viewers = world.viewers.iter().copied().zip(bearers(&world.tokens)?).collect();
        let mark: Uuid = sqlx::query_scalar("select gen_random_uuid()").fetch_one(&world.pool).await?;
        Ok(Self {
            viewers,
            users: users(&world.pool).await?,
            posts: posts(&world.pool).await?,
            mark: mark.simple().to_string(),
            sent: AtomicU64::new(0),
        })
    }

    /// How many posts are too few or too many, when `answered` were said to be there.
    pub(super) async fn lost_or_doubled(&self, pool: &PgPool, answered: u64) -> Result<u64, Failure> {
        let sql = "select count(*) from posts where starts_with(body, $1)";
        let there: i64 = sqlx::query_scalar(sql).bind(&self.mark).fetch_one(pool).await?;
        let there = there.unsigned_abs();
        // What was sent and not answered may be there or not.
        Ok(answered.saturating_sub(there) + there.saturating_sub(self.sent.load(Relaxed)))
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

    pub(super) fn create(&self, viewer: usize) -> Ask {
        let key = format!("{}-{}", self.mark, self.sent.fetch_add(1, Relaxed));
        let text = format!("{key}: what somebody says in passing, at about the length at which most people stop.");
        let input = json!({ "body": text, "contentType": "POST", "category": "tech", "idempotencyKey": key });
        let begins = r#"{"data":{"createPost":{"post":{"id":""#;
        self.ask(viewer, KIND_CREATE, body(CREATE, &json!({ "input": input })), begins.into())
    }

    fn ask(&self, viewer: usize, kind: usize, body: Bytes, begins: String) -> Ask {
        Ask { kind, authorization: self.viewers[viewer].1.clone(), body, begins: begins.into(), debug: false }
    }
}

impl Scenario for Mix {
    const KINDS: &'static [&'static str] = &["feed", "user", "post", "create"];

    fn next(&self, rng: &mut ChaCha8Rng) -> Ask {
        let viewer = rng.random_range(0..self.viewers.len());
        match rng.random_range(0..100) {
            0..60 => self.feed(viewer),
            60..80 => self.user(viewer, rng.random_range(0..self.users.len())),
            80..95 => self.post(viewer, rng.random_range(0..self.posts.len())),
            _ => self.create(viewer),
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
