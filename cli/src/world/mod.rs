//! A world: the directory with everything that one `nova up` made and knows, and the lock that says who runs in it.

mod home;
mod lock;
mod run_file;

pub use lock::{Lock, Locked};
pub use run_file::{RunFile, UnleashLogin};

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use nova_core::token::TokenSecret;

use crate::{
    failure::Failure,
    random,
    servers::{Account, account::private_file, unleash::Tokens},
};

/// `--data`, as every command that works on a world takes it.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArg {
    /// Directory of the data, the run file and the log.
    #[arg(long, env = "NOVA_DATA", default_value = ".nova", value_name = "DIR")]
    pub data: PathBuf,
}

/// What `nova up` keeps in its directory.
#[derive(Debug)]
pub struct World {
    /// The directory, absolute.
    pub data: PathBuf,
    /// Where its servers keep their data: the same, unless they run as an account that can't enter it.
    pub home: PathBuf,
    /// The account that its servers run as.
    pub account: Option<Account>,
}

/// Files in the world's directory, beside those in its home.
const FILES: &[&str] = &["run.json", "nova.log", "token.secret", UNLEASH_SECRET, "home"];
/// What the tokens of the world's Unleash server are made of.
const UNLEASH_SECRET: &str = "unleash.secret";
/// What the servers keep in the home.
const HOME_FILES: &[&str] = &[
    "postgres.password",
    "postgres.pwfile",
    "postgres.log",
    "fetch.log",
    "unleash.log",
    "unleash.pid",
    "unleash-test.log",
    "unleash-bench.log",
];
const HOME_DIRECTORIES: &[&str] = &[
    "postgres",
    "postgres.new",
    "venv",
    "venv.new",
    "unleash",
    "unleash.new",
    "graphql-http",
    "graphql-http.new",
    "node",
    "node.new",
];

impl World {
    /// Opens the world in `data`, or founds it.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a directory with somebody else's files, [`Failure::Io`] for one that can't be made.
    pub fn open(data: &Path) -> Result<Self, Failure> {
        let shown = data.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(data)
            .map_err(Failure::io(format_args!("create {shown} (another place: --data DIR)")))?;
        let data = fs::canonicalize(data).map_err(Failure::io(format_args!("find {shown}")))?;
        let mut entries = fs::read_dir(&data).map_err(Failure::io(format_args!("read {shown}")))?;
        if !lock::path(&data).exists() && entries.next().is_some() {
            return Err(Failure::Usage(format!(
                "{shown} holds files that nova did not make; name an empty or new directory with --data"
            )));
        }
        lock::found(&data).map_err(Failure::io(format_args!("write to {shown} (another place: --data DIR)")))?;
        let account = Account::for_servers()?;
        let home = home::ensure(&data, account.as_ref())?;
        // Data that are there already are their owner's to serve, whoever starts the server now.
        let owner = account.is_some().then(|| Account::owner(&home.join("postgres"))).flatten();
        Ok(Self { data, home, account: owner.or(account) })
    }

    /// The world in `data`, if there is one.
    ///
    /// # Errors
    /// [`Failure`] when it can't be read.
    pub fn find(data: &Path) -> Result<Option<Self>, Failure> {
        let data = match fs::canonicalize(data) {
            Ok(data) if lock::path(&data).exists() => data,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(format_args!("find {}", data.display()))(error)),
        };
        let home = home::recorded(&data);
        Ok(Some(Self { data, home, account: Account::for_servers()? }))
    }

    /// Takes the lock, which lasts as long as its holder, or says who has it.
    ///
    /// # Errors
    /// [`Failure::Io`] when the lock file can't be opened.
    pub fn lock(&self) -> Result<Locked, Failure> {
        lock::take(&self.data).map_err(Failure::io(format_args!("lock {}", self.data.display())))
    }

    /// PostgreSQL's data directory.
    #[must_use]
    pub fn cluster(&self) -> PathBuf {
        self.home.join("postgres")
    }

    /// The log of a detached run.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data.join("nova.log")
    }

    /// The secret that signs this world's tokens, made at the first call.
    ///
    /// # Errors
    /// [`Failure`] when it can't be read or made.
    pub fn token_secret(&self) -> Result<TokenSecret, Failure> {
        let (path, text) = self.secret("token.secret", 32)?;
        TokenSecret::new(text.trim()).map_err(|error| Failure::Config(format!("{}: {error}", path.display())))
    }

    /// The tokens of this world's Unleash server, made at the first call.
    ///
    /// # Errors
    /// [`Failure`] when they can't be read or made.
    pub fn unleash_tokens(&self) -> Result<Tokens, Failure> {
        let (path, text) = self.secret(UNLEASH_SECRET, Tokens::SECRET_BYTES)?;
        Tokens::from_secret(text.trim())
            .ok_or_else(|| Failure::Config(format!("{}: damaged; `nova clean` makes all anew", path.display())))
    }

    /// The text of a file that holds `bytes` random bytes, made now if it is not there.
    fn secret(&self, name: &str, bytes: usize) -> Result<(PathBuf, String), Failure> {
        let path = self.data.join(name);
        if !path.exists() {
            private_file(&path, &random::hex(bytes)?, None)
                .map_err(Failure::io(format_args!("write {}", path.display())))?;
        }
        let text = fs::read_to_string(&path).map_err(Failure::io(format_args!("read {}", path.display())))?;
        Ok((path, text))
    }

    /// Removes all that nova made here, and the directories if nothing else is in them. `lock` is the proof that nothing runs.
    ///
    /// # Errors
    /// [`Failure::Io`] names what could not be removed.
    pub fn remove(self, lock: Lock) -> Result<(), Failure> {
        let in_data = FILES.iter().map(|name| self.data.join(name));
        let in_home = HOME_FILES.iter().chain(HOME_DIRECTORIES).map(|name| self.home.join(name));
        for path in in_home.chain(in_data) {
            let removed = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
                Ok(_) => fs::remove_file(&path),
                Err(_) => continue,
            };
            removed.map_err(Failure::io(format_args!("remove {}", path.display())))?;
        }
        fs::remove_file(lock::path(&self.data)).map_err(Failure::io("remove the lock file"))?;
        drop(lock);
        // A directory with other files in it stays, and so does one that was there before with rights of its own.
        let _ = fs::remove_dir(&self.home);
        home::tidy();
        let _ = fs::remove_dir(&self.data);
        Ok(())
    }
}
