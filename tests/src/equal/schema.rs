//! `schema.graphql` as whoever makes or reads operations needs it: types, their fields and arguments.
#![expect(clippy::unwrap_used, reason = "a test without its schema has nothing to go on with")]

use std::collections::BTreeMap;

use cynic_parser::type_system::{Definition, FieldDefinition, InputValueDefinition, Type, TypeDefinition};

/// The contract, as it is pinned.
pub const SDL: &str = include_str!("../../../schema.graphql");

/// Types by their names.
#[derive(Debug)]
pub struct Schema(BTreeMap<String, Kind>);

/// What a type is.
#[derive(Debug)]
pub enum Kind {
    /// An object, or an interface together with the objects that it may be.
    Composite {
        /// Its fields.
        fields: Vec<Field>,
        /// What it may be; nothing for an object.
        possible: Vec<String>,
    },
    /// An input object, with its fields.
    Input(Vec<Argument>),
    /// A scalar, or an enum with its values.
    Leaf(Vec<String>),
}

/// A field of an object or an interface.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The name of its type, without `!` and `[]`.
    pub of: String,
    /// Whether it is a list.
    pub is_list: bool,
    /// Whether it may be null: what needs a fetch of its own may.
    pub is_nullable: bool,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type as it is written: `[ID!]!`.
    pub written: String,
    /// The name of its type.
    pub of: String,
    /// Whether it may be left out, or be null.
    pub is_optional: bool,
}

impl Schema {
    /// The contract.
    ///
    /// # Panics
    /// When `schema.graphql` is none.
    #[must_use]
    pub fn pinned() -> Self {
        let document = cynic_parser::parse_type_system_document(SDL).unwrap();
        let mut types: BTreeMap<_, _> = ["Int", "Float", "String", "Boolean", "ID"].map(leaf).into();
        let mut objects = Vec::new();
        for definition in document.definitions() {
            let Definition::Type(definition) = definition else { continue };
            let kind = match definition {
                TypeDefinition::Object(object) => {
                    let name = object.name().to_owned();
                    objects.extend(object.implements_interfaces().map(|of| (of.to_owned(), name.clone())));
                    Kind::Composite { fields: object.fields().map(field).collect(), possible: Vec::new() }
                }
                TypeDefinition::Interface(interface) => {
                    Kind::Composite { fields: interface.fields().map(field).collect(), possible: Vec::new() }
                }
                TypeDefinition::Union(union) => Kind::Composite {
                    fields: Vec::new(),
                    possible: union.members().map(|member| member.name().to_owned()).collect(),
                },
                TypeDefinition::InputObject(input) => Kind::Input(input.fields().map(argument).collect()),
                TypeDefinition::Enum(values) => {
                    Kind::Leaf(values.values().map(|value| value.value().to_owned()).collect())
                }
                TypeDefinition::Scalar(_) => Kind::Leaf(Vec::new()),
            };
            types.insert(definition.name().to_owned(), kind);
        }
        for (interface, object) in objects {
            if let Some(Kind::Composite { possible, .. }) = types.get_mut(&interface) {
                possible.push(object);
            }
        }
        Self(types)
    }

    /// What the type of this name is.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn kind(&self, name: &str) -> &Kind {
        self.0.get(name).unwrap_or_else(|| panic!("no type {name}"))
    }

    /// The fields of an object or an interface, and what that may be.
    ///
    /// # Panics
    /// When it is neither.
    #[must_use]
    pub fn composite(&self, name: &str) -> (&[Field], &[String]) {
        match self.kind(name) {
            Kind::Composite { fields, possible } => (fields, possible),
            _ => panic!("{name} has no fields"),
        }
    }

    /// The field of this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn field(&self, parent: &str, name: &str) -> &Field {
        let field = self.composite(parent).0.iter().find(|field| field.name == name);
        field.unwrap_or_else(|| panic!("no field {parent}.{name}"))
    }

    /// Whether a field has a selection of its own.
    #[must_use]
    pub fn is_composite(&self, field: &Field) -> bool {
        matches!(self.kind(&field.of), Kind::Composite { .. })
    }

    /// All types.
    pub fn types(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.0.iter().map(|(name, kind)| (name.as_str(), kind))
    }
}

fn leaf(name: &str) -> (String, Kind) {
    (name.to_owned(), Kind::Leaf(Vec::new()))
}

fn field(field: FieldDefinition<'_>) -> Field {
    Field {
        name: field.name().to_owned(),
        of: field.ty().name().to_owned(),
        is_list: field.ty().is_list(),
        is_nullable: is_nullable(field.ty()),
        arguments: field.arguments().map(argument).collect(),
    }
}

fn argument(argument: InputValueDefinition<'_>) -> Argument {
    Argument {
        name: argument.name().to_owned(),
        written: argument.ty().to_string(),
        of: argument.ty().name().to_owned(),
        is_optional: is_nullable(argument.ty()) || argument.default_value().is_some(),
    }
}

fn is_nullable(of: Type<'_>) -> bool {
    !of.is_non_null()
}
