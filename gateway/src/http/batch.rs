//! Several operations in one body, as a JSON array. They run one after the other, in their order: a batch is one request in
//! work, and takes no more of the gateway at a time than one operation. What becomes of one does not touch the others.

use std::{fmt, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use nova_flags::HttpBatching;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    around,
    context::{Context, Outcome},
    operation::{Body, Parameters, shortened},
    refusal::Refusal,
};

/// The operations of a body.
#[derive(Debug)]
pub(crate) enum Operations<'a> {
    One(Parameters<'a>),
    /// In an array. An entry can be a request that is refused.
    Batch(Vec<Result<Parameters<'a>, Refusal>>),
}

impl<'a> Operations<'a> {
    /// Reads a body. Without `batching`, an array is refused.
    pub(crate) fn parse(body: &'a [u8], batching: Option<HttpBatching>) -> Result<Self, Refusal> {
        match batching {
            Some(limit) if body.trim_ascii_start().first() == Some(&b'[') => {
                batch(body, limit.max_operations.into()).map(Self::Batch)
            }
            _ => Parameters::parse(body).map(Self::One),
        }
    }
}

/// Runs the operations of a batch, each to its own outcome. When there is no time left, the rest is not begun.
///
/// # Errors
/// The viewer is gone: then nothing was run.
pub(crate) async fn run(
    context: &Context<'_>,
    operations: Vec<Result<Parameters<'_>, Refusal>>,
) -> Result<Vec<Outcome>, Refusal> {
    context.check_viewer().await?;
    let mut outcomes = Vec::with_capacity(operations.len());
    for (n, parameters) in operations.into_iter().enumerate() {
        let counted = if n == 0 { Ok(()) } else { context.count() };
        let outcome = match counted.and(parameters) {
            Ok(_) if context.deadline.remaining().is_zero() => Err(Refusal::NotBegun),
            Ok(parameters) => caught(context.operate(parameters)).await,
            Err(refusal) => Err(refusal),
        };
        outcomes.push(outcome.unwrap_or_else(|refusal| Outcome::refused(&refusal)));
    }
    Ok(outcomes)
}

/// An operation whose panic costs it alone: what the ones before it changed is changed, and must be said.
async fn caught<T>(operation: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    AssertUnwindSafe(operation).catch_unwind().await.unwrap_or_else(|panic| {
        around::log_panic(panic.as_ref());
        Err(Refusal::Internal)
    })
}

fn batch(body: &[u8], cap: usize) -> Result<Vec<Result<Parameters<'_>, Refusal>>, Refusal> {
    let refused = |error: &serde_json::Error| {
        Refusal::BadRequest(format!("the body is not a list of GraphQL requests: {}", shortened(error)))
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let entries = Entries { cap }.deserialize(&mut reader).map_err(|error| refused(&error))?;
    reader.end().map_err(|error| refused(&error))?;
    match entries.count {
        0 => Err(Refusal::BadRequest("the batch is empty".into())),
        count if count > cap => Err(Refusal::BatchTooLarge { count, cap }),
        _ => Ok(entries.bodies.into_iter().map(Parameters::try_from).collect()),
    }
}

/// Reads a list of requests and keeps `cap` of them: an array of a megabyte takes no more memory than that.
struct Entries {
    cap: usize,
}

struct Read<'a> {
    bodies: Vec<Body<'a>>,
    /// How many there are, kept or not.
    count: usize,
}

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Read<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read<'de>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Read<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of GraphQL requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Read<'de>, A::Error> {
        let mut bodies = Vec::new();
        while bodies.len() < self.cap {
            match entries.next_element::<Entry<'de>>()? {
                Some(Entry(body)) => bodies.push(body),
                None => return Ok(Read { count: bodies.len(), bodies }),
            }
        }
        let mut count = bodies.len();
        while entries.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Read { bodies, count })
    }
}

/// An object. Left to itself, serde takes an array for a struct too.
struct Entry<'a>(Body<'a>);

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a GraphQL request")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry<'de>, A::Error> {
                Body::deserialize(MapAccessDeserializer::new(map)).map(Entry)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ON: Option<HttpBatching> = Some(HttpBatching { max_operations: 3 });

    fn text(parameters: &Parameters<'_>) -> String {
        parameters.asked.text().map_or_else(|| format!("{:?}", parameters.asked.reference()), str::to_owned)
    }

    fn queries(body: &str) -> Result<Vec<String>, Refusal> {
        match Operations::parse(body.as_bytes(), ON)? {
            Operations::One(one) => Ok(vec![text(&one)]),
            Operations::Batch(batch) => {
                Ok(batch.into_iter().map(|entry| entry.as_ref().map_or_else(ToString::to_string, text)).collect())
            }
        }
    }

    #[test]
    fn an_array_is_a_batch_in_its_order_and_an_object_is_none() {
        assert_eq!(queries(r#"{"query":"a"}"#).unwrap(), ["a"]);
        assert_eq!(queries(r#" [{"query":"a"}, {"query":"b"} ,{"query":"c"}] "#).unwrap(), ["a", "b", "c"]);
        let batch = queries(r#"[{"query":"a"},{},{"id":"x"}]"#).unwrap();
        assert!(batch[1].contains("`query` must be a string") && batch[2].contains("Id(\"x\")"), "{batch:?}");
        assert!(matches!(Operations::parse(br#"[{"query":"a"}]"#, None), Err(Refusal::BatchingOff)));
    }

    #[test]
    fn whatever_is_no_batch_is_refused_as_a_whole() {
        assert_eq!(
            queries(r#"[{"query":"a"},{"query":"b"},{"query":"c"},{"query":"d"},[]]"#),
            Err(Refusal::BatchTooLarge { count: 5, cap: 3 })
        );
        let deep = format!(r#"[{{"query":"a","variables":{{"a":{}}}}}]"#, "[".repeat(10_000));
        for (body, why) in [
            ("[]", "empty"),
            ("[", "EOF"),
            (r#"[{"query":"a"}"#, "EOF"),
            (r#"[{"query":"a"},]"#, "trailing comma"),
            (r#"[{"query":"a"}] x"#, "trailing characters"),
            (r#"[[{"query":"a"}]]"#, "sequence, expected a GraphQL request"),
            (r#"[["a"]]"#, "sequence, expected a GraphQL request"),
            (r#"["a"]"#, "expected a GraphQL request"),
            ("[null]", "expected a GraphQL request"),
            (r#"[{"query":1}]"#, "expected a string"),
            (r#"[{"query":"a","query":"b"}]"#, "duplicate field"),
            ("[{\"query\":\"\u{0}\"}]", "control character"),
            (&deep, "recursion limit"),
        ] {
            match queries(body) {
                Err(Refusal::BadRequest(message)) => assert!(message.contains(why), "{message}"),
                other => panic!("{why}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_panic_costs_its_operation() {
        let panics = async { if true { panic!("in an operation") } else { Ok(()) } };
        assert_eq!(caught(panics).await, Err(Refusal::Internal));
        assert_eq!(caught(async { Ok(1) }).await, Ok(1));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\[?([\\[\\]{},:]|\"query\"|\"a\"|1|null){0,20}") {
            let _ = Operations::parse(body.as_bytes(), ON);
        }
    }
}
