//! The services behind the gateway, and what their refusals mean to a client.

use std::{
    fmt,
    task::{Context, Poll},
};

use nova_core::ErrorCode;
use nova_proto::v1::{content_client::ContentClient, social_client::SocialClient, users_client::UsersClient};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{BoxFuture, Service, StdError, http},
    transport::Channel,
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// The way to a service: gRPC over a connection, or straight into a service of this process. Cheap to clone.
#[derive(Clone)]
pub struct Way(BoxCloneSyncService<Request, Response, StdError>);

impl Way {
    /// The way that `service` is.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Response, Error: Into<StdError>, Future: Send> + Clone + Send + Sync + 'static,
    {
        Self(BoxCloneSyncService::new(service.map_err(Into::into)))
    }
}

impl From<Channel> for Way {
    fn from(channel: Channel) -> Self {
        Self::new(channel)
    }
}

impl Service<Request> for Way {
    type Response = Response;
    type Error = StdError;
    type Future = BoxFuture<Response, StdError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.0.call(request)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way(..)")
    }
}

/// The way to each upstream.
#[derive(Debug, Clone)]
pub struct Upstreams {
    /// To the service `nova.v1.Users`.
    pub users: Way,
    /// To the service `nova.v1.Content`.
    pub content: Way,
    /// To the service `nova.v1.Social`.
    pub social: Way,
}

/// Largest message that an upstream may send, in bytes.
const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// A client of each upstream.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) users: UsersClient<Way>,
    pub(crate) content: ContentClient<Way>,
    pub(crate) social: SocialClient<Way>,
}

impl From<Upstreams> for Clients {
    fn from(upstreams: Upstreams) -> Self {
        Self {
            users: UsersClient::new(upstreams.users).max_decoding_message_size(MAX_RESPONSE_BYTES),
            content: ContentClient::new(upstreams.content).max_decoding_message_size(MAX_RESPONSE_BYTES),
            social: SocialClient::new(upstreams.social).max_decoding_message_size(MAX_RESPONSE_BYTES),
        }
    }
}

/// What a client is told of a call that failed as a whole.
pub(crate) fn code_of(status: &Status) -> ErrorCode {
    match status.code() {
        // tonic reports a `grpc-timeout` that ran out as CANCELLED.
        Code::DeadlineExceeded | Code::Cancelled => ErrorCode::Timeout,
        Code::Unauthenticated => ErrorCode::Unauthenticated,
        Code::PermissionDenied => ErrorCode::Forbidden,
        _ => ErrorCode::UpstreamUnavailable,
    }
}
