use std::sync::LazyLock;

use async_graphql::value;
use nova_flags::Policy;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

static GUARD: LazyLock<Guard> = LazyLock::new(|| Guard::new(&nova_resolvers::sdl()).unwrap());

fn variables() -> Variables {
    Variables::from_value(value!({ "n": 100, "a": [1, [2, { "b": "text" }]], "f": null }))
}

const TOKENS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "$n",
    "$a",
    "...",
    "...F",
    "... on User",
    "@include(if: $f)",
    "feed",
    "viewer",
    "nodes",
    "(first: $n)",
    "(ids: $a)",
    "id",
    "a:",
    "__schema",
    "types",
    "query A",
    "query",
    "mutation",
    "fragment F on User",
    "1",
    "0",
    "true",
    "\"text\"",
    "\"\"\"",
    "#\n",
    "{ id }",
    "$a: [ID!] = [1]",
];

proptest! {
    /// Whatever is thrown together is measured or refused, and what is measured can be weighed.
    #[test]
    fn whatever_comes_has_a_verdict(tokens in vec(select(TOKENS), 0..80), open in any::<bool>()) {
        let text = if open { format!("{{ {} }}", tokens.join(" ")) } else { tokens.join(" ") };
        match GUARD.prepare(&text) {
            Ok(prepared) => {
                let load = prepared.load(None, &variables());
                prop_assert!(load.tokens >= 3, "{text}");
                if let Err(refused) = load.within(&Policy::default(), false, |_, _| {}) {
                    prop_assert!(errors::code_of(&refused).is_some(), "{text}");
                }
                prepared.never_runs();
            }
            Err(unfit) => prop_assert!(!unfit.error().message.is_empty()),
        }
    }

    /// More of a page never costs less.
    #[test]
    fn larger_pages_cost_more(small in 0_u64..100, more in 1_u64..100) {
        let prepared = GUARD.prepare("query($n: Int) { feed(first: $n) { nodes { likers(first: $n) { nodes { id } } } } }").unwrap();
        let cost = |n: u64| prepared.load(None, &Variables::from_value(value!({ "n": n }))).complexity;
        let larger = (small + more).min(100);
        prop_assert!(cost(small) < cost(larger) && cost(larger) <= cost(100));
    }
}

#[test]
fn a_document_within_another_length_may_have_more() {
    let tokens = |count: usize, bytes: usize| {
        let text = format!("{{viewer{{{}}}}}", "id ".repeat(count - 5));
        let text = format!("{text}{}", " ".repeat(bytes - text.len()));
        GUARD.prepare(&text).map_err(|unfit| unfit.exceeded())
    };
    assert!(tokens(1_500, 7_500).is_ok());
    assert_eq!(tokens(1_501, 7_500).err(), Some(Some(Measure::Tokens)));
    assert!(tokens(2_000, 10_000).is_ok());
    assert_eq!(tokens(15_001, 1_000_000).err(), Some(Some(Measure::Tokens)));
}

#[test]
fn a_default_counts_as_a_value_that_is_given() {
    let long = format!("query($a: String = \"{}\") {{ user(username: $a) {{ id }} }}", "x".repeat(65_537));
    assert_eq!(GUARD.prepare(&long).err().and_then(|unfit| unfit.exceeded()), Some(Measure::String));
    let list = format!("query($a: [ID!]! = [{}]) {{ {} }}", "1 ".repeat(99), "nodes(ids: $a) { id } ".repeat(10));
    let prepared = GUARD.prepare(&list).unwrap();
    assert_eq!(prepared.load(None, &Variables::default()).values, 1_000);
    assert_eq!(prepared.load(None, &Variables::from_value(value!({ "a": [] }))).values, 10, "unless one is given");
}
