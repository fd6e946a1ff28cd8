//! Whether anybody reads a flag: calls its accessor in code that runs.

use std::path::Path;

use super::files::SourceFile;

/// Whether `accessor` is called outside the room of flags and outside tests.
pub(super) fn has_effect(files: &[SourceFile], accessor: &str) -> bool {
    files.iter().filter(|file| runs(&file.path)).any(|file| without_tests(&file.text).any(|line| calls(line, accessor)))
}

/// Code of a room, and none of its tests.
fn runs(path: &str) -> bool {
    let outside = ["flags/", "tests/", "bench/"].iter().all(|room| !path.starts_with(room));
    let of_tests = path.ends_with("/tests.rs") || path.contains("/tests/");
    Path::new(path).extension().is_some_and(|end| end == "rs") && outside && !of_tests
}

/// The lines up to the module of tests, which ends a file here, and no comments.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().peekable();
    let mut in_tests = false;
    std::iter::from_fn(move || {
        let line = lines.next()?;
        in_tests |= line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod "));
        (!in_tests).then_some(line)
    })
    .filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether the line has `.accessor(`, or names it by its path.
fn calls(line: &str, accessor: &str) -> bool {
    line.match_indices(accessor).any(|(at, _)| {
        let after = line[at + accessor.len()..].chars().next();
        let whole = after.is_none_or(|char| !char.is_ascii_alphanumeric() && char != '_');
        whole && (line[..at].ends_with("::") || line[..at].ends_with('.') && after == Some('('))
    })
}
