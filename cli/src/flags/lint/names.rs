//! Names in quotes or backticks that look like a flag's, and that no catalogue has.

use std::collections::BTreeSet;

use nova_flags::Flag;

use super::{Finding, files::SourceFile};

/// What ends the names of files: `loaders.rs` is one, and no flag.
const FILE_ENDS: &[&str] = &[
    "css", "csv", "gz", "html", "js", "json", "lock", "log", "md", "pem", "proto", "py", "rs", "sh", "sql", "svg",
    "toml", "tsv", "txt", "yaml", "yml",
];

/// A finding for each.
pub(super) fn unknown(files: &[SourceFile], catalogue: &[&Flag]) -> Vec<Finding> {
    let parts: BTreeSet<&str> = catalogue.iter().filter_map(|flag| flag.name.split_once('.')).map(|it| it.0).collect();
    let known: BTreeSet<&str> = catalogue.iter().map(|flag| flag.name).collect();
    let mut findings = Vec::new();
    for file in files {
        for (line, text) in file.text.lines().enumerate() {
            let names = quoted(text).filter(|name| looks_like_a_flag(name, &parts) && !known.contains(name));
            findings.extend(names.map(|name| Finding {
                path: file.path.clone(),
                line: line + 1,
                what: format!("no flag is called {name}"),
            }));
        }
    }
    findings
}

/// What stands between quotes or backticks of the same kind, and is made of a name's characters alone.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let in_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || ".-_".contains(char);
    line.char_indices().filter(|(_, char)| "\"'`".contains(*char)).filter_map(move |(at, quote)| {
        let rest = &line[at + 1..];
        let end = rest.find(|char| !in_name(char))?;
        // Within a text, the quote that ends it may be escaped.
        let after = rest[end..].strip_prefix('\\').unwrap_or(&rest[end..]);
        after.starts_with(quote).then(|| &rest[..end])
    })
}

/// A first part that flags have, a dot, and a word of letters, digits and hyphens.
fn looks_like_a_flag(name: &str, parts: &BTreeSet<&str>) -> bool {
    let Some((part, what)) = name.split_once('.') else { return false };
    let word = what.starts_with(|char: char| char.is_ascii_lowercase())
        && what.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !what.ends_with('-');
    parts.contains(part) && word && !FILE_ENDS.contains(&what)
}
