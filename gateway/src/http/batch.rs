//! Several operations in one body, as a JSON array. They run one after the other, in their order: a batch is one request in
//! work, and takes no more of the gateway at a time than one operation. What becomes of one does not touch the others.

use std::{fmt, time::Duration};

use nova_flags::HttpBatching;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use tokio::task::yield_now;

use super::{
    around,
    context::{Context, Outcome},
    operation::{Body, Parameters, shortened},
    refusal::Refusal,
    respond,
};

/// The operations of a body.
#[derive(Debug)]
pub(crate) enum Operations<'a> {
    One(Parameters<'a>),
    /// In an array. An entry can be a request that is refused.
    Batch(Vec<Result<Parameters<'a>, Refusal>>),
}

impl<'a> Operations<'a> {
    /// Reads a body: an object is one request, an array a batch. Without `batching`, an array is refused.
    pub(crate) fn parse(body: &'a [u8], batching: Option<HttpBatching>) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::BadRequest("the body is not UTF-8".into()))?;
        match text.trim_ascii_start().bytes().next() {
            Some(b'{') => Parameters::parse(text).map(Self::One),
            Some(b'[') => {
                let limit = batching.ok_or(Refusal::BatchingOff)?;
                batch(text, limit.max_operations.into()).map(Self::Batch)
            }
            Some(_) => Err(Refusal::BadRequest("the body is not a JSON object".into())),
            None => Err(Refusal::BadRequest("the body is empty".into())),
        }
    }
}

/// Runs the operations of a batch, each to its own outcome. When there is no time left, the rest is not begun.
///
/// # Errors
/// The viewer is gone: then nothing was run.
pub(crate) async fn run<'a>(
    context: &'a Context<'_>,
    operations: Vec<Result<Parameters<'a>, Refusal>>,
) -> Result<respond::Batch<'a>, Refusal> {
    context.check_viewer().await?;
    context.gateway.metrics.batches.taken(operations.len());
    Ok(one_by_one(context, operations, |parameters| context.operate(parameters)).await)
}

/// An operation is not begun with less time. An upstream ends a call a little early (25 ms), so that its word comes in time: after
/// an operation that took all the time there is so much left, and nothing can be done with it.
const LEAST: Duration = Duration::from_millis(50);

async fn one_by_one<'a, 'b, F>(
    context: &'a Context<'_>,
    operations: Vec<Result<Parameters<'b>, Refusal>>,
    operate: impl Fn(Parameters<'b>) -> F,
) -> respond::Batch<'a>
where
    F: Future<Output = Result<Outcome, Refusal>>,
{
    let mut answer = respond::Batch::begin(&context.gateway.metrics);
    for (n, parameters) in operations.into_iter().enumerate() {
        if n > 0 {
            // An operation that waits for nobody must not hold up the others on this thread for longer than it takes.
            yield_now().await;
        }
        let outcome = async {
            if context.deadline.remaining() < LEAST {
                return Err(Refusal::NotBegun);
            }
            // The request counted itself, for its first.
            if n > 0 {
                context.count()?;
            }
            // One that panics costs itself alone: what those before it changed is changed, and must be said.
            around::caught(operate(parameters?)).await
        };
        answer.push(&outcome.await.unwrap_or_else(|refusal| Outcome::refused(&refusal)));
    }
    answer
}

fn batch(body: &str, cap: usize) -> Result<Vec<Result<Parameters<'_>, Refusal>>, Refusal> {
    let refused = |error: &serde_json::Error| {
        Refusal::BadRequest(format!("the body is not a list of GraphQL requests: {}", shortened(error)))
    };
    let mut reader = serde_json::Deserializer::from_str(body);
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
    use std::{
        net::{IpAddr, Ipv4Addr},
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use http::StatusCode;
    use http_body_util::BodyExt;
    use nova_core::Deadline;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{
        super::{negotiate::MediaType, tests},
        *,
    };

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
            ("\u{a0}[]", "not a JSON object"),
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

    /// Runs three operations, of which `operate` makes what it likes.
    async fn answers<F>(operate: impl Fn(Parameters<'static>) -> F) -> Value
    where
        F: Future<Output = Result<Outcome, Refusal>>,
    {
        let gateway = tests::gateway(crate::Config::default());
        let state = gateway.flags.state();
        let context = Context {
            gateway: &gateway,
            viewer: None,
            address: IpAddr::from(Ipv4Addr::LOCALHOST).into(),
            policy: super::super::decide(&gateway, &state, None, None),
            state,
            deadline: Deadline::after(Duration::from_mins(1)),
            debug: false,
            read_only: false,
        };
        let Ok(Operations::Batch(operations)) =
            Operations::parse(br#"[{"query":"one"},{"query":"two"},{"query":"three"}]"#, ON)
        else {
            panic!("no batch")
        };
        let response = one_by_one(&context, operations, operate).await.end(MediaType::Json);
        assert_eq!(response.status(), StatusCode::OK);
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn an_operation_that_panics_costs_itself_and_those_after_it_are_run() {
        let answers = answers(async |parameters: Parameters<'static>| {
            assert_ne!(text(&parameters), "two", "secret");
            Err(Refusal::BadRequest(text(&parameters)))
        })
        .await;
        let of = |n: usize| {
            let error = &answers[n]["errors"][0];
            (error["extensions"]["code"].as_str().unwrap(), error["message"].as_str().unwrap())
        };
        assert_eq!(of(0), ("BAD_USER_INPUT", "one"));
        assert_eq!(of(1), ("INTERNAL", "internal error"));
        assert_eq!(of(2), ("BAD_USER_INPUT", "three"));
        assert_eq!(answers.as_array().map(Vec::len), Some(3));
    }

    #[tokio::test]
    async fn others_have_their_turn_between_operations_that_wait_for_nobody() {
        let turns = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counting.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        let seen = Mutex::new(Vec::new());
        answers(async |_: Parameters<'static>| {
            seen.lock().unwrap().push(turns.load(Ordering::Relaxed));
            Err(Refusal::NotBegun)
        })
        .await;
        other.abort();
        assert!(seen.lock().unwrap().is_sorted_by(|before, after| before < after), "{seen:?}");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\[?([\\[\\]{},:]|\"query\"|\"a\"|1|null){0,20}") {
            let _ = Operations::parse(body.as_bytes(), ON);
        }
    }
}
