//! Looks for PostgreSQL binaries on the machine. A candidate counts only when its `postgres --version` runs, as the
//! account that will run the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::servers::Account;

/// The oldest major version that is supported.
pub const MIN_VERSION: u32 = 15;

/// Directories where packages of operating systems put the binaries: a folder of versions, a prefix of the version's
/// folder name, and what comes below it.
const PACKAGED: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/local", "pgsql", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A set of binaries that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The directory of `postgres` and `initdb`.
    pub dir: PathBuf,
    /// The major version.
    pub version: u32,
}

/// The newest usable binaries on the machine; of major version `wanted` where data of that version exist.
pub async fn find(account: Option<&Account>, wanted: Option<u32>) -> Option<Binaries> {
    let mut best: Option<Binaries> = None;
    for dir in candidates() {
        let Some(version) = version(&dir, account).await else { continue };
        let fits = wanted.map_or(version >= MIN_VERSION, |wanted| version == wanted);
        if fits && best.as_ref().is_none_or(|best| best.version < version) {
            best = Some(Binaries { dir, version });
        }
    }
    best
}

/// The binaries in `dir`, when `account` can run them and they are not too old.
pub async fn in_directory(dir: &Path, account: Option<&Account>) -> Option<Binaries> {
    let dir = fs::canonicalize(dir).ok()?;
    let version = version(&dir, account).await.filter(|version| *version >= MIN_VERSION)?;
    Some(Binaries { dir, version })
}

/// The major version of the binaries in `dir`, when `account` can run them.
pub(super) async fn version(dir: &Path, account: Option<&Account>) -> Option<u32> {
    if !dir.join("initdb").exists() {
        return None;
    }
    let mut command = Command::new(dir.join("postgres"));
    command.arg("--version").current_dir("/").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    let output = timeout(Duration::from_secs(5), command.output()).await.ok()?.ok()?;
    parse(str::from_utf8(&output.stdout).ok()?)
}

fn parse(output: &str) -> Option<u32> {
    let number = output.trim().strip_prefix("postgres (PostgreSQL) ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn candidates() -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the search path is where programs are looked for")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A link in the search path is followed: PostgreSQL finds its other files from where the binary really is.
    let on_path = std::env::split_paths(&path)
        .filter_map(|dir| fs::canonicalize(dir.join("postgres")).ok())
        .filter_map(|binary| binary.parent().map(Path::to_owned));
    let packaged = PACKAGED.iter().flat_map(|(root, prefix, below)| {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(move |entry| entry.path().join(below))
    });
    let mut all: Vec<_> = on_path.chain(packaged).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases_and_betas_are_read() {
        assert_eq!(parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse("mysqld 8.0"), None);
        assert_eq!(parse(""), None);
    }
}
