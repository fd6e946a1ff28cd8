//! What the guard knows of the schema: for each field how much it weighs, what it leads to, and what bounds how often. Read once
//! from the schema's own export. It says what an operation may cost and never whether it is valid.

use std::collections::HashMap;

use async_graphql::{
    Value,
    parser::types::{BaseType, FieldDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};
use nova_core::PageSize;

/// Tenths of a point of complexity, so that whole numbers do.
pub(crate) type Tenths = u64;

/// What an object weighs, and what has to be fetched for itself.
const FETCHED: Tenths = 10;
/// What a plain value weighs: it comes along with its object.
const PLAIN: Tenths = 1;
/// What a field of the mutation weighs: a transaction.
const WRITE: Tenths = 100;

/// A type, by its place in the [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeId(usize);

/// The schema, as far as costs go.
#[derive(Debug)]
pub(crate) struct Shape {
    types: Vec<HashMap<String, FieldShape>>,
    names: HashMap<String, TypeId>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldShape {
    /// What it weighs itself, each time.
    pub(crate) weight: Tenths,
    /// Its type, if that has fields.
    pub(crate) of: Option<TypeId>,
    /// How often what is below it comes.
    pub(crate) times: Times,
}

impl FieldShape {
    /// One that the schema does not have: validation will say so.
    pub(crate) fn plain() -> Self {
        Self { weight: PLAIN, of: None, times: Times::Once }
    }
}

/// How often what is below a field comes, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Times {
    /// Once.
    Once,
    /// The field is one page: its list, which is further down, comes as often as its `first` or `last` says.
    Page,
    /// The field is the list of the page above it.
    OfPage,
    /// A list of as many as `first` says; of so many when it is not said.
    First(u64),
    /// A list of as many as the named argument, a list, has.
    OfArgument(String),
    /// A list of about so many.
    About(u64),
}

/// The most that a page holds.
pub(crate) const MAX_PAGE: u64 = PageSize::MAX as u64;

/// How long a list of the description is.
enum Often {
    /// It is none.
    Once,
    /// About so long.
    About(u64),
    /// As there are types.
    Types,
}

/// The fields with fields of the types that describe a schema: the type, the field, what it leads to.
const DESCRIBED: &[(&str, &str, &str, Often)] = &[
    ("__Schema", "types", "__Type", Often::Types),
    ("__Schema", "queryType", "__Type", Often::Once),
    ("__Schema", "mutationType", "__Type", Often::Once),
    ("__Schema", "subscriptionType", "__Type", Often::Once),
    ("__Schema", "directives", "__Directive", Often::About(5)),
    ("__Type", "fields", "__Field", Often::About(10)),
    ("__Type", "inputFields", "__InputValue", Often::About(4)),
    ("__Type", "interfaces", "__Type", Often::Once),
    ("__Type", "enumValues", "__EnumValue", Often::About(4)),
    ("__Type", "possibleTypes", "__Type", Often::About(4)),
    ("__Type", "ofType", "__Type", Often::Once),
    ("__Field", "args", "__InputValue", Often::About(3)),
    ("__Field", "type", "__Type", Often::Once),
    ("__InputValue", "type", "__Type", Often::Once),
    ("__Directive", "args", "__InputValue", Often::About(3)),
];

impl Shape {
    /// Of the schema that `document` defines.
    pub(crate) fn of(document: &ServiceDocument) -> Self {
        let definitions: Vec<_> = document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => Some(&definition.node),
                _ => None,
            })
            .filter_map(|definition| Some((definition.name.node.as_str(), fields(&definition.kind)?)))
            .collect();
        let names: HashMap<_, _> =
            definitions.iter().zip(0..).map(|((name, _), at)| ((*name).to_owned(), TypeId(at))).collect();
        let types = definitions
            .iter()
            .map(|(parent, fields)| {
                fields.iter().map(|field| (field.name.node.to_string(), shape(parent, field, &names))).collect()
            })
            .collect();
        let mut shape = Self { types, names };
        shape.add_introspection();
        shape
    }

    /// The type of this name, if it has fields.
    pub(crate) fn named(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// A field of a type.
    pub(crate) fn field(&self, of: TypeId, name: &str) -> Option<&FieldShape> {
        self.types[of.0].get(name)
    }

    /// The types that describe the schema (GraphQL specification, §4.2), which no export has. Their lists have no bound but the
    /// schema: they count as long as they are on average, and the types as many as there are.
    fn add_introspection(&mut self) {
        let types = self.names.len() as u64;
        let names = DESCRIBED.iter().map(|(parent, ..)| *parent).chain(["__EnumValue"]);
        for name in names {
            if !self.names.contains_key(name) {
                self.names.insert(name.to_owned(), TypeId(self.types.len()));
                self.types.push(HashMap::new());
            }
        }
        for (parent, name, of, often) in DESCRIBED {
            let times = match often {
                Often::Once => Times::Once,
                Often::About(count) => Times::About(*count),
                Often::Types => Times::About(types),
            };
            let field = FieldShape { weight: FETCHED, of: self.named(of), times };
            let parent = self.names[*parent];
            self.types[parent.0].insert((*name).to_owned(), field);
        }
    }

    /// Where a query enters the description of the schema.
    pub(crate) fn introspection(&self, field: &str) -> Option<FieldShape> {
        let of = match field {
            "__schema" => "__Schema",
            "__type" => "__Type",
            _ => return None,
        };
        Some(FieldShape { weight: FETCHED, of: self.named(of), times: Times::Once })
    }
}

