//! Valid queries, made of the schema and of chance. A query is written from a tree of choices, so that a smaller tree is a
//! smaller query: proptest takes branches away and numbers down until what is left is what is at fault.

mod arguments;
mod write;

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

use super::{schema::Schema, values::Values};

/// Deepest tree of choices.
const DEPTH: u8 = 8;
/// Most branches of one.
const WIDTH: usize = 3;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The document.
    pub document: String,
    /// The values of its variables.
    pub variables: Map<String, Value>,
}

/// One step on the way: zero is always the plainest.
#[derive(Debug, Clone)]
struct Choice {
    /// Which field, or which type of an interface.
    which: u8,
    /// In which fragment, and under which directive.
    spelling: u8,
    /// What the arguments are, and how they are spelled.
    arguments: [u8; 4],
    /// What is selected below; a leaf selects none.
    below: Vec<Choice>,
}

/// Queries that fit the schema. None asks for more than some hundred keys.
pub fn queries(schema: Arc<Schema>, values: Arc<Values>) -> impl Strategy<Value = Operation> {
    let tree = (0..DEPTH).fold(leaf().boxed(), |below, _| prop_oneof![1 => leaf(), 4 => branch(below)].boxed());
    vec(branch(tree), 1..=WIDTH).prop_map(move |choices| write::query(&schema, &values, &choices))
}

fn leaf() -> impl Strategy<Value = Choice> {
    any::<(u8, u8)>().prop_map(|(which, spelling)| Choice { which, spelling, arguments: [0; 4], below: Vec::new() })
}

fn branch(below: impl Strategy<Value = Choice>) -> impl Strategy<Value = Choice> {
    (any::<(u8, u8, [u8; 4])>(), vec(below, 1..=WIDTH)).prop_map(|((which, spelling, arguments), below)| Choice {
        which,
        spelling,
        arguments,
        below,
    })
}
