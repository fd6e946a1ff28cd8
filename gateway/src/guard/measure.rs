//! Measures a parsed document: what validating and executing it can cost. One walk over its text; a fragment is walked once and
//! counted wherever it is spread. What validation would choke on, fragments that spread themselves and nesting without end, ends
//! the walk.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{Directive, ExecutableDocument, Field, OperationType, Selection, SelectionSet},
};
use async_graphql_value::Value as Literal;

use super::{
    cost::{Bound, Expression, Sum, count},
    limits::MAX_NESTING,
    shape::{FieldShape, MAX_PAGE, Shape, Tenths, Times, TypeId},
};

/// What a document measures.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    /// Fragments that it defines.
    pub(crate) fragments: u64,
    /// Aliases, as they stand there.
    pub(crate) aliases: u64,
    /// Directives, as they stand there.
    pub(crate) directives: u64,
    /// Pairs of fields that validation looks at, to find those that can't be merged.
    pub(crate) comparisons: u64,
    /// How often each variable stands there.
    pub(crate) uses: HashMap<Name, u64>,
    operations: Vec<(Option<Name>, OperationMeasures)>,
    pub(super) expression: Expression,
}

/// What one operation measures.
#[derive(Debug)]
pub(crate) struct OperationMeasures {
    /// Fields below fields, what describes the schema apart.
    pub(crate) depth: u64,
    /// Selection sets within selection sets, those of fragments too.
    pub(crate) nesting: u64,
    /// Fields at its root.
    pub(crate) root_fields: u64,
    /// Selections, once every fragment stands where it is spread.
    pub(crate) selections: u64,
    /// Whether it asks for the description of the schema.
    pub(crate) introspects: bool,
    /// What that description costs.
    pub(super) introspection: Tenths,
    /// What the rest costs.
    pub(super) cost: Sum,
    /// What its variables ask for when nothing is said, where the definition says that.
    pub(super) defaults: BTreeMap<Name, u64>,
}

impl OperationMeasures {
    const fn nothing() -> Self {
        Self {
            depth: 0,
            nesting: 0,
            root_fields: 0,
            selections: 0,
            introspects: false,
            introspection: 0,
            cost: Sum::of(0),
            defaults: BTreeMap::new(),
        }
    }
}

/// Why a document can't be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmeasurable {
    /// The fragment spreads itself, directly or through others.
    Cycle(Name),
    /// Its selection sets are nested deeper than the ceiling.
    TooNested,
}

impl Measures {
    /// Those of `document`, against the schema of which `shape` is.
    pub(crate) fn of(document: &ExecutableDocument, shape: &Shape) -> Result<Self, Unmeasurable> {
        let mut walk = Walk { document, shape, fragments: HashMap::new(), found: Self::default() };
        walk.found.fragments = document.fragments.len() as u64;
        for (name, operation) in document.operations.iter() {
            let operation = &operation.node;
            walk.directives(&operation.directives);
            let mut defaults = BTreeMap::new();
            for definition in &operation.variable_definitions {
                let definition = &definition.node;
                walk.directives(&definition.directives);
                let default = definition.default_value.as_ref();
                if let Some(count) = default.and_then(|default| count(&default.node)) {
                    defaults.insert(definition.name.node.clone(), count);
                }
            }
            let root = match operation.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            let set = walk.set(&operation.selection_set.node, shape.named(root), 1)?;
            let measures = OperationMeasures {
                depth: set.depth,
                nesting: set.nesting,
                root_fields: set.fields,
                selections: set.selections,
                introspects: set.introspects,
                introspection: set.introspection,
                cost: set.once,
                defaults,
            };
            walk.found.operations.push((name.cloned(), measures));
        }
        // Validation walks fragments that nobody spreads, too.
        for name in document.fragments.keys() {
            walk.fragment(name, 1)?;
        }
        Ok(walk.found)
    }

    /// Those of the operation that `name` means: the only one when there is no name. One that is not there measures nothing.
    pub(crate) fn operation(&self, name: Option<&str>) -> &OperationMeasures {
        static NONE: OperationMeasures = OperationMeasures::nothing();
        let found = match (name, &self.operations[..]) {
            (None, [only]) => Some(only),
            (name, all) => all.iter().find(|(known, _)| known.as_deref() == name),
        };
        found.map_or(&NONE, |(_, measures)| measures)
    }

    /// Those of all its operations.
    pub(crate) fn all(&self) -> impl Iterator<Item = &OperationMeasures> {
        self.operations.iter().map(|(_, measures)| measures)
    }

    /// Operations that it defines.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.len() as u64
    }
}

/// What a selection set comes to.
#[derive(Debug, Clone, Default)]
struct Set {
    depth: u64,
    nesting: u64,
    fields: u64,
    selections: u64,
    comparisons: u64,
    introspects: bool,
    introspection: Tenths,
    /// Each time.
    once: Sum,
    /// For each item of the page around it.
    of_page: Sum,
}

