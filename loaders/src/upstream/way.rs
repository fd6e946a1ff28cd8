//! The way to one endpoint of a service.

use std::{
    fmt,
    task::{Context, Poll},
};

use nova_proto::v1::{content_client::ContentClient, social_client::SocialClient, users_client::UsersClient};
use tonic::{
    body::Body,
    codegen::{BoxFuture, Service, StdError, http},
    transport::Channel,
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// The way to an endpoint: gRPC over a connection, or straight into a service of this process. Cheap to clone.
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

/// The way of one attempt, and the largest answer that is taken from it, in bytes.
#[derive(Debug)]
pub struct Line {
    way: Way,
    max_response: usize,
}

impl Line {
    /// On `way`, whose answers may have `max_response` bytes.
    #[must_use]
    pub fn new(way: Way, max_response: usize) -> Self {
        Self { way, max_response }
    }

    /// A client of the users service.
    #[must_use]
    pub fn users(self) -> UsersClient<Way> {
        UsersClient::new(self.way).max_decoding_message_size(self.max_response)
    }

    /// A client of the content service.
    #[must_use]
    pub fn content(self) -> ContentClient<Way> {
        ContentClient::new(self.way).max_decoding_message_size(self.max_response)
    }

    /// A client of the social service.
    #[must_use]
    pub fn social(self) -> SocialClient<Way> {
        SocialClient::new(self.way).max_decoding_message_size(self.max_response)
    }
}
