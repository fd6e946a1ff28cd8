//! The one catalogue of codes that a client can meet in `extensions.code`.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $message:literal;)*) => {
        /// Why something has no answer, as `extensions.code` says it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The message that goes with the code where nothing better is known. Never the text of another service.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// What the code means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// The request carries no valid token, and this needs one.
    Unauthenticated = "UNAUTHENTICATED", "a valid access token is needed";
    /// The caller is known and may not do this.
    Forbidden = "FORBIDDEN", "not allowed";
    /// What a mutation was to change does not exist.
    NotFound = "NOT_FOUND", "not found";
    /// An argument has a value that can't be; `extensions.argument` names it.
    BadUserInput = "BAD_USER_INPUT", "an argument is not valid";
    /// An id that this API never gave out, or one of another type.
    InvalidId = "INVALID_ID", "not an id of this type";
    /// A cursor that this field, with these arguments, never gave out.
    InvalidCursor = "INVALID_CURSOR", "not a cursor of this field";
    /// The same idempotency key came with another input, or somebody else was faster.
    Conflict = "CONFLICT", "in conflict with an earlier request";
    /// The operation is larger than the gateway allows.
    LimitExceeded = "LIMIT_EXCEEDED", "the operation is too large";
    /// Too many requests; try again later.
    RateLimited = "RATE_LIMITED", "too many requests";
    /// The budget of the request ran out before this was there.
    Timeout = "TIMEOUT", "not answered in time";
    /// The change may have been made or not: what was to make it did not answer in time. Look, or send it again with the same
    /// idempotency key.
    OutcomeUnknown = "OUTCOME_UNKNOWN", "it is not known whether the change was made";
    /// What this field is read from does not answer. Other fields are not touched.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", "temporarily unavailable";
    /// A fault of the gateway's own.
    Internal = "INTERNAL", "internal error";
    /// The document is not GraphQL.
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", "the document is not valid GraphQL";
    /// The document does not fit the schema.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", "the document does not fit the schema";
    /// The hash is not known; send the document with it.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND", "persisted query not found";
    /// Persisted documents are switched off.
    PersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED", "persisted queries are not supported";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_shout() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }
}
