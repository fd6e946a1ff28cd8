//! Reads posts and comments.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sql;
use crate::{
    call::Call,
    store::{Store, StoreError},
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Post {
    pub(super) id: Uuid,
    pub(super) author_id: Uuid,
    pub(super) body: String,
    pub(super) content_type: String,
    pub(super) category: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Comment {
    pub(super) id: Uuid,
    pub(super) post_id: Uuid,
    pub(super) author_id: Uuid,
    pub(super) body: String,
    pub(super) created_at: DateTime<Utc>,
}

pub(super) async fn posts_by_id(store: &Store, call: &Call, ids: Vec<Uuid>) -> Result<Vec<Post>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    store.rows(call, "posts_by_id", sqlx::query_as(sql::POSTS_BY_ID).bind(ids)).await
}

pub(super) async fn comments_by_id(store: &Store, call: &Call, ids: Vec<Uuid>) -> Result<Vec<Comment>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    store.rows(call, "comments_by_id", sqlx::query_as(sql::COMMENTS_BY_ID).bind(ids)).await
}
