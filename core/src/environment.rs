//! Where a process runs, as far as that decides what it may do.

use std::{convert::Infallible, fmt, str::FromStr};

/// The name of the environment, such as `production` or `staging`. What is only good on a developer's machine, and would
/// be a hole elsewhere, is allowed in `development` and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment(String);

impl Environment {
    /// A developer's own machine.
    #[must_use]
    pub fn development() -> Self {
        Self("development".into())
    }

    /// Where nothing is allowed that is only good for development: what holds unless something else is said.
    #[must_use]
    pub fn production() -> Self {
        Self("production".into())
    }

    /// Whether this is a developer's own machine.
    #[must_use]
    pub fn is_development(&self) -> bool {
        *self == Self::development()
    }
}

impl FromStr for Environment {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
