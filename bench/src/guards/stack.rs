//! A call to an upstream that answers at once from memory, with and without the guards: what is between the two is what the
//! whole stack costs. Both have in them what a gRPC call costs anyway: a message written and read, and one for the answer.

use std::{convert::Infallible, hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use nova_core::Deadline;
use nova_flags::{FlagId, Policy};
use nova_guard::Board;
use nova_loaders::{Line, Means, Rules, UpstreamMetrics, Upstreams, Way, Ways};
use nova_proto::v1;
use tokio::runtime::Handle;
use tonic::{Request, body::Body, codegen::http};
use tower::service_fn;

use super::timed::Case;

/// Longer than the bench.
const BUDGET: Duration = Duration::from_hours(1);

pub(super) fn cases() -> Vec<Case> {
    // Only timers need it, and none of them ever fires.
    let handle = Handle::current();
    let message = Bytes::from_static(&[0, 0, 0, 0, 0]);
    let trailers = [("grpc-status", "0"), ("content-type", "application/grpc")];
    let way = Way::new(service_fn(move |_request: http::Request<Body>| {
        let body = http_body_util::Full::new(message.clone());
        let mut response = http::Response::new(Body::new(body));
        for (name, value) in trailers {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    let ends = || vec![("memory".to_owned(), way.clone())];
    let means =
        Means { board: &Board::default(), metrics: &UpstreamMetrics::default(), random: || 0.5, max_response: 1 << 20 };
    let upstreams = Upstreams::new(Ways { users: ends(), content: ends(), social: ends() }, &means);
    let deadline = Deadline::after(BUDGET);
    let send = |line: Line, time: Duration| async move {
        let mut request = Request::new(v1::BatchByIdRequest::default());
        request.set_timeout(time);
        line.users().batch_get_users(request).await
    };
    let plain = {
        let (handle, way) = (handle.clone(), way.clone());
        move || {
            let _time = handle.enter();
            let call = send(Line::new(way.clone(), 1 << 20), deadline.remaining());
            call.now_or_never().is_some_and(|answer| black_box(answer).is_ok())
        }
    };
    let guarded = |policy: Policy| {
        let (handle, upstream, policy) = (handle.clone(), upstreams.users.clone(), Arc::new(policy));
        move || {
            let _time = handle.enter();
            let rules = Rules::of(&policy);
            let call = upstream.read(&rules, deadline, send);
            call.now_or_never().is_some_and(|answer| black_box(answer).is_ok())
        }
    };
    let off = [FlagId::GuardGrpcBreaker, FlagId::GuardBulkhead, FlagId::GuardRetry]
        .into_iter()
        .fold(Policy::defaults(), |policy, flag| policy.with(flag, false));
    let case = |name, call: Box<dyn Fn() -> bool + Sync>| Case { name, goal: None, allocates: true, call };
    vec![
        case("call_plain", Box::new(plain)),
        case("call_guarded", Box::new(guarded(Policy::defaults()))),
        case("call_measured_only", Box::new(guarded(off))),
        case("call_guarded_and_hedged", Box::new(guarded(Policy::defaults().with(FlagId::GuardHedging, true)))),
    ]
}
