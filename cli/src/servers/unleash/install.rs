//! Unleash as the committed lock file has it.

use crate::servers::npm::Packages;

/// The version that the lock file names.
pub const VERSION: &str = "7.5.1";

/// Unleash's server.
pub const PACKAGES: Packages<'_> = Packages {
    name: "unleash",
    title: "unleash-server 7.5.1",
    main: "unleash-server/dist/server.js",
    package: include_str!("../../../unleash/package.json"),
    lock: include_str!("../../../unleash/package-lock.json"),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_of_the_version_that_is_told() {
        let lock: serde_json::Value = serde_json::from_str(PACKAGES.lock).unwrap();
        assert_eq!(lock["packages"]["node_modules/unleash-server"]["version"], VERSION);
        assert!(PACKAGES.title.contains(VERSION));
        let package: serde_json::Value = serde_json::from_str(PACKAGES.package).unwrap();
        assert_eq!(package["dependencies"], lock["packages"][""]["dependencies"]);
    }
}