impl Set {
    /// Takes in what stands in a fragment, at its own level.
    fn merge(&mut self, other: &Self) {
        self.depth = self.depth.max(other.depth);
        self.nesting = self.nesting.max(other.nesting + 1);
        self.fields = self.fields.saturating_add(other.fields);
        self.selections = self.selections.saturating_add(other.selections).saturating_add(1);
        self.comparisons = self.comparisons.saturating_add(other.comparisons).saturating_add(1);
        self.introspects |= other.introspects;
        self.introspection = self.introspection.saturating_add(other.introspection);
        self.once.add(&other.once);
        self.of_page.add(&other.of_page);
    }
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    shape: &'a Shape,
    /// `None` while it is being walked.
    fragments: HashMap<&'a str, Option<Set>>,
    found: Measures,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, of: Option<TypeId>, level: u64) -> Result<Set, Unmeasurable> {
        if level > MAX_NESTING {
            return Err(Unmeasurable::TooNested);
        }
        let mut found = Set { nesting: 1, ..Set::default() };
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, of, level, &mut found)?,
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let condition = fragment.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| self.shape.named(&condition.node.on.node));
                    let inner = self.set(&fragment.selection_set.node, of, level + 1)?;
                    found.merge(&inner);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(inner) = self.fragment(&spread.node.fragment_name.node, level + 1)? {
                        found.merge(inner);
                    }
                }
            }
        }
        self.found.comparisons = self.found.comparisons.saturating_add(found.comparisons);
        // What is met the second time brings its height along without being walked.
        if found.nesting > MAX_NESTING { Err(Unmeasurable::TooNested) } else { Ok(found) }
    }

    /// A fragment, walked the first time that it is met; `None` when nobody defines it.
    fn fragment(&mut self, name: &'a Name, level: u64) -> Result<Option<&Set>, Unmeasurable> {
        let Some(definition) = self.document.fragments.get(name) else { return Ok(None) };
        match self.fragments.get(name.as_str()) {
            Some(Some(_)) => {}
            Some(None) => return Err(Unmeasurable::Cycle(name.clone())),
            None => {
                self.fragments.insert(name, None);
                self.directives(&definition.node.directives);
                let of = self.shape.named(&definition.node.type_condition.node.on.node);
                let mut set = self.set(&definition.node.selection_set.node, of, level)?;
                set.once = self.found.expression.shared(set.once);
                set.of_page = self.found.expression.shared(set.of_page);
                self.fragments.insert(name, Some(set));
            }
        }
        Ok(self.fragments.get(name.as_str()).and_then(Option::as_ref))
    }

    fn field(&mut self, field: &'a Field, of: Option<TypeId>, level: u64, found: &mut Set) -> Result<(), Unmeasurable> {
        if field.alias.is_some() {
            self.found.aliases += 1;
        }
        for (_, value) in &field.arguments {
            self.read(&value.node);
        }
        let name = field.name.node.as_str();
        let described = self.shape.introspection(name).filter(|_| of == self.shape.named("Query"));
        let introspects = described.is_some();
        let shape = described.or_else(|| self.shape.field(of?, name).cloned()).unwrap_or_else(FieldShape::plain);
        let inner = match &field.selection_set.node.items[..] {
            [] => Set::default(),
            _ => self.set(&field.selection_set.node, shape.of, level + 1)?,
        };
        found.fields += 1;
        found.nesting = found.nesting.max(inner.nesting + 1);
        found.depth = found.depth.max(if introspects { 1 } else { inner.depth + 1 });
        found.selections = found.selections.saturating_add(inner.selections).saturating_add(1);
        found.comparisons = found.comparisons.saturating_add(1);
        found.introspects |= introspects;
        let expression = &mut self.found.expression;
        let mut each = Sum::of(shape.weight);
        each.add(&inner.once);
        let often = match &shape.times {
            Times::Page => {
                let page = expression.times(bound(field, &["first", "last"], MAX_PAGE), inner.of_page);
                each.add(&page);
                Bound::Times(1)
            }
            times => {
                // A page that is not reached through its field counts as a full one.
                each.add(&expression.times(Bound::Times(MAX_PAGE), inner.of_page));
                match times {
                    Times::First(fallback) => bound(field, &["first"], *fallback),
                    Times::OfArgument(argument) => bound(field, &[argument], MAX_PAGE),
                    Times::About(count) => Bound::Times(*count),
                    Times::Once | Times::Page | Times::OfPage => Bound::Times(1),
                }
            }
        };
        let total = expression.times(often, each);
        match shape.times {
            // Nothing in the description has a bound that a variable gives.
            _ if introspects => found.introspection = found.introspection.saturating_add(total.certain()),
            Times::OfPage => found.of_page.add(&total),
            _ => found.once.add(&total),
        }
        Ok(())
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        self.found.directives += directives.len() as u64;
        for (_, value) in directives.iter().flat_map(|directive| &directive.node.arguments) {
            self.read(&value.node);
        }
    }

    /// Counts the variables of a value.
    fn read(&mut self, value: &Literal) {
        match value {
            Literal::Variable(name) => match self.found.uses.get_mut(name) {
                Some(uses) => *uses += 1,
                None => drop(self.found.uses.insert(name.clone(), 1)),
            },
            Literal::List(values) => values.iter().for_each(|value| self.read(value)),
            Literal::Object(values) => values.values().for_each(|value| self.read(value)),
            _ => {}
        }
    }
}

