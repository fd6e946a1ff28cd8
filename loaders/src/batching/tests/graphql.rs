//! Exact batching under the real executor: one call per level, whatever the width, on both runtimes.

use std::{future::Future, sync::Arc};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Interface, Object, Request as Operation, Schema};

use super::world::{ABSENT, FAILED, PANIC, Process, Request};

struct Item(u64);

fn request<'a>(ctx: &'a Context<'_>) -> &'a Arc<Request> {
    ctx.data_unchecked()
}

#[Object]
impl Item {
    async fn value(&self, ctx: &Context<'_>) -> Option<async_graphql::Result<u64>> {
        request(ctx).load(self.0).await.map_err(|error| error.to_string().into()).transpose()
    }

    async fn child(&self, ctx: &Context<'_>) -> Option<Item> {
        request(ctx).load(self.0).await.ok().flatten().map(Item)
    }

    async fn children(&self, ctx: &Context<'_>) -> Vec<Item> {
        let value = request(ctx).load(self.0).await.ok().flatten().unwrap_or_default();
        (0..3).map(|i| Item(value + i)).collect()
    }

    async fn many(&self, ctx: &Context<'_>, n: u64) -> Vec<Item> {
        let value = request(ctx).load(self.0).await.ok().flatten().unwrap_or_default();
        (0..n).map(|i| Item((value * 31 + i) % ABSENT)).collect()
    }

    async fn other(&self, ctx: &Context<'_>) -> Option<u64> {
        request(ctx).other.load(self.0).await.ok().flatten()
    }
}

#[derive(Interface)]
#[graphql(field(name = "value", ty = "Option<u64>"))]
enum Valued {
    Even(Even),
    Odd(Odd),
}

struct Even(u64);
struct Odd(u64);

#[Object]
impl Even {
    async fn value(&self, ctx: &Context<'_>) -> Option<u64> {
        request(ctx).load(self.0).await.ok().flatten()
    }
}

#[Object]
impl Odd {
    async fn value(&self, ctx: &Context<'_>) -> Option<u64> {
        request(ctx).load(self.0).await.ok().flatten()
    }
}

struct Query;

#[Object]
impl Query {
    async fn items(&self, n: u64, #[graphql(default)] from: u64) -> Vec<Item> {
        (1..=n).map(|i| Item(from + i)).collect()
    }

    async fn valued(&self, n: u64) -> Vec<Valued> {
        (1..=n).map(|i| if i % 2 == 0 { Valued::Even(Even(i)) } else { Valued::Odd(Odd(i)) }).collect()
    }
}

/// Runs `document` and tells the sizes of the calls to the first source.
async fn calls_on(process: &Process, document: &str) -> (Vec<usize>, async_graphql::Response) {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).finish();
    let request = process.request();
    let operation = Operation::new(document).data(Arc::clone(&request));
    #[expect(clippy::disallowed_methods, reason = "this test is about what stands below the executor")]
    let execution = schema.execute(operation);
    let response = request.run(execution).await;
    assert_eq!(request.forced.load(std::sync::atomic::Ordering::SeqCst), 0, "no flush had to be forced");
    (process.sizes(), response)
}

async fn calls(document: &str) -> Vec<usize> {
    let (sizes, response) = calls_on(&Process::open(), document).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    sizes
}

/// Runs `test` on a runtime of one thread, and as a task of a runtime of two.
fn on_both_runtimes<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    let single = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    single.block_on(test());
    let multi = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    multi.block_on(async { tokio::spawn(test()).await.unwrap() });
}

#[test]
fn a_list_of_any_width_with_children_is_two_calls() {
    on_both_runtimes(|| async {
        for n in [1, 30, 31, 127, 128, 129, 1_000, 5_000] {
            let sizes = calls(&format!("{{ items(n: {n}) {{ child {{ value }} }} }}")).await;
            // A tenth of the children are parents too: the memo has them.
            assert_eq!(sizes, [n, n - n / 10], "n = {n}");
        }
    });
}

