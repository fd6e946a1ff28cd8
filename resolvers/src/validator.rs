//! Validation without execution, for documents that are to run later. The rules are those that a request meets: async-graphql
//! keeps them to itself, so they are reached through a schema of their own, which stops where a request would begin to run.

use std::{fmt, sync::Arc};

use async_graphql::{
    Request, Response, ServerError,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
    parser::types::ExecutableDocument,
};
use async_trait::async_trait;
use futures_util::FutureExt as _;

use crate::schema::{NovaSchema, builder, suggesting};

/// Holds documents against the schema.
pub struct Validator {
    schema: NovaSchema,
}

impl Validator {
    /// A validator for the schema of this build, which says what an unknown name may have been meant for if `suggestions` are
    /// wanted. It holds a schema of its own: make one for many documents.
    #[must_use]
    pub fn new(suggestions: bool) -> Self {
        Self { schema: suggesting(builder().extension(Stop), suggestions).finish() }
    }

    /// What validation says of a document, of which `operation` would run; nothing when it says nothing. Values of variables are
    /// not looked at: there are none yet.
    #[must_use]
    pub fn validate(&self, document: ExecutableDocument, operation: Option<String>) -> Vec<ServerError> {
        let mut request = Request::new("");
        request.operation_name = operation;
        request.set_parsed_query(document);
        #[expect(clippy::disallowed_methods, reason = "it stops before anything runs")]
        let validated = self.schema.execute(request);
        // Nothing in it waits for anybody.
        let ended = validated.now_or_never().map(|response| response.errors);
        ended.unwrap_or_else(|| vec![ServerError::new("validation did not come to an end", None)])
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

/// Ends a request that passed validation.
struct Stop;

impl ExtensionFactory for Stop {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Stop {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn nothing_runs_and_what_does_not_fit_is_said() {
        let validator = Validator::new(true);
        let said = |text: &str| {
            let said = validator.validate(parse_query(text).unwrap(), None);
            said.iter().map(|error| error.message.clone()).collect::<Vec<_>>()
        };
        // A resolver would panic: the request has no loaders.
        assert_eq!(said("query ($name: String!) { user(username: $name) { id } }"), Vec::<String>::new());
        assert_eq!(said("{ nonsense }"), [r#"Unknown field "nonsense" on type "Query"."#]);
    }
}
