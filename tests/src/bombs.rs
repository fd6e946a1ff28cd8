//! Documents made to cost a server more than they cost their sender: the corpus that the static guard is held against. Each grows
//! to the size that is asked for, so that tests send them and benchmarks weigh them.

use std::{
    fmt::{Display, Write as _},
    iter,
    ops::RangeInclusive,
};

use serde_json::{Value, json};

/// One of them.
#[derive(Debug, Clone)]
pub struct Bomb {
    /// What it is made of.
    pub name: &'static str,
    /// The document.
    pub document: String,
    /// Its variables.
    pub variables: Value,
    /// The operation that is meant, where there are several.
    pub operation: Option<&'static str>,
}

impl Bomb {
    /// The request that carries it.
    #[must_use]
    pub fn request(&self) -> Value {
        json!({ "query": self.document, "variables": self.variables, "operationName": self.operation })
    }
}

/// The corpus, each document of about `bytes` bytes and none longer.
#[must_use]
pub fn bombs(bytes: usize) -> Vec<Bomb> {
    [fragments, floods, comparisons, depths, texts, executions].iter().flat_map(|bombs| bombs(bytes)).collect()
}

/// That spread and spread.
fn fragments(bytes: usize) -> Vec<Bomb> {
    let small = bytes.min(800);
    vec![
        bomb("fragments that double, deep", doubling(small, "Query", "__typename")),
        bomb("fragments that double fields that must merge", doubling(small, "Query", "viewer { id }")),
        bomb("fragments in a chain", chain(bytes)),
        bomb(
            "one fragment spread over and over",
            around("{", repeat("...F ", bytes - 60), "} fragment F on Query { viewer { id } }"),
        ),
        bomb(
            "many fragments that nobody spreads",
            around("{ __typename }", numbered("fragment F# on Query { __typename } ", bytes - 20), ""),
        ),
        bomb("fragments that spread all that follow", dense(bytes, 1)),
        bomb("many operations over fragments that spread all that follow", dense(bytes, 40)),
        bomb("a fragment that spreads itself", "{ ...F } fragment F on Query { ...F }"),
        bomb(
            "fragments that spread each other",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...C ...A } fragment C on Query { ...B }",
        ),
    ]
}

/// Of one thing, very many.
fn floods(bytes: usize) -> Vec<Bomb> {
    vec![
        bomb("aliases", around("{", numbered("a#:__typename ", bytes - 2), "}")),
        bomb("aliases of a field that loads", around("{", numbered("a#:viewer{id} ", bytes - 2), "}")),
        bomb("one field over and over", around("{", repeat("viewer{id}", bytes - 2), "}")),
        bomb("one small field over and over", around("{viewer{", repeat("id ", bytes - 10), "}}")),
        bomb("directives", around("{ __typename", repeat("@include(if:true)", bytes - 14), "}")),
        bomb("unknown directives", around("{ __typename", repeat("@a", bytes - 14), "}")),
        bomb("unknown arguments", around("{ node(", numbered("a#:1 ", bytes - 20), ") { id } }")),
        bomb("one argument over and over", around("{ node(", repeat("id:\"\" ", bytes - 20), ") { id } }")),
        bomb("unknown fields", around("{", numbered("f# ", bytes - 2), "}")),
        bomb("an unknown field with a long name", around("{ ", "viewe".repeat(bytes / 5 - 1), " }")),
        Bomb { operation: Some("Q1"), ..bomb("many operations", numbered("query Q#{__typename} ", bytes)) },
        bomb("many variables that nobody uses", around("query(", numbered("$v#:Int ", bytes - 30), ") { __typename }")),
        bomb("many variables that are used", used(bytes)),
        bomb(
            "many variables that nobody defined",
            around("{ nodes(ids: [", numbered("$v# ", bytes - 30), "]) { id } }"),
        ),
        bomb("inline fragments", around("{", repeat("...{id}", bytes - 2), "}")),
        bomb(
            "inline fragments on every type",
            around("{ nodes(ids: []) {", repeat("...on Post{id}...on User{id}", bytes - 30), "} }"),
        ),
        bomb(
            "keys of an input object",
            around("mutation { likePost(input: {", numbered("a#:1 ", bytes - 60), "}) { post { id } } }"),
        ),
    ]
}

