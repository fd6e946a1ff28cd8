//! `run.json`: how to reach what runs. It holds tokens and a password, so only its owner may read it.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{failure::Failure, servers::account::private_file};

/// What `run.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// Where the public listener answers.
    pub url: String,
    /// Where the admin listener answers.
    pub admin_url: String,
    /// The database, with its password.
    pub database_url: String,
    /// The user that the tokens are for; empty, like the tokens, when the database has no user.
    pub user: String,
    /// An access token.
    pub token: String,
    /// The same with scope `debug`.
    pub debug_token: String,
    /// The Unleash server, where one was started.
    #[serde(flatten)]
    pub unleash: Option<UnleashLogin>,
    /// Process numbers by name.
    pub pids: BTreeMap<String, u32>,
    /// The commit that this was built from, where that is known.
    pub commit: Option<String>,
}

/// How to log in to an Unleash server's page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnleashLogin {
    /// Where the page is.
    #[serde(rename = "unleash_url")]
    pub url: String,
    /// The user that a new server has.
    #[serde(rename = "unleash_user")]
    pub user: String,
    /// That user's password, until somebody changes it.
    #[serde(rename = "unleash_password")]
    pub password: String,
}

impl RunFile {
    /// Reads the run file of `data`, if there is one.
    ///
    /// # Errors
    /// [`Failure::Io`] for one that can't be read, [`Failure::Config`] for one that is damaged.
    pub fn read(data: &Path) -> Result<Option<Self>, Failure> {
        let path = data.join("run.json");
        match fs::read(&path) {
            Ok(raw) => serde_json::from_slice(&raw)
                .map(Some)
                .map_err(|error| Failure::Config(format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io(format_args!("read {}", path.display()))(error)),
        }
    }

    /// Writes the run file of `data`: readers see the old one or the new one.
    ///
    /// # Errors
    /// [`Failure::Io`].
    pub fn write(&self, data: &Path) -> Result<(), Failure> {
        let path = data.join("run.json");
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::Internal(error.to_string()))?;
        private_file(&path, &text, None).map_err(Failure::io(format_args!("write {}", path.display())))
    }

    /// Removes the run file of `data`.
    pub fn remove(data: &Path) {
        let _ = fs::remove_file(data.join("run.json"));
    }

    /// The address of the page for a browser, with the token for it to take over: browsers send no fragment.
    #[must_use]
    pub fn browser(&self) -> String {
        let token = if self.token.is_empty() { String::new() } else { format!("#token={}", self.token) };
        format!("{}/graphql{token}", self.url)
    }

    /// The command that shows the feed of the token's user.
    #[must_use]
    pub fn curl(&self) -> String {
        let query = "{ feed(first: 3) { nodes { body author { username } likeCount commentCount } } }";
        format!(
            "curl -s {}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {}' -d '{{\"query\":\"{query}\"}}'",
            self.url, self.token
        )
    }
}
