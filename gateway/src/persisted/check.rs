//! Whether a document could run here: it parses, is within the ceilings, and the schema has what it asks for. Said with the very
//! guard, parser and rules that requests meet, before there is any request. Nothing is executed.

use std::fmt;

use async_graphql::{ServerError, parser::types::DocumentOperations};
use nova_resolvers::Validator;

use crate::guard::{Guard, SchemaError};

/// Checks documents against the schema of this build.
pub struct DocumentChecker {
    guard: Guard,
    validator: Validator,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In words.
    pub message: String,
    /// The line of the document's text, from 1; 0 where it is about no line.
    pub line: usize,
}

impl DocumentChecker {
    /// A checker for the schema of this build, which says what an unknown name may have been meant for if `suggestions` are wanted.
    /// Dear: make one for many documents.
    ///
    /// # Errors
    /// When the schema can't be read.
    pub fn new(suggestions: bool) -> Result<Self, SchemaError> {
        Ok(Self { guard: Guard::new(&nova_resolvers::sdl())?, validator: Validator::new(suggestions) })
    }

    /// What is wrong with the document that `text` is; nothing when it could run.
    #[must_use]
    pub fn check(&self, text: &str) -> Vec<Finding> {
        let document = match self.guard.prepare(text) {
            Ok(prepared) => match prepared.never_runs() {
                Some(unfit) => return vec![finding(&unfit.error())],
                None => prepared.document,
            },
            Err(unfit) => return vec![finding(&unfit.error())],
        };
        // All operations are validated, whichever is chosen; one has to be where there are several.
        let chosen = match &document.operations {
            DocumentOperations::Single(_) => None,
            DocumentOperations::Multiple(operations) => operations.keys().min().map(ToString::to_string),
        };
        let mut found: Vec<_> = self.validator.validate(document, chosen).iter().map(finding).collect();
        // async-graphql says some things twice.
        found.dedup();
        found
    }
}

impl fmt::Debug for DocumentChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentChecker")
    }
}

fn finding(error: &ServerError) -> Finding {
    Finding { message: error.message.clone(), line: error.locations.first().map_or(0, |at| at.line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_passes_and_the_rest_is_told_where() {
        let checker = DocumentChecker::new(true).unwrap();
        let found = |text: &str| match &checker.check(text)[..] {
            [] => String::new(),
            [Finding { message, line }, ..] => format!("{line} {message}"),
        };
        assert_eq!(found("query A($id: ID!) { node(id: $id) { id } }"), "");
        assert_eq!(found("query A { viewer { id } } query B { viewer { username } }"), "");
        assert_eq!(found("mutation M($input: CreatePostInput!) { createPost(input: $input) { post { id } } }"), "");
        assert_eq!(found("{\n viewer { nonsense } }"), r#"2 Unknown field "nonsense" on type "User"."#);
        assert_eq!(
            found("query A { viewer { id } } query B { nonsense }"),
            r#"1 Unknown field "nonsense" on type "Query"."#
        );
        assert_eq!(found("{\n viewer {"), "2 the document is not valid GraphQL: expected selection");
        assert!(found("").contains("not valid GraphQL"));
        assert!(found("{ feed(first: 100) { nodes { comments(first: 100) { nodes { author { followers(first: 100) { nodes { id } } } } } } } }").contains("points of complexity"));
        assert!(found(&"{a".repeat(100)).contains("levels of nesting"));
        assert!(found("{ ...F } fragment F on Query { ...F }").contains("within itself"));
        assert!(found("subscription { viewer }").contains("not configured for subscriptions"));
    }
}
