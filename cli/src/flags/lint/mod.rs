//! `nova flags lint`: what a checkout does with flags that it should not: names that no catalogue has, flags that nothing
//! reads, and flags past their end. It reads files and changes nothing.

mod effect;
mod files;
mod names;

use std::{fmt, path::Path};

use chrono::NaiveDate;
use nova_flags::{CATALOGUE, Flag};

use self::files::SourceFile;
use crate::{failure::Failure, say};

/// Where the catalogue is in a checkout.
const CATALOGUE_FILE: &str = "flags/src/catalogue/flags.rs";

/// Something that is wrong, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From one.
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Looks through the checkout at `root` and prints what it finds.
///
/// # Errors
/// Exit code 1 when something is found; [`Failure::NoInput`] when there is no checkout.
pub(crate) fn lint_checkout(root: &Path, today: NaiveDate) -> Result<(), Failure> {
    if !root.join(CATALOGUE_FILE).is_file() {
        return Err(Failure::NoInput(format!("flags: {} is no checkout: it has no {CATALOGUE_FILE}", root.display())));
    }
    let files = files::read(root)?;
    let findings = lint(&files, CATALOGUE.iter(), today);
    for finding in &findings {
        say::result(finding);
    }
    say::step(format_args!("{} flags in {} files: {} findings", CATALOGUE.len(), files.len(), findings.len()));
    if findings.is_empty() { Ok(()) } else { Err(Failure::Exit(1)) }
}

/// What is wrong in `files`, by place.
fn lint<'a>(files: &[SourceFile], catalogue: impl Iterator<Item = &'a Flag>, today: NaiveDate) -> Vec<Finding> {
    let catalogue: Vec<&Flag> = catalogue.collect();
    let mut findings = names::unknown(files, &catalogue);
    for flag in catalogue {
        let (path, line) = entry(files, flag);
        let mut find = |what| findings.push(Finding { path: path.to_owned(), line, what });
        if !effect::has_effect(files, flag.accessor) {
            find(format!("{} has no effect: nothing calls `{}()`", flag.name, flag.accessor));
        }
        match flag.end.map(str::parse::<NaiveDate>) {
            Some(Ok(end)) if end < today => find(format!("{} was to be gone by {end}", flag.name)),
            Some(Err(_)) => find(format!("{} has an end that is no day", flag.name)),
            _ => {}
        }
    }
    findings.sort();
    findings
}

/// Where the catalogue has it.
fn entry(files: &[SourceFile], flag: &Flag) -> (&'static str, usize) {
    let quoted = format!("\"{}\"", flag.name);
    let file = files.iter().find(|file| file.path == CATALOGUE_FILE);
    let line = file.and_then(|file| file.text.lines().position(|line| line.contains(&quoted)));
    (CATALOGUE_FILE, line.map_or(1, |line| line + 1))
}

#[cfg(test)]
mod tests;