fn fields(kind: &TypeKind) -> Option<Vec<&FieldDefinition>> {
    let fields = match kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        // A union has none of its own, and fragments on it lead on.
        TypeKind::Union(_) => return Some(vec![]),
        _ => return None,
    };
    Some(fields.iter().map(|field| &field.node).collect())
}

fn shape(parent: &str, field: &FieldDefinition, names: &HashMap<String, TypeId>) -> FieldShape {
    let (of, is_list) = unwrapped(&field.ty.node);
    let argument = |name: &str| field.arguments.iter().find(|argument| argument.node.name.node == name);
    let times = if parent.ends_with("Connection") && is_list {
        Times::OfPage
    } else if is_list {
        let list = field.arguments.iter().find(|argument| unwrapped(&argument.node.ty.node).1);
        match (argument("first"), list) {
            (Some(first), _) => Times::First(default(first.node.default_value.as_ref().map(|value| &value.node))),
            (None, Some(list)) => Times::OfArgument(list.node.name.node.to_string()),
            (None, None) => Times::About(MAX_PAGE),
        }
    } else if argument("first").is_some() {
        Times::Page
    } else {
        Times::Once
    };
    let weight = match of {
        _ if parent == "Mutation" => WRITE,
        // What only holds others together: it is made of what it holds.
        of if ["Edge", "PageInfo"].iter().any(|end| of.ends_with(end)) => PLAIN,
        of if names.contains_key(of) => FETCHED,
        // Counters, and how the viewer stands to something: nullable, because each is fetched for itself.
        "Int" | "Boolean" if field.ty.node.nullable => FETCHED,
        _ => PLAIN,
    };
    FieldShape { weight, of: names.get(of).copied(), times }
}

/// What is in a type once its lists and exclamation marks are gone, and whether there was a list.
fn unwrapped(ty: &Type) -> (&str, bool) {
    match &ty.base {
        BaseType::Named(name) => (name, false),
        BaseType::List(of) => (unwrapped(of).0, true),
    }
}

/// A bound that the schema gives itself.
fn default(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Number(number)) => number.as_u64().unwrap_or(MAX_PAGE),
        _ => MAX_PAGE,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;

    use super::*;

    #[test]
    fn weights_and_bounds_follow_from_the_schema() {
        let shape = Shape::of(&parse_schema(nova_resolvers::sdl()).unwrap());
        let field = |of: &str, name: &str| {
            let found = shape.field(shape.named(of).unwrap(), name).unwrap();
            (found.weight, found.times.clone(), found.of.is_some())
        };
        assert_eq!(field("Query", "feed"), (FETCHED, Times::Page, true));
        assert_eq!(field("PostConnection", "nodes"), (FETCHED, Times::OfPage, true));
        assert_eq!(field("PostConnection", "edges"), (PLAIN, Times::OfPage, true));
        assert_eq!(field("PostConnection", "pageInfo"), (PLAIN, Times::Once, true));
        assert_eq!(field("PostEdge", "node"), (FETCHED, Times::Once, true));
        assert_eq!(field("Query", "nodes"), (FETCHED, Times::OfArgument("ids".into()), true));
        assert_eq!(field("Post", "likeCount"), (FETCHED, Times::Once, false));
        assert_eq!(field("Post", "viewerHasLiked"), (FETCHED, Times::Once, false));
        assert_eq!(field("Post", "body"), (PLAIN, Times::Once, false));
        assert_eq!(field("Mutation", "likePost"), (WRITE, Times::Once, true));
        assert_eq!(field("__Type", "fields"), (FETCHED, Times::About(10), true));
        assert!(shape.named("String").is_none() && shape.introspection("__typename").is_none());
    }
}
