//! The corpus: operations for people to read, in `tests/corpus`. Reads are asked of the world; writes are sent in a scene of
//! their own, in the order of their names. A variable has the same meaning wherever it is declared.
#![expect(clippy::unwrap_used, reason = "a test without its corpus has nothing to go on with")]

use std::{collections::BTreeSet, fs, path::Path};

use cynic_parser::{
    ExecutableDocument,
    common::OperationType,
    executable::{Iter, Selection},
    values::Value as Written,
};
use serde_json::{Map, Value, json};

use super::{
    generate::Operation,
    scene::Scene,
    schema::{Kind, Schema},
    values::{Values, comment, post, user},
};

/// An operation of the corpus.
#[derive(Debug, Clone)]
pub struct Example {
    /// The name of its file.
    pub name: String,
    /// What is sent.
    pub operation: Operation,
}

/// What is asked of the world.
///
/// # Panics
/// When a file declares a variable that nobody knows.
#[must_use]
pub fn reads(values: &Values) -> Vec<Example> {
    let cursor = |list: &str| json!(values.cursors[list][1]);
    filled("reads", |variable| match variable {
        "user" => json!(user(3)),
        "post" => json!(post(1008)),
        "comment" => json!(comment(100_005)),
        "absentUser" => json!(user(999)),
        "absentPost" => json!(post(9_999)),
        "ids" => json!(values.ids),
        "feedCursor" => cursor("Query.feed"),
        "postsCursor" => cursor("User.posts"),
        "followersCursor" => cursor("User.followers"),
        "followingCursor" => cursor("User.following"),
        "commentsCursor" => json!(values.cursors["Post.comments"][0]),
        "likersCursor" => cursor("Post.likers"),
        "yes" => json!(true),
        "no" => json!(false),
        unknown => panic!("no read has a variable ${unknown}"),
    })
}

/// What is sent in `scene`.
///
/// # Panics
/// When a file declares a variable that nobody knows.
#[must_use]
pub fn writes(scene: &Scene) -> Vec<Example> {
    filled("writes", |variable| scene.variable(variable))
}

fn filled(folder: &str, value: impl Fn(&str) -> Value) -> Vec<Example> {
    let fill = |(name, document): (String, String)| {
        let parsed = parsed(&name, &document);
        let declared = parsed.operations().flat_map(|operation| operation.variable_definitions());
        let variables: Map<_, _> =
            declared.map(|variable| (variable.name().to_owned(), value(variable.name()))).collect();
        Example { name, operation: Operation { document, variables } }
    };
    documents(folder).into_iter().map(fill).collect()
}

/// Name and text of each file in a folder of the corpus.
fn documents(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

fn parsed(name: &str, document: &str) -> ExecutableDocument {
    cynic_parser::parse_executable_document(document).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All that an operation can name: `Type.field`, `Type.field(argument)`, and `Input.field`.
#[must_use]
pub fn nameable(schema: &Schema) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (of, kind) in schema.types() {
        match kind {
            Kind::Composite { fields, .. } => {
                for field in fields {
                    let name = format!("{of}.{}", field.name);
                    names.extend(field.arguments.iter().map(|argument| format!("{name}({})", argument.name)));
                    names.insert(name);
                }
            }
            Kind::Input(fields) => names.extend(fields.iter().map(|field| format!("{of}.{}", field.name))),
            Kind::Leaf(_) => {}
        }
    }
    names
}

/// What the corpus names of it.
///
/// # Panics
/// When an operation does not fit the schema.
#[must_use]
pub fn named(schema: &Schema) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, document) in ["reads", "writes"].into_iter().flat_map(documents) {
        let document = parsed(&name, &document);
        for operation in document.operations() {
            let root = match operation.operation_type() {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            walk(schema, root, operation.selection_set(), &mut names);
        }
        for fragment in document.fragments() {
            walk(schema, fragment.type_condition(), fragment.selection_set(), &mut names);
        }
    }
    names
}

fn walk<'a>(schema: &Schema, of: &str, selections: Iter<'a, Selection<'a>>, names: &mut BTreeSet<String>) {
    for selection in selections {
        match selection {
            Selection::Field(field) if field.name().starts_with("__") => {}
            Selection::Field(field) => {
                let known = schema.field(of, field.name());
                let name = format!("{of}.{}", field.name());
                for argument in field.arguments() {
                    names.insert(format!("{name}({})", argument.name()));
                    let takes = known.arguments.iter().find(|known| known.name == argument.name()).unwrap();
                    if let Written::Object(object) = argument.value() {
                        names.extend(object.fields().map(|field| format!("{}.{}", takes.of, field.name())));
                    }
                }
                names.insert(name);
                walk(schema, &known.of, field.selection_set(), names);
            }
            Selection::InlineFragment(fragment) => {
                walk(schema, fragment.type_condition().unwrap_or(of), fragment.selection_set(), names);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}
