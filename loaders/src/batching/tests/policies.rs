//! Batching and shared fetches, each request by its own policy.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use nova_flags::{FlagId, Policy};
use proptest::prelude::*;

use super::world::{Process, Request, settle};
use crate::batching::Answer;

fn start(request: &Arc<Request>, keys: &[u64]) -> tokio::task::JoinHandle<Vec<Answer<u64>>> {
    let loads = join_all(keys.iter().map(|key| request.load(*key)));
    tokio::spawn(request.run(loads))
}

fn without(id: FlagId) -> Policy {
    Policy::defaults().with(id, false)
}

#[tokio::test]
async fn without_batching_each_key_is_a_call_of_its_own() {
    let process = Process::open();
    let request = process.request_under(without(FlagId::LoadersBatching));
    assert_eq!(start(&request, &[3, 4, 3, 5]).await.unwrap(), [Ok(Some(30)), Ok(Some(40)), Ok(Some(30)), Ok(Some(50))]);
    assert_eq!(process.sizes(), [1, 1, 1], "and a key is asked for once all the same");
}

#[tokio::test]
async fn without_batching_so_many_calls_go_at_a_time_and_the_rest_after_them() {
    let narrow = Policy::defaults().with_payload(FlagId::LoadersBatching, &[1]);
    for policy in [without(FlagId::LoadersBatching), narrow] {
        let process = Process::new(usize::MAX, 0);
        let request = process.request_under(policy);
        let keys: Vec<u64> = (0..1_000).collect();
        let all = start(&request, &keys);
        settle().await;
        assert_eq!(process.sizes().len(), 32);
        process.gate.add_permits(1_000);
        let answers = all.await.unwrap();
        assert!(answers.iter().zip(&keys).all(|(answer, key)| *answer == Ok(Some(key * 10))));
        assert_eq!(process.sizes().len(), 1_000);
    }
}

#[tokio::test]
async fn without_batching_a_request_neither_joins_nor_offers_a_fetch() {
    let process = Process::new(usize::MAX, 0);
    let (old, new) = (process.request_under(without(FlagId::LoadersBatching)), process.request());
    let first = start(&new, &[7]);
    settle().await;
    let second = start(&old, &[7]);
    settle().await;
    let third = start(&process.request(), &[7]);
    settle().await;
    assert_eq!(process.sizes(), [1, 1], "the third joins the first");
    process.gate.add_permits(2);
    for request in [first, second, third] {
        assert_eq!(request.await.unwrap(), [Ok(Some(70))]);
    }
    assert_eq!(process.tens.in_flight(), 0);
}

#[tokio::test]
async fn without_shared_flights_requests_fetch_for_themselves_and_batch_all_the_same() {
    let process = Process::new(usize::MAX, 0);
    let policy = without(FlagId::LoadersSharedFlights);
    let first = start(&process.request_under(policy.clone()), &[1, 2]);
    let second = start(&process.request_under(policy), &[1, 2]);
    settle().await;
    assert_eq!(process.sizes(), [2, 2]);
    process.gate.add_permits(2);
    let (first, second) = join(first, second).await;
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn a_fetch_is_shared_only_with_those_who_would_ask_the_upstream_alike() {
    let process = Process::new(usize::MAX, 0);
    let other = || without(FlagId::GuardFastAcquire);
    assert_ne!(other().calls_hash(), Policy::defaults().calls_hash());
    let of: Vec<_> =
        [Policy::defaults(), other(), Policy::defaults(), other()].map(|policy| process.request_under(policy)).into();
    let all: Vec<_> = of.iter().map(|request| start(request, &[7])).collect();
    settle().await;
    assert_eq!(process.sizes(), [1, 1], "one for each policy, and each is joined");
    process.gate.add_permits(2);
    for request in all {
        assert_eq!(request.await.unwrap(), [Ok(Some(70))]);
    }
}

proptest! {
    #[test]
    fn whatever_the_policy_the_answers_are_the_same(
        requests in prop::collection::vec((prop::collection::vec(0_u64..20, 1..20), any::<[bool; 3]>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let process = Process::open();
            let flags = [FlagId::LoadersBatching, FlagId::LoadersSharedFlights, FlagId::GuardFastAcquire];
            let all: Vec<_> = requests.iter().map(|(keys, on)| {
                let policy = flags.iter().zip(on).fold(Policy::defaults(), |policy, (id, on)| policy.with(*id, *on));
                start(&process.request_under(policy), keys)
            }).collect();
            for ((keys, _), answers) in requests.iter().zip(all) {
                let expected: Vec<Answer<u64>> = keys.iter().map(|key| Ok(Some(key * 10))).collect();
                assert_eq!(answers.await.unwrap(), expected);
            }
            assert_eq!(process.tens.in_flight(), 0);
        });
    }
}
