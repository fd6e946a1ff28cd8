//! Reads edges and their counts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sql;
use crate::{
    call::Call,
    store::{Store, StoreError},
};

/// The other end of an edge.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct Edge {
    pub(super) id: Uuid,
    pub(super) created_at: DateTime<Utc>,
}

/// Followers and followees of each user.
pub(super) async fn count_follows(
    store: &Store,
    call: &Call,
    users: Vec<Uuid>,
) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as::<_, (Uuid, i64, i64)>(sql::COUNT_FOLLOWS).bind(users);
    let rows = store.rows(call, "count_follows", query).await?;
    Ok(rows.into_iter().map(|(id, followers, following)| (id, (followers, following))).collect())
}

/// What a viewer does with each subject: takes the subjects as `$1` and the viewer as `$2`.
pub(super) async fn viewer_edges(
    store: &Store,
    call: &Call,
    operation: &'static str,
    sql: &'static str,
    subjects: Vec<Uuid>,
    viewer: Option<Uuid>,
) -> Result<HashMap<Uuid, bool>, StoreError> {
    let Some(viewer) = viewer.filter(|_| !subjects.is_empty()) else { return Ok(HashMap::new()) };
    let query = sqlx::query_as::<_, (Uuid, bool)>(sql).bind(subjects).bind(viewer);
    Ok(store.rows(call, operation, query).await?.into_iter().collect())
}
