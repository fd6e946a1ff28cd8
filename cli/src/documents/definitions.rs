//! Operations and fragments, each with its place: found by a parser that keeps places, so that a fragment can be in another
//! file than who uses it, and what is wrong can be said with file and line.

use std::collections::BTreeMap;

use cynic_parser::executable::{ExecutableDefinition, Selection};

use super::{Problem, sources::Sources};
use crate::syntax::{self, line};

/// The operations and fragments of all files, by name.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) operations: BTreeMap<String, Definition>,
    pub(super) fragments: BTreeMap<String, Definition>,
}

/// One operation or fragment.
#[derive(Debug)]
pub(super) struct Definition {
    /// Which file it is in.
    pub(super) file: usize,
    /// Where its text is in there.
    pub(super) text: std::ops::Range<usize>,
    /// `query` and so on; nothing for a fragment.
    pub(super) kind: &'static str,
    /// The fragments that it spreads itself, and where.
    pub(super) spreads: Vec<(String, usize)>,
}

impl Definition {
    pub(super) fn text<'a>(&self, sources: &'a Sources) -> &'a str {
        &sources.files[self.file].text[self.text.clone()]
    }

    pub(super) fn line(&self, sources: &Sources) -> usize {
        line(&sources.files[self.file].text, self.text.start)
    }
}

/// Takes all files apart, or says all that is in the way.
pub(super) fn parse(sources: &Sources) -> Result<Definitions, Vec<Problem>> {
    let (mut definitions, mut problems) = (Definitions::default(), Vec::new());
    // A file may have nothing in it yet.
    let said = sources.files.iter().enumerate().filter(|(_, source)| trivia(&source.text) < source.text.len());
    for (file, source) in said {
        let document = match cynic_parser::parse_executable_document(&source.text) {
            Ok(document) => document,
            Err(error) => {
                let (line, message) = syntax::told(&source.text, &error);
                problems.push(Problem { file: source.name.clone(), line, message });
                continue;
            }
        };
        let mut end = 0;
        for definition in document.definitions() {
            let (name, kind, selections, span) = match definition {
                ExecutableDefinition::Operation(operation) => (
                    operation.name(),
                    operation.operation_type().as_str(),
                    operation.selection_set(),
                    operation.selection_set_span(),
                ),
                ExecutableDefinition::Fragment(fragment) => {
                    (Some(fragment.name()), "", fragment.selection_set(), fragment.selection_set_span())
                }
            };
            let start = end + trivia(&source.text[end..]);
            end = span.end;
            let definition = Definition { file, text: start..end, kind, spreads: spreads(selections) };
            let mut problem = |message| {
                problems.push(Problem { file: source.name.clone(), line: line(&source.text, start), message });
            };
            let Some(name) = name else {
                problem("an operation needs a name".to_owned());
                continue;
            };
            let (what, known) = match kind {
                "" => ("fragment", &mut definitions.fragments),
                _ => ("operation", &mut definitions.operations),
            };
            if let Some(first) = known.get(name) {
                let there = &sources.files[first.file].name;
                problem(format!("{what} {name} is there twice: the first is in {there}:{}", first.line(sources)));
            } else {
                known.insert(name.to_owned(), definition);
            }
        }
    }
    if problems.is_empty() { Ok(definitions) } else { Err(problems) }
}

/// How much white space and comments a text begins with.
fn trivia(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.find(['\n', '\r']).map_or("", |end| &comment[end..]),
            None => return text.len() - rest.len(),
        }
    }
}

/// The fragments that are spread in `selections`, at any depth, and where. Without recursion: nobody says how deep they are.
fn spreads<'a>(selections: impl Iterator<Item = Selection<'a>>) -> Vec<(String, usize)> {
    let (mut found, mut left) = (Vec::new(), selections.collect::<Vec<_>>());
    while let Some(selection) = left.pop() {
        match selection {
            Selection::Field(field) => left.extend(field.selection_set()),
            Selection::InlineFragment(fragment) => left.extend(fragment.selection_set()),
            Selection::FragmentSpread(spread) => {
                found.push((spread.fragment_name().to_owned(), spread.fragment_name_span().start));
            }
        }
    }
    found
}
