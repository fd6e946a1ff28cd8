use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What clients build on.
const COMMITTED: &str = include_str!("../../../schema.graphql");

/// The committed contract is what clients build on; the export is what they will get.
#[test]
fn the_export_breaks_nothing_of_the_committed_contract() {
    let changes = compare(COMMITTED, &nova_resolvers::sdl()).unwrap();
    let breaking: Vec<_> = changes
        .iter()
        .filter(|change| change.class == Class::Breaking)
        .map(|Change { path, change, .. }| format!("\n  {path}: {change}"))
        .collect();
    assert!(
        breaking.is_empty(),
        "this breaks clients that build on schema.graphql; add beside it and deprecate instead:{}",
        breaking.concat()
    );
}

/// A contract with one of everything.
const CONTRACT: &str = r#"
    "Before" directive @cost(weight: Int! = 1, unit: String) repeatable on FIELD | QUERY
    scalar Time @specifiedBy(url: "https://one.example")
    interface Node { id: ID! }
    interface Named { name: String }
    "A user." type User implements Node & Named {
        id: ID!
        "Shown." name: String
        bio: String!
        tags: [String!]
        posts(first: Int = 20, after: String, kind: Kind!): [Post!]!
        old: Int @deprecated(reason: "gone soon")
    }
    type Post implements Node { id: ID! }
    union Found = User | Post
    enum Kind { TEXT VIDEO }
    input Filter { text: String, limit: Int! = 10, kinds: [Kind!] }
    type Query { node(id: ID!): Node, search(filter: Filter): [Found!], at: Time }
    type Mutation { like(post: ID!): Boolean }
    schema { query: Query, mutation: Mutation }
"#;

/// How the contract changes when `from` is written `to`.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert_eq!(CONTRACT.matches(from).count(), 1, "{from}");
    let changes = compare(CONTRACT, &CONTRACT.replace(from, to)).unwrap();
    changes.iter().map(|Change { class, path, change }| format!("{} {path}: {change}", class.as_str())).collect()
}

