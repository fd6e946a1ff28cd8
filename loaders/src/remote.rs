//! One batch RPC as a source: the same deadline, identity, counting and error mapping for every upstream call.

use std::{fmt::Debug, future::Future, hash::Hash, marker::PhantomData, time::Duration};

use nova_core::{Credential, Deadline, ErrorCode};
use nova_flags::Policy;
use nova_proto::{Answer as WireAnswer, KeyFailure, metadata};
use tokio::time::Instant;
use tonic::{
    Request, Response, Status,
    metadata::{AsciiMetadataValue, MetadataValue, errors::InvalidMetadataValue},
};

use crate::{
    batching::{Answer, Caller, LoadError, Source},
    metrics::RpcMetrics,
    upstream::{Line, Rules, Service, Upstream},
};

/// A read of many keys at an upstream.
pub(crate) trait Rpc: Send + Sync + 'static {
    /// `Service/Rpc`, as metrics and the debug view name it.
    const NAME: &'static str;
    /// Who serves it.
    const SERVICE: Service = Service::of(Self::NAME);
    /// Whether the viewer's token goes with the call. Then the key names the viewer.
    const IDENTIFIED: bool = false;
    /// What is asked.
    type Key: Clone + Eq + Hash + Debug + Send + Sync + 'static;
    /// What is answered.
    type Value: Clone + Send + Sync + 'static;
    /// The message that asks.
    type Request: Send + 'static;
    /// The message that answers.
    type Response: Send + 'static;

    /// The message that asks for `keys`.
    fn request(keys: &[Self::Key]) -> Self::Request;

    /// Sends it.
    fn send(
        line: Line,
        request: Request<Self::Request>,
    ) -> impl Future<Output = Result<Response<Self::Response>, Status>> + Send;

    /// The answers, in the order of the keys.
    fn answers(response: Self::Response) -> Vec<Answer<Self::Value>>;
}

/// Answers to an RPC that are put into the house's own values. A value that does not fit is the upstream's fault.
pub(crate) fn read<W, V>(
    answers: impl Iterator<Item = WireAnswer<W>>,
    value: impl Fn(W) -> Option<V>,
) -> Vec<Answer<V>> {
    let malformed = LoadError { code: ErrorCode::UpstreamUnavailable };
    answers
        .map(|answer| match answer {
            Ok(Some(wire)) => value(wire).map(Some).ok_or(malformed),
            Ok(None) => Ok(None),
            Err(KeyFailure(code)) => Err(LoadError { code }),
        })
        .collect()
}

/// The viewer's token, as it is sent.
pub(crate) fn bearer(credential: &Credential) -> Result<AsciiMetadataValue, InvalidMetadataValue> {
    let mut bearer = MetadataValue::try_from(format!("Bearer {}", credential.expose()))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// Sends the viewer's token along, if there is one.
pub(crate) fn identify<M>(request: &mut Request<M>, bearer: Option<AsciiMetadataValue>) {
    if let Some(bearer) = bearer {
        request.metadata_mut().insert(metadata::AUTHORIZATION, bearer);
    }
}

/// Sends along what the upstream is to obey of `policy`.
pub(crate) fn obeying<M>(request: &mut Request<M>, policy: &Policy) {
    request.metadata_mut().insert_bin(nova_flags::METADATA, MetadataValue::from_bytes(policy.wire()));
}

/// How many statements a call ran, by its own account.
pub(crate) fn statements<M>(response: &Response<M>) -> u64 {
    let statements = response.metadata().get(metadata::STATEMENTS);
    statements.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// An [`Rpc`] at its upstream.
pub(crate) struct Remote<R> {
    upstream: Upstream,
    max_batch: usize,
    cap: Duration,
    metrics: RpcMetrics,
    rpc: PhantomData<R>,
}

impl<R: Rpc> Remote<R> {
    pub(crate) fn new(upstream: Upstream, max_batch: usize, cap: Duration, metrics: RpcMetrics) -> Self {
        Self { upstream, max_batch, cap, metrics, rpc: PhantomData }
    }

    async fn call(
        &self,
        keys: &[R::Key],
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Vec<Answer<R::Value>>, ErrorCode> {
        let bearer = match caller.credential.as_ref().filter(|_| R::IDENTIFIED) {
            Some(credential) => Some(bearer(credential).map_err(|_| ErrorCode::Unauthenticated)?),
            None => None,
        };
        let attempt = |line, time| {
            let mut request = Request::new(R::request(keys));
            request.set_timeout(time);
            obeying(&mut request, &caller.policy);
            identify(&mut request, bearer.clone());
            R::send(line, request)
        };
        let answer = self.upstream.read(&Rules::of(&caller.policy), deadline, attempt).await;
        let response = answer.map_err(|error| {
            tracing::debug!(rpc = R::NAME, ?error, "upstream call failed");
            error.of_read()
        })?;
        caller.trace.statements(statements(&response));
        Ok(R::answers(response.into_inner()))
    }
}

impl<R: Rpc> Source for Remote<R> {
    type Key = R::Key;
    type Value = R::Value;

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn cap(&self) -> Duration {
        self.cap
    }

    fn joined(&self, keys: usize) {
        self.metrics.joined(keys);
    }

    fn may_fetch_again(&self, policy: &Policy) -> bool {
        self.upstream.may_fetch_again(&Rules::of(policy))
    }

    fn abandoned(&self) {
        self.metrics.abandoned();
    }

    async fn load(&self, keys: &[R::Key], caller: Caller, deadline: Deadline) -> Vec<Answer<R::Value>> {
        caller.trace.call(R::NAME, keys.len());
        self.metrics.called(keys.len());
        let begin = Instant::now();
        let answers = self.call(keys, &caller, deadline).await;
        self.metrics.duration.observe(begin.elapsed().as_secs_f64());
        answers.unwrap_or_else(|code| {
            self.metrics.failed(code);
            vec![Err(LoadError { code }); keys.len()]
        })
    }
}
