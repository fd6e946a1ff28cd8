//! Which operation of the document is meant, and whether its variables are all there. Both can be said without the schema,
//! and async-graphql says them late or without telling the request's fault from the document's.

use async_graphql::{
    ServerError, Value, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};

use crate::errors;

/// The operation that `name` means: the only one when there is no name.
pub(crate) fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, ServerError> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).ok_or("the document has no operation of this name")
        }
        (DocumentOperations::Single(_), Some(_)) => Err("the document has no operation of this name"),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(operation),
            _ => Err("the document has several operations: `operationName` must say which"),
        },
    };
    match found {
        Ok(operation) => Ok(&operation.node),
        Err(message) => Err(errors::bad_input(message, "operationName", None)),
    }
}

/// Whether every variable that must have a value has one.
pub(crate) fn check_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let given = match variables.get(name) {
            Some(value) => *value != Value::Null,
            None => definition.node.default_value.is_some(),
        };
        if !definition.node.var_type.node.nullable && !given {
            let message =
                format!("the variable `${name}` of type `{}` must have a value", definition.node.var_type.node);
            return Err(errors::bad_input(message, name, Some(definition.pos)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_graphql::{parser::parse_query, value};

    use super::*;

    fn selected(document: &str, name: Option<&str>) -> Result<String, String> {
        match select(&parse_query(document).unwrap(), name) {
            Ok(operation) => Ok(operation.ty.to_string()),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn one_operation_needs_no_name_and_several_do() {
        assert!(selected("{ a }", None).is_ok());
        assert!(selected("query A { a }", None).is_ok());
        assert!(selected("query A { a } query B { b }", Some("B")).is_ok());
        assert!(selected("query A { a } query B { b }", None).unwrap_err().contains("several"));
        for (document, name) in [("{ a }", "A"), ("query A { a }", "B"), ("query A { a }", ""), ("query A { a }", "a")]
        {
            assert!(selected(document, Some(name)).unwrap_err().contains("no operation"), "{document} {name}");
        }
    }

    #[test]
    fn a_variable_that_must_have_a_value_has_one() {
        let document = parse_query("query ($a: Int!, $b: Int! = 1, $c: Int) { a(a: $a, b: $b, c: $c) }").unwrap();
        let check = |variables| check_variables(select(&document, None).unwrap(), &Variables::from_value(variables));
        assert_eq!(check(value!({"a": 1})), Ok(()));
        for variables in [value!({}), value!({"a": null}), value!({"A": 1})] {
            assert!(check(variables).unwrap_err().message.contains("`$a` of type `Int!`"));
        }
        assert!(check(value!({"a": 1, "b": null})).is_err(), "a default does not stand in for an explicit null");
    }
}
