//! The files that clients have their documents in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{failure::Failure, input};

/// The longest source file, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// The most files.
const MAX_FILES: usize = 50_000;

/// Files with documents, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) files: Vec<Source>,
}

/// A file with documents.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Sources {
    /// Every `.graphql` and `.gql` file in the directories of `paths` and below them, and the files of `paths` whatever they are
    /// called. Links to directories are not followed. What is named twice is read once.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut found = Vec::new();
        for path in paths {
            let there = fs::metadata(path).map_err(|error| Failure::NoInput(told(path, &error)))?;
            if there.is_dir() { walk(path, &mut found)? } else { found.push(path.clone()) }
        }
        found.sort();
        found.dedup();
        if found.is_empty() {
            return Err(Failure::NoInput("documents: there is no .graphql or .gql file".into()));
        }
        let read = |path: PathBuf| {
            let text = String::from_utf8(input::read("documents", &path, MAX_FILE)?)
                .map_err(|_| Failure::Data(told(&path, &"not GraphQL: it is not UTF-8")))?;
            Ok(Source { name: path.display().to_string(), text })
        };
        Ok(Self { files: found.into_iter().map(read).collect::<Result<_, Failure>>()? })
    }
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        let failed = |error: std::io::Error| Failure::Io(told(&directory, &error));
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_source = path.extension().is_some_and(|extension| extension == "graphql" || extension == "gql");
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            } else if is_source && path.is_file() {
                found.push(path);
            }
            if found.len() > MAX_FILES {
                return Err(Failure::Data(format!("documents: more than {MAX_FILES} files")));
            }
        }
    }
    Ok(())
}

fn told(path: &Path, what: &dyn std::fmt::Display) -> String {
    format!("documents: {}: {what}", path.display())
}
