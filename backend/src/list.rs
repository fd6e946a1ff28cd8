//! Lists that are read page by page: one statement for all the parents of a call that walk the same way.
//!
//! A statement takes parents, keyset times, keyset ids and sizes as arrays ($1 to $4). It gives at least one row for each
//! parent that exists, with the parent's place in the arrays as `ord`, and at most size + 1 rows, in the order of the walk.

use nova_core::Direction;
use nova_proto::Answer;
use sqlx::{FromRow, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    call::Call,
    page_keys::PageKeys,
    store::{Store, StoreError},
};

/// The two statements of a list.
pub(crate) struct List {
    /// Its name in metrics and logs.
    pub(crate) operation: &'static str,
    pub(crate) forward: &'static str,
    pub(crate) backward: &'static str,
}

/// Writes the two statements of a list from one text: `$sql!` takes what lies beyond the keyset in the walk (an operator),
/// the order of the walk, and the end of time it starts at.
macro_rules! list {
    ($operation:literal, newest first, $sql:ident) => {
        $crate::list::List {
            operation: $operation,
            forward: $sql!("<", "desc", "infinity"),
            backward: $sql!(">", "asc", "-infinity"),
        }
    };
    ($operation:literal, oldest first, $sql:ident) => {
        $crate::list::List {
            operation: $operation,
            forward: $sql!(">", "asc", "-infinity"),
            backward: $sql!("<", "desc", "infinity"),
        }
    };
}

/// The keys of a list's statement: an absent keyset becomes the end of time, so that the index serves one comparison.
macro_rules! page_keys {
    ($end:literal) => {
        concat!(
            "(select ord, parent, coalesce(t, '",
            $end,
            "'::timestamptz) as from_time,
                coalesce(i, '00000000-0000-0000-0000-000000000000'::uuid) as from_id, size + 1 as row_limit
            from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::int[]) with ordinality as u(parent, t, i, size, ord)
            ) as k"
        )
    };
}

pub(crate) use {list, page_keys};

/// A page, in the order of its list.
#[derive(Debug, Clone)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) has_more: bool,
}

/// A row of a parent's page, or the sign that the parent exists and the page is empty.
struct Member<T> {
    ord: i64,
    row: Option<T>,
}

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Member<T> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let id: Option<Uuid> = row.try_get("id")?;
        Ok(Self { ord: row.try_get("ord")?, row: id.map(|_| T::from_row(row)).transpose()? })
    }
}

impl List {
    /// The page of each key, in their order.
    pub(crate) async fn pages<T>(
        &self,
        store: &Store,
        call: &Call,
        keys: &PageKeys,
    ) -> Result<Vec<Answer<Page<T>>>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut answers = keys.blank();
        for (direction, sql) in [(Direction::Forward, self.forward), (Direction::Backward, self.backward)] {
            let walk = keys.walk(direction);
            if walk.parents.is_empty() {
                continue;
            }
            let query = sqlx::query_as(sql)
                .bind(walk.parents)
                .bind(walk.from_times)
                .bind(walk.from_ids)
                .bind(walk.sizes.clone());
            for Member { ord, row } in store.rows::<Member<T>>(call, self.operation, query).await? {
                // Ordinality counts from 1.
                let index = usize::try_from(ord - 1).map_err(|_| StoreError::Internal)?;
                let (place, size) = walk.places.get(index).zip(walk.sizes.get(index)).ok_or(StoreError::Internal)?;
                let Some(Ok(page)) = answers.get_mut(*place) else { return Err(StoreError::Internal) };
                let page = page.get_or_insert_with(|| Page { rows: Vec::new(), has_more: false });
                let Some(row) = row else { continue };
                if page.rows.len() < usize::try_from(*size).unwrap_or(0) {
                    page.rows.push(row);
                } else {
                    page.has_more = true;
                }
            }
            if direction == Direction::Backward {
                for place in walk.places {
                    if let Some(Ok(Some(page))) = answers.get_mut(place) {
                        page.rows.reverse();
                    }
                }
            }
        }
        Ok(answers)
    }
}
