//! Reads users.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sql;
use crate::{
    call::Call,
    store::{Store, StoreError},
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) bio: Option<String>,
    pub(super) avatar_url: Option<String>,
    pub(super) is_verified: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) deleted: bool,
}

/// Users by id, deleted ones too.
pub(super) async fn by_id(store: &Store, call: &Call, ids: Vec<Uuid>) -> Result<HashMap<Uuid, User>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let users = store.rows::<User>(call, "users_by_id", sqlx::query_as(sql::BY_ID).bind(ids)).await?;
    Ok(users.into_iter().map(|user| (user.id, user)).collect())
}

/// Users by name; `names` and the keys of the answer are in lower case.
pub(super) async fn by_username(
    store: &Store,
    call: &Call,
    names: Vec<String>,
) -> Result<HashMap<String, User>, StoreError> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let users = store.rows::<User>(call, "users_by_username", sqlx::query_as(sql::BY_USERNAME).bind(names)).await?;
    Ok(users.into_iter().map(|user| (user.username.to_ascii_lowercase(), user)).collect())
}