/// What validation compares with each other.
fn comparisons(bytes: usize) -> Vec<Bomb> {
    vec![
        bomb("arguments that are repeated by no other field of the name, within inline fragments", apart(bytes)),
        bomb("two fields with the same many arguments, within inline fragments", alike(bytes)),
        Bomb { operation: Some("Q1"), ..bomb("many operations over one tree of fragments", trees(bytes)) },
        Bomb { operation: Some("Q1"), ..bomb("many operations over many variables", variables(bytes)) },
    ]
}

/// What nests.
fn depths(bytes: usize) -> Vec<Bomb> {
    vec![
        bomb("selections within selections", nested("{viewer", bytes, "{id}", "}")),
        bomb("inline fragments within each other", nested("{...", bytes, "{id}", "}")),
        bomb("lists within lists", around("{ node(id:", nested("[", bytes - 30, "1", "]"), ") { id } }")),
        bomb("objects within objects", around("{ node(id:", nested("{a:", bytes - 30, "1", "}"), ") { id } }")),
        bomb(
            "types within types",
            around("query($v:", nested("[", bytes - 40, "Int", "]"), ") { node(id:$v) { id } }"),
        ),
        bomb("brackets that nobody closes", "{a".repeat(bytes / 2)),
    ]
}

/// What only a parser chokes on.
fn texts(bytes: usize) -> Vec<Bomb> {
    vec![
        bomb(
            "block strings that do not end",
            around("{ nodes(ids: [", repeat(r#""\"""""x" "#, bytes - 30), "]) { id } }"),
        ),
        bomb("constants without anything between", around("{ nodes(ids: [", repeat("true", bytes - 30), "]) { id } }")),
        bomb("zeros", around("{ nodes(ids: [", repeat("0", bytes - 30), "]) { id } }")),
        bomb("nothing but commas", around("{ __typename", repeat(",", bytes - 20), "}")),
        bomb("nothing but a comment", around("{ __typename #", repeat("{", bytes - 20), "\n}")),
        bomb("a long string", around("{ node(id: \"", repeat("x", bytes - 30), "\") { id } }")),
        bomb("a long number", around("{ node(id: ", repeat("9", bytes - 30), ") { id } }")),
    ]
}

/// What only execution chokes on.
fn executions(bytes: usize) -> Vec<Bomb> {
    let small = bytes.min(800);
    let mut bombs = vec![
        bomb(
            "pages of pages",
            "{ feed(first: 100) { nodes { comments(first: 100) { nodes { author { followers(first: 100) { nodes { posts(first: 100) { nodes { body } } } } } } } } } }",
        ),
        bomb(
            "the description of the schema, round and round",
            around("{ __schema { types ", nested("{fields{type", small - 30, "{name}", "}}"), "} }"),
        ),
        bomb(
            "the description of the schema by many names",
            around("{", numbered("a#:__schema{types{fields{type{fields{name}}}}} ", bytes - 2), "}"),
        ),
    ];
    bombs.push(bomb(
        "an argument that fails on every post, found among many others",
        around(
            "{feed(first:100){nodes{",
            repeat("id ", bytes - 90),
            "comments(first:99999999999){pageInfo{endCursor}}}}}",
        ),
    ));
    bombs.push(Bomb {
        variables: json!({ "after": "x".repeat(100 * bytes) }),
        ..bomb(
            "a long text that every post is asked with",
            "query($after:String){feed(first:100){nodes{a:comments(after:$after){pageInfo{endCursor}} b:comments(after:$after){pageInfo{endCursor}}}}}",
        )
    });
    bombs.push(Bomb {
        variables: json!({ "n": 100 }),
        ..bomb("pages whose size is a variable", "query($n: Int!) { feed(first: $n) { nodes { likers(first: $n) { nodes { followers(first: $n) { nodes { id } } } } } } }")
    });
    bombs.push(Bomb {
        variables: json!({ "ids": iter::repeat_n("x", bytes).collect::<Vec<_>>() }),
        ..bomb(
            "a large variable that is used often",
            around("query($ids:[ID!]!){", numbered("a#:nodes(ids:$ids){id}", bytes.min(2_000) - 20), "}"),
        )
    });
    bombs
}

fn bomb(name: &'static str, document: impl Into<String>) -> Bomb {
    Bomb { name, document: document.into(), variables: json!({}), operation: None }
}

fn around(before: impl Display, body: impl Display, after: impl Display) -> String {
    format!("{before}{body}{after}")
}

/// `part` as often as there is room.
fn repeat(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len())
}

/// `part` with a number where its `#` is, from 1, as often as there is room.
fn numbered(part: &str, bytes: usize) -> String {
    let mut text = String::new();
    for number in 1.. {
        let next = each(part, number..=number);
        if text.len() + next.len() > bytes {
            break;
        }
        text += &next;
    }
    text
}

/// `open` as deep as there is room, then `inner`, then as many `close`.
fn nested(open: &str, bytes: usize, inner: &str, close: &str) -> String {
    let depth = (bytes - inner.len()) / (open.len() + close.len());
    around(open.repeat(depth), inner, close.repeat(depth))
}

/// `part` with each number where its `#` is.
fn each(part: &str, numbers: RangeInclusive<usize>) -> String {
    numbers.fold(String::new(), |text, number| text + &part.replace('#', &number.to_string()))
}

/// Fragments of which each spreads the next one twice: twice as many fields with each.
fn doubling(bytes: usize, on: &str, leaf: &str) -> String {
    let last = bytes / 45;
    let mut text = "{ ...F1 }".to_owned();
    for number in 1..last {
        let _ = write!(text, " fragment F{number} on {on} {{ ...F{0} ...F{0} }}", number + 1);
    }
    let _ = write!(text, " fragment F{last} on {on} {{ {leaf} }}");
    text
}

/// Fragments of which each spreads the next one.
fn chain(bytes: usize) -> String {
    let last = bytes / 36;
    let mut text = "{ ...F1 }".to_owned();
    for number in 1..last {
        let _ = write!(text, " fragment F{number} on Query {{ ...F{} }}", number + 1);
    }
    let _ = write!(text, " fragment F{last} on Query {{ __typename }}");
    text
}

/// Fragments of which each spreads all that come after it, below so many operations.
fn dense(bytes: usize, operations: usize) -> String {
    let mut text = each("query Q# { ...F1 } ", 1..=operations);
    let length = |last: usize| (1..=last).map(|number| 36 + 7 * (last - number)).sum::<usize>();
    let mut last = 1;
    while text.len() + length(last + 1) < bytes {
        last += 1;
    }
    for number in 1..=last {
        let _ = write!(text, "fragment F{number} on Query {{ {}__typename }}", each("...F# ", number + 1..=last));
    }
    text
}

/// A field with many arguments, and the same field over and over without one, within inline fragments: each is an error for each
/// argument, at each level.
fn apart(bytes: usize) -> String {
    let field = around("id(", repeat("a:1 ", bytes / 20), ")");
    let inner = around(&field, repeat(" id", bytes * 9 / 10 - field.len() - 150), "");
    around("{viewer{", around("...{".repeat(25), inner, "}".repeat(25)), "}}")
}

/// Twice a field with the same many arguments, within inline fragments.
fn alike(bytes: usize) -> String {
    let field = around("id(", numbered("a#:1 ", bytes / 2 - 90), ")");
    around("{viewer{", around("...{".repeat(25), around(&field, &field, ""), "}".repeat(25)), "}}")
}

/// Operations that each spread a tree of fragments, behind fields.
fn trees(bytes: usize) -> String {
    let branch = |name: &str, next: &str| {
        let fields = each(&format!("f#:followers{{nodes{{...{next}}}}} "), 1..=10);
        format!("fragment {name} on User{{{fields}}}")
    };
    let tree = [branch("A", "B"), branch("B", "C"), branch("C", "D"), "fragment D on User{id bio username}".to_owned()];
    around(numbered("query Q#{viewer{...A}} ", (bytes.saturating_sub(1_100)).max(100)), tree.concat(), "")
}

/// Operations that each use many variables, of which they define none.
fn variables(bytes: usize) -> String {
    let uses = around("fragment F on Query{nodes(ids:[", numbered("$v#", bytes / 2), "]){id}}");
    around(numbered("query Q#{...F} ", bytes / 3), uses, "")
}

/// Variables of which each is used once.
fn used(bytes: usize) -> String {
    let (definitions, uses) = (numbered("$v#:Int ", bytes / 3), numbered("feed(first:$v#){id}", bytes / 3));
    format!("query({definitions}) {{ {uses} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_is_no_longer_than_was_asked() {
        for bytes in [1_000, 10_000] {
            let bombs = bombs(bytes);
            let mut names: Vec<_> = bombs.iter().map(|bomb| bomb.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), bombs.len());
            for Bomb { name, document, .. } in &bombs {
                assert!((1..=bytes).contains(&document.len()), "{name}: {}", document.len());
            }
        }
    }
}
