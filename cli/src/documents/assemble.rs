//! A document for each operation: its own text, and behind it the fragments that it needs, by name. The texts are taken as they
//! are; nothing is added and nothing is laid out anew.

use std::collections::BTreeSet;

use nova_gateway::Finding;

use super::{
    Problem,
    definitions::{Definition, Definitions},
    sources::Sources,
};
use crate::syntax::line;

/// What stands between an operation and its fragments.
const BETWEEN: &str = "\n\n";

/// An operation with everything it needs.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// Where each part of the text is from: its first line here, its file, its first line there.
    parts: Vec<(usize, usize, usize)>,
}

impl Document {
    /// A finding, said of where it was written.
    pub(super) fn problem(&self, sources: &Sources, Finding { message, line }: Finding) -> Problem {
        let part = self.parts.iter().rev().find(|(here, _, _)| *here <= line).or(self.parts.first());
        let (here, file, there) = part.copied().unwrap_or_default();
        Problem {
            file: sources.files.get(file).map(|source| source.name.clone()).unwrap_or_default(),
            line: there + line.saturating_sub(here),
            message,
        }
    }
}

/// A document for each operation, by name, or the fragments that are missing.
pub(super) fn documents(sources: &Sources, definitions: &Definitions) -> Result<Vec<Document>, Vec<Problem>> {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for (name, operation) in &definitions.operations {
        let (needed, missing) = needed(operation, definitions);
        for (user, fragment, at) in missing {
            let source = &sources.files[user.file];
            problems.push(Problem {
                file: source.name.clone(),
                line: line(&source.text, at),
                message: format!("there is no fragment {fragment}"),
            });
        }
        let (mut text, mut parts) = (String::new(), Vec::new());
        for part in std::iter::once(operation).chain(needed.iter().filter_map(|name| definitions.fragments.get(*name)))
        {
            if !text.is_empty() {
                text.push_str(BETWEEN);
            }
            parts.push((line(&text, text.len()), part.file, part.line(sources)));
            text.push_str(part.text(sources));
        }
        documents.push(Document { name: name.clone(), kind: operation.kind, text, parts });
    }
    problems.sort();
    problems.dedup();
    match (documents.is_empty(), problems.is_empty()) {
        (false, true) => Ok(documents),
        (true, true) => {
            let file = sources.files.first().map(|source| source.name.clone()).unwrap_or_default();
            Err(vec![Problem { file, line: 0, message: "there is no operation in any file".into() }])
        }
        (_, false) => Err(problems),
    }
}

/// The fragments that an operation needs, directly or through others, and those that are not there, with who spreads them
/// and where.
fn needed<'a>(
    operation: &'a Definition,
    definitions: &'a Definitions,
) -> (BTreeSet<&'a str>, Vec<(&'a Definition, &'a str, usize)>) {
    let (mut needed, mut missing, mut left) = (BTreeSet::new(), Vec::new(), vec![operation]);
    while let Some(user) = left.pop() {
        for (name, at) in &user.spreads {
            match definitions.fragments.get(name) {
                Some(fragment) if needed.insert(name.as_str()) => left.push(fragment),
                Some(_) => {}
                None => missing.push((user, name.as_str(), *at)),
            }
        }
    }
    (needed, missing)
}
