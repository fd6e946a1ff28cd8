//! Polls a request's future and flushes its queues exactly when it stalls.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::task::waker_ref;
use nova_core::Deadline;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use super::scope::Scope;

/// Consecutive woken polls, in which nothing new was asked, after which a non-empty queue is flushed all the same: a future
/// that wakes itself for ever delays its own loads, and no more. A long list that is walked bit by bit (`FuturesUnordered`
/// yields and wakes itself) asks for more in each poll, and is not cut.
const WOKEN_POLLS: u32 = 64;

/// The queues of one request.
pub trait Queues {
    /// Asks the sources for all that is pending.
    fn flush(&self);

    /// Answers every waiter with TIMEOUT, now and from now on.
    fn expire(&self);

    /// A flush had to be forced: the future kept waking itself. Never called while all resolvers wait for loaders only.
    fn forced(&self) {}
}

pin_project! {
    /// A future that drives `inner` and flushes `queues` at each stall.
    ///
    /// A stall is a poll that returned `Pending`, during which nothing was woken, and outside any fill: a fill wakes its
    /// waiters one after the other, and a poll in between has seen only a part of its level. Must be polled outside
    /// tokio's cooperative budget, which defers wake-ups until after the poll: see [`Drive::run`].
    pub struct Drive<F, Q> {
        #[pin]
        inner: F,
        queues: Q,
        scope: Arc<Scope>,
        deadline: Deadline,
        woken_polls: u32,
        pending: usize,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future, Q: Queues> Drive<F, Q> {
    /// Runs `inner` to its end. At `deadline` its loads fail with TIMEOUT, and it is left to finish with what it has.
    pub fn run(inner: F, queues: Q, scope: Arc<Scope>, deadline: Deadline) -> impl Future<Output = F::Output> {
        tokio::task::unconstrained(Self { inner, queues, scope, deadline, woken_polls: 0, pending: 0, timer: None })
    }
}

impl<F: Future, Q: Queues> Future for Drive<F, Q> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.scope.begin_poll(cx.waker());
        if let Poll::Ready(output) = this.inner.poll(&mut Context::from_waker(&waker_ref(this.scope))) {
            return Poll::Ready(output);
        }
        let pending = this.scope.pending();
        let asked = pending > std::mem::replace(this.pending, pending);
        if this.scope.was_woken() {
            *this.woken_polls = if asked { 0 } else { *this.woken_polls + 1 };
            if *this.woken_polls >= WOKEN_POLLS && pending > 0 {
                *this.woken_polls = 0;
                this.queues.forced();
                this.queues.flush();
            }
        } else {
            *this.woken_polls = 0;
            if pending > 0 && this.scope.may_flush() {
                this.queues.flush();
            }
        }
        if !this.scope.is_expired() {
            let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(this.deadline.instant())));
            ready!(timer.as_mut().poll(cx));
            this.scope.expire();
            this.queues.expire();
        }
        Poll::Pending
    }
}
