//! One operation of a request: from its parameters to what became of it. [`Context::operate`] is where a stage belongs that
//! every operation passes, whether it came alone or in a batch; what holds for the whole request is decided before.

use std::sync::Arc;

use nova_core::{Deadline, Viewer};
use nova_flags::{Policy, State as FlagStates};

use super::{operation::Parameters, refusal::Refusal};
use crate::{
    client_address::ClientAddress,
    debug::DebugView,
    executor::{Answer, Operation, ReadOnly},
    gateway::Gateway,
    rate,
};

/// Who asks and how it is answered: the same for all operations of a request.
pub(crate) struct Context<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) viewer: Option<Viewer>,
    /// Where it comes from.
    pub(crate) address: ClientAddress,
    pub(crate) policy: Arc<Policy>,
    /// What the policy was decided from.
    pub(crate) state: Arc<FlagStates>,
    pub(crate) deadline: Deadline,
    /// Whether the caller sees what an operation cost.
    pub(crate) debug: bool,
    /// Whether mutations are refused.
    pub(crate) read_only: bool,
}

/// What became of an operation, and what it cost, for those who see that.
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) debug: Option<DebugView>,
}

impl Outcome {
    /// What becomes of an operation of a batch that is turned away.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self { answer: Answer::not_executed(refusal.error()), debug: None }
    }
}

impl Context<'_> {
    /// Runs one operation. A viewer who is gone ends it.
    ///
    /// # Errors
    /// Why it was not executed, when that is no matter of GraphQL.
    pub(crate) async fn operate(&self, parameters: Parameters<'_>) -> Result<Outcome, Refusal> {
        let gateway = self.gateway;
        let found = match gateway.persisted.find(parameters.asked, &self.policy) {
            Ok(found) => found,
            Err(refused) => {
                self.check_viewer().await?;
                return Err(Refusal::Document(refused));
            }
        };
        let operation = Operation {
            document: found.text(),
            name: parameters.operation_name,
            variables: parameters.variables,
            viewer: self.viewer.clone(),
            policy: Arc::clone(&self.policy),
            deadline: self.deadline,
            // An operation that reads the viewer too would join the check's fetch now and then, and the debug view would
            // not count the same calls every time.
            check_first: self.debug,
            may_introspect: self.may_introspect(),
            purse: gateway
                .rates
                .purse(self.policy.limits_cost_budget(), rate::Caller::of(self.address, self.viewer.as_ref())),
            read_only: self.read_only,
        };
        let run = gateway.executor.run(operation, self.check_viewer(), &gateway.loaders, &gateway.metrics);
        // All that execution needs: too much to lie in the futures of every stage around it.
        let answer = Box::pin(run).await?;
        if answer.executed {
            gateway.persisted.keep(&found);
        }
        let waited = answer.loaders.as_ref().map(|loaders| loaders.upstream_time()).unwrap_or_default();
        let overhead = answer.stages.total.saturating_sub(waited);
        gateway.metrics.overhead(overhead);
        let debug = self.debug.then(|| {
            let trace = answer.loaders.as_ref().map(|loaders| loaders.trace()).unwrap_or_default();
            DebugView::new(trace, answer.stages, overhead, answer.cost, self.state.explain(&self.policy))
        });
        Ok(Outcome { answer, debug })
    }

    /// Whether this caller may see the schema, whatever the flag says.
    fn may_introspect(&self) -> bool {
        self.gateway.environment.is_development() || self.viewer.as_ref().is_some_and(|viewer| viewer.scopes.debug)
    }

    /// Counts one more operation of a request, which counted once itself, as a request of its own: a batch buys nobody a higher
    /// rate.
    ///
    /// # Errors
    /// When it is one too many.
    pub(crate) fn count(&self) -> Result<(), Refusal> {
        let user = self.viewer.as_ref().map(|viewer| viewer.user_id);
        Ok(self.gateway.rates.request(self.policy.limits_rate(), self.address, user)?)
    }

    /// Whether the user of the token is still there.
    pub(crate) async fn check_viewer(&self) -> Result<(), Refusal> {
        let Some(viewer) = &self.viewer else { return Ok(()) };
        let Gateway { viewers, loaders, metrics, .. } = self.gateway;
        let policy = Arc::clone(&self.policy);
        let gone = viewers.is_gone(viewer.user_id, loaders, policy, self.deadline, metrics).await;
        if gone { Err(Refusal::UnknownUser) } else { Ok(()) }
    }
}

impl From<ReadOnly> for Refusal {
    fn from(ReadOnly: ReadOnly) -> Self {
        Self::MutationByGet
    }
}
