//! Finds the argument that an error points at. Walks a document once, for an error that is on its way out, never before.

use async_graphql::{
    Pos,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// An argument of a field or a directive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Argument<'a> {
    pub(crate) name: &'a str,
    /// Whether a variable is, or is part of, its value.
    pub(crate) uses_variable: bool,
}

/// The argument whose name or value stands at `at`.
pub(crate) fn find(document: &ExecutableDocument, at: Pos) -> Option<Argument<'_>> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).find_map(|set| find_in(set, at))
}

fn find_in(set: &SelectionSet, at: Pos) -> Option<Argument<'_>> {
    set.items.iter().find_map(|selection| {
        let (arguments, nested) = match &selection.node {
            Selection::Field(field) => (&field.node.arguments[..], Some(&field.node.selection_set.node)),
            Selection::FragmentSpread(_) => (&[][..], None),
            Selection::InlineFragment(fragment) => (&[][..], Some(&fragment.node.selection_set.node)),
        };
        let of_directives = selection.node.directives().iter().flat_map(|directive| &directive.node.arguments);
        arguments
            .iter()
            .chain(of_directives)
            .find(|(name, value)| name.pos == at || value.pos == at)
            .map(|(name, value)| Argument {
                name: &name.node,
                uses_variable: value.node.clone().into_const().is_none(),
            })
            .or_else(|| nested.and_then(|nested| find_in(nested, at)))
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn an_argument_is_found_wherever_it_stands() {
        let document = parse_query(
            "query ($v: Int) {\n a(x: 1) { ... on B { b(y: {k: [$v]}) } ...F @include(if: true) }\n}\nfragment F on B {\n c(z: $v)\n}",
        )
        .unwrap();
        let at = |line, column| find(&document, Pos { line, column }).map(|found| (found.name, found.uses_variable));
        assert_eq!(at(2, 4), Some(("x", false)), "by its name");
        assert_eq!(at(2, 7), Some(("x", false)), "by its value");
        assert_eq!(at(2, 25), Some(("y", true)));
        assert_eq!(at(2, 55), Some(("if", false)));
        assert_eq!(at(5, 4), Some(("z", true)));
        assert_eq!(at(2, 2), None);
    }
}
