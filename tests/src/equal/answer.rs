//! Answers, as they are compared: `data` byte by byte, and where which error is.
#![expect(clippy::unwrap_used, reason = "an answer that is none has nothing to be compared with")]

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Deserializer, Value, json};

use crate::client::{Client, codes};

use super::generate::Operation;

/// What must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// `data`, to the byte; empty when there is none.
    pub data: String,
    /// The errors: path and code.
    pub errors: BTreeSet<String>,
}

impl Answer {
    /// What `client` gets for `operation`.
    ///
    /// # Panics
    /// When that is no answer of GraphQL.
    pub async fn of(client: &Client, operation: &Operation) -> Self {
        let body = json!({ "query": operation.document, "variables": operation.variables });
        let reply = client.post(body.to_string()).await;
        Self {
            status: reply.status,
            data: member(std::str::from_utf8(&reply.body).unwrap()).to_owned(),
            errors: codes(&reply.json()).into_iter().collect(),
        }
    }

    /// The same without what no two runs of a write have in common. Ids, cursors and usernames become numbers in the order
    /// in which they first appear, points in time a sign.
    ///
    /// # Panics
    /// When `data` is no JSON.
    #[must_use]
    pub fn masked(mut self) -> Self {
        if self.data.is_empty() {
            return self;
        }
        let (mut names, mut times) = (BTreeSet::new(), BTreeSet::new());
        made_up(&serde_json::from_str(&self.data).unwrap(), &mut names, &mut times);
        let quoted = |text: String| json!(text).to_string();
        let mut names: Vec<String> = names.into_iter().map(quoted).collect();
        names.sort_by_key(|name| self.data.find(name.as_str()));
        for (number, name) in names.iter().enumerate() {
            self.data = self.data.replace(name, &format!("#{number}"));
        }
        for time in times.into_iter().map(quoted) {
            self.data = self.data.replace(&time, "#time");
        }
        self
    }
}

/// The text of the member `data` of a response; empty when it has none.
fn member(body: &str) -> &str {
    let mut rest = body;
    // What stands before a key is a brace or a comma; what stands behind it, a colon.
    while let Some((key, behind)) = rest.get(1..).filter(|rest| rest.starts_with('"')).map(value) {
        let (value, behind) = value(&behind[1..]);
        if key == "\"data\"" {
            return value;
        }
        rest = behind;
    }
    ""
}

/// The JSON value at the start of a text, as it is written, and what comes behind it.
fn value(text: &str) -> (&str, &str) {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    values.next().unwrap().unwrap();
    text.split_at(values.byte_offset())
}

/// Collects texts that a run makes up, by the names of their fields.
fn made_up(value: &Value, names: &mut BTreeSet<String>, times: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| made_up(item, names, times)),
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.to_lowercase();
                match member {
                    Value::String(text) if key.ends_with("at") => drop(times.insert(text.clone())),
                    Value::String(text) if ["id", "cursor", "username"].iter().any(|end| key.ends_with(end)) => {
                        names.insert(text.clone());
                    }
                    _ => made_up(member, names, times),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(data: &str) -> Answer {
        Answer { status: StatusCode::OK, data: data.to_owned(), errors: BTreeSet::new() }
    }

    #[test]
    fn data_is_taken_to_the_byte() {
        assert_eq!(member(r#"{"data":{"b":1, "a":"}"},"extensions":{}}"#), r#"{"b":1, "a":"}"}"#);
        assert_eq!(member(r#"{"errors":[{"message":"\"data\":1"}],"data":{"a":1}}"#), r#"{"a":1}"#);
        assert_eq!(member(r#"{"errors":[],"data":null}"#), "null");
        assert_eq!(member(r#"{"errors":[]}"#), "");
    }

    #[test]
    fn what_a_run_makes_up_is_masked_and_nothing_else() {
        let one = answer(r#"{"b":{"id":"x","body":"same"},"a":{"authorId":"y","id":"x","createdAt":"2026"}}"#).masked();
        assert_eq!(one.data, r#"{"b":{"id":#0,"body":"same"},"a":{"authorId":#1,"id":#0,"createdAt":#time}}"#);
        let other = answer(r#"{"b":{"id":"7","body":"same"},"a":{"authorId":"8","id":"7","createdAt":"2027"}}"#);
        assert_eq!(other.masked(), one);
        let another = answer(r#"{"b":{"id":"7","body":"same"},"a":{"authorId":"8","id":"8","createdAt":"2027"}}"#);
        assert_ne!(another.masked(), one, "another object stands there");
    }
}