/// One case per class of change: what was, what is, and what is said of it.
const CASES: &[(&str, &str, &[&str])] = &[
    // Types.
    ("type Mutation {", "type Extra { id: ID } type Mutation {", &["safe Extra: added"]),
    ("type Mutation {", "scalar Extra type Mutation {", &["safe Extra: added"]),
    (
        "scalar Time @specifiedBy(url: \"https://one.example\")",
        "enum Time { NOW }",
        &["breaking Time: removed", "safe Time: added"],
    ),
    (", at: Time", "", &["breaking Query.at: removed"]),
    ("enum Kind { TEXT VIDEO }", "scalar Kind", &["breaking Kind: removed", "safe Kind: added"]),
    // Fields of objects and interfaces.
    ("bio: String!", "", &["breaking User.bio: removed"]),
    ("bio: String!", "bio: String! more: Int", &["safe User.more: added"]),
    ("interface Named { name: String }", "interface Named { name: String, more: Int }", &["safe Named.more: added"]),
    ("bio: String!", "bio: String", &["breaking User.bio: type changed from String! to String"]),
    ("bio: String!", "bio: [String]!", &["breaking User.bio: type changed from String! to [String]!"]),
    ("bio: String!", "bio: ID!", &["breaking User.bio: type changed from String! to ID!"]),
    ("Shown.\" name: String", "Shown.\" name: String!", &["safe User.name: type changed from String to String!"]),
    ("tags: [String!]", "tags: [String!]!", &["safe User.tags: type changed from [String!] to [String!]!"]),
    ("tags: [String!]", "tags: [String]", &["breaking User.tags: type changed from [String!] to [String]"]),
    ("tags: [String!]", "tags: [[String!]]", &["breaking User.tags: type changed from [String!] to [[String!]]"]),
    ("node(id: ID!): Node,", "node(id: ID!): User,", &["breaking Query.node: type changed from Node to User"]),
    // Arguments.
    ("after: String,", "", &["breaking User.posts(after): removed"]),
    ("after: String,", "after: String, more: Int", &["dangerous User.posts(more): added, not required (Int)"]),
    ("after: String,", "after: String, more: Int! = 3", &["dangerous User.posts(more): added, not required (Int!)"]),
    ("after: String,", "after: String, more: Int!", &["breaking User.posts(more): added, and required (Int!)"]),
    ("after: String,", "after: String!,", &["breaking User.posts(after): type changed from String to String!"]),
    ("after: String,", "after: ID,", &["breaking User.posts(after): type changed from String to ID"]),
    ("after: String,", "after: [String],", &["breaking User.posts(after): type changed from String to [String]"]),
    ("like(post: ID!)", "like(post: ID)", &["safe Mutation.like(post): type changed from ID! to ID"]),
    // Defaults.
    ("first: Int = 20", "first: Int = 10", &["dangerous User.posts(first): default changed from 20 to 10"]),
    ("first: Int = 20", "first: Int", &["dangerous User.posts(first): default 20 removed"]),
    ("after: String,", "after: String = \"x\",", &["dangerous User.posts(after): default \"x\" added"]),
    ("kind: Kind!", "kind: Kind! = TEXT", &["safe User.posts(kind): default TEXT added, not required any more"]),
    ("limit: Int! = 10", "limit: Int!", &["breaking Filter.limit: default 10 removed, and required now"]),
    ("limit: Int! = 10", "limit: Int! = 20", &["dangerous Filter.limit: default changed from 10 to 20"]),
    // Input objects.
    ("text: String,", "", &["breaking Filter.text: removed"]),
    ("text: String,", "text: String, more: Int,", &["dangerous Filter.more: added, not required (Int)"]),
    ("text: String,", "text: String, more: Int! = 1,", &["dangerous Filter.more: added, not required (Int!)"]),
    ("text: String,", "text: String, more: Int!,", &["breaking Filter.more: added, and required (Int!)"]),
    ("text: String,", "text: String!,", &["breaking Filter.text: type changed from String to String!"]),
    ("kinds: [Kind!]", "kinds: [Kind]", &["safe Filter.kinds: type changed from [Kind!] to [Kind]"]),
    ("kinds: [Kind!]", "kinds: [Kind!]!", &["breaking Filter.kinds: type changed from [Kind!] to [Kind!]!"]),
    ("input Filter {", "input Filter @oneOf {", &["breaking Filter: @oneOf added"]),
    // Enums, unions, interfaces.
    ("TEXT VIDEO", "TEXT", &["breaking Kind.VIDEO: removed"]),
    ("TEXT VIDEO", "TEXT VIDEO LIVE", &["dangerous Kind.LIVE: added"]),
    ("User | Post", "User", &["breaking Found.Post: removed"]),
    (
        "union Found = User | Post",
        "type New { id: ID } union Found = User | Post | New",
        &["dangerous Found.New: added", "safe New: added"],
    ),
    ("implements Node & Named", "implements Node", &["breaking User implements Named: interface removed"]),
    (
        "Post implements Node { id: ID! }",
        "Post implements Node & Named { id: ID! name: String }",
        &["dangerous Post implements Named: interface added", "safe Post.name: added"],
    ),
    // Where operations begin.
    (", mutation: Mutation", "", &["breaking schema.mutation: removed (Mutation)"]),
    ("mutation: Mutation", "mutation: Mutation, subscription: Post", &["safe schema.subscription: added (Post)"]),
    ("query: Query", "query: User", &["breaking schema.query: type changed from Query to User"]),
    ("schema { query: Query, mutation: Mutation }", "", &[]),
    // Directives.
    (
        r#""Before" directive @cost(weight: Int! = 1, unit: String) repeatable on FIELD | QUERY"#,
        "",
        &["breaking @cost: removed"],
    ),
    ("scalar Time", "directive @more on FIELD scalar Time", &["safe @more: added"]),
    (", unit: String", "", &["breaking @cost(unit): removed"]),
    (", unit: String", ", unit: String!", &["breaking @cost(unit): type changed from String to String!"]),
    (", unit: String", ", unit: String, more: Int!", &["breaking @cost(more): added, and required (Int!)"]),
    (", unit: String", ", unit: String, more: Int", &["dangerous @cost(more): added, not required (Int)"]),
    ("weight: Int! = 1", "weight: Int! = 2", &["dangerous @cost(weight): default changed from 1 to 2"]),
    ("FIELD | QUERY", "FIELD", &["breaking @cost: not on QUERY any more"]),
    ("FIELD | QUERY", "FIELD | QUERY | MUTATION", &["safe @cost: on MUTATION, too"]),
    ("repeatable ", "", &["breaking @cost: not repeatable any more"]),
    // What the contract says of itself.
    ("bio: String!", "bio: String! @deprecated", &["safe User.bio: deprecated"]),
    ("@deprecated(reason: \"gone soon\")", "", &["safe User.old: no longer deprecated, or for another reason"]),
    (
        "https://one.example",
        "https://two.example",
        &["dangerous Time: @specifiedBy added", "dangerous Time: @specifiedBy removed"],
    ),
    ("A user.", "A person.", &["safe User: description changed"]),
    ("Shown.", "Seen.", &["safe User.name: description changed"]),
    ("\"Before\"", "\"After\"", &["safe @cost: description changed"]),
];

