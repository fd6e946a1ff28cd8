//! The unprivileged account that servers run as when nova was started by root.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::{
        fs::chown,
        fs::{MetadataExt as _, OpenOptionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
};

use super::ServerError;

/// An account of the system, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Account {
    /// Who runs the servers: nobody else than ourselves, unless we are root; then `postgres` where it exists, else `nobody`.
    ///
    /// # Errors
    /// [`ServerError`] when we are root and the system names neither account.
    pub fn for_servers() -> Result<Option<Self>, ServerError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(path).map_err(ServerError::io("read", path))?;
        ["postgres", "nobody"].iter().find_map(|name| Self::named(name, &passwd)).map(Some).ok_or_else(|| {
            ServerError::Missing("servers do not run as root, and there is no account `nobody` to run them".into())
        })
    }

    fn named(name: &str, passwd: &str) -> Option<Self> {
        let mut fields = passwd.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?;
        let account = Self { uid: fields.nth(2)?.parse().ok()?, gid: fields.next()?.parse().ok()? };
        (account.uid != 0).then_some(account)
    }

    /// Whom `path` belongs to, unless that is root.
    #[must_use]
    pub fn owner(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        (metadata.uid() != 0).then(|| Self { uid: metadata.uid(), gid: metadata.gid() })
    }

    /// Whether this account can work in `directory`: asked by trying, because access lists and mounts have a say too.
    #[must_use]
    pub fn can_enter(&self, directory: &Path) -> bool {
        let mut probe = Command::new("/bin/sh");
        probe.args(["-c", "exit 0"]).current_dir(directory).uid(self.uid).gid(self.gid);
        probe.stdin(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

/// Makes an empty directory with mode 0700 that belongs to `owner`, or to us.
pub(crate) fn private_directory(path: &Path, owner: Option<&Account>) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)?;
    give(path, owner)
}

/// Writes a file with mode 0600 that belongs to `owner`, or to us: complete or not at all.
pub(crate) fn private_file(path: &Path, text: &str, owner: Option<&Account>) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    if let Err(error) = fs::remove_file(unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    give(unfinished, owner)?;
    fs::rename(unfinished, path)
}

fn give(path: &Path, owner: Option<&Account>) -> io::Result<()> {
    owner.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name_and_is_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:\nnobody:x:65534:65533:nobody:/:/bin/false\nbroken\n";
        assert_eq!(Account::named("nobody", passwd), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(Account::named("root", passwd), None);
        assert_eq!(Account::named("broken", passwd), None);
        assert_eq!(Account::named("postgres", passwd), None);
    }
}
