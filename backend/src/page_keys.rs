//! The keys of a call that asks for pages.

use chrono::{DateTime, Datelike as _, Utc};
use nova_core::{Direction, Keyset, PageSize, PageSpec, Viewer};
use nova_proto::{KeyFailure, from_micros, id_from_bytes, v1};
use tonic::Status;
use uuid::Uuid;

use crate::ids::{INVALID_KEY, UNAUTHENTICATED, check_number};

/// Parents and their pages, in the order of the call, each good or a failure of its own.
pub(crate) struct PageKeys(Vec<Result<(Uuid, PageSpec), KeyFailure>>);

/// The keys that walk one way, as the columns that a statement takes.
#[derive(Default)]
pub(crate) struct Walk {
    /// Where in the call each key stands.
    pub(crate) places: Vec<usize>,
    pub(crate) parents: Vec<Uuid>,
    pub(crate) from_times: Vec<Option<DateTime<Utc>>>,
    pub(crate) from_ids: Vec<Option<Uuid>>,
    pub(crate) sizes: Vec<i32>,
}

impl PageKeys {
    pub(crate) fn decode(keys: &[v1::PageKey]) -> Result<Self, Status> {
        check_number(keys.len())?;
        Ok(Self(keys.iter().map(|key| decode(key).ok_or(INVALID_KEY)).collect()))
    }

    /// Refuses the keys whose parent is not `viewer`.
    pub(crate) fn only_of(mut self, viewer: Option<&Viewer>) -> Self {
        for key in &mut self.0 {
            if let Ok((parent, _)) = *key
                && viewer.map(|viewer| viewer.user_id.0) != Some(parent)
            {
                *key = Err(UNAUTHENTICATED);
            }
        }
        self
    }

    /// What a statement for `direction` takes; without parents when no key walks that way.
    pub(crate) fn walk(&self, direction: Direction) -> Walk {
        let mut walk = Walk::default();
        for (place, key) in self.0.iter().enumerate() {
            let Ok((parent, page)) = key else { continue };
            if page.direction != direction {
                continue;
            }
            walk.places.push(place);
            walk.parents.push(*parent);
            walk.from_times.push(page.from.map(|from| from.created_at));
            walk.from_ids.push(page.from.map(|from| from.id));
            walk.sizes.push(page.size.get().into());
        }
        walk
    }

    /// What is known of each key before the store is asked: failures, and absence for the rest.
    pub(crate) fn blank<T>(&self) -> Vec<Result<Option<T>, KeyFailure>> {
        self.0.iter().map(|key| key.map(|_| None)).collect()
    }
}

fn decode(key: &v1::PageKey) -> Option<(Uuid, PageSpec)> {
    let page = key.page.as_ref()?;
    let direction = match page.direction() {
        v1::Direction::Forward => Direction::Forward,
        v1::Direction::Backward => Direction::Backward,
        v1::Direction::Unspecified => return None,
    };
    let from = match &page.from {
        None => None,
        Some(from) => Some(Keyset {
            // Years that both the calendar here and the store's can say.
            created_at: from_micros(from.created_at_micros).filter(|time| (1..=9999).contains(&time.year()))?,
            id: id_from_bytes(&from.id)?,
        }),
    };
    let size = PageSize::try_from(i32::try_from(page.size).ok()?).ok()?;
    Some((id_from_bytes(&key.id)?, PageSpec { size, direction, from }))
}

#[cfg(test)]
mod tests {
    use nova_proto::id_bytes;

    use super::*;

    fn key(size: u32, direction: v1::Direction, micros: Option<i64>) -> v1::PageKey {
        let id = id_bytes(Uuid::from_u128(7));
        let from = micros.map(|created_at_micros| v1::Keyset { created_at_micros, id: id.clone() });
        v1::PageKey { id, page: Some(v1::PageSpec { size, direction: direction.into(), from }) }
    }

    #[test]
    fn what_no_list_could_answer_is_refused() {
        assert!(decode(&key(100, v1::Direction::Forward, Some(0))).is_some());
        assert!(decode(&key(0, v1::Direction::Forward, None)).is_none());
        assert!(decode(&key(101, v1::Direction::Forward, None)).is_none());
        assert!(decode(&key(u32::MAX, v1::Direction::Forward, None)).is_none());
        assert!(decode(&key(1, v1::Direction::Unspecified, None)).is_none());
        for micros in [i64::MIN, i64::MAX, -70_000_000_000_000_000, 300_000_000_000_000_000] {
            assert!(decode(&key(1, v1::Direction::Forward, Some(micros))).is_none(), "{micros}");
        }
        assert!(decode(&v1::PageKey { id: id_bytes(Uuid::nil()), page: None }).is_none());
    }
}
