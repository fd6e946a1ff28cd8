//! The executor: the only way to the schema, on every transport. [`Executor::run`] is the order of the stages; a stage that
//! refuses ends it there. Nothing here knows HTTP.

use std::{future::Future, sync::Arc, time::Duration};

use async_graphql::{Request, Response, ServerError, Variables, parser::types::OperationType};
use futures_util::try_join;
use nova_core::{Deadline, Viewer};
use nova_flags::{Mode, Policy};
use nova_loaders::{Loaders, RequestLoaders};
use nova_resolvers::NovaSchema;
use tokio::time::{Instant, timeout_at};

use crate::{
    debug::{Cost, Stages},
    document::DocumentCache,
    errors,
    guard::{Prepared, limits},
    metrics::Metrics,
    operation,
    rate::{Limited, Overspent, Purse},
};

/// How long after the deadline the execution is dropped. At the deadline the loaders fail every wait with TIMEOUT, and the
/// executor needs a moment to put together what there is.
const GRACE: Duration = Duration::from_millis(50);

/// One operation, as it came in.
pub(crate) struct Operation<'a> {
    pub(crate) document: &'a str,
    pub(crate) name: Option<String>,
    pub(crate) variables: Variables,
    pub(crate) viewer: Option<Viewer>,
    /// How it runs.
    pub(crate) policy: Arc<Policy>,
    pub(crate) deadline: Deadline,
    /// Whether the check of the viewer comes before the execution even when nothing is written.
    pub(crate) check_first: bool,
    /// What it may cost.
    pub(crate) purse: Purse<'a>,
    /// Whether a mutation is refused.
    pub(crate) read_only: bool,
    /// Whether the flag on introspection is not for this caller.
    pub(crate) may_introspect: bool,
}

/// A mutation came where only reading is allowed. It was not executed.
#[derive(Debug)]
pub(crate) struct ReadOnly;

/// What became of an operation.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Whether it was executed. If not, the response has no `data`, not even null.
    pub(crate) executed: bool,
    pub(crate) stages: Stages,
    /// What it was measured to cost; nothing when it did not get that far.
    pub(crate) cost: Option<Cost>,
    /// What was loaded for it; nothing when it was not executed.
    pub(crate) loaders: Option<Arc<RequestLoaders>>,
}

/// Runs operations against the schema.
pub(crate) struct Executor {
    schema: NovaSchema,
    pub(crate) documents: DocumentCache,
}

impl Executor {
    pub(crate) fn new(schema: NovaSchema, documents: DocumentCache) -> Self {
        Self { schema, documents }
    }

    /// The stages of one operation, in their order: document, operation, variables, limits, budget, execution. The limits come before
    /// validation, whose time a small document can blow up.
    ///
    /// `check` says whether the viewer is still there. It runs beside a query, and before a mutation: what was written for
    /// somebody who is gone can't be taken back.
    ///
    /// # Errors
    /// What `check` says; [`ReadOnly`]; [`Limited`] when it costs more than its caller may spend now.
    pub(crate) async fn run<E: From<ReadOnly> + From<Limited>>(
        &self,
        operation: Operation<'_>,
        check: impl Future<Output = Result<(), E>>,
        loaders: &Loaders,
        metrics: &Metrics,
    ) -> Result<Answer, E> {
        let started = Instant::now();
        let length = operation.document.len() as u64;
        if let Err(excess) = limits::refused_unseen(length, &operation.policy) {
            check.await?;
            metrics.limits.exceeded(excess.measure.as_str(), Mode::Enforce);
            return Ok(Answer::refused(excess.error(), Duration::ZERO, started));
        }
        let found = self.documents.look_up(operation.document, metrics);
        let parse = started.elapsed();
        let prepared = match found.as_ref() {
            Ok(prepared) => prepared,
            Err(unfit) => {
                check.await?;
                if let Some(measure) = unfit.exceeded() {
                    metrics.limits.exceeded(measure.as_str(), Mode::Enforce);
                }
                return Ok(Answer::refused(unfit.error(), parse, started));
            }
        };
        let document = &prepared.document;
        let weighed = operation::select(document, operation.name.as_deref()).and_then(|selected| {
            operation::check_variables(selected, &operation.variables)?;
            Ok((weigh(prepared, &operation, metrics)?, selected.ty))
        });
        let (cost, writes) = match weighed {
            Ok((cost, kind)) => (cost, kind == OperationType::Mutation),
            Err(error) => {
                check.await?;
                return Ok(Answer::refused(error, parse, started));
            }
        };

        if writes && operation.read_only {
            check.await?;
            return Err(ReadOnly.into());
        }
        if let Err(overspent) = operation.purse.spend(cost.complexity) {
            check.await?;
            return match overspent {
                Overspent::ForNow(limited) => Err(limited.into()),
                Overspent::Always { cost, most } => {
                    Ok(Answer::refused(errors::never_affordable(cost, most), parse, started))
                }
            };
        }
        let limits = started.elapsed().saturating_sub(parse);
        let loaders = loaders.request(operation.viewer, operation.policy, operation.deadline);
        let mut request = Request::new("").variables(operation.variables).data(Arc::clone(&loaders));
        request.operation_name = operation.name;
        request.set_parsed_query(document.clone());
        let mut executing = Instant::now();
        let execution = self.execute(request, &loaders, operation.deadline);
        let response = if writes || operation.check_first {
            check.await?;
            executing = Instant::now();
            execution.await
        } else {
            try_join!(check, async { Ok(execution.await) })?.1
        };
        let (mut response, executed) = match response {
            Some(response) => {
                let executed = response.errors.is_empty() || !never_began(&response);
                (response, executed)
            }
            None => (Response::from_errors(vec![errors::dropped(writes)]), true),
        };
        if !response.errors.is_empty() {
            errors::classify(&mut response.errors, document);
        }
        let stages = Stages { parse, limits, execute: executing.elapsed(), total: started.elapsed() };
        Ok(Answer { response, executed, stages, cost: Some(cost), loaders: Some(loaders) })
    }

    /// `None` when it was dropped.
    async fn execute(&self, request: Request, loaders: &Arc<RequestLoaders>, deadline: Deadline) -> Option<Response> {
        #[expect(clippy::disallowed_methods, reason = "the one way to the schema")]
        let execution = self.schema.execute(request);
        timeout_at(deadline.instant() + GRACE, loaders.drive(execution)).await.ok()
    }
}

/// What the operation costs, if it is within every limit. What is over one that only measures is counted.
fn weigh(prepared: &Prepared, operation: &Operation<'_>, metrics: &Metrics) -> Result<Cost, ServerError> {
    let load = prepared.load(operation.name.as_deref(), &operation.variables);
    metrics.limits.measured(&load);
    load.within(&operation.policy, operation.may_introspect, |limit, mode| metrics.limits.exceeded(limit, mode))?;
    Ok(Cost { complexity: load.complexity, depth: load.operation.depth })
}

/// Whether validation ended it: what fails while it runs knows where.
fn never_began(response: &Response) -> bool {
    response.data == async_graphql::Value::Null && response.errors.iter().all(|error| error.path.is_empty())
}

impl Answer {
    /// An operation that did not get as far as its document.
    pub(crate) fn not_executed(error: ServerError) -> Self {
        let response = Response::from_errors(vec![error]);
        Self { response, executed: false, stages: Stages::default(), cost: None, loaders: None }
    }

    fn refused(error: ServerError, parse: Duration, started: Instant) -> Self {
        let stages = Stages { parse, total: started.elapsed(), ..Stages::default() };
        Self { stages, ..Self::not_executed(error) }
    }
}