#[test]
fn each_change_has_its_class() {
    for (from, to, expected) in CASES {
        assert_eq!(changed(from, to), *expected, "{from} -> {to}");
    }
    let classes: BTreeSet<_> = CASES.iter().flat_map(|(_, _, changes)| *changes).map(|c| c.split(' ').next()).collect();
    assert_eq!(classes.len(), 3);
}

#[test]
fn a_contract_is_no_change_of_itself_however_it_is_written() {
    let mut sorted: Vec<_> = COMMITTED.split("\n\n").collect();
    sorted.reverse();
    assert_eq!(compare(COMMITTED, &sorted.join("\n\n")), Ok(Vec::new()));
    assert_eq!(compare(CONTRACT, &CONTRACT.replace('\n', "\n # said in passing\n")), Ok(Vec::new()));
}

#[test]
fn the_worst_comes_first() {
    let changes =
        compare(CONTRACT, &CONTRACT.replace("TEXT VIDEO", "TEXT LIVE").replace("A user.", "A person.")).unwrap();
    let classes: Vec<_> = changes.iter().map(|change| change.class).collect();
    assert_eq!(classes, [Class::Breaking, Class::Dangerous, Class::Safe]);
}

#[test]
fn what_is_no_schema_is_told_so() {
    for (text, expected) in [
        (
            "type Query { a: Int }\ntype User { a: }",
            "not a GraphQL schema: line 2: unexpected closing brace ('}') token",
        ),
        ("type Query { a: Int } type Query { b: Int }", "not a GraphQL schema: Query is there twice"),
        ("type Query { a: Int a: ID }", "not a GraphQL schema: Query.a is there twice"),
        ("type Query { a: Int } enum Query { A }", "not a GraphQL schema: Query is there twice"),
        ("type Query { a: Int } enum A { B B }", "not a GraphQL schema: A.B is there twice"),
        (
            "type Query { a: Int } extend type Query { b: Int }",
            "a schema with extensions can't be compared: give it as one whole",
        ),
        ("type User { a: Int }", "not a GraphQL schema: it has no query type"),
    ] {
        assert_eq!(compare(text, CONTRACT).unwrap_err().to_string(), expected);
        assert_eq!(compare(CONTRACT, text).unwrap_err().to_string(), expected);
    }
    for text in ["", "\n\n", "# nothing", "{ feed { nodes { id } } }", "\u{0}\u{1}\u{2}", "{\"data\":{}}"] {
        assert!(compare(text, CONTRACT).is_err(), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Lines are lost, doubled and moved: there is an answer, and never a breaking change without a change.
    #[test]
    fn whatever_is_compared_there_is_an_answer(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_u8), 1..6),
    ) {
        let mut lines: Vec<&str> = COMMITTED.lines().collect();
        for (at, other, edit) in edits {
            let (at, other) = (at.index(lines.len()), other.index(lines.len()));
            match edit {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other]),
                _ => lines.swap(at, other),
            }
        }
        let edited = lines.join("\n");
        for (one, other) in [(COMMITTED, &*edited), (&*edited, COMMITTED)] {
            if let Ok(changes) = compare(one, other) {
                prop_assert!(changes.iter().all(|change| !change.path.is_empty() && !change.change.is_empty()));
            }
        }
        if let Ok(same) = compare(&edited, &edited) {
            prop_assert_eq!(same, []);
        }
    }
}
