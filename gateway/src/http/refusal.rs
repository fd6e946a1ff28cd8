//! Why a request is not executed, as one type: each reason has a status, a code and a message that says what to do about it.

use async_graphql::ServerError;
use http::{HeaderName, HeaderValue, StatusCode};
use nova_core::{ErrorCode, token::TokenError};

use crate::{errors, persisted::Refused, rate::Limited, shed::ShedReason};

/// A request that is turned away before its operation runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another method than POST and GET.
    #[error("operations are sent by POST, queries by GET too")]
    Method,
    /// A mutation that came by GET.
    #[error("mutations are sent by POST")]
    MutationByGet,
    /// The URL is longer than allowed.
    #[error("the URL is longer than {0} bytes: send the operation by POST")]
    UrlTooLong(usize),
    /// A GET that a page of another site may have made a browser send.
    #[error(
        "a page of another site may have made a browser send this: add the header `x-nova-csrf: 1`, or send the operation by POST"
    )]
    CrossSite,
    /// A name that a machine of others' may have had before, where only this machine is served.
    #[error("in development, a gateway on loopback answers to names of this machine alone: use localhost or 127.0.0.1")]
    ForeignHost,
    /// The client accepts nothing that this endpoint writes.
    #[error("only application/graphql-response+json and application/json are written")]
    NotAcceptable,
    /// There is no room for it now.
    #[error("{0}")]
    Overloaded(ShedReason),
    /// More requests of a user or from an address than may come.
    #[error("{0}")]
    RateLimited(#[from] Limited),
    /// The body is not said to be JSON.
    #[error("the body must be application/json in UTF-8")]
    ContentType,
    /// The body is compressed.
    #[error("the body must not be compressed")]
    ContentEncoding,
    /// The body is longer than allowed.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The body would take more memory than one may, once it is parsed.
    #[error("too many values in the body")]
    TooManyValues,
    /// The client took too long to send the body.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The body could not be read to its end, or is no GraphQL request.
    #[error("{0}")]
    BadRequest(String),
    /// Several operations in one body, and the flag is off.
    #[error("batches are not offered: send one operation in each request")]
    BatchingOff,
    /// More operations in one body than allowed.
    #[error("the batch has {count} operations, and {cap} are allowed")]
    BatchTooLarge {
        /// How many there are.
        count: usize,
        /// How many there may be.
        cap: usize,
    },
    /// No time was left for an operation of a batch.
    #[error("not begun: those before it took all the time there was")]
    NotBegun,
    /// No document for the name that was given, or none that may run.
    #[error("{0}")]
    Document(Refused),
    /// An `Authorization` header that is no valid access token.
    #[error("{0}")]
    Token(TokenError),
    /// A valid token of somebody who is gone.
    #[error("the token's user does not exist")]
    UnknownUser,
    /// No token where one is needed.
    #[error("a valid access token is needed")]
    TokenMissing,
    /// A valid token that does not reach this far.
    #[error("the token lacks the scope `{0}`")]
    Scope(&'static str),
    /// Nothing lives at this path.
    #[error("nothing here; operations are sent to /graphql")]
    NotFound,
    /// An operator means a breaker that is not here. The names of those that are.
    #[error("no breaker has this name; there are: {0}")]
    UnknownBreaker(String),
    /// A fault of ours, already logged.
    #[error("internal error")]
    Internal,
}

impl Refusal {
    /// Whether it is what GraphQL says to a request that HTTP finds nothing wrong with. Clients of the old media type look for
    /// that in a 200 only: Apollo's gave up hashes for good when the answer to one was a 400.
    pub(crate) fn is_graphql(&self) -> bool {
        matches!(self, Self::Document(Refused::NotFound | Refused::NotSupported))
    }

    /// The status, whatever media type was negotiated, unless it [is GraphQL's](Self::is_graphql): none of the others is a well-formed
    /// GraphQL request that was looked at.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Method | Self::MutationByGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::UrlTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Overloaded(_) | Self::Token(TokenError::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge(_) | Self::TooManyValues | Self::BatchTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotBegun => StatusCode::GATEWAY_TIMEOUT,
            Self::BadRequest(_)
            | Self::BatchingOff
            | Self::Document(Refused::NotFound | Refused::NotSupported | Refused::Mismatch) => StatusCode::BAD_REQUEST,
            Self::Token(_) | Self::UnknownUser | Self::TokenMissing => StatusCode::UNAUTHORIZED,
            Self::Scope(_) | Self::CrossSite | Self::Document(Refused::NoId | Refused::NotTrusted) => {
                StatusCode::FORBIDDEN
            }
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound | Self::UnknownBreaker(_) => StatusCode::NOT_FOUND,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What `extensions.code` says.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Method
            | Self::MutationByGet
            | Self::NotAcceptable
            | Self::ContentType
            | Self::ContentEncoding
            | Self::BadRequest(_) => ErrorCode::BadUserInput,
            Self::CrossSite | Self::ForeignHost => ErrorCode::CrossSiteRefused,
            Self::BatchingOff => ErrorCode::BatchingNotSupported,
            Self::Document(refused) => refused.code(),
            Self::Overloaded(_)
            | Self::BodyTooLarge(_)
            | Self::TooManyValues
            | Self::UrlTooLong(_)
            | Self::BatchTooLarge { .. } => ErrorCode::LimitExceeded,
            Self::RateLimited(_) => ErrorCode::RateLimited,
            Self::BodyTimeout | Self::NotBegun => ErrorCode::Timeout,
            // Nobody knows whether the token is bad: a client must not throw it away.
            Self::Token(TokenError::Unavailable) => ErrorCode::UpstreamUnavailable,
            Self::Token(_) | Self::UnknownUser | Self::TokenMissing => ErrorCode::Unauthenticated,
            Self::Scope(_) => ErrorCode::Forbidden,
            Self::NotFound | Self::UnknownBreaker(_) => ErrorCode::NotFound,
            Self::Internal => ErrorCode::Internal,
        }
    }

    /// What the body says.
    pub(crate) fn error(&self) -> ServerError {
        match self {
            Self::RateLimited(limited) => errors::limited(limited),
            _ => errors::error(self.code(), self.to_string(), None),
        }
    }

    /// The header that tells the client's library what to do about it, where HTTP has one.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        use http::header::{ACCEPT_ENCODING, ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
        let (name, value) = match self {
            Self::RateLimited(limited) => return Some((RETRY_AFTER, limited.seconds().into())),
            Self::Method => Some((ALLOW, "GET, POST")),
            Self::MutationByGet => Some((ALLOW, "POST")),
            // In an answer the header says what requests may be (RFC 9110 §12.5.3).
            Self::ContentEncoding => Some((ACCEPT_ENCODING, "identity")),
            Self::Overloaded(_) | Self::Token(TokenError::Unavailable) => Some((RETRY_AFTER, "1")),
            // The rest of the body may still come: nothing else can be read from this connection.
            Self::BodyTimeout => Some((CONNECTION, "close")),
            Self::Token(_) | Self::UnknownUser => Some((WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)),
            Self::TokenMissing => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::Scope(_) => Some((WWW_AUTHENTICATE, r#"Bearer error="insufficient_scope""#)),
            _ => None,
        }?;
        Some((name, HeaderValue::from_static(value)))
    }
}
