use std::sync::LazyLock;

use async_graphql::parser::{parse_query, parse_schema};
use proptest::{collection::vec, prelude::*};

use super::*;

fn measures(text: &str) -> Result<Measures, Unmeasurable> {
    static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::of(&parse_schema(nova_resolvers::sdl()).unwrap()));
    Measures::of(&parse_query(text).unwrap(), &SHAPE)
}

/// Depth, nesting, root fields, selections, comparisons, and cost in tenths when each variable is 7.
fn figures(text: &str) -> [u64; 6] {
    let found = measures(text).unwrap();
    let operation = found.operation(None);
    let cost = found.expression.evaluate(&operation.cost, |_| Some(7));
    let OperationMeasures { depth, nesting, root_fields, .. } = *operation;
    [depth, nesting, root_fields, found.selections, found.comparisons, cost]
}

#[test]
fn each_measure_is_what_its_name_says() {
    assert_eq!(figures("{ __typename }"), [1, 1, 1, 1, 1, 1]);
    assert_eq!(figures("{ a: viewer { id } b: viewer { id } }"), [2, 2, 2, 4, 4, 22]);
    assert_eq!(figures("{ ... { viewer { ... on User { id } } } }"), [2, 4, 1, 4, 6, 11]);
    let found =
        measures("query ($a: ID! @d) { node(id: $a) @include(if: $b) { x: id } nodes(ids: [$a]) { id } }").unwrap();
    assert_eq!((found.aliases, found.directives, found.operations(), found.fragments), (1, 2, 1, 0));
    assert_eq!((found.uses["a"], found.uses["b"]), (2, 1));
}

#[test]
fn a_page_costs_what_it_holds_as_often_as_it_may() {
    for (text, tenths) in [
        ("{ feed(first: 3) { nodes { id } } }", 10 + 3 * 11),
        ("{ feed(last: 3) { edges { cursor node { id } } } }", 10 + 3 * (1 + 1 + 11)),
        ("{ feed(first: $n) { nodes { id } } }", 10 + 7 * 11),
        ("{ feed(first: 1, last: $n) { nodes { id } } }", 10 + 7 * 11),
        ("{ feed { nodes { id } } }", 10 + 100 * 11),
        ("{ feed(first: null) { nodes { id } } }", 10 + 100 * 11),
        ("{ feed(first: 1000000) { nodes { id } } }", 10 + 100 * 11),
        ("{ feed(first: 2) { pageInfo { hasNextPage } nodes { id } edges { cursor } } }", 10 + 1 + 1 + 2 * 11 + 2 * 2),
        ("{ feed(first: 2) { ...P } } fragment P on PostConnection { nodes { id } }", 10 + 2 * 11),
        ("{ nodes(ids: [1, 2, 3]) { id } }", 3 * 11),
        ("{ nodes(ids: $n) { id } }", 7 * 11),
        ("{ nonsense { nonsense } }", 2),
        ("mutation { likePost(input: {}) { post { id } } }", 100 + 10 + 1),
    ] {
        assert_eq!(figures(text)[5], tenths, "{text}");
    }
}

#[test]
fn what_never_ends_is_no_measure() {
    let cycle = |name: &str| Err(Unmeasurable::Cycle(Name::new(name)));
    let why = |text: &str| measures(text).map(drop);
    assert_eq!(why("{ ...A } fragment A on Query { ...A }"), cycle("A"));
    assert_eq!(why("{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { ...A } }"), cycle("A"));
    assert!(matches!(
        why("{ id } fragment A on Query { ...B } fragment B on Query { ...A }"),
        Err(Unmeasurable::Cycle(_))
    ));
    assert_eq!(why("{ ...Nobody }"), Ok(()));
    let nested = |levels: usize| format!("{}{{ id }}{}", "{ a ".repeat(levels - 1), "}".repeat(levels - 1));
    assert_eq!((why(&nested(30)), why(&nested(31))), (Ok(()), Err(Unmeasurable::TooNested)));
    // Each spread is a level, whether its fragment was walked before or not.
    let chain = |last: usize| {
        let one = |n| format!("fragment F{n} on Query {{ ...F{} }} ", n + 1);
        (1..last).map(one).collect::<Vec<_>>().concat()
    };
    let thirty = chain(30);
    assert_eq!(why(&format!("{{ ...F1 }} {thirty} fragment F30 on Query {{ id }}")), Err(Unmeasurable::TooNested));
    let sixteen = chain(16);
    let twice = |levels: usize| {
        let again = nested(levels).replace("id", "...F1");
        why(&format!("{{ ...F1 a {again} }} {sixteen} fragment F16 on Query {{ id }}"))
    };
    assert_eq!((twice(13), twice(14)), (Ok(()), Err(Unmeasurable::TooNested)));
}

#[derive(Debug, Clone)]
enum Part {
    Leaf(&'static str),
    Page(&'static str, Vec<Self>),
    Inline(Vec<Self>),
    Spread(usize),
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["id", "username", "followerCount"]).prop_map(Part::Leaf),
        any::<usize>().prop_map(Part::Spread),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let parts = vec(inner, 1..4);
        prop_oneof![
            (prop::sample::select(vec!["(first: 2)", "(last: $n)", ""]), parts.clone())
                .prop_map(|(page, parts)| Part::Page(page, parts)),
            parts.prop_map(Part::Inline),
        ]
    })
}

/// The text of a selection set, which may spread the first of `fragments`; those that it spreads stand in it when `inlined`.
fn set(parts: &[Part], fragments: &[Vec<Part>], inlined: bool) -> String {
    let one = |part: &Part| match part {
        Part::Leaf(name) => (*name).to_owned(),
        Part::Page(page, parts) => format!("followers{page} {{ nodes {} }}", set(parts, fragments, inlined)),
        Part::Inline(parts) => format!("... {}", set(parts, fragments, inlined)),
        Part::Spread(_) if fragments.is_empty() => "bio".to_owned(),
        Part::Spread(number) => {
            let number = number % fragments.len();
            if inlined {
                format!("... on User {}", set(&fragments[number], &fragments[..number], inlined))
            } else {
                format!("...F{number}")
            }
        }
    };
    format!("{{ {} }}", parts.iter().map(one).collect::<Vec<_>>().join(" "))
}

proptest! {
    /// A fragment is walked once, and measures what it would if it stood wherever it is spread.
    #[test]
    fn fragments_measure_what_they_would_in_their_places(parts in vec(part(), 1..4), fragments in vec(vec(part(), 1..4), 0..5)) {
        let definitions: Vec<_> = (0..fragments.len())
            .map(|number| format!(" fragment F{number} on User {}", set(&fragments[number], &fragments[..number], false)))
            .collect();
        let spread = format!("{{ viewer {} }} {}", set(&parts, &fragments, false), definitions.concat());
        let inlined = format!("{{ viewer {} }}", set(&parts, &fragments, true));
        // What is compared is compared once for a fragment: validation walks it once, too.
        let [spread, inlined] = [spread, inlined].map(|text| {
            let [depth, nesting, root_fields, selections, _, cost] = figures(&text);
            [depth, nesting, root_fields, selections, cost]
        });
        prop_assert_eq!(spread, inlined);
    }
}
