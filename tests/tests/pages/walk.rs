//! A walk through a list, page by page, beside what the tables say at each page.

use std::collections::BTreeSet;

use nova_core::NodeId;
use nova_tests::app::TestApp;
use proptest::{prelude::*, test_runner::TestCaseError};
use uuid::Uuid;

use super::{
    lists::{Direction, List, Place},
    world::{World, Write},
};

/// A page, as the gateway answers it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) ids: Vec<Uuid>,
    /// Whether the walk goes on.
    pub(crate) has_more: bool,
    /// Where it goes on.
    pub(crate) next: Option<String>,
}

impl Page {
    pub(crate) async fn ask(
        app: &TestApp,
        world: &World,
        list: List,
        direction: Direction,
        size: usize,
        cursor: Option<&str>,
    ) -> Self {
        let answer = list.ask(app, world, direction, size, cursor).await;
        assert!(answer["errors"].is_null(), "{list:?} {direction:?}: {answer}");
        let page = if list == List::Feed { &answer["data"]["list"] } else { &answer["data"]["node"]["list"] };
        let edges = page["edges"].as_array().unwrap();
        let ids = edges.iter().map(|edge| match NodeId::from_global(edge["node"]["id"].as_str().unwrap()).unwrap() {
            NodeId::User(id) => id.0,
            NodeId::Post(id) => id.0,
            NodeId::Comment(id) => id.0,
        });
        let info = &page["pageInfo"];
        let ((more, next), edge) = match direction {
            Direction::Forward => ((&info["hasNextPage"], &info["endCursor"]), edges.last()),
            Direction::Backward => ((&info["hasPreviousPage"], &info["startCursor"]), edges.first()),
        };
        assert_eq!(edge.map(|edge| &edge["cursor"]), Some(next).filter(|next| !next.is_null()));
        Self { ids: ids.collect(), has_more: more.as_bool().unwrap(), next: next.as_str().map(str::to_owned) }
    }
}

/// Walks to the end, with a batch of writes between any two pages as long as there are batches.
pub(crate) async fn walk(
    app: &TestApp,
    world: &World,
    list: List,
    direction: Direction,
    size: usize,
    writes: &[Vec<Write>],
) -> Result<(), TestCaseError> {
    // The list in the order of the walk.
    let rows = async || {
        let mut rows = list.rows(&app.pool, world).await;
        if direction == Direction::Backward {
            rows.reverse();
        }
        rows
    };
    let ascending = list.is_oldest_first() == (direction == Direction::Forward);
    let beyond =
        |from: Option<Place>, row: &Place| from.is_none_or(|from| if ascending { *row > from } else { *row < from });

    let mut throughout: Option<BTreeSet<Place>> = None;
    let (mut seen, mut cursor, mut batches) = (Vec::new(), None::<String>, writes.iter());
    loop {
        let there = rows().await;
        let now: BTreeSet<_> = there.iter().copied().collect();
        throughout = Some(throughout.map_or_else(|| now.clone(), |before| &before & &now));

        let mut page = Page::ask(app, world, list, direction, size, cursor.as_deref()).await;
        if direction == Direction::Backward {
            page.ids.reverse();
        }
        let from = seen.last().copied();
        let rest: Vec<Place> = there.into_iter().filter(|row| beyond(from, row)).collect();
        let expected: Vec<Uuid> = rest.iter().take(size).map(|(_, id)| *id).collect();
        prop_assert_eq!(&page.ids, &expected, "{:?} {:?} after {:?}", list, direction, from);
        prop_assert_eq!(page.has_more, rest.len() > size, "{:?} {:?} after {:?}", list, direction, from);
        seen.extend(rest.into_iter().take(size));
        if !page.has_more {
            break;
        }
        cursor = page.next;
        for write in batches.next().into_iter().flatten() {
            let there = list.rows(&app.pool, world).await;
            world.write(&app.pool, list, write, &there, seen.last().copied()).await;
        }
    }
    let distinct: BTreeSet<_> = seen.iter().copied().collect();
    prop_assert_eq!(distinct.len(), seen.len(), "{:?} {:?} repeats a row", list, direction);
    let missed: Vec<_> = throughout.iter().flatten().filter(|row| !distinct.contains(row)).collect();
    prop_assert!(missed.is_empty(), "{:?} {:?} missed {:?}", list, direction, missed);
    Ok(())
}
