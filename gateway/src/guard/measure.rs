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
    /// What validation compares with what: fields and their arguments with those of the same name, and what each operation
    /// reaches.
    pub(crate) comparisons: u64,
    /// Selections of all operations, once every fragment stands where it is spread.
    pub(crate) selections: u64,
    /// How often each variable stands there.
    pub(crate) uses: HashMap<Name, u64>,
    /// Bytes of the longest string.
    pub(crate) longest_string: u64,
    /// Spreads of fragments, as they stand there.
    spreads: u64,
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
    /// Whether it asks for the description of the schema.
    pub(crate) introspects: bool,
    /// What that description costs.
    pub(super) introspection: Tenths,
    /// What the rest costs.
    pub(super) cost: Sum,
    /// What its variables ask for when nothing is said, where the definition says that.
    pub(super) defaults: BTreeMap<Name, u64>,
    /// What copying such a default costs, where it is more than one value.
    pub(super) default_values: Vec<(Name, u64)>,
}

impl OperationMeasures {
    const fn nothing() -> Self {
        Self {
            depth: 0,
            nesting: 0,
            root_fields: 0,
            introspects: false,
            introspection: 0,
            cost: Sum::of(0),
            defaults: BTreeMap::new(),
            default_values: Vec::new(),
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
            let (mut defaults, mut default_values) = (BTreeMap::new(), Vec::new());
            for definition in &operation.variable_definitions {
                let definition = &definition.node;
                walk.directives(&definition.directives);
                let Some(default) = &definition.default_value else { continue };
                if let Some(count) = count(&default.node) {
                    defaults.insert(definition.name.node.clone(), count);
                }
                let values = values_in(&default.node, &mut walk.found.longest_string);
                if values > 1 {
                    default_values.push((definition.name.node.clone(), values));
                }
            }
            let root = match operation.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            let set = walk.set(&operation.selection_set.node, shape.named(root), 1)?;
            walk.found.selections = walk.found.selections.saturating_add(set.selections);
            let measures = OperationMeasures {
                depth: set.depth,
                nesting: set.nesting,
                root_fields: set.fields,
                introspects: set.introspects,
                introspection: set.introspection,
                cost: set.once,
                defaults,
                default_values,
            };
            walk.found.operations.push((name.cloned(), measures));
        }
        // Validation walks fragments that nobody spreads, too.
        for name in document.fragments.keys() {
            walk.fragment(name, 1)?;
        }
        let mut found = walk.found;
        // It follows the fragments of each operation, and asks of each variable there whether the operation defines it.
        let reached = found.uses.values().fold(found.spreads, |sum, uses| sum.saturating_add(*uses));
        found.comparisons = found.comparisons.saturating_add(found.operations().saturating_mul(reached));
        Ok(found)
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
    /// Fields at its own level, fragments spread out, and the fragments.
    level: u64,
    /// Arguments of these fields.
    arguments: u64,
    /// The most that one of them has.
    most_arguments: u64,
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
        self.level = self.level.saturating_add(other.level).saturating_add(1);
        self.arguments = self.arguments.saturating_add(other.arguments);
        self.most_arguments = self.most_arguments.max(other.most_arguments);
        self.introspects |= other.introspects;
        self.introspection = self.introspection.saturating_add(other.introspection);
        self.once.add(&other.once);
        self.of_page.add(&other.of_page);
    }

    /// What validation compares here: each field with the one before it of the same name, and each argument of that one with all
    /// of this one's. Each can be an error, too.
    fn comparisons(&self) -> u64 {
        let pairs = self.level.saturating_add(self.arguments);
        self.level.saturating_add(self.most_arguments.saturating_mul(pairs))
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
                    self.found.spreads += 1;
                    if let Some(inner) = self.fragment(&spread.node.fragment_name.node, level + 1)? {
                        found.merge(inner);
                    }
                }
            }
        }
        self.found.comparisons = self.found.comparisons.saturating_add(found.comparisons());
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
        let arguments = field.arguments.len() as u64;
        found.level = found.level.saturating_add(1);
        found.arguments = found.arguments.saturating_add(arguments);
        found.most_arguments = found.most_arguments.max(arguments);
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

    /// Counts the variables of a value, and sees how long its strings are.
    fn read(&mut self, value: &Literal) {
        match value {
            Literal::Variable(name) => match self.found.uses.get_mut(name) {
                Some(uses) => *uses += 1,
                None => drop(self.found.uses.insert(name.clone(), 1)),
            },
            Literal::String(text) => self.found.longest_string = self.found.longest_string.max(text.len() as u64),
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

/// What copying `value` costs: a value is one, and so are 64 bytes of text. `longest` learns of the longest string.
pub(super) fn values_in(value: &Value, longest: &mut u64) -> u64 {
    1 + match value {
        Value::String(text) => {
            *longest = (*longest).max(text.len() as u64);
            text.len() as u64 / 64
        }
        Value::List(values) => values.iter().map(|value| values_in(value, longest)).sum(),
        Value::Object(values) => values.values().map(|value| values_in(value, longest)).sum::<u64>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