#[test]
fn four_levels_are_four_calls() {
    on_both_runtimes(|| async {
        for _ in 0..30 {
            let sizes = calls("{ items(n: 5) { children { children { children { value } } } } }").await;
            assert_eq!(sizes.len(), 4, "{sizes:?}");
        }
    });
}

#[test]
fn nested_lists_that_are_walked_bit_by_bit_are_one_call_a_level() {
    on_both_runtimes(|| async {
        // Lists of over 30 yield while they are walked: 29,791 items at the bottom take hundreds of polls.
        let document = "{ items(n: 31) { many(n: 31) { many(n: 31) { value } } } }";
        let sizes = calls(document).await;
        assert_eq!(sizes.len(), 3, "{sizes:?}");
    });
}

#[test]
fn aliased_branches_of_unequal_depth_share_their_levels() {
    on_both_runtimes(|| async {
        let document = "{ a: items(n: 20) { child { value } }
                          b: items(n: 20, from: 100) { child { child { value } } } }";
        assert_eq!(calls(document).await, [40, 36, 20]);
    });
}

#[test]
fn the_same_key_by_two_names_is_asked_once() {
    on_both_runtimes(|| async {
        assert_eq!(calls("{ a: items(n: 9) { value child { value } } b: items(n: 9) { v: value } }").await, [9, 9]);
    });
}

#[test]
fn fields_behind_an_interface_batch_like_others() {
    on_both_runtimes(|| async {
        assert_eq!(calls("{ valued(n: 64) { value } items(n: 100) { value } }").await, [100]);
    });
}

#[test]
fn two_sources_on_one_level_are_one_call_each() {
    on_both_runtimes(|| async {
        let process = Process::open();
        let (sizes, _) = calls_on(&process, "{ items(n: 50) { value other child { other value } } }").await;
        assert_eq!(sizes, [50, 45]);
        let mut others: Vec<_> = process.other_log.lock().iter().map(Vec::len).collect();
        others.sort_unstable(); // nobody waits for the first before the second is asked
        assert_eq!(others, [45, 50]);
    });
}

#[test]
fn a_flush_over_the_maximum_is_answered_together() {
    on_both_runtimes(|| async {
        let process = Process::new(16, 1 << 20);
        let (mut sizes, _) = calls_on(&process, "{ items(n: 50) { child { value } } }").await;
        sizes.sort_unstable();
        // Four chunks a level; had the level split, there would be more and smaller calls.
        assert_eq!(sizes, [2, 13, 16, 16, 16, 16, 16]);
    });
}

#[test]
fn absent_failed_and_panicking_keys_cost_themselves() {
    on_both_runtimes(|| async {
        let process = Process::open();
        let document = format!(
            "{{ good: items(n: 2) {{ value }} absent: items(n: 1, from: {ABSENT}) {{ value }}
                failed: items(n: 1, from: {FAILED}) {{ value }} }}"
        );
        let (_, response) = calls_on(&process, &document).await;
        let data = response.data.into_json().unwrap();
        assert_eq!(data["good"], serde_json::json!([{ "value": 10 }, { "value": 20 }]));
        assert_eq!(data["absent"], serde_json::json!([{ "value": null }]));
        assert_eq!(data["failed"], serde_json::json!([{ "value": null }]));
        assert_eq!(response.errors.len(), 1);

        let document =
            format!("{{ lost: items(n: 1, from: {}) {{ value }} kept: items(n: 1) {{ other }} }}", PANIC - 1);
        let (_, response) = calls_on(&process, &document).await;
        let data = response.data.into_json().unwrap();
        assert_eq!(data["lost"], serde_json::json!([{ "value": null }]), "a panic in a batch is an error of its keys");
        assert_eq!(data["kept"], serde_json::json!([{ "other": 10 }]));
    });
}
