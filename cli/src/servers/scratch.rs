//! Homes of throw-away servers: new directories of the system's temporary one.

use std::{fs, path::PathBuf};

use super::{Account, ServerError, account::private_directory};
use crate::{failure::Failure, random};

/// Makes one, private to `account`, or to us.
///
/// # Errors
/// [`Failure`] when it can't be made.
pub(crate) fn directory(account: Option<&Account>) -> Result<PathBuf, Failure> {
    let preferred = std::env::temp_dir();
    let parent = if account.is_none_or(|account| account.can_enter(&preferred)) { preferred } else { "/tmp".into() };
    let home = fs::canonicalize(parent).map_err(Failure::io("find the temporary directory"))?;
    let home = home.join(format!("nova-scratch-{}", random::hex(8)?));
    private_directory(&home, account).map_err(ServerError::io("create", &home))?;
    Ok(home)
}
