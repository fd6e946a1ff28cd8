//! The services behind the gateway, and what their refusals mean to a client.

use nova_core::ErrorCode;
use nova_proto::v1::{content_client::ContentClient, social_client::SocialClient, users_client::UsersClient};
use tonic::{Code, Status, transport::Channel};

/// A channel to each upstream.
#[derive(Debug, Clone)]
pub struct Upstreams {
    /// To the service `nova.v1.Users`.
    pub users: Channel,
    /// To the service `nova.v1.Content`.
    pub content: Channel,
    /// To the service `nova.v1.Social`.
    pub social: Channel,
}

/// Largest message that an upstream may send, in bytes.
const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// A client of each upstream.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) users: UsersClient<Channel>,
    pub(crate) content: ContentClient<Channel>,
    pub(crate) social: SocialClient<Channel>,
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
