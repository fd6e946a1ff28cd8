//! Where a world's servers keep their data. Started by root they run as another account, which can't reach a directory
//! below, say, `/root`: then it is one below `/var/lib/nova`, and the world's directory remembers which.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use crate::{
    failure::Failure,
    servers::{Account, account::private_file},
};

const ELSEWHERE: &str = "/var/lib/nova";

/// The home of the world in `data`; made if it is not there.
pub(super) fn ensure(data: &Path, account: Option<&Account>) -> Result<PathBuf, Failure> {
    let known = recorded(data);
    let Some(account) = account else { return Ok(known) };
    if known != data {
        fs::create_dir_all(&known).map_err(Failure::io(format_args!("create {}", known.display())))?;
    }
    if account.can_enter(&known) {
        return Ok(known);
    }
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let home = Path::new(ELSEWHERE).join(format!("{:016x}", hasher.finish()));
    fs::create_dir_all(&home).map_err(Failure::io(format_args!("create {}", home.display())))?;
    let record = data.join("home");
    private_file(&record, &home.display().to_string(), None)
        .map_err(Failure::io(format_args!("write {}", record.display())))?;
    if account.can_enter(&home) {
        Ok(home)
    } else {
        Err(Failure::Unavailable(format!(
            "the servers run as user {}, who can enter neither {} nor {}; name another directory with --data",
            account.uid,
            data.display(),
            home.display()
        )))
    }
}

/// Removes the directory of homes when it is empty.
pub(super) fn tidy() {
    let _ = fs::remove_dir(ELSEWHERE);
}

/// The home that was chosen for the world in `data`.
pub(super) fn recorded(data: &Path) -> PathBuf {
    // Only what `ensure` writes counts: `nova clean` removes files there.
    let record = fs::read_to_string(data.join("home")).ok().map(PathBuf::from);
    record.filter(|home| home.parent() == Some(Path::new(ELSEWHERE))).unwrap_or_else(|| data.to_owned())
}
