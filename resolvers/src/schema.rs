//! The schema as a whole, and its export.

use async_graphql::{EmptySubscription, SDLExportOptions, Schema, SchemaBuilder};
use nova_core::token::TokenSecret;

use crate::{cursor::CursorCodec, mutation::Mutation, query::Query};

/// The public schema.
pub type NovaSchema = Schema<Query, Mutation, EmptySubscription>;

/// What the schema is made with.
#[derive(Debug, Clone)]
pub struct SchemaConfig {
    /// Signs cursors. All gateways of a fleet share it, or a page begun at one can't go on at another.
    pub cursor_secret: TokenSecret,
    /// Whether an unknown name is answered with the names that are like it. That tells a stranger what there is.
    pub suggestions: bool,
}

/// The schema, ready to execute. A request's data holds its `Arc<RequestLoaders>`.
#[must_use]
pub fn schema(config: &SchemaConfig) -> NovaSchema {
    let schema = builder().data(CursorCodec::new(&config.cursor_secret));
    suggesting(schema, config.suggestions).finish()
}

type Builder = SchemaBuilder<Query, Mutation, EmptySubscription>;

/// What requests and documents that are still to run have in common.
pub(crate) fn builder() -> Builder {
    Schema::build(Query, Mutation::default(), EmptySubscription)
}

/// With or without names that are like an unknown one.
pub(crate) fn suggesting(builder: Builder, suggestions: bool) -> Builder {
    if suggestions { builder } else { builder.disable_suggestions() }
}

/// The contract as SDL: what `schema.graphql` holds.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .prefer_single_line_descriptions()
        .use_space_ident()
        .indent_width(2);
    Schema::build(Query, Mutation::default(), EmptySubscription).finish().sdl_with_options(options)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::*;

    #[test]
    fn the_committed_contract_is_the_export() {
        let committed = include_str!("../../schema.graphql");
        assert!(committed == sdl(), "schema.graphql differs from the export: ./nova schema > schema.graphql");
    }

    #[test]
    fn everything_is_described() {
        let document = async_graphql::parser::parse_schema(sdl()).unwrap();
        let mut silent = Vec::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let definition = definition.node;
            let name = definition.name.node.as_str();
            let described = definition.description.is_some();
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::InputObject(input) => {
                    let fields = input.fields.iter().map(|field| &field.node);
                    let fields = fields.filter(|field| field.description.is_none());
                    silent.extend(fields.map(|field| format!("{name}.{}", field.name.node)));
                    Vec::new()
                }
                TypeKind::Enum(values) => {
                    silent.extend(
                        values
                            .values
                            .iter()
                            .filter(|v| v.node.description.is_none())
                            .map(|v| format!("{name}.{}", v.node.value.node)),
                    );
                    Vec::new()
                }
                _ => Vec::new(),
            };
            for field in fields {
                let path = format!("{name}.{}", field.node.name.node);
                let arguments = field.node.arguments.iter().filter(|a| a.node.description.is_none());
                silent.extend(arguments.map(|a| format!("{path}({})", a.node.name.node)));
                if field.node.description.is_none() {
                    silent.push(path);
                }
            }
            if !described {
                silent.push(name.to_owned());
            }
        }
        assert!(silent.is_empty(), "without a description: {silent:?}");
    }

    #[tokio::test]
    async fn a_panic_costs_its_field_and_no_other() {
        // Without loaders in the request, whoever asks for them panics.
        let schema = schema(&SchemaConfig { cursor_secret: TokenSecret::new([1; 32]).unwrap(), suggestions: false });
        let document = r#"{ user(username: "a") { id } __typename post(id: "cAAAAAAAAAAAAAAAAAAAAAE") { id } }"#;
        #[expect(clippy::disallowed_methods, reason = "the schema alone is what is tested")]
        let response = schema.execute(async_graphql::Request::new(document)).await;
        let codes: Vec<_> = response
            .errors
            .iter()
            .map(|error| format!("{:?} {:?}", error.path, error.extensions.as_ref().and_then(|all| all.get("code"))))
            .collect();
        insta::assert_snapshot!(format!("{}\n{}", response.data, codes.join("\n")), @r#"
        {user: null, __typename: "Query", post: null}
        [Field("user")] Some(String("INTERNAL"))
        [Field("post")] Some(String("INTERNAL"))
        "#);
    }
}
