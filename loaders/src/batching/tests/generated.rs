//! Any tree of loads, over any number of requests at once, gets the right values in as many calls as it has levels.

use futures_util::future::{BoxFuture, join_all};
use proptest::prelude::*;

use super::world::{Process, Request};

/// Children of a node load the node's value plus their own offset.
#[derive(Debug, Clone)]
struct Tree {
    offset: u64,
    children: Vec<Tree>,
}

impl Tree {
    fn depth(&self) -> usize {
        1 + self.children.iter().map(Self::depth).max().unwrap_or(0)
    }

    fn sum(&self, base: u64) -> u64 {
        let value = (base + self.offset) % 1_000 * 10;
        value + self.children.iter().map(|child| child.sum(value)).sum::<u64>()
    }

    fn load<'a>(&'a self, request: &'a Request, base: u64) -> BoxFuture<'a, u64> {
        Box::pin(async move {
            let value = request.load((base + self.offset) % 1_000).await.unwrap().unwrap();
            value
                + join_all(self.children.iter().map(|child| child.load(request, value))).await.into_iter().sum::<u64>()
        })
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = (0..1_000_u64).prop_map(|offset| Tree { offset, children: Vec::new() });
    leaf.prop_recursive(5, 200, 40, |inner| {
        (0..1_000_u64, prop::collection::vec(inner, 0..40)).prop_map(|(offset, children)| Tree { offset, children })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_request_makes_at_most_one_call_a_level(tree in tree()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let process = Process::open();
        let request = process.request();
        let sum = runtime.block_on(async { request.run(tree.load(&request, 0)).await });
        prop_assert_eq!(sum, tree.sum(0));
        prop_assert!(process.sizes().len() <= tree.depth(), "{:?} for {} levels", process.sizes(), tree.depth());
    }

    #[test]
    fn many_requests_on_two_threads_all_get_their_values(trees in prop::collection::vec(tree(), 1..8), max in 1_usize..50) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let process = Process::new(max, 1 << 20);
        let sums = runtime.block_on(async {
            let tasks: Vec<_> = trees.iter().cloned().map(|tree| {
                let request = process.request();
                tokio::spawn(async move { request.run(tree.load(&request, 0)).await })
            }).collect();
            join_all(tasks).await
        });
        for (sum, tree) in sums.into_iter().zip(&trees) {
            prop_assert_eq!(sum.unwrap(), tree.sum(0));
        }
        prop_assert!(process.sizes().iter().all(|size| *size <= max));
        prop_assert_eq!(process.tens.in_flight(), 0);
    }
}
