//! Counts by subject: the roll-up row plus the changes that are newer, in one snapshot.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    call::Call,
    store::{Store, StoreError},
};

/// The SQL expression that counts `$kind` of the subject in column `$id`.
macro_rules! count_of {
    ($id:literal, $kind:literal) => {
        concat!(
            "(coalesce((select c.value from counters c where c.subject_id = ",
            $id,
            " and c.kind = '",
            $kind,
            "'), 0) + coalesce((select sum(d.delta) from counter_deltas d where d.subject_id = ",
            $id,
            " and d.kind = '",
            $kind,
            "'), 0))::bigint"
        )
    };
}

pub(crate) use count_of;

/// Runs a statement that takes subjects as `$1` and gives (id, count) for those that exist.
pub(crate) async fn counts(
    store: &Store,
    call: &Call,
    operation: &'static str,
    sql: &'static str,
    subjects: Vec<Uuid>,
) -> Result<HashMap<Uuid, i64>, StoreError> {
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as::<_, (Uuid, i64)>(sql).bind(subjects);
    Ok(store.rows(call, operation, query).await?.into_iter().collect())
}
