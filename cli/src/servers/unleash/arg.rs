//! Which copy of Unleash a command runs.

use std::path::{Path, PathBuf};

use super::PACKAGES;
use crate::{
    failure::Failure,
    servers::{
        Account,
        node::MIN_NODE,
        npm::{Installed, NODE},
    },
    world::World,
};

/// `--unleash`, as every command that starts an Unleash server takes it.
#[derive(Debug, Clone, clap::Args)]
pub struct UnleashArg {
    /// Directory whose `node_modules` has the unleash-server to use, with a Node.js of its own in `node` or the machine's; left
    /// out, it is fetched from npm.
    #[arg(id = "unleash_dir", long = "unleash", env = "NOVA_UNLEASH", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl UnleashArg {
    /// The copy that was named, else one that is in the world in `data`; nothing is fetched.
    pub async fn there(&self, data: &Path, account: Option<&Account>) -> Option<Installed> {
        match &self.dir {
            Some(dir) => PACKAGES.in_directory(dir, &dir.join(NODE), account).await,
            None => PACKAGES.find(&World::find(data).ok()??.home, account).await,
        }
    }

    /// The copy that was named, else the one fetched into `home`, now or earlier.
    ///
    /// # Errors
    /// [`Failure`] for a directory that has none, or when none can be fetched.
    pub async fn installed(&self, home: &Path, account: Option<&Account>) -> Result<Installed, Failure> {
        let Some(dir) = &self.dir else { return Ok(PACKAGES.find_or_fetch(home, account).await?) };
        PACKAGES.in_directory(dir, &dir.join(NODE), account).await.ok_or_else(|| {
            Failure::Config(format!(
                "--unleash: no unleash-server runs from {}; it needs Node.js {MIN_NODE} or newer",
                dir.display(),
            ))
        })
    }
}
