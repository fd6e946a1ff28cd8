//! What it costs to accept or refuse a document, from its text to the end of validation: for the corpus of bombs, and for
//! documents that nobody thought of. Those repeat a few tokens, thrown together, until they are as long as they may be: what
//! grows faster than its length shows there.

use std::{hint::black_box, time::Duration};

use nova_cli::{failure::Failure, say};
use nova_gateway::DocumentChecker;
use nova_tests::bombs::bombs;
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use super::thread_clock::timed;
use crate::report::{Goal, Report};

/// Length of the longest document, in bytes.
const BYTES: usize = 10_000;
/// What one may cost, in milliseconds.
const GOAL: Goal = Goal::Below(5.0);
/// An ordinary document, for comparison.
const ORDINARY: &str = "query Feed($first: Int!, $after: String) { feed(first: $first, after: $after) { edges { cursor node { \
    id body createdAt likeCount commentCount viewerHasLiked author { id username displayName isVerified } } } \
    pageInfo { endCursor hasNextPage } } }";
/// What is thrown together.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "=",
    "@",
    "$",
    "...",
    "... on User {",
    "... on Post {",
    "...F",
    "...G",
    "a:",
    "b :",
    "feed",
    "viewer",
    "node",
    "nodes",
    "id",
    "username",
    "author",
    "posts",
    "followers",
    "nonsense",
    "__typename",
    "__schema",
    "types",
    "fields",
    "type",
    "ofType",
    "name",
    "(first: 100)",
    "(a: 1 b: 1 c: 1)",
    "id(a: 1 a: 1 a: 1)",
    "(first: $n)",
    "(id: \"x\")",
    "(ids: [$a])",
    "{ id }",
    "{ ...F }",
    "{ nodes {",
    "@include(if: true)",
    "@skip(if: $b)",
    "@a",
    "$n: Int",
    "$a: [ID!]",
    "1",
    "0",
    "-1.5e3",
    "true",
    "null",
    "ENUM",
    "\"s\"",
    "\"\"",
    "\"\"\"",
    "\"\\\"\"",
    "# {\n",
    ",",
    "\u{feff}",
    "query",
    "mutation",
    "fragment F on User {",
    "fragment G on Query {",
    "on",
    "{ a: 1 }",
];
/// Where they are repeated.
const CONTEXTS: &[(&str, &str)] = &[
    ("", ""),
    ("{ ", " }"),
    ("{ viewer { ", " } }"),
    ("{ viewer { ...F } } fragment F on User { id ", " }"),
    ("{ ...G ...G } fragment G on Query { viewer { ...F ...F } } fragment F on User { ", " }"),
    ("query A { ...G } query B { ...G } query C { ...G } fragment G on Query { viewer { ", " } }"),
    ("{ viewer { ... { ... { ... { ... { ... { ... { ... { ", " } } } } } } } } }"),
    ("query (", ") { __typename }"),
    ("{ node(", ") { id } }"),
    ("{ nodes(ids: [", "]) { id } }"),
    ("{ __typename ", " }"),
    ("mutation { likePost(input: {", "}) { post { id } } }"),
];

#[derive(Debug, clap::Args)]
pub(super) struct DocumentsArgs {
    /// Documents of a run that are thrown together.
    #[arg(long, default_value_t = 2_000)]
    documents: u32,
    /// Where chance begins: the same number makes the same documents.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The dearest of some documents.
#[derive(Default)]
struct Dearest {
    cost: Duration,
    what: String,
}

impl Dearest {
    fn see(&mut self, cost: Duration, what: impl FnOnce() -> String) {
        if cost > self.cost {
            *self = Self { cost, what: what() };
        }
    }
}

pub(super) fn measure(report: &mut Report, runs: u32, args: &DocumentsArgs) -> Result<(), Failure> {
    say::step("documents");
    // As outside development: nobody is told what an unknown name may have been meant for.
    let checker = DocumentChecker::new(false).map_err(|error| Failure::Internal(error.to_string()))?;
    let once = |text: &str| timed(|| black_box(checker.check(text))).0;
    // The least of three is what it costs; the rest is what the machine did meanwhile.
    let cost = |text: &str| once(text).min(once(text)).min(once(text));
    // The shorter they are the fewer are refused for their tokens alone.
    let corpus: Vec<_> = (1..=10).flat_map(|tenths| bombs(BYTES * tenths / 10)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(args.seed);
    let (mut ordinary, mut known, mut thrown) = (Vec::new(), Dearest::default(), Dearest::default());
    let (mut bombs, mut thrown_together) = (Vec::new(), Vec::new());
    // What is allocated and learnt once.
    cost(ORDINARY);
    for _ in 0..runs {
        let hundred: Duration = (0..100).map(|_| cost(ORDINARY)).sum();
        ordinary.push(hundred.as_secs_f64() * 1e6 / 100.0);
        let mut dearest = Dearest::default();
        for bomb in &corpus {
            dearest.see(cost(&bomb.document), || format!("{}, {} bytes", bomb.name, bomb.document.len()));
        }
        bombs.push(millis(dearest.cost));
        known.see(dearest.cost, || dearest.what);
        let mut dearest = Dearest::default();
        for _ in 0..args.documents {
            let (before, chunk, after) = throw(&mut random);
            let room = random.random_range(BYTES / 10..=BYTES).saturating_sub(before.len() + after.len());
            let text = format!("{before}{}{after}", chunk.repeat(room / chunk.len()));
            dearest.see(cost(&text), || format!("{before}…{chunk}…{after}"));
        }
        thrown_together.push(millis(dearest.cost));
        thrown.see(dearest.cost, || dearest.what);
    }
    say::step(format_args!("the dearest bomb: {}", known.what));
    say::step(format_args!("the dearest that was thrown together: {}", thrown.what.escape_debug()));
    report.add("documents.ordinary_cpu", "µs", None, ordinary);
    report.add("documents.dearest_bomb_cpu", "ms", Some(GOAL), bombs);
    report.add("documents.dearest_of_chance_cpu", "ms", Some(GOAL), thrown_together);
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A context, and what is repeated there.
fn throw(random: &mut ChaCha8Rng) -> (&'static str, String, &'static str) {
    let (before, after) = CONTEXTS.choose(random).copied().unwrap_or_default();
    let glue = if random.random_bool(0.5) { " " } else { "" };
    let count = random.random_range(1..=8);
    let mut chunk: String = TOKENS.sample(random, count).copied().flat_map(|token| [token, glue]).collect();
    if random.random_bool(0.3) {
        // Most names are only interesting when they are well-formed.
        chunk = format!("viewer {{ {chunk} }}");
    }
    (before, chunk, after)
}
