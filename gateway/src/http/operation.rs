//! The body as a GraphQL request: JSON, one object, the four parameters of the specification and those that name a document.
//! [`Body`] is what they are wherever they come from. It never reads the document.
//!
//! A repeated parameter is refused; a repeated name within `variables` counts as its last value. Parameters that nobody
//! knows are not looked at.

use std::borrow::Cow;

use async_graphql::Variables;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::persisted::{Asked, Ids};

/// The parameters of one request, borrowed from its body where JSON's escapes allow.
#[derive(Debug)]
pub(crate) struct Parameters<'a> {
    /// The document, or its name.
    pub(crate) asked: Asked<'a>,
    /// Which of its operations.
    pub(crate) operation_name: Option<String>,
    /// Values for the operation's variables.
    pub(crate) variables: Variables,
}

/// The document. (In an `Option` of its own, serde would copy the text.)
#[derive(Debug, Deserialize)]
struct Document<'a>(#[serde(borrow)] Cow<'a, str>);

/// The parameters as they come, in a body or a URL.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(borrow, default)]
    query: Option<Document<'a>>,
    #[serde(default)]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Variables,
    #[serde(default)]
    pub(super) extensions: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) document_id: Option<String>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default, rename = "doc_id")]
    pub(super) doc_id: Option<String>,
}

impl<'a> Body<'a> {
    pub(super) fn set_query(&mut self, query: Cow<'a, str>) {
        self.query = Some(Document(query));
    }
}

impl<'a> TryFrom<Body<'a>> for Parameters<'a> {
    type Error = Refusal;

    fn try_from(body: Body<'a>) -> Result<Self, Refusal> {
        let Body { query, operation_name, variables, extensions, document_id, id, doc_id } = body;
        let query = query.map(|Document(query)| query);
        let asked = Asked::new(query, extensions.as_ref(), Ids { document_id, id, doc_id })
            .map_err(|why| Refusal::BadRequest(format!("this is not a GraphQL request: {why}")))?;
        Ok(Self { asked, operation_name, variables })
    }
}

impl<'a> Parameters<'a> {
    /// Reads an object. (serde would take an array for one, too.)
    pub(super) fn parse(object: &'a str) -> Result<Self, Refusal> {
        serde_json::from_str::<Body<'_>>(object)
            .map_err(|error| Refusal::BadRequest(format!("the body is not a GraphQL request: {}", shortened(&error))))?
            .try_into()
    }
}

/// What the parser says. It quotes what it did not expect, and that may be as long as the body.
pub(super) fn shortened(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::batch::Operations, *};

    fn parse(body: &[u8]) -> Result<Parameters<'_>, Refusal> {
        match Operations::parse(body, None)? {
            Operations::One(parameters) => Ok(parameters),
            Operations::Batch(_) => panic!("batches are off"),
        }
    }

    fn refusal(body: impl AsRef<[u8]>) -> String {
        match parse(body.as_ref()) {
            Err(Refusal::BadRequest(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_four_parameters_are_read() {
        let body = br#" {"query":"{ a }","operationName":"A","variables":{"n":1},"extensions":{"x":[1]},"more":2}"#;
        let parameters = parse(body).unwrap();
        let borrowed = body.as_ptr_range().contains(&parameters.asked.text().unwrap().as_ptr());
        assert!(borrowed, "without escapes nothing is copied");
        assert_eq!(parameters.asked.text(), Some("{ a }"));
        assert_eq!(parameters.operation_name.as_deref(), Some("A"));
        assert_eq!(parameters.variables.len(), 1);
    }

    #[test]
    fn null_is_as_good_as_left_out_except_for_the_document() {
        let body = br#"{"query":"{\n a }","operationName":null,"variables":null,"extensions":null}"#;
        let parameters = parse(body).unwrap();
        assert_eq!((parameters.asked.text(), parameters.operation_name), (Some("{\n a }"), None));
        for body in [r#"{"query":null}"#, "{}", r#"{"extensions":{}}"#] {
            assert!(refusal(body).contains("`query` must be a string"));
        }
    }

    #[test]
    fn a_document_may_be_named() {
        let hash = "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b";
        for (body, text) in [
            (format!(r#"{{"extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}}}}}}"#), None),
            (
                format!(
                    r#"{{"query":"{{ a }}","extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}}}}}}"#
                ),
                Some("{ a }"),
            ),
            (format!(r#"{{"documentId":"sha256:{hash}"}}"#), None),
            (format!(r#"{{"id":"{hash}","query":null}}"#), None),
            (format!(r#"{{"doc_id":"{hash}"}}"#), None),
        ] {
            let asked = parse(body.as_bytes()).unwrap().asked;
            assert!(asked.reference().is_some() && asked.text() == text, "{body}");
        }
        assert!(
            refusal(r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#).contains("64 lower-case")
        );
        assert!(refusal(r#"{"query":"{ a }","documentId":"a"}"#).contains("not both"));
    }

    #[test]
    fn whatever_is_no_request_is_told_why() {
        for (body, why) in [
            (&b""[..], "empty"),
            (b" \n", "empty"),
            (b"\xff\xfe{", "not UTF-8"),
            (b"null", "not a JSON object"),
            (b"\"{ a }\"", "not a JSON object"),
            (b"{\"query\":\"{a}\"", "EOF"),
            (b"{\"query\":\"{a}\"} x", "trailing characters"),
            (br#"{"query":1}"#, "expected a string"),
            (br#"{"query":["a"]}"#, "expected a string"),
            (br#"{"query":"{a}","operationName":1}"#, "expected a string"),
            (br#"{"query":"{a}","variables":"{}"}"#, "expected a map"),
            (br#"{"query":"{a}","variables":[]}"#, "expected a map"),
            (br#"{"query":"{a}","extensions":1}"#, "expected a map"),
            (br#"{"documentId":1}"#, "expected a string"),
            (br#"{"query":"{a}","query":"{b}"}"#, "duplicate field"),
        ] {
            let message = refusal(body);
            assert!(message.contains(why), "{message}");
        }
        let deep = format!(r#"{{"query":"{{a}}","variables":{{"a":{}}}}}"#, "[".repeat(100_000));
        assert!(refusal(deep).contains("recursion limit"));
        let long = format!(r#"{{"query":"{{a}}","variables":"{}"}}"#, "x".repeat(100_000));
        assert!(refusal(long).len() < 300, "a refusal does not send the body back");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }

        #[test]
        fn nor_does_anything_that_looks_like_a_request(
            query in ".{0,40}", name in "[a-zA-Z\"\\\\:{}]{0,12}", value in "[0-9eE+.\\[\\]{}\",:null-]{0,20}",
        ) {
            let body = format!("{{\"query\":{query:?},\"{name}\":{value},\"variables\":{{\"{name}\":{value}}}}}");
            let _ = parse(body.as_bytes());
        }
    }
}
