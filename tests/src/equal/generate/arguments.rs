//! Arguments of a field: sensible ones mostly, and now and then one that the field refuses.

use serde_json::{Value, json};

use crate::equal::schema::{Argument, Field, Kind};

use super::write::{MAX_OBJECTS, Place, Writer};

/// How long a page is whose length nobody says.
const DEFAULT_PAGE: usize = 20;

impl Writer<'_> {
    /// The arguments of `of.field` as they are written, and how long its list is then, if it says.
    pub(super) fn arguments(
        &mut self,
        of: &str,
        field: &Field,
        [size, how, which, mut spelling]: [u8; 4],
        place: Place,
    ) -> (String, Option<usize>) {
        let mut page = None;
        let mut given = Vec::new();
        if field.arguments.iter().any(|argument| argument.name == "first") {
            let (arguments, length) = self.page(&format!("{of}.{}", field.name), field, [size, how, which], place);
            page = Some(length);
            given.extend(arguments);
        }
        for argument in field.arguments.iter().filter(|argument| !is_of_a_page(argument)) {
            if let Some(value) = self.value(field, argument, usize::from(size)) {
                page = value.as_array().map(Vec::len).or(page);
                given.push((argument, value));
            }
        }
        let mut written = Vec::new();
        for (argument, value) in given {
            written.push(format!("{}: {}", argument.name, self.spelled(argument, value, spelling % 4)));
            spelling /= 4;
        }
        (if written.is_empty() { String::new() } else { format!("({})", written.join(", ")) }, page)
    }

    /// A value for an argument; `None` leaves it out.
    fn value(&self, field: &Field, argument: &Argument, which: usize) -> Option<Value> {
        let one_of = |values: &[String]| json!(values[which % values.len()]);
        let value = match (argument.name.as_str(), argument.of.as_str()) {
            ("id", _) if field.of == "Post" => one_of(&self.values.posts),
            ("username", _) => one_of(&self.values.usernames),
            ("ids", _) => {
                let ids = self.values.ids.iter().cycle().skip(which / 6 % self.values.ids.len());
                json!(ids.take(which % 6).collect::<Vec<_>>())
            }
            (_, "ID") => one_of(&self.values.ids),
            _ if argument.is_optional => return None,
            (_, "Int") => json!(1),
            (_, "Boolean") => json!(true),
            (_, "String") => json!("text"),
            (name, of) => match self.schema.kind(of) {
                Kind::Leaf(values) if !values.is_empty() => one_of(values),
                _ => panic!("the generator does not know what to give for {name}: {of}"),
            },
        };
        Some(value)
    }

    /// Which part of a list, and how long that is.
    fn page<'f>(
        &self,
        list: &str,
        field: &'f Field,
        [size, how, which]: [u8; 3],
        place: Place,
    ) -> (Vec<(&'f Argument, Value)>, usize) {
        let room = (MAX_OBJECTS / place.parents.max(1)).max(1);
        let size = 1 + usize::from(size) % room.min(5);
        let cursors = self.values.cursors.get(list).map_or(&[][..], Vec::as_slice);
        let cursor = || cursors.get(usize::from(which) % cursors.len().max(1)).map_or("none", String::as_str);
        let wanted = match how % 32 {
            16..=18 if room >= DEFAULT_PAGE => vec![("first", Value::Null)],
            19..=21 if room >= DEFAULT_PAGE => Vec::new(),
            22 | 23 => vec![("last", json!(size))],
            24..=26 => vec![("first", json!(size)), ("after", json!(cursor()))],
            27 | 28 => vec![("last", json!(size)), ("before", json!(cursor()))],
            29 => vec![("first", json!([0, -1, 101][usize::from(which) % 3]))],
            30 => vec![("first", json!(size)), ("last", json!(size))],
            31 => vec![("first", json!(size)), ("after", json!("MTA="))],
            _ => vec![("first", json!(size))],
        };
        let argument = |name: &str| field.arguments.iter().find(|argument| argument.name == name);
        let mut given: Vec<_> =
            wanted.iter().filter_map(|(name, value)| Some((argument(name)?, value.clone()))).collect();
        if given.is_empty() && room < DEFAULT_PAGE {
            given.extend(argument("first").map(|first| (first, json!(size))));
        }
        let is_default = given.first().is_none_or(|(_, value)| value.is_null());
        (given, if is_default { DEFAULT_PAGE } else { size })
    }

    /// A value as it stands in the document, as a variable, or as a variable's default.
    fn spelled(&mut self, argument: &Argument, value: Value, how: u8) -> String {
        match how {
            0 | 1 => self.literal(argument, &value),
            2 => self.variable(&argument.written, value),
            _ => {
                let declared = format!("{} = {}", argument.written, self.literal(argument, &value));
                let variable = self.variable(&declared, Value::Null);
                self.variables.remove(&variable[1..]);
                variable
            }
        }
    }

    /// JSON is GraphQL, as far as numbers, texts and lists of them go.
    fn literal(&self, argument: &Argument, value: &Value) -> String {
        match (self.schema.kind(&argument.of), value) {
            (Kind::Leaf(values), Value::String(text)) if !values.is_empty() => text.clone(),
            _ => value.to_string(),
        }
    }
}

fn is_of_a_page(argument: &Argument) -> bool {
    ["first", "after", "last", "before"].contains(&argument.name.as_str())
}
