//! Fetches shared between requests.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use nova_core::{Deadline, ErrorCode};

use super::world::{CAP, PANIC, Process, Request, settle};

fn start(request: &Arc<Request>, keys: &[u64]) -> tokio::task::JoinHandle<Vec<crate::batching::Answer<u64>>> {
    let loads = join_all(keys.iter().map(|key| request.load(*key)));
    tokio::spawn(request.run(loads))
}

#[tokio::test]
async fn batches_that_overlap_in_part_share_that_part() {
    let process = Process::new(usize::MAX, 0);
    let first = start(&process.request(), &[1, 2, 3]);
    settle().await;
    let second = start(&process.request(), &[2, 3, 4]);
    settle().await;
    assert_eq!(*process.log.lock(), [vec![1, 2, 3], vec![4]]);
    process.gate.add_permits(2);
    let (first, second) = join(first, second).await;
    assert_eq!(first.unwrap(), [Ok(Some(10)), Ok(Some(20)), Ok(Some(30))]);
    assert_eq!(second.unwrap(), [Ok(Some(20)), Ok(Some(30)), Ok(Some(40))]);
    assert_eq!(process.tens.in_flight(), 0);
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_one_load() {
    let process = Process::new(usize::MAX, 0);
    let all: Vec<_> = (0..100).map(|_| start(&process.request(), &[7])).collect();
    settle().await;
    process.gate.add_permits(1);
    for request in all {
        assert_eq!(request.await.unwrap(), [Ok(Some(70))]);
    }
    assert_eq!(process.sizes(), [1]);
}

#[tokio::test]
async fn a_fetch_outlives_the_request_that_started_it_while_somebody_waits() {
    let process = Process::new(usize::MAX, 0);
    let starter = start(&process.request(), &[1, 2]);
    settle().await;
    let joiner = start(&process.request(), &[2]);
    settle().await;
    starter.abort();
    settle().await;
    process.gate.add_permits(1);
    assert_eq!(joiner.await.unwrap(), [Ok(Some(20))]);
    assert_eq!((process.sizes(), process.aborted.load(Ordering::SeqCst)), (vec![2], 0));
}

#[tokio::test]
async fn a_fetch_for_which_nobody_waits_is_given_up() {
    let process = Process::new(usize::MAX, 0);
    let (one, two) = (start(&process.request(), &[1, 2]), start(&process.request(), &[2]));
    settle().await;
    one.abort();
    settle().await;
    assert_eq!(process.aborted.load(Ordering::SeqCst), 0, "the other still waits");
    two.abort();
    settle().await;
    assert_eq!(process.aborted.load(Ordering::SeqCst), 1);
    assert_eq!(process.tens.in_flight(), 0);
    process.gate.add_permits(1);
    assert_eq!(start(&process.request(), &[1]).await.unwrap(), [Ok(Some(10))], "the next one starts afresh");
}

#[tokio::test(start_paused = true)]
async fn each_waits_under_its_own_deadline() {
    let process = Process::new(usize::MAX, 0);
    let hasty = process.request();
    let hasty = tokio::spawn(hasty.run_until(hasty.load(1), Deadline::after(Duration::from_millis(100))));
    settle().await;
    let patient = start(&process.request(), &[1]);
    settle().await;
    assert_eq!(hasty.await.unwrap(), Err(ErrorCode::Timeout.into()));
    process.gate.add_permits(1);
    assert_eq!(patient.await.unwrap(), [Ok(Some(10))], "the fetch has the source's cap, not the starter's remainder");
    assert_eq!(process.sizes(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_joined_fetch_ends_at_its_own_cap() {
    let process = Process::new(usize::MAX, 0);
    let first = start(&process.request(), &[1]);
    settle().await;
    tokio::time::advance(CAP / 2).await;
    let second = start(&process.request(), &[1]);
    let begin = tokio::time::Instant::now();
    assert_eq!(second.await.unwrap(), [Err(ErrorCode::Timeout.into())]);
    assert!(begin.elapsed() <= CAP / 2 + Duration::from_millis(5));
    assert_eq!(first.await.unwrap(), [Err(ErrorCode::Timeout.into())]);
}

#[tokio::test]
async fn a_panic_is_an_error_of_each_key_and_of_nobody_else() {
    let process = Process::new(usize::MAX, 0);
    let bad = start(&process.request(), &[1, PANIC]);
    settle().await;
    let joined = start(&process.request(), &[1, 2]);
    settle().await;
    process.gate.add_permits(2);
    assert_eq!(bad.await.unwrap(), [Err(ErrorCode::Internal.into()), Err(ErrorCode::Internal.into())]);
    assert_eq!(joined.await.unwrap(), [Err(ErrorCode::Internal.into()), Ok(Some(20))]);
    assert_eq!(process.tens.in_flight(), 0);
    process.gate.add_permits(1);
    assert_eq!(start(&process.request(), &[1]).await.unwrap(), [Ok(Some(10))], "the table is not poisoned");
}

#[tokio::test]
async fn after_a_write_the_memo_is_empty_and_older_fetches_are_not_joined() {
    let process = Process::new(usize::MAX, 1);
    let writer = process.request();
    assert_eq!(writer.run(writer.load(1)).await, Ok(Some(10)));

    let reader = start(&process.request(), &[1]); // began before the write
    settle().await;
    writer.tens.renew();
    let after = tokio::spawn(writer.run(writer.load(1)));
    settle().await;
    let late = start(&process.request(), &[1]); // joins the newer of the two
    settle().await;
    assert_eq!(process.sizes(), [1, 1, 1], "the writer read again, for itself");

    process.gate.add_permits(2);
    let (reader, after) = join(reader, after).await;
    assert_eq!((reader.unwrap(), after.unwrap()), (vec![Ok(Some(10))], Ok(Some(10))));
    assert_eq!(late.await.unwrap(), [Ok(Some(10))]);
    assert_eq!((process.sizes().len(), process.tens.in_flight()), (3, 0));
}

#[tokio::test]
async fn what_was_still_to_be_asked_when_the_request_wrote_is_asked_once() {
    let process = Process::open();
    let request = process.request();
    let both = async {
        let before = request.load(1);
        request.tens.renew();
        join(before, request.load(1)).await
    };
    assert_eq!(request.run(both).await, (Ok(Some(10)), Ok(Some(10))));
    assert_eq!(*process.log.lock(), [vec![1]]);
}

/// A request whose budget, and whose time to wait, is `seconds`.
fn start_within(
    process: &Process,
    seconds: u64,
    keys: &[u64],
) -> tokio::task::JoinHandle<Vec<crate::batching::Answer<u64>>> {
    let deadline = Deadline::after(Duration::from_secs(seconds));
    let request = process.request_by(Process::sharing(), deadline);
    let loads = join_all(keys.iter().map(|key| request.load(*key)));
    tokio::spawn(request.run_until(loads, deadline))
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_fetch_that_has_much_less_time_than_he_has() {
    let process = Process::new(usize::MAX, 0);
    let hurried = {
        let deadline = Deadline::after(CAP / 4);
        let request = process.request_by(Process::sharing(), deadline);
        tokio::spawn(request.run_until(request.load(1), deadline))
    };
    settle().await;
    let patient = start_within(&process, 60, &[1]);
    settle().await;
    assert_eq!(process.sizes(), [1, 1], "each fetches for himself");
    assert_eq!(hurried.await.unwrap(), Err(ErrorCode::Timeout.into()));
    process.gate.add_permits(1);
    assert_eq!(patient.await.unwrap(), [Ok(Some(10))]);
}

#[tokio::test(start_paused = true)]
async fn who_joined_a_fetch_that_ran_out_of_time_fetches_once_himself() {
    let process = Process::new(usize::MAX, 0);
    process.second_attempts.store(1, Ordering::SeqCst);
    // Less than the cap, and enough to be joined.
    let time = CAP * 3 / 4;
    let first = {
        let request = process.request_by(Process::sharing(), Deadline::after(time));
        tokio::spawn(request.run(join_all([1, 2].map(|key| request.load(key)))))
    };
    settle().await;
    let joiners = [start_within(&process, 60, &[1]), start_within(&process, 60, &[2])];
    settle().await;
    assert_eq!(process.sizes(), [2]);
    tokio::time::advance(time).await;
    settle().await;
    assert_eq!(first.await.unwrap(), [Err(ErrorCode::Timeout.into()), Err(ErrorCode::Timeout.into())]);
    assert_eq!(process.sizes(), [2, 1], "one again, which is what the budget covers");
    process.gate.add_permits(1);
    let mut answers = Vec::new();
    for joiner in joiners {
        answers.extend(joiner.await.unwrap());
    }
    answers.sort_by_key(Result::is_err);
    assert!(matches!(answers[..], [Ok(Some(_)), Err(error)] if error.code == ErrorCode::Timeout), "{answers:?}");
}
