use std::net::Ipv4Addr;

use nova_core::UserId;
use proptest::prelude::*;
use tokio::{runtime, time::advance};
use uuid::Uuid;

use super::*;
use crate::client_address::ClientAddress;

const SECOND: Duration = Duration::from_secs(1);

fn user(n: u128) -> Caller {
    Caller::User(UserId(Uuid::from_u128(n)))
}

fn one(buckets: &Buckets, caller: Caller, quota: Quota) -> Result<(), Empty> {
    buckets.take(Limit::User, caller, quota, 1)
}

/// Runs under a clock that goes by hand.
fn paused<T>(test: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_full_at_first_and_fills_up_at_its_rate() {
    let buckets = Buckets::new(10);
    let quota = Quota::new(6, 2);
    assert_eq!([(); 3].map(|()| one(&buckets, user(1), quota)), [Ok(()), Ok(()), Err(Empty::For(10 * SECOND))]);
    advance(4 * SECOND).await;
    assert_eq!(one(&buckets, user(1), quota), Err(Empty::For(6 * SECOND)), "a refusal costs nothing");
    advance(6 * SECOND).await;
    assert_eq!([(); 2].map(|()| one(&buckets, user(1), quota)), [Ok(()), Err(Empty::For(10 * SECOND))]);
    advance(3_600 * SECOND).await;
    assert_eq!([(); 3].map(|()| one(&buckets, user(1), quota).is_ok()), [true, true, false], "and never above full");
}

#[tokio::test(start_paused = true)]
async fn each_caller_limit_and_quota_has_a_bucket_of_its_own() {
    let buckets = Buckets::new(100);
    let quota = Quota::new(1, 1);
    let address = Caller::Address(ClientAddress::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)));
    for (limit, caller, quota) in [
        (Limit::User, user(1), quota),
        (Limit::User, user(2), quota),
        (Limit::Address, address, quota),
        (Limit::User, user(1), Quota::new(1, 2)),
        (Limit::User, user(1), Quota::new(2, 1)),
    ] {
        assert_eq!(buckets.take(limit, caller, quota, 1), Ok(()));
    }
    assert!(one(&buckets, user(1), quota).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_costs_more_waits_longer_and_what_costs_too_much_is_told_so() {
    let buckets = Buckets::new(10);
    let quota = Quota::new(60, 100);
    let take = |count| buckets.take(Limit::User, user(1), quota, count);
    assert_eq!(take(101), Err(Empty::Always { most: 100 }));
    assert_eq!((take(0), take(70), take(30)), (Ok(()), Ok(()), Ok(())), "what was refused took nothing");
    assert_eq!((take(0), take(1), take(40)), (Ok(()), Err(Empty::For(SECOND)), Err(Empty::For(40 * SECOND))));
    advance(39 * SECOND).await;
    assert_eq!((take(40), take(39), take(1)), (Err(Empty::For(SECOND)), Ok(()), Err(Empty::For(SECOND))));
}

#[test]
fn a_bucket_holds_at_least_one_and_at_most_what_ten_minutes_bring() {
    for (per_minute, burst, holds) in
        [(0, 0, 1), (1, 0, 1), (1, 5, 5), (1, 1_000, 10), (50, 501, 500), (u32::MAX, u32::MAX, u32::MAX)]
    {
        let quota = Quota::new(per_minute, burst);
        assert_eq!(quota.burst.get(), holds, "{per_minute} {burst}");
        assert!(quota.governor().burst_size_replenished_in() < FORGOTTEN, "{per_minute} {burst}");
        assert!(paused(async { Buckets::new(1).take(Limit::User, user(1), quota, holds) }).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_callers_takes_a_bounded_number_of_buckets_and_frees_nobody() {
    let buckets = Buckets::new(1_000);
    let quota = Quota::new(1, 5);
    let mut accepted = 0;
    for flood in 0..100_000_u32 {
        let address = std::net::Ipv6Addr::from_bits(u128::from(flood) << 64);
        let address = Caller::Address(ClientAddress::from(std::net::IpAddr::from(address)));
        assert_eq!(buckets.take(Limit::Address, address, quota, 1), Ok(()));
        if flood % 100 == 0 {
            accepted += u32::from(one(&buckets, user(1), quota).is_ok());
        }
        if flood % 10_000 == 0 {
            // moka counts in batches: between them it holds a few hundred more.
            assert!(buckets.kept.iter().count() <= 2_000);
        }
    }
    assert!(buckets.len() <= 1_000, "{}", buckets.len());
    assert_eq!(accepted, 5, "who is held back stays so");
}

#[test]
fn threads_share_a_bucket_without_giving_out_more_than_it_holds() {
    let buckets = Buckets::new(10);
    let quota = Quota::new(1, 10);
    let accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..1_000).filter(|_| one(&buckets, user(1), quota).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(accepted, 10);
}

proptest! {
    /// In no stretch of time goes through more than what the bucket holds and what comes in meanwhile.
    #[test]
    fn never_more_than_the_burst_and_the_rate(
        per_minute in 1_u32..100_000, burst in 1_u32..50,
        arrivals in proptest::collection::vec((0_u64..3_000_000_000, 1_u32..8), 1..200),
        squeeze in 1_u64..10_000,
    ) {
        let quota = Quota::new(per_minute, burst);
        let accepted: Vec<(u128, u32)> = paused(async {
            let buckets = Buckets::new(10);
            let start = Instant::now();
            let mut accepted = Vec::new();
            for (pause, count) in arrivals {
                advance(Duration::from_nanos(pause / squeeze)).await;
                match buckets.take(Limit::User, user(1), quota, count) {
                    Ok(()) => accepted.push((start.elapsed().as_nanos(), count)),
                    Err(Empty::For(wait)) => {
                        // It says exactly when: not a moment later than needed, and then it is true.
                        if wait < SECOND {
                            advance(wait).await;
                            assert_eq!(buckets.take(Limit::User, user(1), quota, count), Ok(()));
                            accepted.push((start.elapsed().as_nanos(), count));
                        }
                    }
                    Err(Empty::Always { most }) => assert!(count > most),
                }
            }
            accepted
        });
        for (at, (from, _)) in accepted.iter().enumerate() {
            let mut total = 0;
            for (to, count) in &accepted[at..] {
                total += u128::from(*count);
                let came_in = (to - from) * u128::from(per_minute) / MINUTE.as_nanos();
                prop_assert!(total <= u128::from(quota.burst.get()) + came_in, "{} in {} ns", total, to - from);
            }
        }
    }
}
