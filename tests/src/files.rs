//! Files that a test makes for a process to read.
#![expect(clippy::unwrap_used, reason = "a test without its files has nothing to go on with")]

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;

/// A directory that goes with its holder.
#[derive(Debug)]
pub struct Files(TempDir);

impl Files {
    /// A new directory.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file and gives its path.
    ///
    /// # Panics
    /// When it can't be written.
    #[must_use]
    pub fn write(&self, name: &str, contents: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, contents).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

/// `der` as a PEM section with this label.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
