//! A parsed contract whose parts can be found by name.

use std::collections::{HashMap, HashSet};

use cynic_parser::{
    TypeSystemDocument,
    type_system::{Definition, DirectiveDefinition, FieldDefinition, InputValueDefinition, TypeDefinition},
};

use crate::syntax;

/// Why a text is not a contract that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is not the schema language.
    #[error("not a GraphQL schema: line {line}: {text}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What was found there.
        text: String,
    },
    /// Something is defined twice, or under a name that is taken.
    #[error("not a GraphQL schema: {0} is there twice")]
    Twice(String),
    /// A part of a schema: it means something only together with the rest.
    #[error("a schema with extensions can't be compared: give it as one whole")]
    Extension,
    /// There is nothing to ask.
    #[error("not a GraphQL schema: it has no query type")]
    NoQuery,
}

/// Parses a schema.
pub(super) fn parse(sdl: &str) -> Result<TypeSystemDocument, SchemaError> {
    cynic_parser::parse_type_system_document(sdl).map_err(|error| {
        let (line, text) = syntax::told(sdl, &error);
        SchemaError::Syntax { line, text }
    })
}

/// The parts of a schema, by their names.
pub(super) struct Document<'a> {
    pub(super) sdl: &'a str,
    types: HashMap<&'a str, TypeDefinition<'a>>,
    pub(super) directives: HashMap<&'a str, DirectiveDefinition<'a>>,
    /// The type of each kind of operation: query, mutation, subscription.
    pub(super) roots: [Option<&'a str>; 3],
}

impl<'a> Document<'a> {
    /// Takes a schema apart. Refuses what the comparison could not tell apart.
    pub(super) fn new(sdl: &'a str, parsed: &'a TypeSystemDocument) -> Result<Self, SchemaError> {
        let (mut types, mut directives, mut roots) = (HashMap::new(), HashMap::new(), None);
        let mut names = Names::default();
        for definition in parsed.definitions() {
            match definition {
                Definition::SchemaExtension(_) | Definition::TypeExtension(_) => return Err(SchemaError::Extension),
                Definition::Schema(schema) => {
                    names.add(":schema".to_owned())?;
                    let root = |root: cynic_parser::type_system::RootOperationTypeDefinition<'a>| root.named_type();
                    roots = Some([
                        schema.query_type().map(root),
                        schema.mutation_type().map(root),
                        schema.subscription_type().map(root),
                    ]);
                }
                Definition::Directive(directive) => {
                    // Types and directives have names apart, but not where they are compared.
                    names.add(directive.name().to_owned())?;
                    names.all(directive.name(), directive.arguments().map(|argument| argument.name()))?;
                    directives.insert(directive.name(), directive);
                }
                Definition::Type(definition) => {
                    let name = definition.name();
                    names.add(name.to_owned())?;
                    names.members(name, definition)?;
                    types.insert(name, definition);
                }
            }
        }
        let roots = roots.unwrap_or_else(|| {
            ["Query", "Mutation", "Subscription"].map(|name| types.get_key_value(name).map(|(name, _)| *name))
        });
        roots[0].ok_or(SchemaError::NoQuery)?;
        Ok(Self { sdl, types, directives, roots })
    }

    /// A field of an object or an interface.
    pub(super) fn field(&self, definition: &str, field: &str) -> Option<FieldDefinition<'a>> {
        let mut fields = match self.types.get(definition)? {
            TypeDefinition::Object(object) => object.fields(),
            TypeDefinition::Interface(interface) => interface.fields(),
            _ => return None,
        };
        fields.find(|candidate| candidate.name() == field)
    }

    /// A field of an input object.
    pub(super) fn input(&self, definition: &str, field: &str) -> Option<InputValueDefinition<'a>> {
        let TypeDefinition::InputObject(input) = self.types.get(definition)? else { return None };
        input.fields().find(|candidate| candidate.name() == field)
    }

    /// An argument of a field.
    pub(super) fn argument(&self, definition: &str, field: &str, name: &str) -> Option<InputValueDefinition<'a>> {
        self.field(definition, field)?.arguments().find(|argument| argument.name() == name)
    }

    /// The fields of every input object, each with its type's name.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (&'a str, InputValueDefinition<'a>)> {
        self.types.values().filter_map(TypeDefinition::as_input_object).flat_map(|input| {
            let name = input.name();
            input.fields().map(move |field| (name, field))
        })
    }
}

/// Names that are taken.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn add(&mut self, name: String) -> Result<(), SchemaError> {
        if self.0.contains(&name) {
            return Err(SchemaError::Twice(name));
        }
        self.0.insert(name);
        Ok(())
    }

    fn all<'a>(&mut self, parent: &str, mut names: impl Iterator<Item = &'a str>) -> Result<(), SchemaError> {
        names.try_for_each(|name| self.add(format!("{parent}.{name}")))
    }

    fn members(&mut self, name: &str, definition: TypeDefinition<'_>) -> Result<(), SchemaError> {
        let mut fields = Vec::new();
        match definition {
            TypeDefinition::Object(object) => fields.extend(object.fields()),
            TypeDefinition::Interface(interface) => fields.extend(interface.fields()),
            TypeDefinition::InputObject(input) => self.all(name, input.fields().map(|field| field.name()))?,
            TypeDefinition::Enum(values) => self.all(name, values.values().map(|value| value.value()))?,
            TypeDefinition::Union(union) => self.all(name, union.members().map(|member| member.name()))?,
            TypeDefinition::Scalar(_) => {}
        }
        for field in fields {
            let path = format!("{name}.{}", field.name());
            self.all(&path, field.arguments().map(|argument| argument.name()))?;
            self.add(path)?;
        }
        Ok(())
    }
}
