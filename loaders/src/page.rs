//! Pages of lists, whatever is on them.

use nova_core::{Direction, PageSpec};
use nova_proto::{id_bytes, to_micros, v1};
use uuid::Uuid;

/// One page, in the order of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Whether more follows in the direction in which the page was walked.
    pub has_more: bool,
}

/// The message that asks for one page of each parent's list.
pub(crate) fn page_request(keys: impl Iterator<Item = (Uuid, PageSpec)>) -> v1::BatchPageRequest {
    let key = |(parent, spec): (Uuid, PageSpec)| v1::PageKey {
        id: id_bytes(parent),
        page: Some(v1::PageSpec {
            size: spec.size.get().into(),
            direction: match spec.direction {
                Direction::Forward => v1::Direction::Forward,
                Direction::Backward => v1::Direction::Backward,
            }
            .into(),
            from: spec
                .from
                .map(|keyset| v1::Keyset { created_at_micros: to_micros(keyset.created_at), id: id_bytes(keyset.id) }),
        }),
    };
    v1::BatchPageRequest { keys: keys.map(key).collect() }
}
