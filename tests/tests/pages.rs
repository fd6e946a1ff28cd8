//! Pages: whoever walks a list while others write meets every row that was there throughout, and none twice.
#![expect(clippy::unwrap_used, reason = "a test's helpers have nothing to go on with either")]

mod lists;
mod walk;
mod world;

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use nova_tests::{app::TestApp, client::codes, processes::eventually};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use tokio::runtime::Runtime;

use lists::{Direction, List};
use walk::{Page, walk};
use world::{Rows, World, Write, a_write, some_rows};

/// A network, how it is walked, and what others write between two pages.
#[derive(Debug, Clone)]
struct Case {
    rows: Rows,
    size: usize,
    /// For each walk, the batches between its pages.
    writes: Vec<Vec<Vec<Write>>>,
}

fn a_case() -> impl Strategy<Value = Case> {
    let batch = prop::collection::vec(a_write(), 0..4);
    let batches = prop::collection::vec(batch, 4..12);
    (some_rows(), 1..8_usize, prop::collection::vec(batches, List::WALKS.len())).prop_map(|(rows, size, writes)| Case {
        rows,
        size,
        writes,
    })
}

#[test]
fn a_walk_under_writes_has_no_gap_and_no_repeat() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let app = runtime.block_on(TestApp::over(&[], |_| {}));
    let number = Cell::new(0);
    let mut runner =
        TestRunner::new(Config { cases: 8, max_shrink_iters: 64, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&a_case(), |case| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let world = World::new(&app.pool, number.get(), &case.rows).await;
            for ((list, direction), writes) in List::WALKS.into_iter().zip(&case.writes) {
                walk(&app, &world, list, direction, case.size, writes).await?;
            }
            Ok(())
        })
    });
    outcome.unwrap();
}

/// The same with writers that wait for nobody. What they leave alone has to be there, once and in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_beside_writers_has_no_gap_and_no_repeat() {
    const WRITERS: u64 = 3;
    let app = TestApp::over(&[], |_| {}).await;
    let world = World::new(&app.pool, 1, &Rows::keepers()).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|seed| {
            let (world, pool) = (world.clone(), app.pool.clone());
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            tokio::spawn(async move {
                for round in 0.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    world.churn(&pool, seed << 32 | round).await;
                    written.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();

    for (list, direction) in List::WALKS {
        let keepers = list.rows(&app.pool, &world).await;
        let keepers: Vec<_> = keepers.into_iter().map(|(_, id)| id).filter(|id| World::is_keeper(*id)).collect();
        assert!(keepers.len() >= 12, "{list:?} is worth a walk");
        let (before, mut seen, mut cursor) = (written.load(Relaxed), Vec::new(), None);
        loop {
            let page = Page::ask(&app, &world, list, direction, 3, cursor.as_deref()).await;
            match direction {
                Direction::Forward => seen.extend(page.ids),
                Direction::Backward => drop(seen.splice(0..0, page.ids)),
            }
            assert!(seen.len() < 5000, "{list:?} has no end");
            cursor = page.next;
            if !page.has_more {
                break;
            }
            // The machine may be busy with the walk alone: it is about what changes beside it.
            eventually(|| async { written.load(Relaxed) > before }).await;
        }
        let mut distinct = seen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{list:?} {direction:?} repeats a row");
        seen.retain(|id| World::is_keeper(*id));
        assert_eq!(seen, keepers, "{list:?} {direction:?}");
    }
    stop.store(true, Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let app = TestApp::over(&[], |_| {}).await;
    let world = World::new(&app.pool, 1, &Rows::keepers()).await;
    let other = World::new(&app.pool, 2, &Rows::keepers()).await;
    let cursor_of =
        async |list, world: &World| Page::ask(&app, world, list, Direction::Forward, 2, None).await.next.unwrap();
    for from in List::ALL {
        let mine = cursor_of(from, &world).await;
        let anothers = cursor_of(from, &other).await;
        for to in List::ALL {
            // Of another field, or of the same field of another object.
            let foreign = if from == to { &anothers } else { &mine };
            for direction in to.directions() {
                let answer = to.ask(&app, &world, *direction, 2, Some(foreign)).await;
                let path = to.path();
                assert_eq!(codes(&answer), [format!("{path} INVALID_CURSOR")], "{from:?} in {to:?}");
                let good = cursor_of(to, &world).await;
                assert_eq!(codes(&to.ask(&app, &world, *direction, 2, Some(&good)).await), [""; 0]);
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let app = TestApp::over(&[], |_| {}).await;
    let world = World::new(&app.pool, 1, &Rows::keepers()).await;
    let good = Page::ask(&app, &world, List::Feed, Direction::Forward, 2, None).await.next.unwrap();
    let mut tampered: Vec<String> = (0..good.len())
        .map(|at| {
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &good[..at], &good[at + 1..])
        })
        .collect();
    tampered.extend([
        String::new(),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}="),
        format!(" {good}"),
    ]);
    let asked = |name: usize| format!("c{name}: feed(first: 1, after: $c{name}) {{ nodes {{ id }} }}");
    // A few at a time: what an operation may hold is limited.
    for some in tampered.chunks(10) {
        let variables: Vec<_> = (0..some.len()).map(|name| format!("$c{name}: String")).collect();
        let fields: Vec<_> = (0..some.len()).map(asked).collect();
        let document = format!("query({}) {{ {} }}", variables.join(", "), fields.join(" "));
        let values = some.iter().enumerate().map(|(name, cursor)| (format!("c{name}"), json!(cursor)));
        let answer = world.viewer(&app).run(&document, values.collect::<serde_json::Map<_, _>>().into()).await;
        let mut refused = codes(&answer);
        refused.sort_unstable();
        let expected: Vec<_> = (0..some.len()).map(|name| format!("c{name} INVALID_CURSOR")).collect();
        assert_eq!(refused, expected, "{some:?}");
    }
}
