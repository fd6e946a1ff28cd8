//! The codes of errors: every error that leaves the house has one, and what is not meant for clients does not leave it.
//!
//! async-graphql's own errors carry no code. Which of them come how is pinned by the tests below, against the exact version
//! in the lock file: their text is all that tells a coercion error from a resolver's.

use std::collections::HashMap;

use async_graphql::{
    PathSegment, Pos, ServerError, Value,
    parser::{Error as ParseError, types::ExecutableDocument},
};
use nova_core::ErrorCode;

use crate::{
    argument::{self, Argument},
    rate::Limited,
};

/// As many errors as one refused document is told. The rest would only repeat its own text to it.
const MAX_REQUEST_ERRORS: usize = 50;

/// An error with a code.
pub(crate) fn error(code: ErrorCode, message: impl Into<String>, at: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, at);
    error.extensions.get_or_insert_default().set("code", code.as_str());
    error
}

/// `BAD_USER_INPUT` that names the argument.
pub(crate) fn bad_input(message: impl Into<String>, argument: &str, at: Option<Pos>) -> ServerError {
    let mut error = error(ErrorCode::BadUserInput, message, at);
    error.extensions.get_or_insert_default().set("argument", argument);
    error
}

/// `RATE_LIMITED` that says when to come back.
pub(crate) fn limited(limited: &Limited) -> ServerError {
    let mut error = error(ErrorCode::RateLimited, limited.to_string(), None);
    error.extensions.get_or_insert_default().set("retryAfterMs", limited.millis());
    error
}

/// `LIMIT_EXCEEDED` of an operation that costs more points than its caller can ever have.
pub(crate) fn never_affordable(cost: u64, most: u32) -> ServerError {
    let message = format!("the operation costs {cost} points, and no caller ever has more than {most}");
    let mut error = error(ErrorCode::LimitExceeded, message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("limit", "cost_budget");
    extensions.set("value", cost);
    extensions.set("max", most);
    error
}

/// Why a document does not parse. The parser's own message quotes a whole line of it, however long: only its end is kept.
pub(crate) fn parse_failed(failure: &ParseError) -> ServerError {
    let text = failure.to_string();
    let why = text.rsplit_once("= ").map_or(text.as_str(), |(_, why)| why).trim();
    let mut error = error(ErrorCode::GraphqlParseFailed, format!("{}: {why}", ErrorCode::GraphqlParseFailed), None);
    error.locations = failure.positions().collect();
    error
}

/// The operation ran out of its budget and was dropped. What it wrote until then is written.
pub(crate) fn dropped(writes: bool) -> ServerError {
    let code = if writes { ErrorCode::OutcomeUnknown } else { ErrorCode::Timeout };
    error(code, code.message(), None)
}

/// Gives each error of a response its code, and keeps in the house what belongs there.
pub(crate) fn classify(errors: &mut Vec<ServerError>, document: &ExecutableDocument) {
    if errors.iter().all(|error| error.path.is_empty()) {
        // async-graphql walks a document twice and says what is wrong with an operation as a whole each time.
        errors.dedup();
        errors.truncate(MAX_REQUEST_ERRORS);
    }
    // Many errors can be about one argument, and finding it takes a walk over the document.
    let mut arguments = HashMap::new();
    for error in errors {
        if code_of(error).is_none() {
            let argument = error.locations.first().and_then(|at| {
                let found = arguments.entry(*at).or_insert_with(|| argument::find(document, *at));
                found.as_ref()
            });
            add_code(error, argument);
        }
        // A value that stands nowhere in the document, such as a default, is said to be on line 0.
        error.locations.retain(|at| at.line > 0);
    }
}

fn add_code(error: &mut ServerError, argument: Option<&Argument<'_>>) {
    let (code, argument) = if error.path.is_empty() {
        match argument {
            // The document is fine and a variable's value is not.
            Some(found) if found.uses_variable && error.message.starts_with("Invalid value for argument") => {
                (ErrorCode::BadUserInput, Some(found.name))
            }
            _ => (ErrorCode::GraphqlValidationFailed, None),
        }
    } else if is_coercion(&error.message) {
        (ErrorCode::BadUserInput, argument.map(|found| found.name))
    } else {
        tracing::error!(message = %error.message, path = %Path(&error.path), "a field failed without a code");
        ErrorCode::Internal.message().clone_into(&mut error.message);
        (ErrorCode::Internal, None)
    };
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code.as_str());
    if let Some(argument) = argument {
        extensions.set("argument", argument);
    }
}

/// Whether an argument's value could not be read as its type: the two messages of `InputValueError`.
fn is_coercion(message: &str) -> bool {
    message.starts_with("Expected input type \"") || message.starts_with("Failed to parse \"")
}

/// The code that an error carries, if it is one of ours.
pub(crate) fn code_of(error: &ServerError) -> Option<ErrorCode> {
    let Some(Value::String(code)) = error.extensions.as_ref()?.get("code") else { return None };
    ErrorCode::ALL.iter().copied().find(|known| known.as_str() == code)
}

