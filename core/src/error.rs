//! The one catalogue of codes that a client can meet in `extensions.code`.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $message:literal, $remedy:literal;)*) => {
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

            /// What a client does about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
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
    Unauthenticated = "UNAUTHENTICATED", "a valid access token is needed", "Get a new token. The same one will not do.";
    /// The caller may not do this, or not with this document.
    Forbidden = "FORBIDDEN", "not allowed", "Don't repeat it.";
    /// A page of another site may have made a browser send this, and it did not ask first.
    CrossSiteRefused = "CROSS_SITE_REFUSED", "not from another site",
        "Add the header `x-nova-csrf: 1`, or send the operation by POST. With 421: call the machine localhost.";
    /// What a mutation was to change does not exist.
    NotFound = "NOT_FOUND", "not found", "Don't repeat it; what is on the screen is out of date.";
    /// An argument has a value that can't be; `extensions.argument` names it.
    BadUserInput = "BAD_USER_INPUT", "an argument is not valid", "Mend the argument.";
    /// An id that this API never gave out, or one of another type.
    InvalidId = "INVALID_ID", "not an id of this type", "Mend the client: ids are opaque and carry their type.";
    /// A cursor that this field, with these arguments, never gave out.
    InvalidCursor = "INVALID_CURSOR", "not a cursor of this field", "Begin at the first page.";
    /// The same idempotency key came with another input.
    Conflict = "CONFLICT", "in conflict with an earlier request", "Mend the client: one key for each thing to be done.";
    /// The operation is larger than the gateway allows.
    LimitExceeded = "LIMIT_EXCEEDED", "the operation is too large", "Ask for less at a time: smaller pages, and `first` on each; `extensions.limit` says of what. With 503: try again later.";
    /// More came from this user or address than is served at a time. Nothing was done.
    RateLimited = "RATE_LIMITED", "too many requests",
        "Wait as long as `extensions.retryAfterMs` and the header `Retry-After` say, then ask again.";
    /// The budget of the request ran out before this was there. Nothing was changed.
    Timeout = "TIMEOUT", "not answered in time", "Use what is there; ask again after a moment.";
    /// The change may have been made or not: what was to make it did not answer in time.
    OutcomeUnknown = "OUTCOME_UNKNOWN", "it is not known whether the change was made",
        "Look, or send it again with the same idempotency key.";
    /// What this field is read from does not answer. Other fields are not touched, and nothing was changed.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", "temporarily unavailable", "Use what is there; ask again after a moment.";
    /// A fault of the gateway's own.
    Internal = "INTERNAL", "internal error", "Use what is there; report it with the `x-request-id` of the response.";
    /// The document is not GraphQL.
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", "the document is not valid GraphQL", "Mend the document.";
    /// The document does not fit the schema.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", "the document does not fit the schema", "Mend the document.";
    /// The body has several operations, and this gateway takes one.
    BatchingNotSupported = "BATCHING_NOT_SUPPORTED", "batches are not supported",
        "Send one operation in each request; over HTTP/2 they share a connection.";
    /// A document was asked for by its hash or id, and there is none here.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound",
        "Send the document with its hash; libraries do so by themselves. Of a trusted document: its manifest is not deployed.";
    /// A document was asked for by its hash or id, and only whole documents are taken.
    PersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported",
        "Send the whole document; libraries do so by themselves.";
}

impl ErrorCode {
    /// The catalogue for people: what `docs/errors.md` holds.
    #[must_use]
    pub fn catalogue() -> String {
        let mut text = String::from(
            "# Errors\n\n\
            The codes in `extensions.code`, all of them. This page is written by `./nova errors > docs/errors.md`.\n\n\
            | code | what it means | what to do |\n|---|---|---|\n",
        );
        for code in Self::ALL {
            text.extend(["| `", code.as_str(), "` | ", code.meaning(), " | ", code.remedy(), " |\n"]);
        }
        text
    }
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
    fn the_page_is_the_catalogue() {
        let page = include_str!("../../docs/errors.md");
        assert!(page == ErrorCode::catalogue(), "docs/errors.md is out of date: ./nova errors > docs/errors.md");
    }

    #[test]
    fn codes_are_distinct_and_shout() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }
}
