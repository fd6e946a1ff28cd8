//! What counts as a stall, what does not, and what a deadline does to those who wait.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream::FuturesUnordered,
};
use nova_core::{Deadline, ErrorCode};

use super::world::{CAP, Process, settle};

#[tokio::test]
async fn a_value_that_is_there_is_ready_without_a_call() {
    let process = Process::open();
    let request = process.request();
    request.tens.prime(7, 70);
    let twice = request.run({
        let request = request.clone();
        async move { (request.load(7).await, request.load(7).await) }
    });
    assert_eq!(twice.await, (Ok(Some(70)), Ok(Some(70))));
    assert!(process.sizes().is_empty());
}

#[tokio::test]
async fn a_resolver_that_wakes_itself_delays_its_loads_and_no_more() {
    let process = Process::open();
    let request = process.request();
    let busy = async {
        for _ in 0..1_000 {
            let mut once = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut once, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
    };
    let ((), loaded) = request.run(join(busy, request.load(1))).await;
    assert_eq!(loaded, Ok(Some(10)));
    assert_eq!(request.forced.load(Ordering::SeqCst), 1, "the flush was forced, once");
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_awaits_something_else_holds_nobody_back() {
    let process = Process::open();
    let request = process.request();
    let elsewhere = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        request.load(2).await
    };
    let (late, soon) = request
        .run(join(elsewhere, async {
            let begin = tokio::time::Instant::now();
            (request.load(1).await, begin.elapsed())
        }))
        .await;
    assert_eq!(soon, (Ok(Some(10)), Duration::ZERO));
    assert_eq!(late, Ok(Some(20)));
    assert_eq!(process.sizes(), [1, 1]);
}

#[tokio::test]
async fn a_load_that_nobody_polls_does_not_stop_the_others() {
    let process = Process::open();
    let request = process.request();
    let answer = request
        .run(async {
            let forgotten = request.load(1);
            let answer = request.load(2).await;
            let next = request.load(3).await;
            drop(forgotten);
            (answer, next)
        })
        .await;
    assert_eq!(answer, (Ok(Some(20)), Ok(Some(30))));
    assert_eq!(process.sizes(), [2, 1]);
}

#[tokio::test]
async fn a_dropped_waiter_strands_nobody() {
    let process = Process::new(usize::MAX, 0);
    let request = process.request();
    let loads = async {
        let first = tokio::select! {
            biased;
            answer = request.load(1) => Some(answer),
            () = async { process.gate.add_permits(0); tokio::task::yield_now().await; tokio::task::yield_now().await } => None,
        };
        process.gate.add_permits(8);
        (first, request.load(1).await, request.load(2).await)
    };
    let (dropped, again, next) = request.run(loads).await;
    assert_eq!((dropped, again, next), (None, Ok(Some(10)), Ok(Some(20))));
    assert_eq!(process.sizes(), [1, 1], "the batch of the dropped waiter went on");
}

#[tokio::test]
async fn levels_stay_whole_under_futures_unordered_of_any_size() {
    for n in [1_u64, 30, 31, 64, 333] {
        let process = Process::open();
        let request = process.request();
        let two_levels = (0..n).map(|key| {
            let request = &request;
            async move { request.load(request.load(key + 1).await.unwrap().unwrap()).await.unwrap().unwrap() }
        });
        let sum: u64 = request.run(two_levels.collect::<FuturesUnordered<_>>().collect::<Vec<_>>()).await.iter().sum();
        assert_eq!(sum, (1..=n).map(|key| key * 100).sum::<u64>());
        assert!(process.sizes().len() <= 2, "{n}: {:?}", process.sizes());
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_waits_end_with_timeout_and_what_is_there_stays() {
    let process = Process::new(usize::MAX, 1);
    let request = process.request();
    let begin = tokio::time::Instant::now();
    let loads = async {
        let first = request.load(1).await;
        let rest = join_all((2..5).map(|key| request.load(key))).await;
        (first, rest, request.load(1).await, request.load(9).await)
    };
    let deadline = Deadline::after(Duration::from_secs(1));
    let (first, rest, again, new) = request.run_until(loads, deadline).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    assert_eq!((first, again), (Ok(Some(10)), Ok(Some(10))));
    assert!(rest.iter().chain([&new]).all(|answer| *answer == Err(ErrorCode::Timeout.into())), "{rest:?} {new:?}");
    assert_eq!(process.sizes(), [1, 3], "nothing is asked after the deadline");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_cap_of_its_source() {
    let process = Process::new(usize::MAX, 0);
    let request = process.request();
    let begin = tokio::time::Instant::now();
    assert_eq!(request.run(request.load(1)).await, Err(ErrorCode::Timeout.into()));
    assert_eq!(begin.elapsed(), CAP);
}

#[tokio::test(start_paused = true)]
async fn a_level_splits_only_where_its_parents_come_from_different_sources() {
    /// Which sources answer, in turn: the first, the other.
    type Order = &'static [(usize, usize)];
    let orders: [(Order, &[usize]); 3] = [
        (&[(1, 1), (1, 0)], &[39, 75]),
        (&[(1, 0), (1, 0), (0, 1), (1, 0)], &[39, 36, 39]),
        (&[(0, 1), (1, 0), (1, 0)], &[39, 39, 36]),
    ];
    for (order, expected) in orders {
        let process = Process::new(usize::MAX, 0);
        let request = process.request();
        let children = {
            let request = request.clone();
            async move {
                let child = |parent: crate::batching::Load<super::world::Tens>| async {
                    request.load(parent.await.unwrap().unwrap()).await
                };
                join(
                    join_all((1..40).map(|key| child(request.load(key * 1_000)))),
                    join_all((1..40).map(|key| child(request.other.load(key + 500)))),
                )
                .await
            }
        };
        let running = tokio::spawn(request.run(children));
        for (first, other) in order {
            settle().await;
            process.gate.add_permits(*first);
            process.other_gate.add_permits(*other);
        }
        settle().await;
        assert_eq!(process.sizes(), expected, "{order:?}");
        process.gate.add_permits(1);
        running.await.unwrap();
    }
}
