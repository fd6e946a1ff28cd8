//! The bootstrap file: the states of flags for a process without Unleash and without a copy of it. Who names one wants it:
//! a file of no use stops the start, where falling back to the defaults would hide the mistake.

use std::{fmt::Display, path::Path};

use unleash_types::client_features::ClientFeatures;

use super::{answer::Answer, error::ConfigError, file};

/// What names it.
const VARIABLE: &str = "NOVA_FLAGS_FILE";

/// Reads it. Blocks.
pub(super) fn read(path: &Path) -> Result<ClientFeatures, ConfigError> {
    let bytes = file::read(path).map_err(|error| wrong(path, &error))?;
    let answer = Answer::from_bytes(&bytes)
        .map_err(|place| wrong(path, &format_args!("not in the format of Unleash's /api/client/features ({place})")))?;
    Ok(answer.features)
}

/// It is of no use, for this reason.
pub(super) fn wrong(path: &Path, why: &dyn Display) -> ConfigError {
    ConfigError(format!("{VARIABLE}: {}: {why}", path.display()))
}