struct Path<'a>(&'a [PathSegment]);

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, segment) in self.0.iter().enumerate() {
            match segment {
                PathSegment::Field(name) => write!(f, "{}{name}", if n == 0 { "" } else { "." })?,
                PathSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        EmptyMutation, EmptySubscription, Error, ErrorExtensions, ID, Object, Request, Schema, Variables,
        parser::parse_query, value,
    };

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn page(&self, first: Option<i32>) -> Option<i32> {
            first
        }

        async fn node(&self, id: ID) -> Option<ID> {
            Some(id)
        }

        async fn nodes(&self, ids: Vec<ID>) -> Vec<ID> {
            ids
        }

        async fn late(&self) -> Option<Result<i32, Error>> {
            Some(Err(Error::new("not answered in time").extend_with(|_, extensions| extensions.set("code", "TIMEOUT"))))
        }

        async fn leaky(&self) -> Option<Result<i32, Error>> {
            Some(Err(Error::new("password=hunter2 is wrong")))
        }
    }

    /// `CODE argument @path: message` of each error, in the order of the response.
    async fn codes(text: &str, variables: Value) -> String {
        let document = match parse_query(text) {
            Ok(document) => document,
            Err(failure) => return line(&parse_failed(&failure)),
        };
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        let request = Request::new(text).variables(Variables::from_value(variables));
        #[expect(clippy::disallowed_methods, reason = "the errors of the schema itself are what is tested")]
        let mut errors = schema.execute(request).await.errors;
        classify(&mut errors, &document);
        errors.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn line(error: &ServerError) -> String {
        let extension = |name| match error.extensions.as_ref().and_then(|extensions| extensions.get(name)) {
            Some(Value::String(text)) => text.clone(),
            _ => "-".into(),
        };
        assert!(error.locations.iter().all(|at| at.line > 0), "{error:?}");
        format!("{} {} @{}: {}", extension("code"), extension("argument"), Path(&error.path), error.message)
    }

    #[tokio::test]
    async fn a_document_that_is_none_is_told_where_and_not_sent_back() {
        insta::assert_snapshot!(codes("{ a(", value!({})).await, @"GRAPHQL_PARSE_FAILED - @: the document is not valid GraphQL: expected name");
        insta::assert_snapshot!(codes("", value!({})).await, @"GRAPHQL_PARSE_FAILED - @: the document is not valid GraphQL: expected executable_definition");
        insta::assert_snapshot!(codes("query A { a } query A { a }", value!({})).await, @"GRAPHQL_PARSE_FAILED - @: the document is not valid GraphQL: operation A is defined twice");
        let long = format!("{{ {} ", "a ".repeat(100_000));
        assert!(codes(&long, value!({})).await.len() < 200);
    }

    #[tokio::test]
    async fn a_document_that_does_not_fit_the_schema() {
        insta::assert_snapshot!(codes("{ nonsense }", value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Unknown field "nonsense" on type "Query"."#);
        insta::assert_snapshot!(codes(r#"{ page(first: "x") }"#, value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Invalid value for argument "first", expected type "Int""#);
        insta::assert_snapshot!(codes("{ node }", value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Field "node" argument "id" of type "Query" is required but not provided"#);
        insta::assert_snapshot!(codes("{ node(id: null) }", value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Invalid value for argument "id", expected type "ID""#);
        insta::assert_snapshot!(codes("{ page(first: $v) }", value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Variable "$v" is not defined"#);
        insta::assert_snapshot!(codes("{ ...F }", value!({})).await, @r#"GRAPHQL_VALIDATION_FAILED - @: Unknown fragment: "F""#);
        insta::assert_snapshot!(codes("mutation { page }", value!({})).await, @"GRAPHQL_VALIDATION_FAILED - @: Schema is not configured for mutations.");
        insta::assert_snapshot!(codes("subscription { page }", value!({})).await, @"GRAPHQL_VALIDATION_FAILED - @: Schema is not configured for subscriptions.");
        let many = codes(&format!("{{ {} }}", "b ".repeat(1_000)), value!({})).await;
        assert_eq!(many.lines().count(), MAX_REQUEST_ERRORS);
    }

    #[tokio::test]
    async fn a_value_that_can_not_be_names_its_argument() {
        insta::assert_snapshot!(codes("query ($v: Int) { page(first: $v) }", value!({"v": "x"})).await, @r#"BAD_USER_INPUT first @: Invalid value for argument "first", expected type "Int""#);
        insta::assert_snapshot!(codes("query ($v: [ID!]!) { nodes(ids: $v) }", value!({"v": [1, [2]]})).await, @r#"BAD_USER_INPUT ids @: Invalid value for argument "ids.1", expected type "ID""#);
        insta::assert_snapshot!(codes("query ($v: Int) { page(first: $v) }", value!({"v": 99_999_999_999_i64})).await, @r#"BAD_USER_INPUT first @page: Failed to parse "Int": Only integers from -2147483648 to 2147483647 are accepted."#);
        insta::assert_snapshot!(codes("{ page(first: 99999999999) }", value!({})).await, @r#"BAD_USER_INPUT first @page: Failed to parse "Int": Only integers from -2147483648 to 2147483647 are accepted."#);
        insta::assert_snapshot!(codes("query ($v: ID!) { node(id: $v) }", value!({})).await, @r#"BAD_USER_INPUT id @node: Expected input type "ID", found null."#);
    }

    #[tokio::test]
    async fn what_a_resolver_says_keeps_its_code_and_what_it_did_not_mean_to_say_stays_here() {
        insta::assert_snapshot!(codes("{ late }", value!({})).await, @"TIMEOUT - @late: not answered in time");
        insta::assert_snapshot!(codes("{ leaky }", value!({})).await, @"INTERNAL - @leaky: internal error");
    }
}
