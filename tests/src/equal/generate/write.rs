//! Writes a query as a tree of choices says, within what it may cost.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};

use crate::equal::{
    schema::{Field, Schema},
    values::Values,
};

use super::{Choice, Operation};

/// Most keys that a query may ask its sources for, counted as if no two were the same.
const MAX_KEYS: usize = 300;
/// Most fields of a query.
const MAX_FIELDS: usize = 100;
/// Most objects that one selection is for.
pub(super) const MAX_OBJECTS: usize = 60;

/// What has been written, and what there is left to spend.
pub(super) struct Writer<'a> {
    pub(super) schema: &'a Schema,
    pub(super) values: &'a Values,
    keys: usize,
    fields: usize,
    /// `$name: Type`, or `$name: Type = default`.
    pub(super) declared: Vec<String>,
    pub(super) variables: Map<String, Value>,
    fragments: Vec<String>,
    /// One alias for each field with its arguments, so that two of one name are always the same and can be merged.
    aliases: BTreeMap<String, usize>,
}

/// Where a selection stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// For how many objects it is made, at most.
    pub(super) parents: usize,
    /// How long the lists among its fields are, at most.
    page: usize,
}

/// The query that `choices` mean.
pub(super) fn query(schema: &Schema, values: &Values, choices: &[Choice]) -> Operation {
    let mut writer = Writer {
        schema,
        values,
        keys: MAX_KEYS,
        fields: MAX_FIELDS,
        declared: Vec::new(),
        variables: Map::new(),
        fragments: Vec::new(),
        aliases: BTreeMap::new(),
    };
    let selection = writer.selection("Query", choices, Place { parents: 1, page: 1 });
    let declared = if writer.declared.is_empty() { String::new() } else { format!("({})", writer.declared.join(", ")) };
    let mut document = format!("query Made{declared} {selection}");
    for fragment in writer.fragments {
        write!(document, "\n{fragment}").unwrap_or_default();
    }
    Operation { document, variables: writer.variables }
}

impl<'a> Writer<'a> {
    fn selection(&mut self, of: &str, choices: &[Choice], place: Place) -> String {
        let parts: Vec<_> = choices.iter().map(|choice| self.part(of, choice, place)).collect();
        format!("{{ {} }}", parts.join(" "))
    }

    /// A field of `of`, alone or in a fragment; of an interface, what one of its types has.
    fn part(&mut self, of: &str, choice: &Choice, place: Place) -> String {
        let (_, possible) = self.schema.composite(of);
        if !possible.is_empty() && !choice.below.is_empty() {
            let name = &possible[usize::from(choice.which) % possible.len()];
            let selection = self.selection(name, &choice.below, place);
            return self.fragment(name, &selection, choice.spelling);
        }
        if choice.spelling % 8 < 5 {
            return self.field(of, choice, place, true);
        }
        let selection = format!("{{ {} }}", self.field(of, choice, place, false));
        self.fragment(of, &selection, choice.spelling)
    }

    /// A fragment, in its place or with a name.
    fn fragment(&mut self, of: &str, selection: &str, spelling: u8) -> String {
        let directive = self.directive(spelling, true);
        if spelling & 1 == 0 {
            return format!("... on {of}{directive} {selection}");
        }
        let name = format!("Part{}", self.fragments.len());
        self.fragments.push(format!("fragment {name} on {of} {selection}"));
        format!("...{name}{directive}")
    }

    /// Most often none, and if so, one that leaves in what it stands at three times of four.
    fn directive(&mut self, spelling: u8, takes_variables: bool) -> String {
        if spelling / 8 % 4 != 3 {
            return String::new();
        }
        let (name, is_include) = if spelling & 32 == 0 { ("include", true) } else { ("skip", false) };
        let leaves_in = spelling / 64 != 3;
        let value = is_include == leaves_in;
        let value = if spelling & 1 == 0 || !takes_variables {
            value.to_string()
        } else {
            self.variable("Boolean!", value.into())
        };
        format!(" @{name}(if: {value})")
    }

    fn field(&mut self, of: &str, choice: &Choice, place: Place, is_directed: bool) -> String {
        let field = self.choose(of, choice);
        let cost = field.map_or(0, |field| if field.is_nullable { place.parents } else { 0 });
        let field = field.filter(|_| cost <= self.keys && self.fields > 0);
        // The validation of async-graphql does not look at `__typename`, and so finds a variable there unused.
        let directive = if is_directed { self.directive(choice.spelling, field.is_some()) } else { String::new() };
        let Some(field) = field else { return format!("__typename{directive}") };
        self.keys -= cost;
        self.fields -= 1;
        let (arguments, own) = self.arguments(of, field, choice.arguments, place);
        let alias = self.alias(of, field, &arguments, choice.which);
        let mut text = format!("{alias}{}{arguments}{directive}", field.name);
        if self.schema.is_composite(field) {
            let page = own.unwrap_or(place.page);
            let parents = if field.is_list { place.parents * page } else { place.parents };
            text.push(' ');
            text.push_str(&self.selection(&field.of, &choice.below, Place { parents, page }));
        }
        text
    }

    /// A choice with something below is a field with a selection, as far as there is one; a leaf is a field without. `None`
    /// is `__typename`.
    fn choose(&self, of: &str, choice: &Choice) -> Option<&'a Field> {
        let (fields, _) = self.schema.composite(of);
        let those = |composite: bool| {
            fields.iter().filter(move |field| self.schema.is_composite(field) == composite).collect::<Vec<_>>()
        };
        let which = usize::from(choice.which);
        if !choice.below.is_empty()
            && let composite = those(true)
            && !composite.is_empty()
        {
            return Some(composite[which % composite.len()]);
        }
        let leaves = those(false);
        which.checked_rem(leaves.len() + 1).and_then(|at| leaves.get(at.checked_sub(1)?)).copied()
    }

    fn alias(&mut self, of: &str, field: &Field, arguments: &str, which: u8) -> String {
        if arguments.is_empty() && which < 128 {
            return String::new();
        }
        let next = self.aliases.len();
        let number = *self.aliases.entry(format!("{of}.{}{arguments}", field.name)).or_insert(next);
        format!("{}_{number}: ", field.name)
    }

    /// Declares a variable that is given `value`.
    pub(super) fn variable(&mut self, written: &str, value: Value) -> String {
        let name = format!("v{}", self.declared.len());
        self.declared.push(format!("${name}: {written}"));
        self.variables.insert(name.clone(), value);
        format!("${name}")
    }
}