/// How many the arguments of these names ask for: the most that one of them says.
fn bound(field: &Field, names: &[&str], fallback: u64) -> Bound {
    let mut literal: Option<u64> = None;
    let mut variable: Option<&Name> = None;
    for (name, value) in &field.arguments {
        if !names.contains(&name.node.as_str()) {
            continue;
        }
        let count = match &value.node {
            // Two of them are refused where they are read: a full page is enough for that.
            Literal::Variable(_) if variable.is_some() => Some(MAX_PAGE),
            Literal::Variable(name) => {
                variable = Some(name);
                None
            }
            Literal::Null => None,
            Literal::List(values) => Some(values.len() as u64),
            Literal::Number(number) => Some(number.as_u64().unwrap_or(0).min(MAX_PAGE)),
            _ => Some(1),
        };
        literal = literal.max(count);
    }
    match (variable, literal) {
        (Some(name), literal) => Bound::Variable {
            name: name.clone(),
            fallback: literal.unwrap_or(fallback),
            at_least: literal.unwrap_or(0),
        },
        (None, literal) => Bound::Times(literal.unwrap_or(fallback)),
    }
}

/// How many values there are in `value`, itself included.
pub(super) fn values_in(value: &Value) -> u64 {
    1 + match value {
        Value::List(values) => values.iter().map(values_in).sum(),
        Value::Object(values) => values.values().map(values_in).sum::<u64>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use async_graphql::parser::{parse_query, parse_schema};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn measures(text: &str) -> Result<Measures, Unmeasurable> {
        static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::of(&parse_schema(nova_resolvers::sdl()).unwrap()));
        Measures::of(&parse_query(text).unwrap(), &SHAPE)
    }

    /// Depth, nesting, root fields, selections, comparisons, and cost in tenths when each variable is 7.
    fn figures(text: &str) -> [u64; 6] {
        let found = measures(text).unwrap();
        let operation = found.operation(None);
        let cost = found.expression.evaluate(&operation.cost, |_| Some(7));
        let OperationMeasures { depth, nesting, root_fields, selections, .. } = *operation;
        [depth, nesting, root_fields, selections, found.comparisons, cost]
    }

    #[test]
    fn each_measure_is_what_its_name_says() {
        assert_eq!(figures("{ __typename }"), [1, 1, 1, 1, 1, 1]);
        assert_eq!(figures("{ a: viewer { id } b: viewer { id } }"), [2, 2, 2, 4, 4, 22]);
        assert_eq!(figures("{ ... { viewer { ... on User { id } } } }"), [2, 4, 1, 4, 6, 11]);
        let found =
            measures("query ($a: ID! @d) { node(id: $a) @include(if: $b) { x: id } nodes(ids: [$a]) { id } }").unwrap();
        assert_eq!((found.aliases, found.directives, found.operations(), found.fragments), (1, 2, 1, 0));
        assert_eq!((found.uses["a"], found.uses["b"]), (2, 1));
    }

    #[test]
    fn a_page_costs_what_it_holds_as_often_as_it_may() {
        for (text, tenths) in [
            ("{ feed(first: 3) { nodes { id } } }", 10 + 3 * 11),
            ("{ feed(last: 3) { edges { cursor node { id } } } }", 10 + 3 * (1 + 1 + 11)),
            ("{ feed(first: $n) { nodes { id } } }", 10 + 7 * 11),
            ("{ feed(first: 1, last: $n) { nodes { id } } }", 10 + 7 * 11),
            ("{ feed { nodes { id } } }", 10 + 100 * 11),
            ("{ feed(first: null) { nodes { id } } }", 10 + 100 * 11),
            ("{ feed(first: 1000000) { nodes { id } } }", 10 + 100 * 11),
            (
                "{ feed(first: 2) { pageInfo { hasNextPage } nodes { id } edges { cursor } } }",
                10 + 1 + 1 + 2 * 11 + 2 * 2,
            ),
            ("{ feed(first: 2) { ...P } } fragment P on PostConnection { nodes { id } }", 10 + 2 * 11),
            ("{ nodes(ids: [1, 2, 3]) { id } }", 3 * 11),
            ("{ nodes(ids: $n) { id } }", 7 * 11),
            ("{ nonsense { nonsense } }", 2),
            ("mutation { likePost(input: {}) { post { id } } }", 100 + 10 + 1),
        ] {
            assert_eq!(figures(text)[5], tenths, "{text}");
        }
    }

    #[test]
    fn what_never_ends_is_no_measure() {
        let cycle = |name: &str| Err(Unmeasurable::Cycle(Name::new(name)));
        let why = |text: &str| measures(text).map(drop);
        assert_eq!(why("{ ...A } fragment A on Query { ...A }"), cycle("A"));
        assert_eq!(why("{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { ...A } }"), cycle("A"));
        assert!(matches!(
            why("{ id } fragment A on Query { ...B } fragment B on Query { ...A }"),
            Err(Unmeasurable::Cycle(_))
        ));
        assert_eq!(why("{ ...Nobody }"), Ok(()));
        let nested = |levels: usize| format!("{}{{ id }}{}", "{ a ".repeat(levels - 1), "}".repeat(levels - 1));
        assert_eq!((why(&nested(30)), why(&nested(31))), (Ok(()), Err(Unmeasurable::TooNested)));
        // Each spread is a level, whether its fragment was walked before or not.
        let chain = |last: usize| {
            let one = |n| format!("fragment F{n} on Query {{ ...F{} }} ", n + 1);
            (1..last).map(one).collect::<Vec<_>>().concat()
        };
        let thirty = chain(30);
        assert_eq!(why(&format!("{{ ...F1 }} {thirty} fragment F30 on Query {{ id }}")), Err(Unmeasurable::TooNested));
        let sixteen = chain(16);
        let twice = |levels: usize| {
            let again = nested(levels).replace("id", "...F1");
            why(&format!("{{ ...F1 a {again} }} {sixteen} fragment F16 on Query {{ id }}"))
        };
        assert_eq!((twice(13), twice(14)), (Ok(()), Err(Unmeasurable::TooNested)));
    }

    #[derive(Debug, Clone)]
    enum Part {
        Leaf(&'static str),
        Page(&'static str, Vec<Self>),
        Inline(Vec<Self>),
        Spread(usize),
    }

    fn part() -> impl Strategy<Value = Part> {
        let leaf = prop_oneof![
            prop::sample::select(vec!["id", "username", "followerCount"]).prop_map(Part::Leaf),
            any::<usize>().prop_map(Part::Spread),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let parts = vec(inner, 1..4);
            prop_oneof![
                (prop::sample::select(vec!["(first: 2)", "(last: $n)", ""]), parts.clone())
                    .prop_map(|(page, parts)| Part::Page(page, parts)),
                parts.prop_map(Part::Inline),
            ]
        })
    }

    /// The text of a selection set, which may spread the first of `fragments`; those that it spreads stand in it when `inlined`.
    fn set(parts: &[Part], fragments: &[Vec<Part>], inlined: bool) -> String {
        let one = |part: &Part| match part {
            Part::Leaf(name) => (*name).to_owned(),
            Part::Page(page, parts) => format!("followers{page} {{ nodes {} }}", set(parts, fragments, inlined)),
            Part::Inline(parts) => format!("... {}", set(parts, fragments, inlined)),
            Part::Spread(_) if fragments.is_empty() => "bio".to_owned(),
            Part::Spread(number) => {
                let number = number % fragments.len();
                if inlined {
                    format!("... on User {}", set(&fragments[number], &fragments[..number], inlined))
                } else {
                    format!("...F{number}")
                }
            }
        };
        format!("{{ {} }}", parts.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    proptest! {
        /// A fragment is walked once, and measures what it would if it stood wherever it is spread.
        #[test]
        fn fragments_measure_what_they_would_in_their_places(parts in vec(part(), 1..4), fragments in vec(vec(part(), 1..4), 0..5)) {
            let definitions: Vec<_> = (0..fragments.len())
                .map(|number| format!(" fragment F{number} on User {}", set(&fragments[number], &fragments[..number], false)))
                .collect();
            let spread = format!("{{ viewer {} }} {}", set(&parts, &fragments, false), definitions.concat());
            let inlined = format!("{{ viewer {} }}", set(&parts, &fragments, true));
            // What is compared is compared once for a fragment: validation walks it once, too.
            let [spread, inlined] = [spread, inlined].map(|text| {
                let [depth, nesting, root_fields, selections, _, cost] = figures(&text);
                [depth, nesting, root_fields, selections, cost]
            });
            prop_assert_eq!(spread, inlined);
        }
    }
}
