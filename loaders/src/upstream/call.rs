//! One call, through all of its guards, from the outside in:
//!
//! deadline → second attempts (retries and hedges, out of one budget) → endpoint → bulkhead → breaker → transport.
//!
//! A read may be attempted more than once, a write never. A refusal by a guard sends nothing, and is not tried again.

use std::{future::Future, pin::pin, time::Duration};

use nova_core::Deadline;
use nova_guard::Phase;
use tokio::time::{sleep, timeout, timeout_at};
use tonic::{Code, Status};

use super::{
    Upstream,
    failure::{CallError, Verdict},
    rules::{Retry, Rules},
    way::Line,
};

/// What tonic says when the time in `grpc-timeout` has run out.
const TIMEOUT_EXPIRED: &str = "Timeout expired";

/// How an attempt is sent: on this line, with so much time.
pub trait Sender<T>: Fn(Line, Duration) -> Self::Sent + Send + Sync {
    /// The attempt under way.
    type Sent: Future<Output = Result<T, Status>> + Send;
}

impl<T, F, S> Sender<T> for S
where
    S: Fn(Line, Duration) -> F + Send + Sync,
    F: Future<Output = Result<T, Status>> + Send,
{
    type Sent = F;
}

impl Upstream {
    /// Calls for what can be asked twice. `send` makes one attempt.
    ///
    /// # Errors
    /// Why there is no answer, by the last attempt.
    pub async fn read<T: Send>(&self, rules: &Rules, deadline: Deadline, send: impl Sender<T>) -> Result<T, CallError> {
        if let Some(share) = rules.share() {
            self.0.budget.deposit(share);
        }
        let mut failed = None;
        let mut pause = rules.retry.map(|retry| retry.pause).unwrap_or_default();
        for again in 0.. {
            let at = self.0.endpoints.choose(failed);
            let error = match self.hedged(rules, at, deadline, &send).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !self.may_retry(rules.retry, again, at, &error) {
                return Err(error);
            }
            failed = Some(at);
            self.0.attempts.retries.inc();
            let spread = pause.mul_f64((self.0.random)());
            let paused = timeout_at(deadline.instant(), sleep(spread)).await;
            if paused.is_err() || deadline.remaining().is_zero() {
                return Err(error);
            }
            pause *= 2;
        }
        Err(CallError::Late)
    }

    /// Calls for what must happen at most once.
    pub(crate) async fn write<T: Send>(
        &self,
        rules: &Rules,
        deadline: Deadline,
        send: impl Sender<T>,
    ) -> Result<T, CallError> {
        let at = self.0.endpoints.choose(None);
        self.attempt(rules, at, deadline, &send).await
    }

    /// Whether `error`, of the endpoint `at`, is worth one more attempt, the `again`-th; takes it out of the budget. Who refused
    /// because of a store of his own refuses again: then only another endpoint is.
    fn may_retry(&self, retry: Option<Retry>, again: u32, at: usize, error: &CallError) -> bool {
        retry.is_some_and(|retry| again < retry.most)
            && (error.may_retry() || error.is_refusal() && self.0.endpoints.other_than(at).is_some())
            && self.0.budget.withdraw()
    }

    /// Whether a waiter whose fetch came to nothing, while it has time left, may fetch once itself.
    pub(crate) fn may_fetch_again(&self, rules: &Rules) -> bool {
        rules.retry.is_some() && self.0.budget.withdraw()
    }

    /// An attempt at the endpoint `at`, and when it takes long another one beside it. The first answer counts.
    async fn hedged<T: Send>(
        &self,
        rules: &Rules,
        at: usize,
        deadline: Deadline,
        send: &impl Sender<T>,
    ) -> Result<T, CallError> {
        let mut first = pin!(self.attempt(rules, at, deadline, send));
        let Some(hedge) = rules.hedge else { return first.await };
        if let Ok(outcome) = timeout(hedge.after, &mut first).await {
            return outcome;
        }
        let Some(other) = self.may_hedge(rules, at) else { return first.await };
        self.0.attempts.hedges.inc();
        let mut second = pin!(self.attempt(rules, other, deadline, send));
        tokio::select! {
            outcome = &mut first => if outcome.is_ok() { outcome } else { second.await },
            outcome = &mut second => {
                if outcome.is_ok() {
                    self.0.attempts.hedges_won.inc();
                    outcome
                } else {
                    first.await
                }
            }
        }
    }

    /// The endpoint for a hedge: only while the upstream is well and has room, and there is another one.
    fn may_hedge(&self, rules: &Rules, first: usize) -> Option<usize> {
        let inner = &self.0;
        let has_room = rules.most.is_none_or(|most| inner.bulkhead.taken() < most / 2);
        if inner.breaker.phase() != Phase::Closed || !has_room {
            return None;
        }
        let other = inner.endpoints.other_than(first)?;
        inner.budget.withdraw().then_some(other)
    }

    /// One attempt at one endpoint.
    async fn attempt<T: Send>(
        &self,
        rules: &Rules,
        at: usize,
        deadline: Deadline,
        send: &impl Sender<T>,
    ) -> Result<T, CallError> {
        let inner = &self.0;
        if deadline.remaining().is_zero() {
            // Nothing was sent, so it is nobody's fault.
            return Err(CallError::Late);
        }
        let endpoint = &inner.endpoints.all()[at];
        let _seat = inner.bulkhead.enter(rules.most).map_err(|_| CallError::Full)?;
        let permit = inner.breaker.enter(rules.breaker.as_ref()).map_err(|_| CallError::Broken)?;
        // Everybody else is refused while one tries: from the time on that is slow, the answer is known.
        let tries = rules.breaker.filter(|_| permit.is_probe());
        let deadline = tries.map_or(deadline, |thresholds| deadline.capped(thresholds.slow));
        let _active = endpoint.begin();
        let line = Line::new(endpoint.way(), inner.max_response);
        let answer = send(line, deadline.remaining());
        let outcome = match timeout_at(deadline.instant(), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) if is_out_of_time(&status) => Err(CallError::Late),
            Ok(Err(status)) => Err(CallError::Said(status)),
            Err(_) => Err(CallError::Late),
        };
        match outcome.as_ref().map_or_else(CallError::verdict, |_| Verdict::Answered) {
            Verdict::Answered => {
                endpoint.answered();
                permit.answered();
            }
            Verdict::Failed => {
                endpoint.failed();
                // While there is another one that is well, this is the endpoint's fault, and not the upstream's: what was under
                // way at one that is killed fails at once, and is to be tried elsewhere.
                if inner.endpoints.other_than(at).is_some() { permit.ignored() } else { permit.failed() }
            }
            Verdict::Ignored => {
                if outcome.as_ref().is_err_and(CallError::is_refusal) {
                    // Refusals are fast: whoever gives them would get most of the calls.
                    endpoint.failed();
                }
                permit.ignored();
            }
        }
        outcome
    }
}

/// Whether the time that the attempt was given has run out, here or there: tonic says CANCELLED.
fn is_out_of_time(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message() == TIMEOUT_EXPIRED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_is_known_by_its_words() {
        assert_eq!(tonic::TimeoutExpired(()).to_string(), TIMEOUT_EXPIRED);
        let status = Status::from_error(Box::new(tonic::TimeoutExpired(())));
        assert!(is_out_of_time(&status));
        assert!(!is_out_of_time(&Status::cancelled("")));
    }
}
