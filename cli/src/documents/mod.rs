//! `nova documents`: a manifest of trusted documents, made of what clients have in their sources, and a manifest checked. No
//! server is asked: the schema is this build's.

mod assemble;
mod definitions;
mod sources;
mod write;

use std::path::{Path, PathBuf};

use nova_gateway::{DocumentChecker, MAX_MANIFEST_BYTES, Manifest};

pub(crate) use self::write::Format;
use self::{assemble::Document, sources::Sources};
use crate::{failure::Failure, input, output, say};

/// Something that is wrong with a source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    file: String,
    /// From 1; 0 where it is about the whole file.
    line: usize,
    message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line.max(1), self.message)
    }
}

/// Makes a manifest of the documents in `paths`, and writes it to `file`, or prints it.
///
/// # Errors
/// [`Failure::Data`] when a document is wrong (each is said before, with file and line), [`Failure::NoInput`] or
/// [`Failure::Io`] for a file that can't be read, or written.
pub(crate) fn build(paths: &[PathBuf], format: Format, file: Option<&Path>) -> Result<(), Failure> {
    let sources = Sources::read(paths)?;
    let documents = documents(&sources, &checker()?).map_err(|problems| {
        problems.iter().for_each(say::step);
        Failure::Data(format!("documents: {} found; no manifest is written", count(problems.len(), "problem")))
    })?;
    let text = write::manifest(&documents, format);
    match file {
        None => say::result(text.trim_end()),
        Some(path) => {
            output::write(path, &text).map_err(Failure::io(format_args!("write {}", path.display())))?;
            say::step(format_args!("{} in {}", count(documents.len(), "document"), path.display()));
        }
    }
    Ok(())
}

/// The documents in `sources`, by name, or all that is wrong with them.
fn documents(sources: &Sources, checker: &DocumentChecker) -> Result<Vec<Document>, Vec<Problem>> {
    let definitions = definitions::parse(sources)?;
    let documents = assemble::documents(sources, &definitions)?;
    let mut problems: Vec<_> = documents
        .iter()
        .flat_map(|document| {
            checker.check(&document.text).into_iter().map(|finding| document.problem(sources, finding))
        })
        .collect();
    // What is wrong with a fragment is wrong in every document that has it.
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

/// Says what of the manifest at `path` could not run: a line for each.
///
/// # Errors
/// Exit code 1 when something could not, [`Failure::Data`] when it is no manifest, [`Failure::NoInput`] when it is not there.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let bytes = input::read("documents", path, MAX_MANIFEST_BYTES)?;
    let name = path.display();
    let manifest = Manifest::parse(&bytes).map_err(|error| Failure::Data(format!("documents: {name}: {error}")))?;
    let checker = checker()?;
    let mut unfit = 0;
    for entry in manifest.entries() {
        let findings = checker.check(&entry.text);
        unfit += usize::from(!findings.is_empty());
        for finding in findings {
            say::result(format_args!("{entry}, line {}: {}", finding.line.max(1), finding.message));
        }
    }
    let entries = count(manifest.entries().len(), "document");
    if unfit > 0 {
        say::step(format_args!("{name}: {entries}, of which {unfit} can't run"));
        return Err(Failure::Exit(1));
    }
    say::step(format_args!("{name}: {entries}, and all can run"));
    Ok(())
}

fn checker() -> Result<DocumentChecker, Failure> {
    DocumentChecker::new(true).map_err(|error| Failure::Internal(error.to_string()))
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
