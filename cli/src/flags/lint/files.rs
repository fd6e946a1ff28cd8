//! The files of a checkout that may name flags: code, documentation, and what is deployed.

use std::{fs, path::Path};

use crate::failure::Failure;

/// Larger files are data and no text of ours, in bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;
/// What is read, by the end of the name; in `deploy/`, everything.
const ENDS: &[&str] = &[".rs", ".md"];
/// Directories that are not ours, beside those that begin with a dot.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// A file, as text.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// From the root of the checkout, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Reads them all, in the order of their names.
pub(super) fn read(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Vec::new();
    visit(root, "", &mut files)?;
    Ok(files)
}

fn visit(directory: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<(), Failure> {
    let told = |error| Failure::io(format_args!("read {}", directory.display()))(error);
    let entries = fs::read_dir(directory).map_err(told)?.collect::<Result<Vec<_>, _>>().map_err(told)?;
    let mut entries: Vec<_> =
        entries.iter().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry))).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, entry) in entries {
        // Links are not followed: nothing is read twice, and nothing outside.
        let kind = entry.file_type().map_err(told)?;
        let path = format!("{prefix}{name}");
        if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
            visit(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && (ENDS.iter().any(|end| name.ends_with(end)) || path.starts_with("deploy/")) {
            let small = entry.metadata().map_err(told)?.len() <= MAX_FILE;
            let bytes = if small { fs::read(entry.path()).map_err(told)? } else { Vec::new() };
            files.extend(String::from_utf8(bytes).ok().map(|text| SourceFile { path, text }));
        }
    }
    Ok(())
}
